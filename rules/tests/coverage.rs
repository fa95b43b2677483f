//! What the cases reach: all of the project's own campaigns, and exactly what they miss where cases are taken away. The
//! recording module plays them as the one that pays does.

use guerdon_rules::cases::{run_alone, run_with_coverage};
use guerdon_rules::language::coverage::Coverage;

mod support;
use support::{Files, Runtime};

fn covered(files: &Files) -> Coverage {
    let (report, coverage) = run_with_coverage(files, &Runtime::default()).unwrap_or_else(|found| panic!("{found:?}"));
    assert!(report.passed(), "{:?}", report.diagnostics);
    assert_eq!(Ok(report), run_alone(files, &Runtime::default()), "recording changes no case");
    coverage
}

#[test]
fn the_campaigns_cases_reach_every_line_and_branch() {
    for name in ["learning-race", "learning-race-5x20"] {
        let coverage = covered(&support::files(name));
        let missed: Vec<_> = coverage.files.iter().flat_map(|f| f.branches.iter().filter(|b| b.hits == 0)).collect();
        assert_eq!((coverage.basis_points(), missed.len()), (10_000, 0), "{name}: {missed:?}");
        assert!(coverage.functions.iter().all(|f| f.calls > 0), "{:?}", coverage.functions);
    }
}

#[test]
fn what_no_case_reaches_is_named() {
    let mut files = support::files("learning-race");
    files.remove("cases/account-opened.toml");
    files.remove("cases/settlement.toml");
    let case = "[[case]]\nname = \"a lesson\"\nsteps = [{ at = \"2020-09-22 10:00\", event = \"lesson.finished\", \
                data = { member = \"alice\", lesson = \"1\", points = 5 } }]\n";
    files.insert("cases/one.toml".into(), case.as_bytes().into());
    let coverage = covered(&files);
    let file = &coverage.files[0];
    let lines: Vec<(usize, u64, bool)> = file.lines.iter().map(|l| (l.line, l.hits, l.partly)).collect();
    let expected = [
        (6, 0, false),
        (7, 0, false),
        (8, 0, false),
        (9, 0, false),
        (15, 1, false),
        (16, 1, false),
        (17, 0, true),
        (18, 1, false),
        (24, 0, false),
    ];
    assert_eq!(lines, expected);
    let branches: Vec<(usize, &str, &str, u64)> = file.branches.iter().map(|b| (b.line, b.of, &*b.side, b.hits)).collect();
    assert_eq!(branches, [(6, "if", "true", 0), (6, "if", "false", 0), (17, "if", "true", 0), (17, "if", "false", 1)]);
    // Three of nine lines.
    assert_eq!(coverage.basis_points(), 3333);
    let calls: Vec<(&str, u64)> = coverage.functions.iter().map(|f| (&*f.function, f.calls)).collect();
    assert_eq!(calls, [("on_account_opened", 0), ("on_lesson_finished", 1), ("on_cycle_close", 0)]);
}

#[test]
fn without_cases_nothing_is_reached() {
    let mut files = support::files("learning-race");
    files.retain(|path, _| !path.starts_with("cases/"));
    assert_eq!(covered(&files).basis_points(), 0);
}

/// Built by `tests/build-guests`.
#[test]
fn a_component_tells_its_functions_only() {
    let mut files = support::files("learning-race-wasm");
    // The same rules as its successor's.
    files.extend(support::files("learning-race-5x20").into_iter().filter(|(path, _)| path.starts_with("cases/")));
    let coverage = covered(&files);
    assert!(coverage.files.is_empty());
    assert_eq!((coverage.basis_points(), coverage.functions.len()), (10_000, 3));
}
