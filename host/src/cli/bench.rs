//! `guerdon bench`: how many events a second this machine books.
