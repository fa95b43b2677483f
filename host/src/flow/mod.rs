//! Flows: what the host does, whoever asks. HTTP and the CLI call [`Host`]; it calls the book and a store.
//! Must not know: SQL, HTTP.

pub mod ahead;
pub mod audit;
pub mod codes;
pub mod error;
pub mod host;
pub mod issue;
pub mod lane;
pub mod leaderboard;
pub mod prefetch;
pub mod read;
pub mod release;
pub mod schedule;
pub mod seal;
pub mod settle;
pub mod switch;
pub mod views;

pub use error::FlowError;
pub use host::{Host, Settings};
pub(crate) use read::instant;
