//! The host of Guerdon.

pub mod store;
