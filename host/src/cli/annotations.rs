//! `guerdon check --format github`: workflow commands, which GitHub Actions shows beside the lines of a change. Written as
//! GitHub's "Workflow commands for GitHub Actions" has it, escaped as its own toolkit does. Must not know: what is checked.

use super::check::{Checked, path_of, summary};
use guerdon_rules::diagnostic::Diagnostic;

/// A command for each finding, and for whoever reads the log a line for each folder.
pub fn of(all: &[Checked]) -> String {
    let one = |checked: &Checked| {
        let commands = checked.diagnostics.iter().map(|d| command(d, &checked.folder) + "\n");
        commands.chain([summary(checked)]).collect::<String>()
    };
    all.iter().map(one).collect()
}

fn command(diagnostic: &Diagnostic, folder: &str) -> String {
    let word = if diagnostic.is_error() { "error" } else { "warning" };
    let mut properties = format!("file={}", property(&path_of(folder, &diagnostic.file)));
    if let Some(at) = diagnostic.at {
        // The last column is part of what is marked.
        let last = at.column + at.length.max(1) - 1;
        properties.push_str(&format!(",line={0},endLine={0},col={1},endColumn={last}", at.line, at.column));
    }
    let help = if diagnostic.help.is_empty() { String::new() } else { format!("\n{}", diagnostic.help) };
    format!("::{word} {properties},title=guerdon check::{}", data(&format!("{}{help}", diagnostic.message)))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use guerdon_rules::diagnostic::Position;

    #[test]
    fn what_a_command_would_read_as_its_own_is_escaped() {
        let at = Some(Position { line: 4, column: 7, length: 3 });
        let table = [
            (
                Diagnostic::error("rules.rhai", at, "100% wrong: a, b", "write 5\nor 6"),
                "::error file=a%2Cb%3Ac%25/rules.rhai,line=4,endLine=4,col=7,endColumn=9,title=guerdon check::100%25 wrong: a, b%0Awrite 5%0Aor 6",
            ),
            (Diagnostic::warning("campaign.toml", None, "学习", ""), "::warning file=a%2Cb%3Ac%25/campaign.toml,title=guerdon check::学习"),
        ];
        for (diagnostic, expected) in table {
            assert_eq!(command(&diagnostic, "./a,b:c%/"), expected);
        }
    }
}
