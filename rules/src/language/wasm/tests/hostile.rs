//! Modules that loop, recurse, allocate, trap, lie, or are no modules at all.

use super::campaign::{campaign, findings, question};
use super::wat::{HONEST, OWN, Said, answers, assemble, module, module_with, stored, text, words};
use crate::effect::{Action, Effect, Verdict};
use crate::language::wasm::{WIT, load};
use crate::language::{Loaded, RuleModule, Runtime};
use crate::limits::Limits;
use crate::value::MemberId;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use wit_component::{StringEncoding, embed_component_metadata};

/// Tight limits, so that the rows are quick. One engine for all.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime { limits: Limits { fuel: 1_000_000, memory_bytes: 1 << 20, ..Limits::default() }, ..Runtime::default() })
}

fn loaded(bytes: &[u8], runtime: &Runtime) -> Loaded {
    load(&campaign(), bytes, runtime).unwrap_or_else(|findings| panic!("{findings:?}"))
}

/// The verdict of a module's first handler, in one line.
fn decided(bytes: &[u8], runtime: &Runtime) -> String {
    let members = [Some(MemberId::new("bob")), None];
    written(&loaded(bytes, runtime).module.decide(0, &question(&members, &[], &[], None)))
}

fn written(verdict: &Verdict) -> String {
    let at = |place: &Option<crate::effect::Place>| place.as_ref().map_or(String::new(), |place| format!(" at {place}"));
    match verdict {
        Verdict::Booked(effects) => effects.iter().map(effect).collect::<Vec<_>>().join(", "),
        Verdict::Refused { reason, place } => format!("refused{}: {reason}", at(place)),
        Verdict::Failed(failure) => {
            let limit = failure.limit.map_or(String::new(), |limit| format!(" {limit:?}"));
            format!("failed{limit}{}: {}", at(&failure.place), failure.reason)
        }
    }
}

fn effect(effect: &Effect) -> String {
    let (of, line) = (effect.of, effect.place.line);
    match &effect.action {
        Action::Award { account, points } => format!("{of} award {account} {points} (line {line})"),
        Action::Deduct { account, points } => format!("{of} deduct {account} {points} (line {line})"),
        Action::Grant { reward, count } => format!("{of} grant {reward} {count} (line {line})"),
        Action::Set { attribute, value } => format!("{of} set {attribute} {value} (line {line})"),
        Action::Note(text) => format!("{of} note {text} (line {line})"),
    }
}

const AWARD: u32 = 0;
const DEDUCT: u32 = 1;
const SET: u32 = 3;
const NOTE: u32 = 4;
const MISSING: u32 = 0;
const EXACT: u32 = 2;
const TEXT: u32 = 3;

/// Where the names of effects are.
const NAMES: u32 = OWN + 512;
const EFFECTS: u32 = OWN + 1024;

/// An effect in memory: 14 words, the action's payload in the middle.
fn an_effect(of: u32, action: u32, payload: &[u32], file: u32, line: u32) -> Vec<u32> {
    let mut all = vec![of, 0, action, 0];
    all.extend(payload);
    all.resize(12, 0);
    all.extend([file, line]);
    all
}

/// A module that books these effects; names are given as (place in "learninggoldstreak\xff", length).
fn books(effects: &[Vec<u32>]) -> Vec<u8> {
    let decision = words(&[0, EFFECTS, effects.len() as u32]);
    let data = [stored(OWN, &decision), stored(NAMES, b"learninggoldstreak\xff"), stored(EFFECTS, &words(&effects.concat()))];
    module_with(&[HONEST], &answers(), &data.concat())
}

const LEARNING: [u32; 2] = [NAMES, 8];
const GOLD: [u32; 2] = [NAMES + 8, 4];
const STREAK: [u32; 2] = [NAMES + 12, 6];
const NO_TEXT: [u32; 2] = [NAMES + 18, 1];

fn award(name: [u32; 2], count: i64) -> Vec<u32> {
    an_effect(0, AWARD, &[name[0], name[1], count as u32, (count >> 32) as u32], 0, 7)
}

