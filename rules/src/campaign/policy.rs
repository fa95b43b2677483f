//! What a campaign asks of a change of itself: `[releases]` of campaign.toml.
//!
//! Whose policy counts is for the host to say: that of the release in force, never that of the change.

use serde::Serialize;

/// See the module. The default asks for nothing: a release is live at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// People other than the proposer who must approve.
    pub approvals: u32,
    /// Every case must pass.
    pub cases_must_pass: bool,
    /// What a cycle like the last one would pay must fit what is left of the budget and of the stock.
    pub forecast_must_fit: bool,
    /// Lines of the rule file that cases must reach, in percent.
    pub coverage: u32,
    pub settles: Settles,
    pub fall_back: Option<FallBack>,
}

impl Policy {
    /// Whether it wants anything of the change itself.
    pub fn checks(&self) -> bool {
        self.cases_must_pass || self.forecast_must_fit || self.coverage > 0
    }
}

/// Which cycles a release settles when it takes effect within one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Settles {
    /// Those at whose end it is in force.
    #[default]
    This,
    /// Those that begin under it.
    Next,
}

/// When a release that fails at run time makes way for the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FallBack {
    /// More failed events than this…
    pub failures: u32,
    /// …within so many seconds.
    pub seconds: u32,
}
