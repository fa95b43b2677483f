//! The rule engine of Guerdon: everything that decides, and nothing that does I/O.
//!
//! A campaign folder ([`campaign`]) and its rule file ([`language`]) become a [`release::Release`]. The
//! [`book::Book`] is the one state machine: production, cases, simulation and tests hand it events and get
//! decisions and rows to write. Promises: the same input gives the same decision; money is whole numbers in
//! minor units, added with checks; no clock, no randomness, no files, no network in here.
//! Must not know: SQL, HTTP, tokio, the wall clock.

pub mod book;
pub mod campaign;
pub mod cases;
pub mod diagnostic;
pub mod difference;
pub mod editor;
pub mod effect;
pub mod event;
pub mod fact;
pub mod fuzz;
pub mod language;
pub mod limits;
pub mod names;
pub mod release;
pub mod schema;
pub mod simulate;
pub mod value;