fn set(name: [u32; 2], kind: u32, value: [u32; 3]) -> Vec<u32> {
    an_effect(0, SET, &[name[0], name[1], kind, 0, value[0], value[1], value[2]], 0, 7)
}

/// A module that answers with these words.
fn says(decision: &[u32]) -> Vec<u8> {
    module_with(&[HONEST], &answers(), &[stored(OWN, &words(decision)), stored(NAMES, b"\xffno")].concat())
}

#[test]
fn what_honest_effects_become() {
    for (effects, verdict) in [
        (vec![], ""),
        (vec![award(LEARNING, 20)], "0 award 0 20 (line 7)"),
        (vec![award(LEARNING, 0), award(LEARNING, i64::MAX)], "0 award 0 0 (line 7), 0 award 0 9223372036854775807 (line 7)"),
        (vec![set(STREAK, 1, [3, 0, 0])], "0 set 0 3 (line 7)"),
        (vec![an_effect(0, NOTE, &LEARNING, 0, 0)], "0 note learning (line 0)"),
    ] {
        assert_eq!(decided(&books(&effects), runtime()), verdict);
    }
    assert_eq!(decided(&says(&[1, NAMES + 1, 2, 0, 9]), runtime()), "refused at rules.wat:9: no");
    assert_eq!(decided(&says(&[2, NAMES + 1, 2, 0, 9]), runtime()), "failed at rules.wat:9: no");
}

#[test]
fn modules_that_take_too_much_are_stopped() {
    let rows: &[(&str, &str, &str, &str)] = &[
        ("an endless loop", "(loop (br 0)) (unreachable)", "", "failed Operations: the rule used up its 1000000 units of fuel"),
        (
            "wiping memory without end",
            "(loop (memory.fill (i32.const 0) (i32.const 0) (i32.const 131072)) (br 0)) (unreachable)",
            "",
            "failed Operations: the rule used up its 1000000 units of fuel",
        ),
        (
            "endless recursion",
            "(call $deep)",
            "(func $deep (result i32) (i32.add (call $deep) (i32.const 1)))",
            "failed CallDepth: the rule calls itself too deeply",
        ),
        (
            "memory without end",
            "(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (unreachable)",
            "",
            "failed Memory: the module asked for 1114112 bytes of memory, the limit is 1048576",
        ),
        (
            "a table without end",
            "(loop (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 4000)) (i32.const -1)))) (unreachable)",
            "(table $t 1 funcref)",
            "failed Memory: the module asked for 12001 elements of a table, the limit is 10000",
        ),
        ("a panic", "(unreachable)", "", "failed: the module stopped: wasm trap: wasm `unreachable` instruction executed"),
        (
            "a division by zero",
            "(i32.div_u (i32.const 1) (i32.const 0))",
            "",
            "failed: the module stopped: wasm trap: integer divide by zero",
        ),
        (
            "reading beyond its memory",
            "(i32.load (i32.const 0x7fffffff))",
            "",
            "failed: the module stopped: wasm trap: out of bounds memory access",
        ),
        ("an answer nowhere", "(i32.const -8)", "", "failed: the module's answer is garbage: pointer out of bounds of memory"),
        ("an answer askew", "(i32.const 3)", "", "failed: the module's answer is garbage: return pointer not aligned"),
    ];
    for (name, decide, more, verdict) in rows {
        assert_eq!(decided(&module_with(&[HONEST], decide, more), runtime()), *verdict, "{name}");
    }
}

