//! The learning race as the repository has it, compiled in, so that the demo needs no file beside the program.

use std::collections::BTreeMap;

pub const ID: &str = "learning-race";

/// Files of a release, by path, as the API takes them.
pub type Texts = BTreeMap<&'static str, &'static str>;

/// One 100-yuan card for every 1000 points.
pub fn first() -> Texts {
    Texts::from([
        ("campaign.toml", include_str!("../../../campaigns/learning-race/campaign.toml")),
        ("rules.rhai", include_str!("../../../campaigns/learning-race/rules.rhai")),
    ])
}

/// Its successor: five 20-yuan cards.
pub fn second() -> Texts {
    Texts::from([
        ("campaign.toml", include_str!("../../../campaigns/learning-race-5x20/campaign.toml")),
        ("rules.rhai", include_str!("../../../campaigns/learning-race-5x20/rules.rhai")),
    ])
}
