//! Write Guerdon reward rules in Rust, as a wasm component: the same names as in a rhai script, and no ceremony.
//!
//! A rule is a plain function. [`rules!`] says which event it answers and which names it reads and writes, so that a
//! typo is found when the campaign is uploaded:
//!
//! ```
//! use guerdon_sdk::*;
//!
//! rules! {
//!     "account.opened" => on_account_opened {
//!         roles: [inviter],
//!         reads: [event.data("existing_customer")],
//!         writes: [award("learning"), grant("jd-20")],
//!     }
//!     "lesson.finished" => on_lesson_finished {
//!         reads: [event.data("points"), member.points("learning.lesson", "day")],
//!         writes: [award("learning.lesson")],
//!     }
//!     close => on_cycle_close {
//!         reads: [member.points("learning", "cycle")],
//!         writes: [grant("jd-20")],
//!     }
//! }
//!
//! fn on_account_opened(event: Event) -> Outcome {
//!     if event.data("existing_customer") == true {
//!         return refuse("existing customer");
//!     }
//!     let inviter = event.role("inviter");
//!     inviter.award("learning", 20);
//!     inviter.grant("jd-20", 1);
//!     Ok(())
//! }
//!
//! fn on_lesson_finished(event: Event) {
//!     let left = 100 - event.member.points("learning.lesson", "day");
//!     event.member.award("learning.lesson", event.data("points").int().min(left));
//! }
//!
//! fn on_cycle_close(member: Member, _cycle: Cycle) {
//!     member.grant("jd-20", 5 * (member.points("learning", "cycle") / 1000));
//! }
//! ```
//!
//! A rule never panics over a mistake such as a fact that it did not declare: the first mistake is kept with its line,
//! the rule runs to its end with a zero in place of what was wrong, and the decision fails with that mistake as its
//! reason. So no rule needs `unwrap` or `?`.
//!
//! Promises: the line of every effect; the same draws as in rhai. Must not know: the host.

/// What `wit-bindgen` makes of `sdk/wit/campaign.wit`. For [`rules!`] and for tests that ask a rule by hand.
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "campaign",
        pub_export_macro: true,
        default_bindings_module: "guerdon_sdk::bindings",
    });
}

mod call;
mod event;
mod member;
mod rule;
mod value;

pub use call::{Outcome, Refused, day, draw, note, refuse};
pub use event::{Cycle, Event};
pub use member::Member;
pub use rule::{IntoOutcome, Rule, decide, describe};
#[doc(hidden)]
pub use rule::{answer as __answer, settle as __settle};
pub use value::{Decimal, Value, missing};

#[cfg(test)]
mod tests;
