//! What tests share: databases, and the rows that they write.

pub mod postgres;
pub mod rows;
