//! What a recording module tells: each line with its hits (`~`: partly), each way of each choice.

use super::{MemberId, Value, files, question, show, stumbles};
use crate::language::{Loaded, Runtime};
use std::fmt::Write;

fn load(list: &[(&str, &str)], records_coverage: bool) -> Loaded {
    let runtime = Runtime { records_coverage, ..Runtime::default() };
    super::super::load(&stumbles(), &files(list), &runtime).unwrap_or_else(|found| panic!("{found:?}"))
}

/// Decides once for each number of shares; says what the verdicts are, and then what was reached.
fn recorded(list: &[(&str, &str)], shares: &[i64]) -> String {
    let (pays, records) = (load(list, false), load(list, true));
    let mut text = String::new();
    for shares in shares {
        let handler = &records.module.handlers()[0];
        let members = [Some(MemberId::new("bob")), Some(MemberId::new("alice")), None];
        let level = Value::Text("9".into());
        let amount = Value::Decimal("41.5".parse().unwrap());
        let data = [amount, Value::Missing, Value::Missing, Value::Missing, Value::Text("bob".into()), level, Value::Int(*shares)];
        let facts = vec![Value::Int(3); handler.reads.len()];
        let question = question(&members[..=handler.roles.len()], &data, &facts);
        let verdict = records.module.decide(0, &question);
        assert_eq!(verdict, pays.module.decide(0, &question), "recording changes no verdict");
        writeln!(text, "{shares}: {}", show(&stumbles(), &verdict)).unwrap();
    }
    assert_eq!(pays.module.coverage(), None);
    for file in records.module.coverage().unwrap().files {
        for line in file.lines {
            writeln!(text, "{}:{} {}{}", file.file, line.line, line.hits, if line.partly { "~" } else { "" }).unwrap();
        }
        for branch in file.branches {
            writeln!(text, "{}:{}:{} {} {} {}", file.file, branch.line, branch.column, branch.of, branch.side, branch.hits).unwrap();
        }
    }
    text
}

