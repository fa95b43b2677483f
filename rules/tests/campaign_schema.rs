//! The schema for editors is the one that the code writes, and knows the keys that the reader knows.

use guerdon_rules::campaign::file;
use guerdon_rules::campaign::schema::campaign_schema;
use guerdon_rules::language::Files;
use serde_json::Value;
use std::collections::BTreeSet;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk/campaign.schema.json");

#[test]
fn the_committed_schema_is_fresh() {
    if std::env::var_os("GUERDON_BLESS").is_some() {
        std::fs::write(COMMITTED, campaign_schema()).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert_eq!(committed, campaign_schema(), "sdk/campaign.schema.json is stale: run this test with GUERDON_BLESS=1");
}

/// A key that is near to no other makes the reader list those that it knows.
const STRANGE: &str = "zzzzzzzzzzzzzzzzzzzz";

fn keys_of_reader(table: &str) -> BTreeSet<String> {
    let files = Files::from([("campaign.toml".to_owned(), table.replace('@', &format!("{STRANGE} = 1")).as_bytes().into())]);
    let findings = file::parse(&files).err().unwrap();
    let unknown = findings.iter().find(|finding| finding.message.contains(STRANGE)).unwrap_or_else(|| panic!("{table}: {findings:?}"));
    unknown.help.strip_prefix("known here: ").unwrap().split(", ").map(str::to_owned).collect()
}

fn keys_of_schema(schema: &Value, definition: &str) -> BTreeSet<String> {
    let shape = if definition.is_empty() { schema } else { &schema["definitions"][definition] };
    shape["properties"].as_object().unwrap_or_else(|| panic!("no shape {definition}")).keys().cloned().collect()
}

#[test]
fn reader_and_schema_know_the_same_keys() {
    let schema: Value = serde_json::from_str(&campaign_schema()).unwrap();
    #[rustfmt::skip]
    let table = [
        ("",                "@"),
        ("label",           "name = { @ }"),
        ("cycle",           "[cycle]\n@"),
        ("account",         "[accounts.a]\n@"),
        ("reward",          "[rewards.a]\n@"),
        ("typed-attribute", "[attributes]\na = { @ }"),
        ("event",           "[events.a]\n@"),
        ("waiting-role",    "[events.a]\nroles.b = { @ }"),
        ("limits",          "[limits]\n@"),
        ("caps",            "[rewards.a]\n[limits.rewards.a]\n@"),
        ("invariant",       "[[invariants]]\n@"),
        ("releases",        "[releases]\n@"),
        ("fall-back",       "[releases]\nfall_back = { @ }"),
    ];
    for (definition, text) in table {
        assert_eq!(keys_of_reader(text), keys_of_schema(&schema, definition), "{definition}");
    }
    let shapes = schema["definitions"].as_object().unwrap();
    let with_keys = shapes.iter().filter(|(_, shape)| shape["properties"].is_object()).count();
    assert_eq!(with_keys + 1, table.len(), "a table of the schema is not compared");
}
