//! What an editor is told about the learning race: completion and hover, a line for each place (`|`), and findings.

use guerdon_rules::editor::Folder;
use guerdon_rules::editor::findings::findings;
use guerdon_rules::editor::item::Item;
use guerdon_rules::language::{Files, Runtime};

const CAMPAIGN: &str = include_str!("../../campaigns/learning-race/campaign.toml");
const RULES: &str = include_str!("../../campaigns/learning-race/rules.rhai");
const CASES: &str = include_str!("../../campaigns/learning-race/cases/account-opened.toml");
const POPULATION: &str = include_str!("../../campaigns/learning-race/population.toml");

fn race() -> Files {
    [("campaign.toml", CAMPAIGN), ("rules.rhai", RULES), ("cases/account-opened.toml", CASES), ("population.toml", POPULATION)]
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text.as_bytes().into()))
        .collect()
}

/// The folder with one file as it is being written, and the place in it.
fn writing(path: &str, marked: &str) -> (Folder, usize) {
    let place = marked.find('|').unwrap_or_else(|| panic!("no place in {marked}"));
    let mut folder = Folder::default();
    folder.update(race());
    let mut files = race();
    files.insert("lib/odds.rhai".into(), b"fn odds(a, b) { a + b }".as_slice().into());
    files.insert(path.into(), marked.replacen('|', "", 1).as_bytes().into());
    folder.update(files);
    (folder, place)
}

fn offered(path: &str, marked: &str) -> Vec<Item> {
    let (folder, place) = writing(path, marked);
    folder.complete(path, place).items
}

/// Each line: what is written, what is offered there, and what is not (after `-`).
fn check(path: &str, table: &[(&str, &str)]) {
    for (marked, expected) in table {
        let items = offered(path, marked);
        let labels: Vec<&str> = items.iter().map(|item| item.label.as_str()).collect();
        for word in expected.split(", ").filter(|word| !word.is_empty()) {
            match word.strip_prefix('-') {
                Some(word) => assert!(!labels.contains(&word), "{marked}: {word} in {labels:?}"),
                None => assert!(labels.contains(&word), "{marked}: no {word} in {labels:?}"),
            }
        }
        assert!(!expected.is_empty() || labels.is_empty(), "{marked}: {labels:?}");
    }
}

#[test]
fn rule_files_are_completed() {
    let opened = |body: &str| {
        format!("import \"lib/odds\" as lib;\nconst CARD = \"jd-20\";\nfn helper(x) {{ x }}\nfn on_account_opened(event) {{\n{body}")
    };
    let close = |body: &str| format!("fn on_cycle_close(m, c) {{ {body}");
    let table: Vec<(String, &str)> = vec![
        (opened("event.|"), "data, roles, member, weekday, -award, -is_last"),
        (opened("event.da|"), "data"),
        (opened("event.data.|"), "invitee, existing_customer, -lesson"),
        (opened("event.roles.|"), "inviter"),
        (opened("event.roles.inviter.|"), "award, grant, points, id, -rank, -to_upper"),
        (opened("event.member.aw|"), "award"),
        (opened("let who = event.roles.inviter;\nwho.|"), "grant, -data"),
        (opened("let e = event; let d = e.data; d.|"), "invitee, -award"),
        (opened("event.data.invitee.|"), "to_upper, trim, -award"),
        (opened("event.member.award(\"|"), "learning, learning.lesson, -jd-20"),
        (opened("event.member.award(\"lear|ning\", 1);"), "learning, learning.lesson"),
        (opened("event.member.grant(\"|"), "jd-20, jd-100, -learning"),
        (opened("grant(event.member, \"|"), "jd-20"),
        (opened("event.member.points(\"learning\", \"|"), "day, week, month, cycle, all"),
        (opened("event.member.events(\"|"), "account.opened, lesson.finished, guerdon.member.joined"),
        (opened("event.member.get(\"|"), ""),
        (opened("if event.weekday == \"|"), "monday, sunday"),
        (opened("note(\"|"), ""),
        (opened("note(`学习 ${event.|}`);"), "data, weekday"),
        (opened("// event.|"), ""),
        (opened("let x = lib::|"), "odds"),
        (opened("|"), "event, CARD, helper, lib, refuse, draw, if, -award"),
        (opened("let a = 1; for i in 0..3 { |"), "a, i"),
        (opened("let |"), ""),
        (close("c.|"), "is_last, number, roles, -day"),
        (close("m.|"), "rank, points, award"),
        (close("m.points(\"learning\", \"|"), "cycle, all, -week"),
        ("fn helper(someone) { someone.|".into(), "award, points, id, len"),
        ("import \"|".into(), "lib/odds, -rules"),
        ("|".into(), "fn on_account_opened, fn on_cycle_close, fn, const, import, -refuse"),
        ("fn on_account_opened(event) {}\nfn |".into(), "on_lesson_finished, on_cycle_close"),
        ("fn on_account_opened(event) {}\n|".into(), "fn on_lesson_finished, -fn on_account_opened"),
    ];
    let table: Vec<(&str, &str)> = table.iter().map(|(marked, expected)| (marked.as_str(), *expected)).collect();
    check("rules.rhai", &table);
}