#[test]
fn answers_that_lie_fail_with_what_is_wrong() {
    let flood = vec![award(LEARNING, 1); 65];
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("no such decision", says(&[9]), "failed: the module's answer is garbage: unexpected discriminant: 9"),
        ("a huge reason", says(&[1, 50_000, 60_000, 0, 1]), "failed TextSize at rules.wat:1: a text of 60000 bytes, the most is 4096"),
        (
            "a reason beyond memory",
            says(&[1, 0, 0x7fff_ffff, 0, 1]),
            "failed: the module's answer is garbage: string pointer/length out of bounds of memory",
        ),
        (
            "a reason in no alphabet",
            says(&[1, NAMES, 3, 0, 4]),
            "failed: the module's answer is garbage: invalid utf-8 sequence of 1 bytes from index 0",
        ),
        ("a source file that it does not have", says(&[1, NAMES + 1, 2, 3, 1]), "failed: the answer names source file 3, of 1"),
        (
            "effects beyond memory",
            says(&[0, 0, 0x00ff_ffff]),
            "failed: the module's answer is garbage: list pointer/length out of bounds of memory",
        ),
        ("effects askew", says(&[0, 3, 1]), "failed: the module's answer is garbage: list pointer is not aligned"),
        ("too many effects", books(&flood), "failed Effects: the rule asked for 65 effects, the most is 64"),
        (
            "a name that it did not declare",
            books(&[award(GOLD, 1)]),
            "failed at rules.wat:7: award(\"gold\"): the module's description does not list it in `writes`",
        ),
        (
            "a name in no alphabet",
            books(&[award(NO_TEXT, 1)]),
            "failed: the module's answer is garbage: invalid utf-8 sequence of 1 bytes from index 0",
        ),
        (
            "a name declared for another effect",
            books(&[an_effect(0, DEDUCT, &LEARNING, 0, 7)]),
            "failed at rules.wat:7: deduct(\"learning\"): the module's description does not list it in `writes`",
        ),
        (
            "less than nothing",
            books(&[award(LEARNING, -5)]),
            "failed at rules.wat:7: award(\"learning\", -5): the number must not be negative",
        ),
        (
            "for a member that is not there",
            books(&[an_effect(7, NOTE, &LEARNING, 0, 7)]),
            "failed at rules.wat:7: the effect is for member 7, of 2",
        ),
        (
            "for a role that nobody fills",
            books(&[an_effect(1, NOTE, &LEARNING, 0, 7)]),
            "failed at rules.wat:7: the effect is for a role that nobody fills",
        ),
        (
            "no such effect",
            books(&[an_effect(0, 77, &LEARNING, 0, 7)]),
            "failed: the module's answer is garbage: unexpected discriminant: 77",
        ),
        (
            "text for a number",
            books(&[set(STREAK, TEXT, [GOLD[0], GOLD[1], 0])]),
            "failed at rules.wat:7: set(\"streak\", gold): the attribute is int",
        ),
        (
            "nothing for a number",
            books(&[set(STREAK, MISSING, [0; 3])]),
            "failed at rules.wat:7: set(\"streak\", (missing)): the attribute is int",
        ),
        (
            "a decimal with 200 places",
            books(&[set(STREAK, EXACT, [1, 0, 200])]),
            "failed at rules.wat:7: a decimal with 200 places, the most is 18",
        ),
    ];
    for (name, bytes, verdict) in rows {
        assert_eq!(decided(&bytes, runtime()), verdict, "{name}");
    }
}

/// 64 notes that are all the same kilobytes: more than is ever copied, though each of them lies in memory.
#[test]
fn an_answer_that_would_grow_on_the_host_is_not_copied() {
    let notes = vec![an_effect(0, NOTE, &[40_000, 80_000], 0, 7); 64];
    assert_eq!(decided(&books(&notes), runtime()), "failed Memory: the module's answer is larger than 540672 bytes");
    let many = says(&[0, 50_000, 1000]);
    assert_eq!(decided(&many, runtime()), "failed Effects: the rule asked for 1000 effects, the most is 64");
}

