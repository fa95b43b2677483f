//! `guerdon check --format sarif`: findings as SARIF 2.1.0 (OASIS), which code scanning reads. Only what is said of a
//! finding here; everything else of the format is optional. Must not know: what is checked.

use super::check::{Checked, path_of};
use guerdon_rules::diagnostic::Diagnostic;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// What stands as it is in the path of an address (RFC 3986).
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// One log with one run over all folders.
pub fn of(all: &[Checked]) -> Value {
    let results: Vec<Value> =
        all.iter().flat_map(|checked| checked.diagnostics.iter().map(|diagnostic| result(diagnostic, &checked.folder))).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "guerdon",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": [rule("campaign-file", "campaign.toml is not right"), rule("rule-file", "A rule file is not right")],
            } },
            // Columns count characters.
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(id: &str, text: &str) -> Value {
    json!({ "id": id, "shortDescription": { "text": text } })
}

fn result(diagnostic: &Diagnostic, folder: &str) -> Value {
    let path = path_of(folder, &diagnostic.file);
    let start = if path.starts_with('/') { "file://" } else { "" };
    let mut place = json!({ "artifactLocation": { "uri": format!("{start}{}", utf8_percent_encode(&path, PATH)) } });
    if let Some(at) = diagnostic.at {
        let end = at.column + at.length.max(1);
        place["region"] = json!({ "startLine": at.line, "startColumn": at.column, "endLine": at.line, "endColumn": end });
    }
    let help = if diagnostic.help.is_empty() { String::new() } else { format!("\n{}", diagnostic.help) };
    json!({
        "ruleId": if diagnostic.file == "campaign.toml" { "campaign-file" } else { "rule-file" },
        "level": if diagnostic.is_error() { "error" } else { "warning" },
        "message": { "text": format!("{}{help}", diagnostic.message) },
        "locations": [{ "physicalLocation": place }],
    })
}
