//! The host of Guerdon: it owns the state and the cards. [`flow`] does, whoever asks; [`http`] and [`cli`] ask;
//! [`store`] keeps, `compiled_code` keeps what wasm rules were compiled to, [`bench`] measures, [`report`] shows a forecast, [`watch`] sees folders change. [`config`] is what an operator sets,
//! [`clock`] the only place that reads the machine's time.

pub mod bench;
pub mod cli;
pub mod clock;
pub mod codes_file;
mod compiled_code;
pub mod config;
pub mod demo;
pub mod flow;
pub mod http;
pub mod lines;
pub mod report;
pub mod store;
pub mod watch;