/// Name, script (an `on_account_opened`), numbers of shares, and what is told.
const TABLE: &[(&str, &str, &[i64], &str)] = &[
    (
        "an if without else goes both ways, and its one-line body counts",
        "fn on_account_opened(event) {\n  let n = event.data.shares;\n  if n > 5 { event.member.award(\"learning\", 1); }\n  event.member.grant(\"jd-20\");\n}",
        &[1],
        "1: booked [rules.rhai:4 0 grant jd-20 1]\n\
         rules.rhai:2 1\nrules.rhai:3 0~\nrules.rhai:4 1\n\
         rules.rhai:3:3 if true 0\nrules.rhai:3:3 if false 1\n",
    ),
    (
        "the last statement of a function: its end is the other way",
        "fn on_account_opened(event) {\n  if event.data.shares > 5 {\n    event.member.grant(\"jd-20\");\n  }\n}",
        &[1, 9, 2],
        "1: booked []\n9: booked [rules.rhai:3 0 grant jd-20 1]\n2: booked []\n\
         rules.rhai:2 3\nrules.rhai:3 1\n\
         rules.rhai:2:3 if true 1\nrules.rhai:2:3 if false 2\n",
    ),
    (
        "else if, and an if that is a value",
        "fn on_account_opened(event) {\n  let n = event.data.shares;\n  let points = if n > 5 {\n    10\n  } else if n > 3 {\n    5\n  } else {\n    0\n  };\n  event.member.award(\"learning\", points);\n  event.member.grant(\"jd-20\", 0);\n}",
        &[9, 1],
        "9: booked [rules.rhai:10 0 award learning 10; rules.rhai:11 0 grant jd-20 0]\n\
         1: booked [rules.rhai:10 0 award learning 0; rules.rhai:11 0 grant jd-20 0]\n\
         rules.rhai:2 2\nrules.rhai:3 2\nrules.rhai:4 1\nrules.rhai:5 1\nrules.rhai:6 0\nrules.rhai:8 1\nrules.rhai:10 2\nrules.rhai:11 2\n\
         rules.rhai:3:16 if true 1\nrules.rhai:3:16 if false 1\nrules.rhai:5:10 if true 0\nrules.rhai:5:10 if false 1\n",
    ),
    (
        "&&, || and ??: whether the right side was looked at",
        "fn on_account_opened(event) {\n  let n = event.data.gift ?? event.data.shares;\n  if n > 1 && n < 5 || n == 9 { event.member.grant(\"jd-20\"); }\n}",
        &[3, 0],
        "3: booked [rules.rhai:3 0 grant jd-20 1]\n0: booked []\n\
         rules.rhai:2 2\nrules.rhai:3 1\n\
         rules.rhai:2:11 ?? missing 2\nrules.rhai:2:11 ?? there 0\n\
         rules.rhai:3:3 if true 1\nrules.rhai:3:3 if false 1\n\
         rules.rhai:3:6 && true 1\nrules.rhai:3:6 && false 1\n\
         rules.rhai:3:6 || false 1\nrules.rhai:3:6 || true 1\n",
    ),
    (
        "the arms of a switch, and none of them",
        "fn on_account_opened(event) {\n  switch event.data.shares {\n    1 => event.member.award(\"learning\", 1),\n    2 => {\n      event.member.grant(\"jd-20\");\n    }\n  }\n}",
        &[1, 7],
        "1: booked [rules.rhai:3 0 award learning 1]\n7: booked []\n\
         rules.rhai:2 2\nrules.rhai:3 1\nrules.rhai:5 0\n\
         rules.rhai:2:3 switch line 3 1\nrules.rhai:2:3 switch line 4 0\nrules.rhai:2:3 switch no arm 1\n",
    ),
    (
        "an error or a refusal inside a condition is no way at all",
        "fn on_account_opened(event) {\n  if far(event.data.shares) { event.member.grant(\"jd-20\"); }\n}\nfn far(n) {\n  if n > 5 { refuse(\"too far\"); }\n  n > 3\n}",
        &[9],
        "9: refused rules.rhai:5: too far\n\
         rules.rhai:2 0~\nrules.rhai:5 1\nrules.rhai:6 0\n\
         rules.rhai:2:3 if true 0\nrules.rhai:2:3 if false 0\nrules.rhai:5:3 if true 1\nrules.rhai:5:3 if false 0\n",
    ),
    (
        "a condition that calls a function with conditions of its own",
        "fn on_account_opened(event) {\n  if far(event.data.shares) { event.member.grant(\"jd-20\"); }\n}\nfn far(n) {\n  if n > 5 { return true; }\n  n > 3\n}",
        &[9, 1],
        "9: booked [rules.rhai:2 0 grant jd-20 1]\n1: booked []\n\
         rules.rhai:2 1\nrules.rhai:5 1\nrules.rhai:6 1\n\
         rules.rhai:2:3 if true 1\nrules.rhai:2:3 if false 1\nrules.rhai:5:3 if true 1\nrules.rhai:5:3 if false 1\n",
    ),
    (
        "a loop counts each round; constants stay as they are written",
        "const CAP = 2;\nconst ON = true;\nconst OFF = false;\nfn on_account_opened(event) {\n  for i in 0..CAP {\n    if ON { event.member.award(\"learning\", CAP); }\n  }\n  if OFF {\n    event.member.grant(\"jd-20\");\n  }\n}\n",
        &[1],
        "1: booked [rules.rhai:6 0 award learning 2; rules.rhai:6 0 award learning 2]\n\
         rules.rhai:5 1\nrules.rhai:6 2\nrules.rhai:8 1\nrules.rhai:9 0\n\
         rules.rhai:6:5 if true 2\nrules.rhai:6:5 if false 0\nrules.rhai:8:3 if true 0\nrules.rhai:8:3 if false 1\n",
    ),
];

#[test]
fn every_line_and_every_way_is_told() {
    let told = |(name, script, shares, expected): &(&str, &str, &[i64], &str)| {
        let found = recorded(&[("rules.rhai", script)], shares);
        (found != *expected).then(|| format!("{name}\n{script}\n--- found ---\n{found}--- expected ---\n{expected}"))
    };
    let different: Vec<String> = TABLE.iter().filter_map(told).collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn imported_files_are_told_with_their_names() {
    let main = "import \"lib/pay\" as pay;\nfn on_account_opened(event) {\n  pay::all(event.member, event.data.shares);\n}\n";
    let lib = "const LEAST = 5;\nfn all(m, n) {\n  if n > LEAST { m.grant(\"jd-20\"); }\n  card(m);\n}\nprivate fn card(m) {\n  m.award(\"learning\", 1);\n}\nfn never(m) {\n  m.award(\"learning\", 2);\n}\n";
    assert_eq!(
        recorded(&[("rules.rhai", main), ("lib/pay.rhai", lib)], &[1]),
        "1: booked [lib/pay.rhai:7 0 award learning 1]\n\
         rules.rhai:3 1\n\
         lib/pay.rhai:3 0~\nlib/pay.rhai:4 1\nlib/pay.rhai:7 1\nlib/pay.rhai:10 0\n\
         lib/pay.rhai:3:3 if true 0\nlib/pay.rhai:3:3 if false 1\n"
    );
}
