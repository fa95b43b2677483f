//! Mistakes in campaign.toml and what is said about them. `campaign/errors.txt` holds a mistake a paragraph: lines of
//! the learning race that are taken out (`- `), what stands there instead (`+ `), and the findings, word by word.
//! With GUERDON_BLESS=1 the findings are written anew; read them before you commit them.

use guerdon_rules::campaign::{Campaign, file};
use guerdon_rules::diagnostic::Diagnostic;
use guerdon_rules::language::Files;

const GOOD: &str = include_str!("campaign/learning-race.toml");
const ERRORS: &str = include_str!("campaign/errors.txt");

fn parse(text: &str) -> Result<Campaign, Vec<Diagnostic>> {
    file::parse(&Files::from([("campaign.toml".to_owned(), text.as_bytes().into())]))
}

/// The learning race with a paragraph's lines taken out and put in.
fn changed(paragraph: &str) -> String {
    let mut text = GOOD.to_owned();
    let added: String =
        paragraph.lines().filter_map(|l| l.strip_prefix('+')).map(|l| format!("{}\n", l.strip_prefix(' ').unwrap_or(l))).collect();
    let mut removed = paragraph.lines().filter_map(|l| l.strip_prefix("- ")).map(|l| format!("{l}\n"));
    let Some(first) = removed.next() else { return text + added.as_str() };
    for (line, instead) in std::iter::once((first, added.as_str())).chain(removed.map(|line| (line, ""))) {
        assert!(text.contains(&line), "the learning race has no line {line}");
        text = text.replacen(&line, instead, 1);
    }
    text
}

fn findings(text: &str) -> String {
    match parse(text) {
        Ok(_) => "nothing is wrong\n".to_owned(),
        Err(findings) => findings.iter().map(|finding| format!("{finding}\n")).collect(),
    }
}

#[test]
fn every_mistake_is_named_with_its_place() {
    let mut blessed = Vec::new();
    for paragraph in ERRORS.trim_end().split("\n\n") {
        let edit: String = paragraph.lines().filter(|l| l.starts_with(['+', '-', '#'])).map(|l| format!("{l}\n")).collect();
        blessed.push(if edit.lines().all(|l| l.starts_with('#')) { edit } else { format!("{edit}{}", findings(&changed(&edit))) });
    }
    let blessed = blessed.join("\n");
    if std::env::var_os("GUERDON_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/campaign/errors.txt"), &blessed).unwrap();
        return;
    }
    for (found, expected) in blessed.split("\n\n").zip(ERRORS.split("\n\n")) {
        assert_eq!(found.trim_end(), expected.trim_end());
    }
    assert_eq!(blessed, ERRORS);
}

#[test]
fn a_file_that_is_missing_or_no_text_says_so() {
    let none = file::parse(&Files::new()).err().unwrap();
    assert_eq!(
        none[0].to_string(),
        "error: campaign.toml: campaign.toml is not in the campaign's folder (a campaign is a folder with campaign.toml, the rule file and cases)"
    );
    let bytes = file::parse(&Files::from([("campaign.toml".to_owned(), b"id = \"\xff\"".as_slice().into())])).err().unwrap();
    assert_eq!(bytes[0].to_string(), "error: campaign.toml: the file is not UTF-8 text: byte 7 breaks it (save it as UTF-8)");
    let long = format!("# {}", "a".repeat(200_000));
    assert_eq!(findings(&long), "error: campaign.toml: the file is 200002 bytes long, at most 131072 are read\n");
}

/// Cut off or garbled at any place, the file is good or refused, never a panic.
#[test]
fn broken_files_never_panic() {
    for (at, character) in GOOD.char_indices() {
        findings(&GOOD[..at]);
        let rest = &GOOD[at + character.len_utf8()..];
        findings(&format!("{}{rest}", &GOOD[..at]));
        findings(&format!("{}学{rest}", &GOOD[..at]));
    }
}
