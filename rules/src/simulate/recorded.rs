//! Recorded events of the learning race, made anew from a seed: what the app, the account-opening system and the
//! course system could have sent in the first two weeks, with everything that real deliveries do wrong.
//!
//! Promises: the same seed gives the same lines; exactly [`OPENED`] friends of an inviter open an account for the first
//! time. Must not know: what the rules make of it.

use super::random::Random;
use jiff::Timestamp;
use jiff::tz::Offset;

/// Accounts opened by invited friends who were no customers before.
pub const OPENED: usize = 736;
/// Tuesday 2020-09-22 00:00 in Shanghai, and how long the recording is: two cycles.
pub const STARTS_MS: i64 = 1_600_704_000_000;
pub const DAYS: i64 = 14;

const MEMBERS: usize = 3000;
/// Invited, and customers already; invited, and never seen again.
const EXISTING: usize = 64;
const HESITANT: usize = 240;
/// Inviters who bring about 18 friends within one week, half of them in each, and one who brings far more.
const CHAMPIONS: usize = 28;
const CHAMPION_FRIENDS: usize = 18;
const STAR_FRIENDS: usize = 70;
const CASUAL: usize = 110;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
const WEEK_MS: i64 = 7 * DAY_MS;

/// NDJSON, one CloudEvent a line, in the order of delivery.
pub fn learning_race(seed: u64) -> Vec<String> {
    let mut recorder = Recorder { random: Random(seed), deliveries: Vec::new(), lessons: 0, reports: 0 };
    recorder.joins();
    recorder.invitations();
    recorder.lessons();
    recorder.broken();
    recorder.deliveries.sort_by_key(|(delivered_ms, _)| *delivered_ms);
    recorder.deliveries.into_iter().map(|(_, line)| line).collect()
}

struct Recorder {
    random: Random,
    /// When a line is delivered, and the line.
    deliveries: Vec<(i64, String)>,
    lessons: usize,
    reports: usize,
}

/// Members by the part that they play: the star, champions, casual inviters, then those whom they invite, then others.
fn member(index: usize) -> String {
    format!("u{:05}", index + 1)
}
const STAR: usize = 0;
const FIRST_CASUAL: usize = 1 + CHAMPIONS;
const FIRST_INVITED: usize = FIRST_CASUAL + CASUAL;
const INVITED: usize = OPENED + EXISTING + HESITANT;

impl Recorder {
    /// An instant of a week: lively from 8 to 24 o'clock.
    fn instant_in_week(&mut self, week: i64) -> i64 {
        let day = STARTS_MS + week * WEEK_MS + self.random.below(7) * DAY_MS;
        day + 8 * HOUR_MS + self.random.below(16 * HOUR_MS)
    }

