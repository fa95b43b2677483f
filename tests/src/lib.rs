//! What tests share: databases, both stores under one story, and the rows that stories write.

pub mod postgres;
pub mod rows;
pub mod stores;
