//! The host of Guerdon: owns the state and the cards, serves the API, issues exactly once.
//!
//! `store` is the seam to databases, `flow` is what the host does, `http` and `cli` are how it is asked.

pub mod clock;
pub mod flow;
pub mod store;
