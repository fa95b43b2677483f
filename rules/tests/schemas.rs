//! The schemas for editors: those in `sdk/` are what the code writes, they know the keys that the readers know, and every
//! file of this repository fits its schema.

use guerdon_rules::book::prepare::Releases;
use guerdon_rules::book::rows::GrantState;
use guerdon_rules::campaign::file;
use guerdon_rules::campaign::schema::campaign_schema;
use guerdon_rules::cases::{read, schema::cases_schema};
use guerdon_rules::diagnostic::Diagnostic;
use guerdon_rules::language::{Files, Runtime};
use guerdon_rules::names::Names;
use guerdon_rules::release::Release;
use guerdon_rules::simulate::population::{file as population, schema::population_schema};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_committed_schemas_are_fresh() {
    for (name, text) in [("campaign", campaign_schema()), ("cases", cases_schema()), ("population", population_schema())] {
        let path = root().join(format!("sdk/{name}.schema.json"));
        if std::env::var_os("GUERDON_BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(committed, text, "sdk/{name}.schema.json is stale: run this test with GUERDON_BLESS=1");
    }
}

/// A key that is near to no other makes a reader list those that it knows.
const STRANGE: &str = "zzzzzzzzzzzzzzzzzzzz";

fn keys_of_findings(findings: &[Diagnostic], table: &str) -> BTreeSet<String> {
    let unknown = findings.iter().find(|finding| finding.message.contains(STRANGE)).unwrap_or_else(|| panic!("{table}: {findings:?}"));
    unknown.help.strip_prefix("known here: ").unwrap().split(", ").map(str::to_owned).collect()
}

fn keys_of_schema(schema: &Value, definition: &str) -> BTreeSet<String> {
    let shape = if definition.is_empty() { schema } else { &schema["definitions"][definition] };
    shape["properties"].as_object().unwrap_or_else(|| panic!("no shape {definition}")).keys().cloned().collect()
}

/// Holds each table of a reader against its definition in the schema, and that no definition is left out. `less` are keys
/// that the reader asks for in a table of several shapes.
fn compare(schema: &str, table: &[(&str, &[&str], &str)], keys_of_reader: impl Fn(&str) -> BTreeSet<String>) {
    let schema: Value = serde_json::from_str(schema).unwrap();
    for (definition, texts, less) in table {
        let read: BTreeSet<String> = texts.iter().flat_map(|text| keys_of_reader(text)).filter(|key| key != less).collect();
        assert_eq!(read, keys_of_schema(&schema, definition), "{definition}");
    }
    let shapes = schema["definitions"].as_object().unwrap();
    let with_keys = shapes.iter().filter(|(_, shape)| shape["properties"].is_object()).count();
    assert_eq!(with_keys + 1, table.len(), "a table of the schema is not compared");
}

#[test]
fn the_reader_of_campaigns_and_the_schema_know_the_same_keys() {
    let read = |text: &str| {
        let files = Files::from([("campaign.toml".to_owned(), text.replace('@', &format!("{STRANGE} = 1")).as_bytes().into())]);
        keys_of_findings(&file::parse(&files).err().unwrap(), text)
    };
    #[rustfmt::skip]
    let table: [(&str, &[&str], &str); 13] = [
        ("",                &["@"], ""),
        ("label",           &["name = { @ }"], ""),
        ("cycle",           &["[cycle]\n@"], ""),
        ("account",         &["[accounts.a]\n@"], ""),
        ("reward",          &["[rewards.a]\n@"], ""),
        ("typed-attribute", &["[attributes]\na = { @ }"], ""),
        ("event",           &["[events.a]\n@"], ""),
        ("waiting-role",    &["[events.a]\nroles.b = { @ }"], ""),
        ("limits",          &["[limits]\n@"], ""),
        ("caps",            &["[rewards.a]\n[limits.rewards.a]\n@"], ""),
        ("invariant",       &["[[invariants]]\n@"], ""),
        ("releases",        &["[releases]\n@"], ""),
        ("fall-back",       &["[releases]\nfall_back = { @ }"], ""),
    ];
    compare(&campaign_schema(), &table, read);
}

fn learning_race() -> Release {
    let files = ["campaign.toml", "rules.rhai"].map(|name| {
        let text = std::fs::read(root().join("campaigns/learning-race").join(name)).unwrap();
        (name.to_owned(), text.into())
    });
    Release::compile(1, 0, &Files::from(files), &mut Names::default(), &Runtime::default()).ok().unwrap()
}

#[test]
fn the_reader_of_cases_and_the_schema_know_the_same_keys() {
    let releases = Releases::new(vec![learning_race().into()]);
    let read = |text: &str| {
        let text = text.replace('@', &format!("{STRANGE} = 1"));
        let mut keys = keys_of_findings(&read::read("cases/a.toml", text.as_bytes(), &releases).err().unwrap(), &text);
        // Taken out of the story before its other keys are read.
        keys.extend(text.starts_with("[[case]]\nname = \"a\"\nzz").then(|| "variants".to_owned()));
        keys
    };
    let step = |act: &str| format!("[[case]]\nname = \"a\"\nsteps = [{{ at = \"2020-09-22\", {act}, @ }}]");
    let acts = [
        "event = \"account.opened\"",
        "do = \"settle\"",
        "do = \"stock\", pool = \"jd-20\", codes = 1",
        "do = \"join\", member = \"a\"",
        "do = \"accept\", invitee = \"a\", inviter = \"b\"",
        "do = \"invite\", invitee = \"a\", inviter = \"b\"",
        "do = \"redeem\", member = \"a\", reward = \"jd-20\"",
    ]
    .map(step);
    let acts = acts.each_ref().map(String::as_str);
    #[rustfmt::skip]
    let table: [(&str, &[&str], &str); 7] = [
        ("",                &["@"], ""),
        ("case",            &["[[case]]\nname = \"a\"\n@"], ""),
        ("given",           &["[[case]]\nname = \"a\"\ngiven = { @ }"], ""),
        ("given-member",    &["[[case]]\nname = \"a\"\ngiven.members.bob = { @ }"], ""),
        ("earlier",         &["[[case]]\nname = \"a\"\ngiven.members.bob.earlier.\"2020-09-23\" = { @ }"], ""),
        ("expect",          &["[[case]]\nname = \"a\"\nexpect = { @ }"], ""),
        ("expected-member", &["[[case]]\nname = \"a\"\nexpect.members.bob = { @ }"], ""),
    ];
    let states: BTreeSet<String> = GrantState::ALL.iter().map(|state| state.name().to_owned()).collect();
    let schema: Value = serde_json::from_str(&cases_schema()).unwrap();
    assert_eq!(keys_of_schema(&schema, "states"), states);
    let mut table = table.to_vec();
    table.push(("step", &acts, ""));
    let without_states = {
        let mut schema = schema;
        schema["definitions"]["states"] = Value::Null;
        schema.to_string()
    };
    compare(&without_states, &table, read);
}

#[test]
fn the_reader_of_populations_and_the_schema_know_the_same_keys() {
    let campaign = learning_race().campaign;
    let read = |text: &str| {
        let text = text.replace('@', &format!("{STRANGE} = 1"));
        keys_of_findings(&population::parse("population.toml", text.as_bytes(), &campaign).err().unwrap(), &text)
    };
    const HABIT: &str = "[[segments.a.does]]\nevent = \"lesson.finished\"\n";
    let habit = format!("{HABIT}@");
    let after = format!("{HABIT}once = 1\nafter = {{ from = \"1h\", to = \"2h\", @ }}");
    let one_of = format!("{HABIT}data.points = {{ one_of = [1], @ }}");
    let numbered = format!("{HABIT}data.lesson = {{ text = \"L{{n}}\", from = 1, to = 2, @ }}");
    let range = format!("{HABIT}data.points = {{ from = 1, to = 2, @ }}");
    #[rustfmt::skip]
    let table: [(&str, &[&str], &str); 14] = [
        ("",               &["@"], ""),
        ("arrival",        &["[arrival]\n@"], ""),
        ("segment",        &["[segments.a]\n@"], ""),
        ("invites",        &["[segments.a]\ninvites = { @ }"], ""),
        ("whole-range",    &["[segments.a]\ninvites = { friends = { @ } }"], ""),
        ("habit",          &[&habit], ""),
        ("duration-range", &[&after], ""),
        ("one-of",         &[&one_of], ""),
        ("numbered",       &[&numbered], ""),
        ("number-range",   &[&range], "text"),
        ("rings",          &["[[rings]]\n@"], ""),
        ("retries",        &["[retries]\n@"], ""),
        ("duplicates",     &["[duplicates]\n@"], ""),
        ("late",           &["[late]\n@"], ""),
    ];
    compare(&population_schema(), &table, read);
}

/// Which schema a file of a campaign's folder has.
fn schema_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let in_cases = path.parent()?.file_name()? == "cases";
    match name {
        "campaign.toml" => Some(campaign_schema()),
        "population.toml" => Some(population_schema()),
        name if in_cases && name.ends_with(".toml") => Some(cases_schema()),
        _ => None,
    }
}

