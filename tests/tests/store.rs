//! Conformance of the two stores: each story runs on SQLite and on PostgreSQL, and every table is compared.

#[path = "store/attacks.rs"]
mod attacks;
#[path = "store/booking.rs"]
mod booking;
#[path = "store/cards.rs"]
mod cards;
#[path = "store/opening.rs"]
mod opening;
#[path = "store/settling.rs"]
mod settling;
#[path = "store/unlocked.rs"]
mod unlocked;