/// What one decision leaves in memory, grown memory included, no other decision finds, and none reads beyond its own.
#[test]
fn an_instance_keeps_nothing_for_the_next() {
    let members = [Some(MemberId::new("bob"))];
    let ask = |module: &dyn RuleModule| written(&module.decide(0, &question(&members, &[], &[], None)));
    // A page is wiped by hand, eight are given back to the system.
    for (pages, beyond) in [(1, 131_080), (8, 540_680)] {
        let untouched = format!("(if (i32.or (i32.load (i32.const {OWN})) (i32.load (i32.const {beyond}))) (then (unreachable)))");
        let dirty = format!("(i32.store (i32.const {OWN}) (i32.const 7)) (i32.store (i32.const {beyond}) (i32.const 7))");
        let nothing = format!("(i32.const {})", OWN + 4);
        let grows = format!("(drop (memory.grow (i32.const {pages}))) {untouched} {dirty} {nothing}");
        let grows = loaded(&module(&[HONEST], &grows), runtime()).module;
        let reads = format!("(drop (i32.load (i32.const {beyond}))) {nothing}");
        let reads = loaded(&module(&[HONEST], &reads), runtime()).module;
        for _ in 0..200 {
            assert_eq!(ask(&*grows), "", "{pages} pages");
            assert_eq!(ask(&*reads), "failed: the module stopped: wasm trap: out of bounds memory access", "{pages} pages");
        }
    }
}

#[test]
fn the_wall_clock_stops_what_fuel_does_not() {
    let limits = Limits { fuel: u64::MAX / 4, deadline_ms: 50, ..Limits::default() };
    let runtime = Runtime { limits, ..Runtime::default() };
    let module = loaded(&module(&[HONEST], "(loop (br 0)) (unreachable)"), &runtime).module;
    let done = AtomicBool::new(false);
    let members = [Some(MemberId::new("bob"))];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(crate::language::wasm::TICK_MS));
                runtime.wasm.tick();
            }
        });
        // Nothing else would end this loop.
        let verdict = module.decide(0, &question(&members, &[], &[], None));
        done.store(true, Ordering::Relaxed);
        assert_eq!(written(&verdict), "failed Deadline: the rule took longer than 50 ms");
    });
}

/// What is refused before the first event, with the text that the author reads.
#[test]
fn modules_that_are_none_of_ours_are_refused_by_name() {
    let other_world =
        "(component (core module $m) (core instance $i (instantiate $m)) (instance $e) (export \"some:other/thing\" (instance $e)))";
    let component = |text: &str| assemble(text);
    let wat = |version| text(&[HONEST], version, "(unreachable)", "");
    let help = "build it against sdk/wit/campaign.wit, or with guerdon-sdk";
    let rows: Vec<(&str, Vec<u8>, String)> = vec![
        (
            "no wasm",
            b"fn on_account_opened(event) {}".to_vec(),
            "this is no wasm module: magic header not detected at byte 0 (upload the .wasm file that the compiler wrote, unchanged)".into(),
        ),
        (
            "cut off",
            module(&[HONEST], "(unreachable)")[..200].to_vec(),
            "this is no wasm module: unexpected end-of-file at byte 200 (upload the .wasm file that the compiler wrote, unchanged)".into(),
        ),
        (
            "a core module that prints",
            assemble("(module (import \"env\" \"puts\" (func (param i32))) (import \"env\" \"sleep\" (func)))"),
            "the module imports `env#puts` and 1 more; rules import nothing: no clock, no files, no randomness, no printing (ask for what it needs in `reads` of its description)".into(),
        ),
        (
            "a component that prints",
            component("(component (import \"wasi:cli/stdout@0.2.0\" (instance)))"),
            "the module imports `wasi:cli/stdout@0.2.0`; rules import nothing: no clock, no files, no randomness, no printing (build for wasm32-unknown-unknown; with JavaScript or Python pass --stub-wasi)".into(),
        ),
        ("a core module with nothing in it", assemble("(module)"), format!("the module exports nothing; it should export `guerdon:campaign/rules@1.0.0` ({help})")),
        ("another world", component(other_world), format!("the module exports `some:other/thing`, but not `guerdon:campaign/rules@1.0.0` ({help})")),
        ("a core module for 2.0", assemble(&wat("2.0.0")), format!("the module was built for `guerdon:campaign/rules@2.0.0`; this host serves 1.x ({help})")),
        ("a component for 2.0", with_world("2.0.0"), format!("the module was built for `guerdon:campaign/rules@2.0.0`; this host serves 1.x ({help})")),
        (
            "the interface without its functions",
            component("(component (instance $e) (export \"guerdon:campaign/rules@1.0.0\" (instance $e)))"),
            "the module cannot be used: guerdon:campaign/rules@1.0.0 has no function `describe` (build it against sdk/wit/campaign.wit)".into(),
        ),
        (
            "more memory than the limit",
            assemble(&wat("1.0.0").replace("(memory (export \"memory\") 2)", "(memory (export \"memory\") 17)")),
            "the module cannot describe itself: the module asked for 1114112 bytes of memory, the limit is 1048576 (`describe` must answer at once, and depend on nothing)".into(),
        ),
    ];
    for (name, bytes, text) in rows {
        let found = findings(&bytes, runtime());
        assert_eq!(found, [format!("error: rules.wasm: {text}")], "{name}");
    }
}

