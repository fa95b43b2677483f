//! Flows: what the host does, whoever asks. HTTP and the CLI call [`Host`]; it calls the book and a store.
//! Must not know: SQL, HTTP.

pub mod ahead;
pub mod audit;
mod board;
mod case;
pub mod codes;
mod compiled;
mod desk;
pub mod effective;
pub mod error;
pub mod fallback;
mod forecast;
mod group;
pub mod host;
pub mod issue;
pub mod lane;
pub mod leaderboard;
mod page;
pub mod plan;
pub mod plan_views;
pub mod prefetch;
pub mod proposal;
pub mod read;
pub mod release;
pub mod rollback;
pub mod schedule;
pub mod seal;
pub mod settle;
pub mod shadow;
pub mod stock;
pub mod switch;
mod turn;
pub mod views;

pub use error::FlowError;
pub use host::{Host, Settings};
pub(crate) use read::instant;
