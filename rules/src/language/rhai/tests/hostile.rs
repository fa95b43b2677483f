//! Scripts that mean harm, or that got out of hand: what stops each of them, and where it says that it was stopped.

use super::{compare, decide, load_with, outcome, show, stumbles};
use crate::limits::{Limits, Watch};
use std::sync::Arc;
use std::time::Instant;

const EXPECTED: &str = include_str!("hostile.expected.txt");

/// Name, body of the handler. A body with `fn ` stands alone.
const SCRIPTS: &[(&str, &str)] = &[
    ("endless for", "for i in 0..9000000000000 {\n  let x = i * 2;\n}"),
    ("nested endless for", "for i in 0..100000 {\nfor j in 0..100000 {\nlet x = i;\n}\n}"),
    ("while", "while true { }"),
    ("loop", "loop { }"),
    ("do", "do { } while true;"),
    ("recursion", "fn on_account_opened(event) {\n  down(event.member);\n}\nfn down(m) {\n  m.grant(\"jd-20\");\n  down(m);\n}"),
    ("mutual recursion", "fn on_account_opened(event) { a(event.member); }\nfn a(m) { m.grant(\"jd-20\"); b(m); }\nfn b(m) { a(m); }"),
    ("text doubling", "let s = \"x\";\nfor i in 0..40 {\n  s += s;\n}"),
    ("text by replace", "let s = \"xxxxxxxxxxxxxxxx\";\nfor i in 0..40 {\n  s.replace(\"x\", \"xxxxxxxxxxxxxxxx\");\n}"),
    ("text by pad", "let s = \"x\";\ns.pad(1000000000, \"y\");"),
    ("text by interpolation", "let s = \"x\";\nfor i in 0..40 {\n  s = `${s}${s}`;\n}"),
    ("list growth", "let a = [];\nfor i in 0..100000 {\n  a.push(i);\n}"),
    ("list doubling", "let a = [1];\nfor i in 0..40 {\n  a += a;\n}"),
    ("list by pad", "let a = [];\na.pad(1000000000, 0);"),
    ("map growth", "let m = #{};\nfor i in 0..100000 {\n  m[`k${i}`] = i;\n}"),
    ("map growth by set", "let m = #{};\nfor i in 0..100000 {\n  m.set(`k${i}`, i);\n}"),
    ("map in itself", "let m = #{};\nfor i in 0..40 {\n  m.set(`k${i}`, m);\n}"),
    ("map in itself by property", "let m = #{ a: 1 };\nfor i in 0..40 {\n  m.a = m;\n}"),
    ("list in itself", "let a = [1, 2];\nfor i in 0..40 {\n  a[0] = a; a[1] = a;\n}"),
    ("list in itself by op", "let a = [[1], [2]];\nfor i in 0..40 {\n  a[0] += a;\n}"),
    ("list in its element", "let a = [[1], [2]];\nfor i in 0..40 {\n  a[0].push(a);\n}"),
    ("list in a map's element", "let m = #{ a: [[1]] };\nfor i in 0..40 {\n  m.a[0].push(m);\n}"),
    (
        "list in itself by this",
        "fn on_account_opened(event) {\n  let a = [[1]];\n  a[0].grow();\n  event.member.grant(\"jd-20\");\n}\nfn grow() { this.push(this); }",
    ),
    ("list in itself by insert", "let a = [1, 2];\nfor i in 0..40 {\n  a.insert(0, a);\n}"),
    ("list by set", "let a = [1, 2];\nfor i in 0..40 {\n  a.set(0, a); a.set(1, a);\n}"),
    ("nested lists", "let a = [1, 2, 3, 4];\nfor i in 0..40 {\n  a = [a, a, a, a];\n}"),
    ("list of long texts", "let s = \"x\";\ns.pad(4000, \"y\");\nlet a = [];\nfor i in 0..900 {\n  a.push(s);\n}"),
    ("self containing list", "let a = [1];\nfor i in 0..1000 {\n  a.push(a);\n}"),
    (
        "many variables",
        "fn on_account_opened(event) {\n  event.member.grant(\"jd-20\");\n  let a = 1; let b = 1; let c = 1;\n  many(0);\n}\nfn many(n) {\n  let x = [n]; let y = [x, x];\n  many(n + 1);\n}",
    ),
    ("long keys", "let s = \"x\";\ns.pad(4000, \"y\");\nlet m = #{};\nm.set(s, 1);"),
    ("streams of characters", "let s = \"x\";\nlet c = s.chars();"),
    ("streams of characters by property", "let s = \"x\";\nlet c = s.chars;"),
    ("sleep", "sleep(10);"),
    ("exit", "exit();"),
    ("print flood", "for i in 0..100000 { print(i); }"),
    ("debug", "debug(1);"),
    ("note flood", "for i in 0..100000 {\n  note(\"x\");\n}"),
    ("eval", "eval(\"40 + 2\");"),
    ("function pointer", "let f = Fn(\"award\"); f.call(1);"),
    (
        "function as value",
        "fn on_account_opened(event) { let f = pay; event.member.grant(\"jd-20\"); pay(event.member); }\nfn pay(m) { m.award(\"learning\", 1); }",
    ),
    ("closure", "let f = |x| x + 1;"),
    ("call", "call(1);"),
    ("curry", "let f = curry(1);"),
    ("import inside", "import \"lib\" as l;"),
    ("import absolute", "import \"/etc/passwd\" as l;\nfn on_account_opened(event) { event.member.grant(\"jd-20\"); }"),
    ("import upwards", "import \"../other/rules\" as l;\nfn on_account_opened(event) { event.member.grant(\"jd-20\"); }"),
    ("import missing", "import \"nothing\" as l;\nfn on_account_opened(event) { event.member.grant(\"jd-20\"); }"),
    ("import of itself", "import \"rules\" as l;\nfn on_account_opened(event) { event.member.grant(\"jd-20\"); }"),
    ("import of campaign.toml", "import \"campaign.toml\" as l;\nfn on_account_opened(event) { event.member.grant(\"jd-20\"); }"),
    ("huge range reversed", "for i in range(0, 9000000000000, 1) {\n  let x = 1;\n}"),
    ("integer overflow", "let x = 9223372036854775807;\nx += event.day;"),
    ("multiplication overflow", "let x = 9223372036854775807 * event.hour;"),
    ("power overflow", "let x = 10 ** (event.day);"),
    ("division by nothing", "let zero = event.day - event.day;\nlet x = 1 / zero;"),
    ("shift", "let x = 1 << 100000;"),
    ("shadowed api word", "fn award(account, n) { }\nfn on_account_opened(event) { event.member.grant(\"jd-20\"); }"),
    ("shadowed event", "let event = #{ data: 1 };"),
    ("shadowed const", "const CAP = 1;\nfn on_account_opened(event) { let CAP = 1000; event.member.grant(\"jd-20\"); }"),
    (
        "shadowed argument",
        "const CAP = 1;\nfn on_account_opened(event) { pay(event.member, 5); }\nfn pay(m, CAP) { m.grant(\"jd-20\", CAP); }",
    ),
    ("try", "try { refuse(\"no\"); } catch { }"),
    ("throw", "throw \"no\";"),
    ("return of a list", "return [1, 2];"),
    ("statement outside", "for i in 0..5 { }\nfn on_account_opened(event) { event.member.grant(\"jd-20\"); }"),
    ("const that runs", "const X = draw(5);\nfn on_account_opened(event) { event.member.grant(\"jd-20\"); }"),
    (
        "deep nesting",
        "let x = ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))))))))))))))))))));",
    ),
    ("many arguments", "let x = max(1, 2, 3, 4, 5, 6, 7, 8);"),
    ("negative draw", "draw(0 - event.day);"),
    ("negative award made at run time", "event.member.award(\"learning\", 0 - event.day);"),
    ("name made at run time", "event.member.award(\"learn\" + \"inx\", 5);"),
    ("member from a text", "event.data.invitee.award(\"learning\", 5);"),
    ("effect on nobody", "let b = event.roles.branch;\nb.award(\"learning\", 5);"),
    ("unknown field later", "let d = event.data;\nlet x = d.amont;"),
    ("unknown map key", "let m = #{ a: 1 };\nlet x = m.b;"),
    ("list index", "let a = [1];\nlet x = a[5];"),
    ("type_of", "note(type_of(event.member));"),
    ("parse_json", "let x = parse_json(\"{}\");"),
    ("tag", "let x = 5; x.set_tag(7);"),
];