/// A core module whose world has this version.
fn with_world(version: &str) -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("campaign.wit", &WIT.replace("1.0.0", version)).unwrap();
    let world = resolve.select_world(&[package], Some("campaign")).unwrap();
    let body = [stored(OWN, &words(&[1, OWN + 100, 2, 0, 9])), stored(OWN + 100, b"no")].concat();
    let mut module = assemble(&text(&[HONEST], version, &answers(), &body));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}

#[test]
fn a_later_minor_version_loads_and_decides() {
    assert_eq!(decided(&with_world("1.1.0"), runtime()), "refused at rules.wat:9: no");
}

#[test]
fn modules_that_cannot_describe_themselves() {
    let describe = |body: &str| {
        text(&[HONEST], "1.0.0", "(unreachable)", "").replace("(result i32) (i32.const 1", &format!("(result i32) {body} (i32.const 1"))
    };
    let many = "(i32.store (i32.const 16384) (i32.const 50000)) (i32.store (i32.const 16388) (i32.const 1001)) (return (i32.const 16384))";
    let help = "(`describe` must answer at once, and depend on nothing)";
    for (name, bytes, reason) in [
        ("loops", assemble(&describe("(loop (br 0))")), "the rule used up its 1000000 units of fuel"),
        ("traps", assemble(&describe("(unreachable)")), "the module stopped: wasm trap: wasm `unreachable` instruction executed"),
        ("lies", assemble(&describe("(return (i32.const -4))")), "the module's answer is garbage: pointer out of bounds of memory"),
        (
            "starts for ever",
            module_with(&[HONEST], "(unreachable)", "(func $f (loop (br 0))) (start $f)"),
            "the rule used up its 1000000 units of fuel",
        ),
        ("too many handlers", assemble(&describe(many)), "the description has 1001 handlers, the most is 1000"),
    ] {
        assert_eq!(
            findings(&bytes, runtime()),
            [format!("error: rules.wasm: the module cannot describe itself: {reason} {help}")],
            "{name}"
        );
    }
}