#[test]
fn campaign_files_are_completed() {
    check(
        "campaign.toml",
        &[
            ("|", "id, name, time_zone, limits, events"),
            ("id = \"a\"\n|", "name, -id"),
            ("[cycle]\n|", "every, starts_on, grace, -id"),
            ("[cycle]\nstarts_on = \"|", "tuesday, -day"),
            ("[cycle]\nevery = |", "week, month, none"),
            ("[accounts.learning]\n|", "parts, leaderboard, worth"),
            ("[accounts.learning]\nleaderboard = |", "true, false"),
            ("[rewards.jd-20]\nprice = { |", "learning, learning.lesson"),
            ("[limits.|", "accounts, rewards, budget"),
            ("[limits.rewards.|]", "jd-20, jd-100, -learning"),
            ("[limits.accounts.learning]\n|", "per_member_per_day, total"),
            ("[limits]\non_budget = \"|", "owe, refuse"),
            ("[events.\"lesson.finished\"]\nonce_per = [\"member\", \"|", "data.lesson, day, cycle, member"),
            ("[events.\"lesson.finished\"]\nmember = \"|", "data.member, subject, -data.lesson"),
            ("[events.\"lesson.finished\"]\ndata = { x = \"|", "string, int, decimal, member"),
            ("[events.\"account.opened\"]\nroles.inviter = \"|", "member.referral, data.invitee"),
            ("[[invariants]]\nholds = '|", "granted(\"jd-20\"), points(\"learning\"), referrals()"),
            ("[[invariants]]\non_breach = \"|", "fail, close issue"),
            ("time_zone = \"|", "Asia/Shanghai, Europe/Berlin"),
            ("rules = \"|", "rules.rhai"),
            ("# |", ""),
        ],
    );
}

#[test]
fn cases_and_populations_are_completed() {
    check(
        "cases/new.toml",
        &[
            ("|", "case"),
            ("[[case]]\n|", "name, given, steps, expect, variants"),
            ("[[case]]\nsteps = [\n  { at = \"2020-09-22\", |", "event, do, data, then, -at"),
            ("[[case]]\nsteps = [{ event = \"|", "account.opened, guerdon.member.joined"),
            ("[[case]]\nsteps = [{ event = \"lesson.finished\", data = { |", "lesson, points, -invitee"),
            ("[[case]]\nsteps = [{ do = \"|", "settle, stock, accept"),
            ("[[case]]\nsteps = [{ do = \"stock\", pool = \"|", "jd-20"),
            ("[[case]]\nsteps = [{ then = \"|", "refused, duplicate"),
            ("[[case]]\ngiven.stock = { |", "jd-20, jd-100"),
            ("[[case]]\ngiven.members.alice.points = { |", "learning, learning.lesson"),
            ("[case.expect.members]\nalice = { grants = { |", "jd-20"),
            ("[case.expect.members]\nalice = { grants = { jd-20 = { |", "issued, owed"),
            ("[[case]]\nexpect.members.alice = { cycles = { \"2020-09-22\" = { |", "learning"),
            ("[[case]]\nexpect.others = \"|", "any"),
        ],
    );
    check(
        "population.toml",
        &[
            ("|", "members, segments, rings, arrival"),
            ("[[segments.a.does]]\nevent = \"|", "lesson.finished"),
            ("[[segments.a.does]]\nevent = \"lesson.finished\"\ndata.|", "lesson, points, -invitee"),
            ("[[segments.a.does]]\nevent = \"lesson.finished\"\ndata.points = { |", "one_of, weights, from, to, text"),
            ("[segments.friend]\n[segments.b]\ninvites = { segment = \"|\" }", "friend, b"),
        ],
    );
}