fn rules(body: &str) -> String {
    if body.contains("fn ") {
        body.into()
    } else {
        format!("fn on_account_opened(event) {{\n{body}\nif false {{ event.member.grant(\"jd-20\"); }}\n}}\n")
    }
}

/// Lists in the file itself are copied without being measured, so the check counts them.
#[test]
fn tables_in_the_file_are_bounded() {
    let campaign = stumbles();
    let row = format!("[{}]", vec!["1"; 40].join(","));
    let table = format!("[{}]", vec![row; 40].join(","));
    let expected = "a list or map of 1640 elements (limit `collection_size`: 1000)";
    for rules in [
        format!("const T = {table};\nfn on_account_opened(event) {{ event.member.grant(\"jd-20\"); let x = T; }}"),
        format!("fn on_account_opened(event) {{ event.member.grant(\"jd-20\"); let x = {table}; }}"),
    ] {
        let found = outcome(&campaign, &[("rules.rhai", &rules)], Limits::default());
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn every_hostile_script_is_stopped() {
    let campaign = stumbles();
    let found: Vec<(String, String)> = SCRIPTS
        .iter()
        .map(|(name, body)| ((*name).to_string(), outcome(&campaign, &[("rules.rhai", &rules(body))], Limits::default())))
        .collect();
    compare(&found, EXPECTED);
}

struct Real(Instant);
impl Watch for Real {
    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The slowest scripts with operations enough to run for minutes: only the deadline stops them.
#[test]
fn the_deadline_stops_slow_operations() {
    let campaign = stumbles();
    for body in [
        "let x = 0;\nfor i in 0..9000000000000 {\n  x = i % 7;\n}",
        "let a = [];\nfor i in 0..999 { a.push(i); }\nfor i in 0..9000000000000 {\n  let b = a + [];\n}",
        "let m = #{};\nfor i in 0..240 { m.set(`k${i}`, i); }\nfor i in 0..9000000000000 {\n  let b = m;\n}",
        "let a = [];\nfor i in 0..999 { a.push(999 - i); }\nfor i in 0..9000000000000 {\n  let b = a; b.sort();\n}",
        "let s = \"\"; s.pad(4090, \"a\");\nfor i in 0..9000000000000 {\n  let x = s.index_of(\"aaaaaaaaaaaaaaaaaaab\");\n}",
        "let s = \"\"; s.pad(4000, \"a\");\nfor i in 0..9000000000000 {\n  let x = s; x.replace(\"a\", \"b\"); let y = x.to_upper();\n}",
        "let a = [];\nfor i in 0..900 { a.push(i % 9); }\nfor i in 0..9000000000000 {\n  let x = `${a}`.len();\n}",
        "let d = 1.0000000001;\nfor i in 0..9000000000000 {\n  let x = d ** 1000.5;\n}",
    ] {
        let watch = Arc::new(Real(Instant::now()));
        let limits = Limits { operations: u64::MAX, watch: watch.clone(), ..Limits::default() };
        let loaded = load_with(&campaign, &[("rules.rhai", &rules(body))], limits).unwrap_or_else(|f| panic!("{f:?}"));
        // Makes the engine that finds lines, so that the second call measures only the evaluation.
        decide(&loaded);
        let started = watch.0.elapsed();
        let found = show(&campaign, &decide(&loaded));
        let took = watch.0.elapsed() - started;
        println!("{took:?} {found}");
        // That it ends at all is the point: nothing else would end these loops. How soon is printed, not asserted.
        assert!(found.contains("limit `deadline_ms`"), "{body}\n{found}");
    }
}

/// As much as a rule can keep alive: copies in every variable and in unfinished expressions of every level.
#[cfg(target_os = "linux")]
#[test]
fn memory_stays_within_64_mib() {
    let kilobytes = |name: &str| -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let campaign = stumbles();
    let copies: String = (0..14).map(|n| format!("let v{n} = x;\n")).collect();
    let nested = (0..4).fold("deep(x, who)".to_string(), |inner, _| format!("keep(x, x, x, {inner})"));
    // Lists in lists keep one more copy alive at each step.
    let nested = (0..14).fold(nested, |inner, _| format!("[x, {inner}]"));
    for build in [
        "let x = []; for i in 0..980 { x.push(who); }",
        "let x = []; for i in 0..980 { x.push([]); }",
        "let x = []; for i in 0..980 { x.push(1.5); }",
        "let x = #{}; for i in 0..250 { x.set(`${i}-yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy`, who); }",
    ] {
        let rules = format!(
            "fn on_account_opened(event) {{ let who = event.member; who.grant(\"jd-20\"); {build} deep(x, who); }}\n\
             fn keep(a, b, c, d) {{ d }}\n\
             fn deep(x, who) {{\n{copies}return {nested};\n}}"
        );
        let limits = Limits { operations: 10_000_000, ..Limits::default() };
        let loaded = load_with(&campaign, &[("rules.rhai", &rules)], limits).unwrap_or_else(|f| panic!("{f:?}"));
        let before = kilobytes("VmRSS");
        let found = show(&campaign, &decide(&loaded));
        let grown = kilobytes("VmHWM").saturating_sub(before) / 1024;
        println!("{grown} MiB: {found}");
        assert!(found.contains("CallDepth"), "{found}");
        assert!(grown <= 64, "{grown} MiB: {build}");
    }
}