#[test]
fn descriptions_that_do_not_fit_the_campaign() {
    const LESSON: Said<'static> = HONEST;
    const OPENED: Said<'static> = Said { event: Some("account.opened"), ..HONEST };
    const CLOSE: Said<'static> = Said { event: None, ..HONEST };
    let rows: Vec<(Said<'_>, &str)> = vec![
        (
            Said { event: Some("lesson.finish"), ..LESSON },
            "the module answers the event \"lesson.finish\", which campaign.toml does not declare (did you mean \"lesson.finished\"?)",
        ),
        (
            Said { roles: &["inviter"], ..LESSON },
            "on_lesson_finished uses the role \"inviter\", which \"lesson.finished\" does not declare (\"lesson.finished\" declares no roles)",
        ),
        (
            Said { roles: &["inviters"], ..OPENED },
            "on_account_opened uses the role \"inviters\", which \"account.opened\" does not declare (did you mean \"inviter\"?)",
        ),
        (
            Said { reads: &[("event", "data point")], ..LESSON },
            "on_lesson_finished reads the data field \"point\", which \"lesson.finished\" does not declare (did you mean \"points\"?)",
        ),
        (
            Said { reads: &[("member", "data points")], ..LESSON },
            "on_lesson_finished reads the data field \"points\" of \"member\" (data belongs to \"event\")",
        ),
        (
            Said { reads: &[("event", "points learning day")], ..LESSON },
            "on_lesson_finished reads a fact of \"event\", which has only data (read it of \"member\" or of a role)",
        ),
        (
            Said { reads: &[("inviter", "referrals all")], ..OPENED },
            "on_account_opened reads a fact of \"inviter\", which is not among its roles (add \"inviter\" to its roles)",
        ),
        (
            Said { reads: &[("memer", "referrals all")], ..OPENED },
            "on_account_opened reads a fact of \"memer\", who is neither the member nor a role (did you mean \"member\"?)",
        ),
        (
            Said { reads: &[("member", "points lerning day")], ..LESSON },
            "on_lesson_finished names the account \"lerning\", which campaign.toml does not declare (did you mean \"learning\"?)",
        ),
        (
            Said { reads: &[("member", "points learning today")], ..LESSON },
            "on_lesson_finished reads \"points learning today\": there is no period \"today\" (did you mean \"day\"?)",
        ),
        (
            Said { reads: &[("member", "points learning")], ..LESSON },
            "on_lesson_finished reads \"points learning\" (write it as \"points ACCOUNT PERIOD\")",
        ),
        (
            Said { reads: &[("member", "granted jd-50 all")], ..LESSON },
            "on_lesson_finished names the reward \"jd-50\", which campaign.toml does not declare (did you mean \"jd-20\"?)",
        ),
        (
            Said { reads: &[("member", "events lesson.done all")], ..LESSON },
            "on_lesson_finished names the event \"lesson.done\", which campaign.toml does not declare (declared: account.opened, lesson.finished)",
        ),
        (
            Said { reads: &[("member", "attribute streaks")], ..LESSON },
            "on_lesson_finished names the attribute \"streaks\", which campaign.toml does not declare (did you mean \"streak\"?)",
        ),
        (
            Said { reads: &[("member", "rank learning")], ..LESSON },
            "on_lesson_finished reads \"rank learning\", but ranks are known only at a close (read it in the handler of the close, where the standing is final)",
        ),
        (
            Said { reads: &[("member", "weather today")], ..LESSON },
            "on_lesson_finished reads \"weather today\": this host knows no fact \"weather\" (declared: data, points, granted, events, referrals, attribute, rank)",
        ),
        (
            Said { reads: &[("member", "points learning day")], ..CLOSE },
            "on_cycle_close reads \"points learning day\", but a close has no day (read \"cycle\", which is the one that ends, or \"all\")",
        ),
        (
            Said { reads: &[("event", "data points")], ..CLOSE },
            "on_cycle_close reads the data field \"points\", but the close of a cycle has no data (read a fact of the member)",
        ),
        (
            Said { writes: &[("grant", "jd-20"), ("awards", "learning")], ..LESSON },
            "on_lesson_finished writes \"awards\", which is no effect (did you mean \"award\"?)",
        ),
        (
            Said { writes: &[("award", "learning")], ..LESSON },
            "no handler grants the reward \"jd-20\", and it has no price (add it to the writes of the handler that grants it, or give it a price in campaign.toml, or remove it there)",
        ),
    ];
    for (said, text) in rows {
        let found = findings(&module(&[said], "(unreachable)"), runtime());
        let errors: Vec<&String> = found.iter().filter(|finding| finding.starts_with("error")).collect();
        assert_eq!(errors.first().map(|e| e.as_str()), Some(&*format!("error: rules.wasm: {text}")), "{found:?}");
    }
    let twice = findings(&module(&[LESSON, LESSON], "(unreachable)"), runtime());
    assert_eq!(twice[0], "error: rules.wasm: two handlers answer on_lesson_finished (keep one of them)");
    let one = findings(&module(&[LESSON], "(unreachable)"), runtime());
    assert_eq!(
        one,
        [
            "warning: rules.wasm: no handler answers the event \"account.opened\": it is counted and does nothing else (add on_account_opened, or remove the event from campaign.toml)"
        ]
    );
}
