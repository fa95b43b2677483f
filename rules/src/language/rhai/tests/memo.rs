//! Answers that are known from before: whatever is asked, and in whatever order, they are those of an evaluation.

use super::super::memo::{Memo, Parts};
use super::{CYCLE, files, question, stumbles};
use crate::campaign::calendar::Moment;
use crate::effect::{Action, Effect, Failure, Place, Verdict};
use crate::language::{Question, RuleModule, Runtime};
use crate::value::{MemberId, Value};
use proptest::prelude::*;

/// Looks at everything that a question has, each at another place.
const CURIOUS: &str = r#"fn on_account_opened(event) {
    note(`${event.data.shares} ${event.roles.inviter.points("learning", "all")}`);
    if event.data.shares == 0 { note(`${event.data.amount}`); }
    if event.data.shares == 1 { note(`${event.data.level} of ${event.data.gift}`); }
    if event.data.shares == 2 { note(`${event.day}, a ${event.weekday}`); }
    if event.data.shares == 3 { note(`at ${event.hour}`); }
    if event.data.shares == 4 { note(event.id); }
    if event.data.shares == 5 { note(`${draw(1000)}`); }
    if event.data.shares == 6 { note(event.roles.inviter.id); }
    if event.data.shares == 7 { note(`${event.member == event.roles.inviter}`); }
    if event.data.shares == 8 { if missing(event.roles.branch) { event.member.grant("jd-20"); } }
    if event.data.shares == 9 { event.member.set("team", event.roles.inviter); }
    if event.data.shares == 10 { refuse(event.data.level); }
    if event.data.shares == 11 { event.member.award(event.data.level, 1); }
}

fn on_cycle_close(member, cycle) {
    if member.points("learning", "cycle") > 1 { note(`${cycle.number} ${cycle.first_day} ${cycle.last_day} ${cycle.is_last}`); }
}
"#;

fn curious(evaluates_always: bool) -> Box<dyn RuleModule> {
    let rules = files(&[("rules.rhai", CURIOUS)]);
    super::super::load(&stumbles(), &rules, &Runtime { evaluates_always, ..Runtime::default() }).unwrap_or_else(|f| panic!("{f:?}")).module
}

/// A question of few values, so that most are asked more than once.
#[derive(Clone, Debug)]
struct Asked {
    shares: i64,
    level: usize,
    amount: usize,
    points: i64,
    branch: bool,
    who: u64,
    /// Each on its own, as no calendar has them: that one is read must not hide that another is not noted.
    moment: (i32, u8, u8),
    cycle: i32,
}

fn asked() -> impl Strategy<Value = Asked> {
    (0..12_i64, 0..3_usize, 0..3_usize, 0..3_i64, any::<bool>(), 0..3_u64, (0..2_i32, 1..3_u8, 0..2_u8), 1..3_i32).prop_map(
        |(shares, level, amount, points, branch, who, moment, cycle)| Asked { shares, level, amount, points, branch, who, moment, cycle },
    )
}

impl Asked {
    fn event(&self, module: &dyn RuleModule) -> Verdict {
        let team = MemberId::of_kind("team", &format!("inviter-{}", self.who));
        let members = [Some(MemberId::new("invitee")), Some(team), self.branch.then(|| MemberId::of_kind("branch", "b"))];
        let data = [
            // Equal, and written differently.
            Value::Decimal(["1.0", "1.00", "2"][self.amount].parse().unwrap()),
            Value::Missing,
            Value::Missing,
            if self.branch { Value::Int(7) } else { Value::Missing },
            Value::Text("invitee".into()),
            Value::Text(["learning", "learning.lesson", "nothing"][self.level].into()),
            Value::Int(self.shares),
        ];
        let handler = &module.handlers()[0];
        let facts: Vec<Value> = handler.reads.iter().map(|_| Value::Int(self.points)).collect();
        let id = format!("event-{}", self.who);
        let (day, weekday, hour) = self.moment;
        let moment = Moment { at_ms: 0, day, weekday, hour };
        module.decide(0, &Question { id: &id, moment, seed: self.who, ..question(&members[..=handler.roles.len()], &data, &facts) })
    }

    fn close(&self, module: &dyn RuleModule) -> Verdict {
        let cycle = crate::campaign::calendar::Cycle { number: self.cycle, is_last: self.branch, ..CYCLE };
        let facts = [Value::Int(self.points)];
        module.decide(1, &Question { cycle: Some(&cycle), ..question(&[Some(MemberId::new("m"))], &[], &facts) })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_known_is_what_is_evaluated(all in prop::collection::vec(asked(), 1..200)) {
        let (known, evaluated) = (curious(false), curious(true));
        for asked in &all {
            prop_assert_eq!(asked.event(&*known), asked.event(&*evaluated), "{:?}", asked);
            prop_assert_eq!(asked.close(&*known), asked.close(&*evaluated), "{:?}", asked);
        }
    }
}

fn booked() -> Verdict {
    Verdict::Booked(Vec::new())
}

#[test]
fn an_answer_is_found_by_what_was_read() {
    let asked = |first: i64, second: i64| [Value::Int(first), Value::Int(second)];
    // (what the evaluation of 1, 2 has read, what is asked then, whether that is known)
    for (read, (first, second), known) in [
        (Parts::default(), (3, 4), true),
        (Parts::field(0), (1, 4), true),
        (Parts::field(0), (3, 2), false),
        (Parts::field(1), (3, 2), true),
        (Parts::OWN, (1, 2), false),
        (Parts::field(1000), (1, 2), false),
    ] {
        let memo = Memo::default();
        memo.remember(&question(&[], &asked(1, 2), &[]), read, &booked());
        assert_eq!(memo.recall(&question(&[], &asked(first, second), &[])).is_some(), known, "{read:?} {first} {second}");
    }
}

#[test]
fn what_failed_or_is_large_is_not_kept() {
    let place = Place { file: "rules.rhai".into(), line: 1 };
    let note = |text: &str| Effect { of: 0, action: Action::Note(text.into()), place: place.clone() };
    let refused = |reason: &str| Verdict::Refused { reason: reason.into(), place: None };
    let short = [Value::Text("x".into())];
    let long = [Value::Text("x".repeat(300).into())];
    for (facts, verdict, is_kept) in [
        (&short, booked(), true),
        (&short, Verdict::Failed(Failure::new("no", None)), false),
        (&short, Verdict::Booked(vec![note("x")]), true),
        (&short, Verdict::Booked(vec![note("x"); 9]), false),
        (&short, Verdict::Booked(vec![note(&"x".repeat(200)); 2]), false),
        (&short, refused("x"), true),
        (&short, refused(&"x".repeat(300)), false),
        (&long, booked(), false),
    ] {
        let memo = Memo::default();
        memo.remember(&question(&[], &[], facts), Parts::default(), &verdict);
        assert_eq!(memo.recall(&question(&[], &[], facts)), is_kept.then_some(verdict));
    }
}

/// 10,000 questions, each asked this often.
fn known_after(times: usize) -> usize {
    let memo = Memo::default();
    for n in 0..10_000 {
        let facts = [Value::Int(n)];
        for _ in 0..times {
            if memo.recall(&question(&[], &[], &facts)).is_none() {
                memo.remember(&question(&[], &[], &facts), Parts::default(), &booked());
            }
        }
    }
    (0..10_000).filter(|n| memo.recall(&question(&[], &[], &[Value::Int(*n)])).is_some()).count()
}

#[test]
fn few_are_kept_and_none_where_none_is_found_again() {
    assert_eq!(known_after(1), 0);
    assert_eq!(known_after(2), 10_000 - 2 * 4096);
}
