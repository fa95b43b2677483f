//! A forecast as one page that a manager reads and prints: HTML with its charts inside, in Chinese and English. It
//! loads nothing, from nowhere.
//!
//! [`chart`] draws, [`tables`] lists, [`page`] puts them together; [`plot`] is a chart alone, as a file. Promises: what came from a campaign or an event is
//! escaped; the same forecast gives the same page. Must not know: where the forecast comes from, files.

mod chart;
mod page;
mod plot;
mod tables;
mod words;

pub use chart::Frame;
pub use page::page;
pub use plot::plot;