    fn joins(&mut self) {
        for index in 0..MEMBERS {
            let at_ms = STARTS_MS + self.random.below(DAY_MS / 3);
            self.send(at_ms, "app", &format!("join-{index}"), "guerdon.member.joined", &format!(r#"{{"member":"{}"}}"#, member(index)));
        }
    }

    /// Who invited the n-th friend who opened an account, and in which week.
    fn inviter_of(&mut self, n: usize) -> (usize, i64) {
        let champions_friends = STAR_FRIENDS + CHAMPIONS * CHAMPION_FRIENDS;
        match n {
            _ if n < STAR_FRIENDS => (STAR, 0),
            _ if n < champions_friends => {
                let champion = (n - STAR_FRIENDS) / CHAMPION_FRIENDS;
                (1 + champion, (champion % 2) as i64)
            }
            _ => (FIRST_CASUAL + self.random.below(CASUAL as i64) as usize, self.random.below(2)),
        }
    }

    fn invitations(&mut self) {
        for n in 0..INVITED {
            let (inviter, week) = self.inviter_of(n);
            let invitee = member(FIRST_INVITED + n);
            let data = format!(r#"{{"invitee":"{invitee}","inviter":"{}"}}"#, member(inviter));
            let opened_ms = self.instant_in_week(week);
            let accepted_ms = (opened_ms - 10 * MINUTE_MS - self.random.below(20 * HOUR_MS)).max(STARTS_MS);
            self.send((accepted_ms - MINUTE_MS).max(STARTS_MS), "app", &format!("invite-{n}"), "guerdon.referral.invited", &data);
            self.accepted(n, opened_ms, accepted_ms, &data);
            match n {
                _ if n < OPENED => self.opened(n, &invitee, opened_ms),
                _ if n < OPENED + EXISTING => self.existing_customer(&invitee, opened_ms),
                _ => {}
            }
        }
    }

    /// One acceptance in 23 is delivered only after the account was opened.
    fn accepted(&mut self, n: usize, opened_ms: i64, accepted_ms: i64, data: &str) {
        let delivered_ms = if n % 23 == 5 { opened_ms + HOUR_MS } else { accepted_ms };
        self.deliver(delivered_ms, accepted_ms, "app", &format!("accept-{n}"), "guerdon.referral.accepted", data);
        if n % 61 == 7 {
            self.deliver(delivered_ms + MINUTE_MS, accepted_ms, "app", &format!("accept-{n}"), "guerdon.referral.accepted", data);
        }
    }

    fn opened(&mut self, n: usize, invitee: &str, at_ms: i64) {
        let id = self.report();
        let data = if n.is_multiple_of(3) {
            format!(r#"{{"invitee":"{invitee}","existing_customer":false}}"#)
        } else {
            format!(r#"{{"invitee":"{invitee}"}}"#)
        };
        // Some reports come hours late; those of a Monday evening after the week was settled.
        let late_ms = if n % 17 == 3 { 3 * HOUR_MS + self.random.below(8 * HOUR_MS) } else { self.random.below(MINUTE_MS) };
        if n % 41 == 11 {
            let broken = format!(r#"{{"invitee":"{invitee}","existing_customer":"no"}}"#);
            self.deliver(at_ms, at_ms, "crm", &id, "account.opened", &broken);
        }
        self.deliver(at_ms + late_ms, at_ms, "crm", &id, "account.opened", &data);
        // The job that ran twice: the same report again, within minutes.
        for again in 0..self.random.below(3) {
            self.deliver(at_ms + late_ms + (2 + 5 * again) * MINUTE_MS, at_ms, "crm", &id, "account.opened", &data);
        }
        // The other login channel reports the same person under an id of its own.
        if n % 9 == 4 {
            let other = self.report();
            let seen_ms = at_ms + 20 * MINUTE_MS;
            if seen_ms < STARTS_MS + DAYS * DAY_MS {
                self.deliver(seen_ms + late_ms, seen_ms, "crm-mobile", &other, "account.opened", &data);
            }
        }
    }

    fn existing_customer(&mut self, invitee: &str, at_ms: i64) {
        let id = self.report();
        self.send(at_ms, "crm", &id, "account.opened", &format!(r#"{{"invitee":"{invitee}","existing_customer":true}}"#));
    }

    /// Champions and the star study their daily hundred points, others now and then.
    fn lessons(&mut self) {
        for index in 0..MEMBERS {
            for day in 0..DAYS {
                if index < FIRST_CASUAL {
                    self.study(index, day, &[40, 40, 30]);
                } else if self.random.one_in(if index < FIRST_INVITED { 2 } else { 12 }) {
                    let points = [10, 20, 30, 60][self.random.below(4) as usize];
                    self.study(index, day, &[points]);
                }
            }
        }
    }

    fn study(&mut self, index: usize, day: i64, points: &[i64]) {
        for points in points {
            let at_ms = STARTS_MS + day * DAY_MS + 9 * HOUR_MS + self.random.below(15 * HOUR_MS);
            self.lessons += 1;
            let id = format!("lesson-{}", self.lessons);
            let data = format!(r#"{{"member":"{}","lesson":"L{day}-{}","points":{points}}}"#, member(index), self.lessons);
            let late_ms = if self.random.one_in(50) { self.random.below(6 * HOUR_MS) } else { 0 };
            self.deliver(at_ms + late_ms, at_ms, "course", &id, "lesson.finished", &data);
            if self.random.one_in(25) {
                self.deliver(at_ms + late_ms + MINUTE_MS, at_ms, "course", &id, "lesson.finished", &data);
            }
        }
    }

    /// What no contract allows: to be quarantined, never to be paid.
    fn broken(&mut self) {
        for n in 0..12 {
            let at_ms = self.instant_in_week(n % 2);
            let id = format!("broken-{n}");
            match n % 4 {
                0 => self.send(at_ms, "crm", &id, "account.opened", r#"{"existing_customer":false}"#),
                1 => self.send(at_ms, "crm", &id, "account.open", r#"{"invitee":"u02900"}"#),
                2 => self.send(at_ms, "course", &id, "lesson.finished", r#"{"member":"u00001","lesson":"L","points":"100"}"#),
                _ => self.send(at_ms, "crm", &id, "account.opened", r#"{"invitee":"u02901","existing":true}"#),
            }
        }
        // Nobody invited them: they wait until the campaign ends.
        for n in 0..8 {
            let at_ms = self.instant_in_week(0);
            let data = format!(r#"{{"invitee":"{}"}}"#, member(MEMBERS - 1 - n));
            self.send(at_ms, "crm", &format!("stranger-{n}"), "account.opened", &data);
        }
    }

    fn report(&mut self) -> String {
        self.reports += 1;
        format!("open-{}", self.reports)
    }

    /// Delivered as it happens.
    fn send(&mut self, at_ms: i64, source: &str, id: &str, kind: &str, data: &str) {
        self.deliver(at_ms, at_ms, source, id, kind, data);
    }

    fn deliver(&mut self, delivered_ms: i64, at_ms: i64, source: &str, id: &str, kind: &str, data: &str) {
        let time = time_text(at_ms);
        let line = format!(r#"{{"specversion":"1.0","source":"{source}","id":"{id}","type":"{kind}","time":"{time}","data":{data}}}"#);
        self.deliveries.push((delivered_ms, line));
    }
}

/// `2020-09-22T10:00:00.000+08:00`.
fn time_text(at_ms: i64) -> String {
    // The recording's own instants lie within the calendar.
    let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
    format!("{:.3}+08:00", Offset::constant(8).to_datetime(at))
}
