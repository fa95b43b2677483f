//! A failed case in the width of a terminal: expected and actual side by side, and the rule's lines below.

use super::{CaseReport, Failure};

const NARROWEST: usize = 40;

/// A failed case, in lines of at most `width` columns where words allow it.
pub fn render(case: &CaseReport, width: usize) -> String {
    let width = width.max(NARROWEST);
    let mut out = format!("{}\n  {}:{}\n", case.name, case.file, case.line);
    for failure in &case.failures {
        out += &render_failure(failure, width);
    }
    out
}

fn render_failure(failure: &Failure, width: usize) -> String {
    // Two columns with ` | ` between them, behind an indent of four.
    let column = (width - 4 - 3) / 2;
    let mut out = format!("\n  {} (line {})\n", failure.what, failure.line);
    let row = |left: &str, right: &str| format!("    {} | {right}\n", padded(left, column)).trim_end().to_string() + "\n";
    out += &row("expected", "actual");
    let (left, right) = (wrapped(&failure.expected, column), wrapped(&failure.actual, column));
    for n in 0..left.len().max(right.len()) {
        out += &row(left.get(n).map_or("", |l| l), right.get(n).map_or("", |l| l));
    }
    for line in &failure.rule_lines {
        out += &format!("    {line}\n");
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

    #[test]
    fn expected_and_actual_stand_side_by_side_whatever_the_script() {
        let failure = Failure {
            step: Some(2),
            line: 14,
            what: "step 2 (2020-09-22 10:00)".into(),
            expected: "booked".into(),
            actual: "refused: 老客户不参加邀请活动 and more words than fit".into(),
            rule_lines: vec!["rules.rhai:5: refused".into()],
        };
        let case = CaseReport { name: "老客户".into(), file: "cases/a.toml".into(), line: 12, passed: false, failures: vec![failure] };
        let text = render(&case, 60);
        assert!(text.lines().all(|line| columns(line) <= 60), "{text}");
        let bars: Vec<usize> = text.lines().filter_map(|l| l.find(" | ").map(|at| columns(&l[..at]))).collect();
        assert!(bars.len() >= 3 && bars.iter().all(|at| *at == bars[0]), "{text}");
    }
}
