//! A failed case in the width of a terminal: a table of what was expected and what came, and below each row the lines of
//! the rule that led there, as they are written.

use super::{CaseReport, Failure};
use crate::language::Files;

const NARROWEST: usize = 40;
/// Of the column with the line numbers, and before it.
const LINE: usize = 4;
const INDENT: usize = 2;
const BAR: &str = " | ";

/// A failed case, in lines of at most `width` columns where words allow it.
pub fn render(case: &CaseReport, width: usize) -> String {
    render_with(case, &Files::new(), width)
}

/// As [`render`]; `files` are those of the campaign's folder, for the text of the rule's lines.
pub fn render_with(case: &CaseReport, files: &Files, width: usize) -> String {
    let width = width.max(NARROWEST);
    let mut out = String::new();
    for line in wrapped(&case.name, width) {
        out += &format!("{line}\n");
    }
    out += &format!("{}:{}\n\n", case.file, case.line);
    let table = Table::of(&case.failures, width);
    out += &table.row("line", "what", "expected", "actual");
    out += &table.rule();
    for failure in &case.failures {
        out += &table.row(&failure.line.to_string(), &failure.what, &failure.expected, &failure.actual);
        for line in &failure.rule_lines {
            out += &rule_line(line, files, width);
        }
    }
    out
}

/// The columns after the line numbers.
struct Table {
    what: usize,
    expected: usize,
    actual: usize,
}

impl Table {
    /// Each column as wide as what stands in it; if that is too wide, the first gets a third and the others half of the rest.
    fn of(failures: &[Failure], width: usize) -> Table {
        let widest = |head: &str, text: fn(&Failure) -> &str| failures.iter().map(|f| columns(text(f))).fold(columns(head), usize::max);
        let all = width - INDENT - LINE - 3 * BAR.len();
        let (what, expected, actual) = (widest("what", |f| &f.what), widest("expected", |f| &f.expected), widest("actual", |f| &f.actual));
        if what + expected + actual <= all {
            return Table { what, expected, actual };
        }
        let what = what.min(all / 3);
        let half = (all - what) / 2;
        let expected = expected.min(half.max((all - what).saturating_sub(actual)));
        Table { what, expected, actual: all - what - expected }
    }

    fn row(&self, line: &str, what: &str, expected: &str, actual: &str) -> String {
        let cells = [wrapped(what, self.what), wrapped(expected, self.expected), wrapped(actual, self.actual)];
        let mut out = String::new();
        for n in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            let cell = |index: usize, column: usize| padded(cells[index].get(n).map_or("", |text| text), column);
            let line = if n == 0 { line } else { "" };
            let row = format!("  {line:>LINE$}{BAR}{}{BAR}{}{BAR}{}", cell(0, self.what), cell(1, self.expected), cell(2, self.actual));
            out += &format!("{}\n", row.trim_end());
        }
        out
    }

    fn rule(&self) -> String {
        let dashes = |n: usize| "-".repeat(n);
        format!("  {}-+-{}-+-{}-+-{}\n", dashes(LINE), dashes(self.what), dashes(self.expected), dashes(self.actual))
    }
}

/// What the rule did, and the line that did it.
fn rule_line(did: &str, files: &Files, width: usize) -> String {
    const UNDER: &str = "         ";
    let mut out: String = wrapped(did, width - UNDER.len()).iter().map(|line| format!("{UNDER}{line}\n")).collect();
    let mut parts = did.splitn(3, ':');
    let (file, number) = (parts.next().unwrap_or(""), parts.next().and_then(|n| n.parse::<usize>().ok()));
    let text = files.get(file).and_then(|bytes| std::str::from_utf8(bytes).ok());
    if let Some(source) = number.and_then(|number| text?.lines().nth(number.checked_sub(1)?)) {
        out += &format!("{UNDER}  > {}\n", source.trim());
    }
    out
}

/// Columns of a text in a terminal: Chinese, Japanese and Korean characters and full-width forms take two.
pub fn columns(text: &str) -> usize {
    let wide = |c: char| matches!(c as u32, 0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE4F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1F300..=0x1FAFF | 0x20000..=0x3FFFD);
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

fn padded(text: &str, column: usize) -> String {
    format!("{text}{}", " ".repeat(column.saturating_sub(columns(text))))
}

/// Lines of at most `column` columns, broken at blanks where there are any.
fn wrapped(text: &str, column: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for c in text.chars() {
        if columns(&line) + columns(c.encode_utf8(&mut [0; 4])) > column {
            let rest = line.rfind(' ').map(|at| line.split_off(at).trim_start().to_string()).unwrap_or_default();
            lines.push(std::mem::replace(&mut line, rest));
        }
        line.push(c);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(line: usize, what: &str, expected: &str, actual: &str, rule_lines: &[&str]) -> Failure {
        let rule_lines = rule_lines.iter().map(ToString::to_string).collect();
        Failure { step: None, line, what: what.into(), expected: expected.into(), actual: actual.into(), rule_lines }
    }

    fn case(failures: Vec<Failure>) -> CaseReport {
        CaseReport { name: "老客户".into(), file: "cases/a.toml".into(), line: 12, passed: false, failures }
    }

    #[test]
    fn expected_and_actual_stand_side_by_side_with_the_rule_as_it_is_written() {
        let files = Files::from([("rules.rhai".to_string(), "fn f() {\n    m.award(\"learning\", 30);\n}\n".as_bytes().into())]);
        let failures = vec![
            failure(14, "alice: learning", "20", "30", &["rules.rhai:2: award learning 30 to alice (step 1)"]),
            failure(15, "bob: jd-20 (not listed)", "0", "1", &["campaign.toml: grant jd-20 1 to bob (step 2)"]),
        ];
        let expected = "\
老客户
cases/a.toml:12

  line | what                    | expected | actual
  -----+-------------------------+----------+-------
    14 | alice: learning         | 20       | 30
         rules.rhai:2: award learning 30 to alice (step 1)
           > m.award(\"learning\", 30);
    15 | bob: jd-20 (not listed) | 0        | 1
         campaign.toml: grant jd-20 1 to bob (step 2)
";
        assert_eq!(render_with(&case(failures), &files, 80), expected);
    }

    #[test]
    fn what_is_long_is_broken_at_blanks_whatever_the_script() {
        let actual = "refused: 老客户不参加邀请活动 and more words than fit into one line of it";
        let text = render(&case(vec![failure(14, "step 2 (2020-09-22 10:00)", "booked", actual, &["rules.rhai:5: refused"])]), 60);
        assert!(text.lines().all(|line| columns(line) <= 60), "{text}");
        let expected = "\
  line | what            | expected | actual
  -----+-----------------+----------+-----------------------
    14 | step 2          | booked   | refused:
       | (2020-09-22     |          | 老客户不参加邀请活动
       | 10:00)          |          | and more words than
       |                 |          | fit into one line of
       |                 |          | it
         rules.rhai:5: refused
";
        assert!(text.contains(expected), "{text}");
    }
}
