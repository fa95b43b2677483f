//! The state machine as tables: one line for each attempt, ending in what became of it. See `support/table.rs` for the
//! form, `support/odds.toml` and `odds.rhai` for the campaign.

mod support;
use support::table::{RULES, play, rules_that_close, world, world_of, world_that_closes};

#[test]
fn what_becomes_of_an_event() {
    play(
        &mut world(""),
        "
        stock card 9
        22 09:00 r1 accept invitee=bob inviter=alice  -> booked
        # booked claims source and id, and the business key
        22 10:00 a1 opened invitee=bob                -> booked
        22 10:00 a1 opened invitee=bob                -> again booked
        22 10:01 a1 opened invitee=bob                -> conflict: another body
        22 10:02 a2 opened invitee=bob                -> duplicate: once per member; the first is test a1
        22 10:02 a2 opened invitee=bob                -> again duplicate
        = alice learning 20
        = alice card issued 1
        # refused claims source and id, its business key stays free
        22 10:03 r2 accept invitee=carl inviter=alice -> booked
        22 10:04 b1 opened invitee=carl old=true      -> refused: an old customer
        22 10:04 b1 opened invitee=carl old=true      -> again refused: an old customer
        22 10:04 b1 opened invitee=carl               -> conflict
        22 10:05 b2 opened invitee=carl               -> booked
        = alice learning 40
        # failed is decided again
        22 11:00 c1 coin m=bob n=13                   -> failed
        22 11:00 c1 coin m=bob n=13                   -> again failed
        22 11:00 c1 coin m=bob n=12                   -> conflict
        = bob coins 0
        # quarantined: a corrected body replaces it
        22 12:00 d1 coin m=bob n=two                  -> quarantined: field n should be int
        22 12:00 d1 coin m=bob n=two                  -> again quarantined
        22 12:00 d1 coin m=bob n=2                    -> booked
        22 12:00 d1 coin m=bob n=3                    -> conflict
        22 12:01 d2 coinn m=bob n=2                   -> quarantined: unknown event type \"coinn\" (did you mean \"coin\"?)
        21 12:00 d3 coin m=bob n=2                    -> quarantined: outside the campaign
        22 12:02 d4 named friend=bob                  -> quarantined: subject is missing
        22 12:03 d5 named subject=bob                 -> quarantined: field friend is missing
        = bob coins 2
    ",
    );
}

#[test]
fn referrals_never_change() {
    play(
        &mut world(""),
        "
        22 09:00 1 invite invitee=bob inviter=alice   -> booked
        22 09:00 2 invite invitee=bob inviter=alice   -> duplicate
        22 09:00 3 invite invitee=alice inviter=alice -> refused: alice cannot invite themselves
        22 09:01 4 accept invitee=alice inviter=alice -> refused: alice cannot invite themselves
        22 09:01 5 accept invitee=bob inviter=alice   -> booked
        22 09:02 6 accept invitee=bob inviter=carol   -> duplicate
        22 09:03 7 accept invitee=alice inviter=bob   -> refused: two members cannot invite each other
        22 09:03 8 invite invitee=bob inviter=carol   -> refused: bob was invited by somebody already
        22 09:04 9 accept invitee=carol inviter=bob   -> booked
        22 09:04 0 join member=bob                    -> booked
        22 09:05 x join member=bob                    -> duplicate
    ",
    );
}

