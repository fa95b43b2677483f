//! Honest modules, and hostile ones: each stands in a row with the verdict or the diagnostic that it must end in.
//!
//! The modules are written by hand in the text format, so that each has exactly one thing wrong with it.

mod campaign;
mod hostile;
mod race;
mod wat;