#[test]
fn what_is_written_fits_where_it_is_written() {
    for (path, marked, label, expected) in [
        ("rules.rhai", "fn on_account_opened(event) { event.member.|", "award", "award(\"$1\", $2)"),
        ("rules.rhai", "fn on_account_opened(event) { re|", "refuse", "refuse(\"$1\")"),
        ("rules.rhai", "|", "fn on_cycle_close", "fn on_cycle_close(member, cycle) {\n    $1\n}"),
        ("rules.rhai", "fn |", "on_cycle_close", "on_cycle_close(member, cycle) {\n    $1\n}"),
        ("campaign.toml", "[events.|", "account.opened", "-"),
        ("cases/new.toml", "[[case]]\nsteps = [{ event = |", "account.opened", "\"account.opened\""),
        ("cases/new.toml", "[[case]]\ngiven.members.a.points = { |", "learning.lesson", "\"learning.lesson\""),
    ] {
        let items = offered(path, marked);
        let item = items.iter().find(|item| item.label == label);
        assert_eq!(item.and_then(|item| item.snippet.as_deref()).unwrap_or("-"), expected, "{marked}");
    }
    let (folder, place) = writing("rules.rhai", "fn on_account_opened(event) { event.member.grant(\"jd-|20\") }");
    assert_eq!(folder.complete("rules.rhai", place).replace, place - 3..place);
}

#[test]
fn words_are_explained() {
    let rules = |line: &str, marked: &str| RULES.replacen(line, marked, 1);
    let campaign = |line: &str, marked: &str| CAMPAIGN.replacen(line, marked, 1);
    for (path, marked, expected) in [
        ("rules.rhai", rules("inviter.award", "inviter.aw|ard"), "member.award(account, whole number)"),
        ("rules.rhai", rules("inviter.award", "inviter.aw|ard"), "给账户加积分"),
        ("rules.rhai", rules("award(\"learning\"", "award(\"le|arning\""), "**学习值** · **Learning points**"),
        ("rules.rhai", rules("grant(\"jd-20\"", "grant(\"|jd-20\""), "At most: 100 for one member in one cycle."),
        ("rules.rhai", rules("refuse(", "|refuse("), "the once_per key stays free"),
        ("rules.rhai", rules("event.data.existing_customer", "event.data.exist|ing_customer"), "existing_customer: bool?"),
        ("rules.rhai", rules("event.roles.inviter", "event.roles.inviter|"), "Without somebody to fill it, the event waits."),
        ("rules.rhai", rules("fn on_account_opened", "fn on_acc|ount_opened"), "Roles: `inviter`: member.referral."),
        ("rules.rhai", rules("\"cycle\"", "\"cy|cle\""), "The campaign's cycle"),
        ("campaign.toml", campaign("grace", "gr|ace"), "How long after its end"),
        ("campaign.toml", campaign("[limits.rewards.jd-20]", "[limits.rewards.jd|-20]"), "20-yuan JD card"),
        ("campaign.toml", campaign("on_budget = \"owe\"", "on_budget = \"o|we\""), "It is owed until the budget is raised."),
        ("campaign.toml", campaign("data.invitee", "data.inv|itee"), "A field that is a member."),
        ("cases/account-opened.toml", CASES.replacen("event = \"account", "event = \"acc|ount", 1), "Answered by `on_account_opened`."),
    ] {
        let (folder, place) = writing(path, &marked);
        let hover = folder.hover(path, place).unwrap_or_else(|| panic!("nothing about {expected}"));
        assert!(hover.item.described().contains(expected), "{}", hover.item.described());
        let text = marked.replacen('|', "", 1);
        assert_eq!(text[hover.word.clone()], *hover.item.label);
    }
    let (folder, place) = writing("rules.rhai", "// ev|ent\nfn f() { 1 }");
    assert!(folder.hover("rules.rhai", place).is_none());
}

