//! The host of Guerdon: it owns the state and the cards. [`flow`] does, whoever asks; [`http`] and [`cli`] ask;
//! [`store`] keeps, [`bench`] measures, [`watch`] sees folders change. [`config`] is what an operator sets, [`clock`] the only place that reads the machine's time.

pub mod bench;
pub mod cli;
pub mod clock;
pub mod codes_file;
pub mod config;
pub mod demo;
pub mod flow;
pub mod http;
pub mod lines;
pub mod store;
pub mod watch;