#[test]
fn what_waits_is_decided_when_the_role_is_filled_or_the_wait_ends() {
    play(
        &mut world(""),
        "
        22 10:00 a1 opened invitee=bob                -> waiting: nobody is member.referral
        22 10:00 a1 opened invitee=bob                -> again waiting
        22 10:00 a2 opened invitee=bob                -> waiting
        22 10:00 a3 quick invitee=bob                 -> waiting
        22 10:30 r1 accept invitee=bob inviter=alice  -> booked
        = alice learning 21
        22 10:00 a1 opened invitee=bob                -> again booked
        22 10:00 a2 opened invitee=bob                -> again duplicate: the first is test a1
        # its own time decides, so it counts in the first week though it was decided in the second
        22 11:00 b1 opened invitee=dan                -> waiting
        30 11:00 r2 accept invitee=dan inviter=erin   -> booked
        = erin learning cycle 1 20
        = erin learning cycle 2 0
        # a wait of one hour
        30 12:00 c1 quick invitee=fay                 -> waiting
        30 13:00 r3 accept invitee=fay inviter=erin   -> booked
        30 12:00 c1 quick invitee=fay                 -> again refused: the wait is over
        = erin learning 20
        # until the campaign ends
        30 14:00 d1 opened invitee=gus                -> waiting
        settle 50 02:00                               -> closed 1, closed 2, closed 3, closed 4
        30 14:00 d1 opened invitee=gus                -> again refused: the wait is over
    ",
    );
}

#[test]
fn what_waits_for_an_attribute_is_decided_when_it_is_set() {
    play(
        &mut world(""),
        "
        22 10:00 a1 teamwork m=bob                    -> waiting: nobody is member.team
        22 10:00 a2 teamwork m=bob                    -> waiting
        22 10:01 a3 daily m=bob                       -> booked
        22 10:02 a4 enlist m=bob team=red             -> booked
        = team:red learning 10
        = red learning 0
        = bob team red
        = bob streak 1
        22 10:00 a1 teamwork m=bob                    -> again booked
        22 10:03 a5 enlist m=bob team=blue            -> booked
        22 10:04 a6 teamwork m=bob                    -> booked
        = team:blue learning 5
    ",
    );
}

#[test]
fn attributes_facts_and_keys_by_day() {
    play(
        &mut world(""),
        "
        22 00:00 a1 daily m=bob                       -> booked
        22 23:59 a2 daily m=bob                       -> duplicate: once per member, day
        23 00:00 a3 daily m=bob                       -> booked
        = bob streak 2
        # the second in the week: a rule sees the books as they were before its own event, streak and all
        = bob coins 1
        24 00:00 a4 daily m=bob                       -> booked
        = bob coins 1
    ",
    );
}

#[test]
fn nothing_goes_below_zero_or_beyond_64_bits() {
    play(
        &mut world(""),
        "
        22 10:00 a1 coin m=bob n=10                   -> booked
        22 10:00 a2 spend m=bob n=11                  -> failed: account \"coins\" of bob holds 10: 11 cannot be taken
        22 10:00 a3 spend m=bob n=10                  -> booked
        = bob coins 0
        22 10:01 a2 spend m=bob n=11                  -> conflict
        22 10:02 a4 coin m=bob n=9223372036854775707  -> booked
        22 10:02 a5 coin m=bob n=100                  -> failed: a sum does not fit into 64 bits
        22 10:03 a6 coin m=eve n=9223372036854775707  -> failed: a sum does not fit into 64 bits
        = bob coins 9223372036854775707
        = eve coins 0
        22 10:04 a7 gift m=bob n=1001                 -> failed: at most 1000 in one decision
        22 10:04 a8 coin m=bob n=0                    -> booked
        22 10:04 a9 coin m=bob n=-1                   -> failed: negative
    ",
    );
}

#[test]
fn redeeming_takes_the_price_or_nothing() {
    play(
        &mut world("[limits.rewards.badge]\nper_member = 1"),
        "
        22 10:00 a1 redeem member=bob reward=badge    -> refused: not enough coins: badge costs 100, there are 0
        22 10:00 a2 coin m=bob n=250                  -> booked
        22 10:00 a1 redeem member=bob reward=badge    -> again refused
        22 10:01 a3 redeem member=bob reward=badge    -> booked
        22 10:01 a3 redeem member=bob reward=badge    -> again booked
        = bob coins 150
        = bob badge issued 1
        22 10:02 a4 redeem member=bob reward=badge    -> refused: the limit per_member is reached
        = bob coins 150
        22 10:03 a5 redeem member=bob reward=card     -> refused: \"card\" has no price
        22 10:03 a6 redeem member=bob reward=medal    -> refused: there is no reward \"medal\"
    ",
    );
}