#[test]
fn names_stay_while_the_campaign_file_is_being_written() {
    let mut folder = Folder::default();
    folder.update(race());
    let mut files = race();
    files.insert("campaign.toml".into(), format!("{CAMPAIGN}\n[limits.re").as_bytes().into());
    let rules = "fn on_account_opened(event) { event.member.award(\"";
    files.insert("rules.rhai".into(), rules.as_bytes().into());
    folder.update(files);
    assert!(folder.complete("rules.rhai", rules.len()).items.iter().any(|item| item.label == "learning"));
}

#[test]
fn mistakes_are_found_in_every_file() {
    let found = |changes: &[(&str, &str, &str)]| {
        let mut files = race();
        for (path, right, wrong) in changes {
            let text = String::from_utf8(files[*path].to_vec()).unwrap();
            assert!(text.contains(right), "{right}");
            files.insert((*path).into(), text.replacen(right, wrong, 1).as_bytes().into());
        }
        let mut found: Vec<String> = findings(&files, &Runtime::default()).iter().map(|finding| finding.to_string()).collect();
        found.iter_mut().for_each(|finding| finding.truncate(finding.find(" (").unwrap_or(finding.len())));
        found.join("\n")
    };
    assert_eq!(found(&[]), "");
    let case = ("cases/account-opened.toml", "jd-20 = { issued = 1 }", "jd-21 = { issued = 1 }");
    let rule = ("rules.rhai", "award(\"learning\", 20)", "award(\"lerning\", 20)");
    let people = ("population.toml", "segment = \"friend\"", "segment = \"frend\"");
    for (changes, expected) in [
        (vec![rule], "error: rules.rhai:8:19: there is no account \"lerning\""),
        (vec![case], "error: cases/account-opened.toml:12:50: there is no reward \"jd-21\""),
        (vec![people], "error: population.toml:13:99: there is no segment \"frend\""),
        // A rule file that does not compile hides nothing of the others.
        (
            vec![("rules.rhai", "20);", "20)"), case],
            "error: rules.rhai:8:33: `;` is missing at the end of this line\nerror: cases/account-opened.toml:12:50: there is no reward \"jd-21\"",
        ),
        (vec![("campaign.toml", "every = \"week\"", "every = \"weak\""), case], "error: campaign.toml:13:9: `every` cannot be \"weak\""),
    ] {
        assert_eq!(found(&changes), expected);
    }
}

/// Cut off at any place, with the place anywhere, the folder is looked at without failing.
#[test]
fn broken_files_never_panic() {
    for (path, text) in [("campaign.toml", CAMPAIGN), ("rules.rhai", RULES), ("cases/account-opened.toml", CASES)] {
        for (at, _) in text.char_indices().step_by(17) {
            let mut folder = Folder::default();
            folder.update(race());
            let mut files = race();
            files.insert(path.into(), format!("{}\u{1F600}\"", &text[..at]).as_bytes().into());
            folder.update(files);
            for place in [at, at / 2 + 1, at + 99] {
                folder.complete(path, place);
                folder.hover(path, place);
            }
        }
    }
    assert!(Folder::default().complete("rules.rhai", 7).items.is_empty());
}
