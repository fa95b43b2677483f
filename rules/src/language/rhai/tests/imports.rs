//! Files that import others of the campaign's folder.

use super::{decide, load_with, show, stumbles};
use crate::fact::{Fact, Period};
use crate::limits::Limits;

fn run(list: &[(&str, &str)]) -> String {
    let campaign = stumbles();
    match load_with(&campaign, list, Limits::default()) {
        Err(findings) => findings.iter().map(|f| format!("{f}\n")).collect(),
        Ok(loaded) => show(&campaign, &decide(&loaded)),
    }
}

const MAIN: &str = "import \"lib/pay\" as pay;\nfn on_account_opened(event) { pay::all(event.member); }\n";

#[test]
fn effects_of_an_imported_file_carry_its_name_and_line() {
    let lib = "const TABLE = [5, 7];\nconst N = 2;\nfn all(m) {\n  m.award(\"learning\", N * TABLE[1]);\n  card(m);\n}\nprivate fn card(m) {\n  m.grant(\"jd-20\");\n}\n";
    assert_eq!(
        run(&[("rules.rhai", MAIN), ("lib/pay.rhai", lib)]),
        "booked [lib/pay.rhai:4 0 award learning 14; lib/pay.rhai:8 0 grant jd-20 1]"
    );
}

#[test]
fn an_imported_file_may_import() {
    let lib = "import \"deep\" as d;\nfn all(m) { d::card(m); }\n";
    let deep = "fn card(m) {\n  if m.points(\"learning\", \"week\") > 900 { m.grant(\"jd-20\"); }\n}\n";
    let list = [("rules.rhai", MAIN), ("lib/pay.rhai", lib), ("deep.rhai", deep)];
    assert_eq!(run(&list), "booked [deep.rhai:2 0 grant jd-20 1]");
    // The facts of imported functions are fetched for the entry that reaches them, for the member and each role.
    let campaign = stumbles();
    let loaded = load_with(&campaign, &list, Limits::default()).unwrap_or_else(|f| panic!("{f:?}"));
    let reads: Vec<_> = loaded.module.handlers()[0].reads.iter().map(|read| (read.of, read.fact)).collect();
    let fact = Fact::Points { account: 0, period: Period::Week };
    assert_eq!(reads, [(0, fact), (1, fact), (2, fact)]);
}

#[test]
fn imported_files_are_checked_too() {
    let lib = "fn all(m) {\n  m.award(\"lerning\", 5);\n  m.grnt(\"jd-20\");\n}\nfn on_account_opened(event) { }\n";
    let expected = "error: lib/pay.rhai:2:11: there is no account \"lerning\" (did you mean \"learning\"?)\n\
                    error: lib/pay.rhai:3:5: there is no `grnt` (did you mean `grant`?)\n\
                    error: lib/pay.rhai:5:4: `on_account_opened` answers an event, and only `rules.rhai` does that (give it another name, and call it from there)\n\
                    error: campaign.toml: no rule names the reward \"jd-20\" and it has no price (remove it from campaign.toml, or grant it)\n";
    let found = run(&[("rules.rhai", MAIN), ("lib/pay.rhai", lib)]);
    assert_eq!(
        found,
        expected.replace(
            "error: campaign.toml: no rule names the reward \"jd-20\" and it has no price (remove it from campaign.toml, or grant it)\n",
            ""
        )
    );
}

#[test]
fn mistakes_across_files_are_named() {
    let lib = "fn all(m) { m.grant(\"jd-20\"); }\n";
    for (main, expected) in [
        (
            "import \"lib/pay\" as pay;\nfn on_account_opened(event) { pay::al(event.member); }\n",
            "error: rules.rhai:2:36: `lib/pay.rhai` has no function `al` (did you mean `pay::all`?)\n",
        ),
        (
            "fn on_account_opened(event) { pay::all(event.member); }\n",
            "error: rules.rhai:1:31: nothing is imported as `pay` (write `import \"pay\" as pay;` at the top of the file)\n",
        ),
        (
            "import \"lib/pai\" as pay;\nfn on_account_opened(event) { pay::all(event.member); }\n",
            "error: rules.rhai:1:8: there is no file \"lib/pai.rhai\" in the campaign's folder (did you mean \"lib/pay\"?)\n",
        ),
    ] {
        let found = run(&[("rules.rhai", main), ("lib/pay.rhai", lib)]);
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn a_failure_in_an_imported_file_carries_its_place() {
    let lib = "fn all(m) {\n  m.grant(\"jd-20\");\n  let x = [1];\n  m.award(\"learning\", x[7]);\n}\n";
    let found = run(&[("rules.rhai", MAIN), ("lib/pay.rhai", lib)]);
    assert!(found.starts_with("failed lib/pay.rhai:4: "), "{found}");
    let endless = "fn all(m) {\n  m.grant(\"jd-20\");\n  for i in 0..9000000000000 {\n    let x = i * 2;\n  }\n}\n";
    let found = run(&[("rules.rhai", MAIN), ("lib/pay.rhai", endless)]);
    assert!(found.starts_with("failed lib/pay.rhai:"), "{found}");
    let refusing = "fn all(m) {\n  m.grant(\"jd-20\");\n  refuse(\"no\");\n}\n";
    assert_eq!(run(&[("rules.rhai", MAIN), ("lib/pay.rhai", refusing)]), "refused lib/pay.rhai:3: no");
}

#[test]
fn two_files_have_no_functions_of_one_name() {
    let main = "import \"lib/pay\" as pay;\nfn on_account_opened(event) { card(event.member); pay::all(event.member); }\nfn card(m) { m.grant(\"jd-20\"); }\n";
    let lib = |name: &str| format!("fn all(m) {{ {name}(m); }}\nfn {name}(m) {{ m.award(\"learning\", 7); }}\n");
    assert_eq!(
        run(&[("rules.rhai", main), ("lib/pay.rhai", &lib("card"))]),
        "error: lib/pay.rhai:2:4: `card` is already a function of `rules.rhai` (the files of a campaign share the names of their functions: give this one another name)\n"
    );
    assert_eq!(
        run(&[("rules.rhai", main), ("lib/pay.rhai", &lib("seven"))]),
        "booked [rules.rhai:3 0 grant jd-20 1; lib/pay.rhai:2 0 award learning 7]"
    );
}

#[test]
fn every_function_finds_the_lists_of_its_own_file() {
    let main = |entry: &str| {
        format!(
            "import \"lib/pay\" as pay;\nconst ONE = [1];\nfn on_account_opened(event) {{ {entry} }}\nfn one(m) {{ m.award(\"learning\", ONE[0]); }}\n"
        )
    };
    let lib = "const TWO = [2];\nfn all(m) { two(m); }\nfn two(m) { m.award(\"learning\", TWO[0]); m.grant(\"jd-20\"); }\n";
    let two = "lib/pay.rhai:3 0 award learning 2; lib/pay.rhai:3 0 grant jd-20 1";
    let one = "rules.rhai:4 0 award learning 1";
    for (entry, expected) in [
        ("one(event.member); pay::all(event.member);", format!("booked [{one}; {two}]")),
        ("pay::all(event.member); one(event.member);", format!("booked [{two}; {one}]")),
        ("one(event.member); one(event.member); pay::all(event.member);", format!("booked [{one}; {one}; {two}]")),
        ("pay::all(event.member); pay::all(event.member); one(event.member);", format!("booked [{two}; {two}; {one}]")),
    ] {
        assert_eq!(run(&[("rules.rhai", &main(entry)), ("lib/pay.rhai", lib)]), expected, "{entry}");
    }
}
