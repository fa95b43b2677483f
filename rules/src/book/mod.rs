//! The book: the one state machine that decides what becomes of an event.

pub mod rows;
pub mod tally;