/// Limits clip and never fail an event. One story for all of them; what each leaves of it.
#[test]
fn limits_of_every_kind() {
    let story = "
        22 10:00 a1 gift m=bob n=3    -> booked
        22 11:00 a2 gift m=bob n=3    -> booked
        22 12:00 a3 gift m=eve n=3    -> booked
        23 00:00 a4 gift m=bob n=3    -> booked
        29 00:00 a5 gift m=bob n=3    -> booked
    ";
    for (limit, bob, eve) in [
        ("per_member = 4", 4, 3),
        ("per_member_per_cycle = 4", 7, 3),
        ("per_member_per_day = 4", 10, 3),
        ("per_cycle = 7", 9, 1),
        ("per_day = 7", 12, 1),
        ("total = 7", 6, 1),
        ("total = 100", 12, 3),
    ] {
        let mut world = world(&format!("[limits.rewards.card]\n{limit}"));
        play(&mut world, &format!("{story}\n= bob card owed {bob}\n= eve card owed {eve}"));
    }
    for (limit, bob, coins) in
        [("learning]\nper_member = 5", 5, 6), ("\"learning.lesson\"]\nper_member_per_day = 4", 4, 6), ("coins]\ntotal = 4", 6, 4)]
    {
        let mut world = world(&format!("[limits.accounts.{limit}"));
        play(
            &mut world,
            &format!(
                "22 10:00 a1 coin m=bob n=3 -> booked\n22 10:00 a2 coin m=bob n=3 -> booked\n= bob learning {bob}\n= bob coins {coins}"
            ),
        );
    }
}

#[test]
fn a_budget_owes_or_refuses() {
    play(
        &mut world("[limits]\nbudget = \"50.00 CNY\"\non_budget = \"owe\""),
        "
        stock card 9
        22 10:00 a1 gift m=bob n=3    -> booked
        = bob card issued 2
        = bob card owed 1
        # points at their worth count too: 10 yuan are left
        22 10:01 a2 cashed m=bob n=1500 -> booked
        = bob cash 1000
        # what is over the budget does not queue for stock
        = pool card 7 0
        stock card 1
        = bob card issued 2
    ",
    );
    play(
        &mut world("[limits]\nbudget = \"50.00 CNY\"\non_budget = \"refuse\""),
        "
        stock card 9
        22 10:00 a1 gift m=bob n=3    -> booked
        = bob card issued 2
        = bob card owed 0
    ",
    );
}

#[test]
fn stock_is_taken_by_state_oldest_first() {
    play(
        &mut world(""),
        "
        22 10:00 a1 gift m=bob n=2    -> booked
        22 10:00 a2 gift m=eve n=1    -> booked
        = pool card 0 3
        stock card 1
        = bob card issued 1
        22 10:01 a3 gift m=fay n=1    -> booked
        # while a pool owes, new grants queue behind
        = pool card 0 3
        stock card 5
        = bob card issued 2
        = eve card issued 1
        = fay card issued 1
        = pool card 2 0
    ",
    );
}

#[test]
fn a_closed_switch_owes_until_it_opens() {
    play(
        &mut world(""),
        "
        stock card 2
        close issue
        22 10:00 a1 gift m=bob n=3    -> booked
        = bob card owed 3
        = pool card 2 0
        open issue
        = bob card issued 2
        = bob card owed 1
        = pool card 0 1
    ",
    );
}

