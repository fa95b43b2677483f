//! Campaigns in memory.

pub mod world;
