//! The rhai definition files: those in `sdk/` are what the code writes, and a campaign's name what it declares.

use guerdon_rules::campaign::file;
use guerdon_rules::editor::definitions;
use guerdon_rules::language::Files;
use guerdon_rules::language::vocabulary::{HELPERS, METHODS};

#[test]
fn the_committed_definitions_are_fresh() {
    for (name, text) in [("guerdon", definitions::api()), ("rhai", definitions::of_rhai())] {
        let path = format!("{}/../sdk/definitions/{name}.d.rhai", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("GUERDON_BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(committed, text, "sdk/definitions/{name}.d.rhai is stale: run this test with GUERDON_BLESS=1");
    }
}

#[test]
fn every_word_is_defined_once_for_each_shape() {
    let text = definitions::api();
    for name in METHODS.iter().map(|method| method.name).chain(HELPERS.iter().map(|helper| helper.name)) {
        let shapes = METHODS.iter().filter(|m| m.name == name).count() + HELPERS.iter().filter(|h| h.name == name).count();
        assert_eq!(text.matches(&format!("\nfn {name}(")).count(), shapes, "{name}");
    }
}

#[test]
fn a_campaigns_definitions_name_what_it_declares() {
    let text = include_str!("../../campaigns/learning-race/campaign.toml");
    let campaign = file::parse(&Files::from([("campaign.toml".to_owned(), text.as_bytes().into())])).ok().unwrap();
    let defined = definitions::campaign(&campaign);
    for part in [
        "// accounts: \"learning\", \"learning.lesson\"\n// rewards: \"jd-20\", \"jd-100\"\n// events: \"account.opened\"",
        "/// Event \"account.opened\": bool, may be missing.\nfn get existing_customer(data: data) -> ?;\n",
        "/// Event \"lesson.finished\": int.\nfn get points(data: data) -> int;\n",
        "/// Event \"account.opened\": member.referral.\n/// Event \"guerdon.referral.accepted\": data.inviter.\nfn get inviter(roles: roles) -> member;\n",
    ] {
        assert!(defined.contains(part), "{part}\n---\n{defined}");
    }
}