fn faults(schema: &str, toml: &str) -> Vec<String> {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let value: toml::Value = toml::from_str(toml).unwrap();
    let value = plain(value);
    validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path)).collect()
}

/// As editors have it: times are texts.
fn plain(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(at) => at.to_string().into(),
        toml::Value::Array(list) => list.into_iter().map(plain).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, plain(value))).collect(),
        other => serde_json::to_value(other).unwrap(),
    }
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true if path.file_name().is_some_and(|name| name != "target") => files_below(&path, found),
            true => {}
            false => found.push(path),
        }
    }
}

#[test]
fn every_file_of_the_repository_fits_its_schema() {
    let mut files = Vec::new();
    files_below(&root().join("campaigns"), &mut files);
    files_below(&root().join("host/templates"), &mut files);
    files_below(&root().join("tests/wrong-campaigns"), &mut files);
    let mut counts = [0; 3];
    for path in files {
        let Some(schema) = schema_of(&path) else { continue };
        counts[[campaign_schema(), cases_schema(), population_schema()].iter().position(|s| *s == schema).unwrap()] += 1;
        let faults = faults(&schema, &std::fs::read_to_string(&path).unwrap());
        assert!(faults.is_empty(), "{}: {faults:#?}", path.display());
    }
    assert!(counts[0] >= 10 && counts[1] >= 4 && counts[2] >= 1, "{counts:?}");
}

