//! The learning race as a component: the same decisions as campaigns/learning-race-5x20/rules.rhai.

use guerdon_sdk::*;

const DAILY_CAP: i64 = 100;

rules! {
    "account.opened" => on_account_opened {
        roles: [inviter],
        reads: [event.data("existing_customer")],
        writes: [award("learning"), grant("jd-20")],
    }
    "lesson.finished" => on_lesson_finished {
        reads: [event.data("points"), member.points("learning.lesson", "day")],
        writes: [award("learning.lesson")],
    }
    close => on_cycle_close {
        reads: [member.points("learning", "cycle")],
        writes: [grant("jd-20")],
    }
}

// A friend who opens an account: 20 points and a 20-yuan card for the one who invited them.
fn on_account_opened(event: Event) -> Outcome {
    if event.data("existing_customer") == true {
        return refuse("existing customer");
    }
    let inviter = event.role("inviter");
    inviter.award("learning", 20);
    inviter.grant("jd-20", 1);
    Ok(())
}

// Studying: up to 100 points a day.
fn on_lesson_finished(event: Event) {
    let points = event.data("points").int();
    let left = DAILY_CAP - event.member.points("learning.lesson", "day");
    let earned = points.min(left);
    if earned < points {
        note(format!("daily cap: {earned} of {points} points"));
    }
    event.member.award("learning.lesson", earned);
}

// Tuesday 00:00: every full 1000 points earn five 20-yuan cards.
fn on_cycle_close(member: Member, _cycle: Cycle) {
    member.grant("jd-20", 5 * (member.points("learning", "cycle") / 1000));
}
