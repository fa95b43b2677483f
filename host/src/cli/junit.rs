//! `--format junit`: what was checked or tested as the XML that CI servers read. One suite for each campaign folder; in it
//! a case for each file that was checked, or for each case that was played, and one for the wanted coverage. Must not
//! know: how anything is checked or played.

use super::check::{Checked, path_of};
use super::coverage;
use super::exit::Failure;
use super::test::Tested;
use guerdon_rules::cases::{CaseReport, render::render_with};
use guerdon_rules::diagnostic::Diagnostic;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeSet;

/// Of the table in a failure's text; nobody knows how wide a CI server shows it.
const WIDTH: usize = 100;

/// A case for each file of the releases; it fails with the errors in it, and says its warnings.
pub fn of_checked(all: &[Checked]) -> Result<String, Failure> {
    let mut report = Report::new("guerdon check");
    for checked in all {
        let mut suite = TestSuite::new(checked.folder.as_str());
        let of_cases = |file: &&str| !file.starts_with("cases/");
        let names = checked.files.keys().map(String::as_str).chain(checked.diagnostics.iter().map(|d| d.file.as_str()));
        for file in names.filter(of_cases).collect::<BTreeSet<_>>() {
            let (errors, warnings): (Vec<_>, Vec<_>) = checked.diagnostics.iter().filter(|d| d.file == file).partition(|d| d.is_error());
            let mut case = case(file, &checked.folder, file, errors.first().and_then(|d| d.at).map(|at| at.line));
            if let Some(first) = errors.first() {
                case.status = failed(NonSuccessKind::Failure, "error", &first.message, &lines(&errors));
            }
            if !warnings.is_empty() {
                case.set_system_out(lines(&warnings));
            }
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    text(&report)
}

/// A case for each that was played, each file that could not be, and the coverage that is wanted.
pub fn of_tested(all: &[Tested], threshold: Option<u32>) -> Result<String, Failure> {
    let mut report = Report::new("guerdon test");
    for tested in all {
        let mut suite = TestSuite::new(tested.folder.as_str());
        for played in &tested.report.cases {
            suite.add_test_case(of_case(played, tested));
        }
        let broken = &tested.report.diagnostics;
        for file in broken.iter().map(|d| d.file.as_str()).collect::<BTreeSet<_>>() {
            let found: Vec<&Diagnostic> = broken.iter().filter(|d| d.file == file).collect();
            let mut case = case(file, &tested.folder, file, found[0].at.map(|at| at.line));
            case.status = failed(NonSuccessKind::Error, "error", &found[0].message, &lines(&found));
            suite.add_test_case(case);
        }
        add_coverage(&mut suite, tested, threshold);
        report.add_test_suite(suite);
    }
    text(&report)
}

fn of_case(played: &CaseReport, tested: &Tested) -> TestCase {
    let mut case = case(&played.name, &tested.folder, &played.file, Some(played.line));
    if let Some(first) = played.failures.first() {
        let message = format!("{}: expected {}, actual {}", first.what, first.expected, first.actual);
        case.status = failed(NonSuccessKind::Failure, "expectation", &message, &render_with(played, &tested.files, WIDTH));
    }
    case
}

fn add_coverage(suite: &mut TestSuite, tested: &Tested, threshold: Option<u32>) {
    let Some(covered) = &tested.coverage else { return };
    let shares = [("lines", covered.coverage.lines()), ("branches", covered.coverage.branches())];
    suite.add_property(("coverage.percent".to_string(), coverage::percent(covered.basis_points)));
    for (what, share) in shares {
        suite.add_property((format!("coverage.{what}"), format!("{} of {}", share.reached, share.all)));
    }
    suite.set_system_out(coverage::pretty(&covered.coverage, &tested.folder, &tested.files));
    if let Some(threshold) = threshold {
        let mut case = TestCase::new(format!("the cases reach {threshold} % of the rules"), TestCaseStatus::success());
        case.set_classname(tested.folder.as_str());
        if let Some(message) = tested.too_little(threshold) {
            case.status = failed(NonSuccessKind::Failure, "coverage", &message, &message);
        }
        suite.add_test_case(case);
    }
}

fn case(name: &str, folder: &str, file: &str, line: Option<usize>) -> TestCase {
    let path = path_of(folder, file);
    let mut case = TestCase::new(name, TestCaseStatus::success());
    case.set_classname(path.as_str());
    case.extra.insert("file".into(), path.into());
    if let Some(line) = line {
        case.extra.insert("line".into(), line.to_string().into());
    }
    case
}

fn failed(kind: NonSuccessKind, what: &str, message: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(what).set_message(message).set_description(text);
    status
}

fn lines(found: &[&Diagnostic]) -> String {
    found.iter().map(|d| format!("{d}\n")).collect()
}

fn text(report: &Report) -> Result<String, Failure> {
    report.to_string().map_err(|e| Failure::Infrastructure(e.to_string()))
}