#[test]
fn typical_mistakes_do_not_fit() {
    let read = |path: &str| std::fs::read_to_string(root().join("campaigns/learning-race").join(path)).unwrap();
    let (campaign, cases, population) = (read("campaign.toml"), read("cases/account-opened.toml"), read("population.toml"));
    #[rustfmt::skip]
    let table = [
        // schema,             file,        what stands there,                what is written instead
        (campaign_schema(),   &campaign,   "grace = \"2h\"",                 "gracee = \"2h\""),
        (campaign_schema(),   &campaign,   "kind = \"gift-card\"",           "kind = \"giftcard\""),
        (campaign_schema(),   &campaign,   "starts_on = \"tuesday\"",        "starts_on = \"Tuesday\""),
        (campaign_schema(),   &campaign,   "leaderboard = true",             "leaderboard = \"yes\""),
        (cases_schema(),      &cases,      "given.stock = { jd-20 = 1 }",    "given.stok = { jd-20 = 1 }"),
        (cases_schema(),      &cases,      "expect.totals",                  "expected.totals"),
        (cases_schema(),      &cases,      "then = \"duplicate\" }",         "then = \"doubled\" }"),
        (cases_schema(),      &cases,      "{ issued = 1 }",                 "{ isued = 1 }"),
        (cases_schema(),      &cases,      "do = \"accept\"",                "do = \"accepts\""),
        (cases_schema(),      &cases,      "{ learning = 20 }",              "{ learning = \"20\" }"),
        (cases_schema(),      &cases,      "event = \"account.opened\", data", "data"),
        (population_schema(), &population, "members = 6_000",                "member = 6_000"),
        (population_schema(), &population, "share = 0.10",                   "share = 10"),
        (population_schema(), &population, "per_week = 1.5",                 "per_week = 1.5\nper_day = 1"),
        (population_schema(), &population, "text = \"L{n}\"",                "text = \"L\""),
    ];
    for (schema, file, right, wrong) in table {
        assert!(file.contains(right), "{right}");
        assert!(!faults(&schema, &file.replacen(right, wrong, 1)).is_empty(), "{wrong}");
    }
}