#[test]
fn a_breached_invariant_fails_the_event_and_may_close_the_issue() {
    let rule = |breach: &str| format!("[[invariants]]\nname = \"few\"\nholds = \"granted(\\\"card\\\") <= 2\"\non_breach = \"{breach}\"");
    play(
        &mut world(&rule("close issue")),
        "
        stock card 9
        22 10:00 a1 gift m=bob n=2    -> booked
        22 10:00 a2 gift m=bob n=1    -> failed: invariant \"few\" would not hold
        = bob card issued 2
        = switch issue closed
        22 10:01 a3 coin m=bob n=1    -> booked
    ",
    );
    play(
        &mut world(&rule("fail")),
        "
        22 10:00 a1 gift m=bob n=3    -> failed: invariant \"few\" would not hold
        = switch issue open
        22 10:00 a2 gift m=bob n=2    -> booked
    ",
    );
}

fn invariant(holds: &str, more: &str) -> String {
    format!("[[invariants]]\nname = \"fair\"\nholds = '{holds}'\n{more}")
}

#[test]
fn an_invariant_may_be_about_each_member_and_day_and_cycle() {
    let each = invariant(r#"granted("card") <= 2 * referrals()"#, "per = [\"member\"]");
    play(
        &mut world(&each),
        "
        22 10:00 a1 accept invitee=bob inviter=ann -> booked
        22 10:01 a2 gift m=ann n=2    -> booked
        22 10:02 a3 gift m=ann n=1    -> failed: invariant \"fair\" would not hold for ann
        22 10:03 a4 gift m=bob n=1    -> failed: invariant \"fair\" would not hold for bob
        22 10:04 a5 accept invitee=cid inviter=bob -> booked
        22 10:03 a4 gift m=bob n=1    -> booked
        22 10:06 a6 opened invitee=bob -> failed: would not hold for ann: granted(\"card\") <= 2 * referrals() with 3 and 2
    ",
    );
    let day = invariant(r#"points("coins") <= 10 * events("coin")"#, "per = [\"member\", \"day\"]");
    play(
        &mut world(&day),
        "
        22 10:00 a1 coin m=ann n=10   -> booked
        22 23:59 a2 coin m=ann n=11   -> failed: would not hold for ann
        23 00:00 a3 coin m=ann n=11   -> failed: would not hold for ann
        23 00:00 a4 coin m=ann n=5    -> booked
        22 12:00 a5 coin m=ann n=10   -> booked
    ",
    );
    let cycle = invariant(r#"granted("card") <= 3"#, "per = [\"cycle\"]");
    play(
        &mut world(&cycle),
        "
        22 10:00 a1 gift m=ann n=2    -> booked
        22 10:00 a2 gift m=bob n=2    -> failed: would not hold: granted(\"card\") <= 3 with 4 and 3
        29 00:00 a3 gift m=bob n=3    -> booked
        28 23:59 a4 gift m=bob n=1    -> booked
    ",
    );
}

#[test]
fn an_acceptance_counts_among_the_referrals_of_its_own_commit() {
    let release = invariant("referrals() <= 1", "");
    play(
        &mut world(&release),
        "
        22 10:00 a1 accept invitee=bob inviter=ann -> booked
        22 10:01 a2 accept invitee=cid inviter=ann -> failed: referrals() <= 1 with 2 and 1
    ",
    );
}

/// The close grants a card for each 100 points; what it grants counts in the cycle that it closes.
#[test]
fn an_invariant_may_be_asked_at_the_close_only() {
    let holds = |holds: &str| invariant(holds, "per = [\"member\", \"cycle\"]\nat = \"close\"");
    play(
        &mut world(&holds(r#"points("learning") < 100 * granted("card") + 100"#)),
        "
        22 10:00 a1 coin m=ann n=99   -> booked
        23 10:00 a2 coin m=ann n=1    -> booked
        settle 29 02:00               -> closed 1
        = ann card owed 1
    ",
    );
    play(
        &mut world(&holds(r#"granted("card") == 0"#)),
        "
        22 10:00 a1 coin m=ann n=100  -> booked
        22 10:00 a2 coin m=bob n=99   -> booked
        settle 29 02:00               -> closed 1, failed ann: invariant \"fair\" would not hold for ann
        = ann card owed 0
    ",
    );
}

#[test]
fn a_close_books_into_the_next_cycle_once_and_a_correction_what_is_missing() {
    play(
        &mut world(""),
        "
        stock card 99
        22 10:00 a1 coin m=bob n=250  -> booked
        22 10:00 a2 coin m=eve n=190  -> booked
        settle 29 01:59               -> nothing
        settle 29 02:00               -> closed 1
        settle 29 02:00               -> nothing
        = bob card issued 2
        = eve card issued 1
        # the leader's seven coins go into the next week
        = bob coins cycle 1 250
        = bob coins cycle 2 7
        # late: eve overtakes bob, and gets what is missing
        28 20:00 a3 coin m=eve n=80   -> booked
        = eve coins cycle 1 270
        settle 29 03:00               -> corrected 1.2
        settle 29 03:00               -> nothing
        = eve card issued 2
        = eve coins cycle 2 7
        # what was too much is listed, not taken
        = bob coins cycle 2 7
        28 21:00 a4 coin m=eve n=30   -> booked
        settle 29 04:00               -> corrected 1.3
        = eve card issued 3
        = eve coins cycle 2 7
        settle 36 02:00               -> closed 2
        = eve card issued 3
    ",
    );
}

/// The second correction asks for what the close gave and the first correction no longer asked for.
#[test]
fn what_a_close_gave_is_not_given_again_by_a_second_correction() {
    play(
        &mut world(""),
        "
        stock card 99
        22 10:00 a1 coin m=bob n=150  -> booked
        22 11:00 a2 coin m=eve n=140  -> booked
        settle 29 02:00               -> closed 1
        = bob coins cycle 2 7
        28 20:00 a3 coin m=eve n=20   -> booked
        settle 29 03:00               -> corrected 1.2
        = eve coins cycle 2 7
        28 21:00 a4 coin m=bob n=20   -> booked
        settle 29 04:00               -> corrected 1.3
        = bob coins cycle 2 7
        = bob card issued 1
    ",
    );
}

#[test]
fn a_correction_takes_only_what_the_close_did_not_take() {
    play(
        &mut world_that_closes(r#"member.deduct("coins", member.points("coins", "cycle") / 10);"#),
        "
        22 10:00 a1 coin m=bob n=100  -> booked
        settle 29 02:00               -> closed 1
        = bob coins cycle 2 -10
        28 20:00 a2 coin m=bob n=5    -> booked
        settle 29 03:00               -> corrected 1.2
        = bob coins cycle 2 -10
        28 21:00 a3 coin m=bob n=15   -> booked
        settle 29 04:00               -> corrected 1.3
        = bob coins cycle 2 -12
    ",
    );
}

#[test]
fn an_award_into_a_closed_cycle_leaves_a_correction_due_there() {
    play(
        &mut world(""),
        "
        22 10:00 a1 coin m=bob n=50   -> booked
        settle 36 02:00               -> closed 1, closed 2
        = bob coins cycle 2 7
        28 10:00 a2 coin m=eve n=60   -> booked
        settle 36 03:00               -> corrected 1.2
        = eve coins cycle 2 7
        settle 36 04:00               -> corrected 2.2
        settle 36 05:00               -> nothing
    ",
    );
}

/// A close that looks at all time read what a late event for an earlier cycle has changed.
#[test]
fn a_late_event_corrects_every_later_close_that_looks_back() {
    play(
        &mut world_that_closes(r#"if member.points("coins", "all") >= 1000 { member.grant("card"); }"#),
        "
        stock card 9
        22 10:00 a1 coin m=bob n=500  -> booked
        29 10:00 a2 coin m=bob n=400  -> booked
        settle 36 02:00               -> closed 1, closed 2
        = bob card issued 0
        28 20:00 a3 coin m=bob n=100  -> booked
        settle 36 03:00               -> corrected 1.2, corrected 2.2
        = bob card issued 1
        settle 36 04:00               -> nothing
    ",
    );
}

#[test]
fn a_correction_sets_no_attribute_again() {
    play(
        &mut world_that_closes(r#"member.set("streak", member.get("streak") + 1);"#),
        "
        22 10:00 a1 coin m=bob n=1    -> booked
        29 10:00 a2 coin m=bob n=1    -> booked
        settle 36 02:00               -> closed 1, closed 2
        = bob streak 2
        28 20:00 a3 coin m=bob n=1    -> booked
        settle 36 03:00               -> corrected 1.2, corrected 2.2
        = bob streak 2
    ",
    );
}

/// From two members, the same reward to the same third one would be one grant.
#[test]
fn a_close_pays_only_its_own_member() {
    let rules = rules_that_close(r#"let team = cycle.roles.team; if missing(team) { return; } team.grant("card");"#);
    play(
        &mut world_of("[cycle.roles]\nteam = \"member.team?\"", &rules),
        "
        stock card 9
        22 09:00 a1 enlist m=ann team=red -> booked
        22 10:00 a2 coin m=ann n=1        -> booked
        22 10:00 a3 coin m=bob n=1        -> booked
        settle 29 02:00                   -> closed 1, failed ann: a close pays only the member that it is about
        = team:red card issued 0
    ",
    );
}

/// What is spent is a sum like the others: an evaluation that would overflow it leaves nothing behind.
#[test]
fn what_was_spent_stays_within_64_bits() {
    play(
        &mut world(""),
        "
        stock card 9
        22 10:00 a1 cashed m=bob n=9223372036854775000 -> booked
        22 10:01 a2 gift m=bob n=1                     -> failed: 64 bits
        = bob card issued 0
        = pool card 9 0
        22 10:02 a3 cashed m=eve n=1000                -> failed: 64 bits
        = eve cash 0
    ",
    );
}

#[test]
fn what_waits_is_set_free_by_an_event_whose_role_is_what_it_sets() {
    let moves = format!("{RULES}\nfn on_moved(event) {{ event.member.set(\"team\", event.data.team); }}");
    play(
        &mut world_of(
            "[events.moved]\nmember = \"data.m\"\nroles.before = \"member.team?\"\ndata = { m = \"member\", team = \"member team\" }",
            &moves,
        ),
        "
        22 10:00 a1 teamwork m=ann         -> waiting: nobody is member.team
        22 10:01 a2 moved m=ann team=red   -> booked
        22 10:00 a1 teamwork m=ann         -> again booked
        = team:red learning 5
    ",
    );
}

#[test]
fn what_a_rule_gives_with_a_redemption_may_be_cut_off() {
    let bonus = format!("{RULES}\nfn on_guerdon_reward_redeemed(event) {{ event.member.grant(\"card\"); }}");
    play(
        &mut world_of("[limits.rewards.card]\ntotal = 1", &bonus),
        "
        stock card 9
        22 10:00 a1 coin m=bob n=250             -> booked
        22 10:01 a2 redeem member=bob reward=badge -> booked
        22 10:02 a3 redeem member=bob reward=badge -> booked
        = bob badge issued 2
        = bob card issued 1
    ",
    );
}

/// A limit that lets three through is met by whoever asks for a million; without one that is a mistake of the rule.
#[test]
fn a_limit_comes_before_the_most_that_one_decision_may_grant() {
    let story = |outcome: &str, issued: &str| {
        format!(
            "
            stock card 9
            22 10:00 a1 gift m=bob n=1000000 -> {outcome}
            = bob card issued {issued}
            "
        )
    };
    play(&mut world("[limits.rewards.card]\nper_member = 3"), &story("booked", "3"));
    play(&mut world(""), &story("failed: at most 1000 in one decision", "0"));
}
