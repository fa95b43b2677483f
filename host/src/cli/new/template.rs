//! The templates: whole campaigns under `host/templates`, part of the binary. Each can be checked and tested where it lies;
//! [`Template::files`] gives it another id, other names and other weeks. Promises: dates move by whole weeks, so that
//! weekdays and cycles stay; nothing else changes.

use clap::ValueEnum;
use jiff::civil::{Date, Weekday, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

/// What to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// A card for whoever brings a friend who opens an account
    Invite,
    /// A star a day, a coffee for seven days in a row; stars buy a gift
    CheckInStreak,
    /// Points for each yuan, a coupon for every 300 of a week; refunds take back
    SpendAndEarn,
    /// A leaderboard with prizes every Monday
    Ranking,
    /// One spin a day, with three phones to win
    Draw,
}

/// The zone of every template.
pub const ZONE: &str = "Asia/Shanghai";
/// The first day of every template, a Monday, and how long each lasts.
const STARTS: Date = date(2026, 3, 2);
const WEEKS: i64 = 4;
/// How the dates of the templates begin.
const YEAR: &str = "2026-";

/// What a new campaign does not take from its template.
pub struct Filled<'a> {
    pub id: &'a str,
    pub zh: Option<&'a str>,
    pub en: &'a str,
    /// A Monday.
    pub starts: Date,
}

type Files = [(&'static str, &'static str); 4];

macro_rules! files {
    ($folder:literal) => {
        [
            ("campaign.toml", include_str!(concat!("../../../templates/", $folder, "/campaign.toml"))),
            ("rules.rhai", include_str!(concat!("../../../templates/", $folder, "/rules.rhai"))),
            ("cases/promises.toml", include_str!(concat!("../../../templates/", $folder, "/cases/promises.toml"))),
            ("population.toml", include_str!(concat!("../../../templates/", $folder, "/population.toml"))),
        ]
    };
}

impl Template {
    /// As it is written on the command line, and as its folder is named.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string())
    }

    fn content(self) -> Files {
        match self {
            Template::Invite => files!("invite"),
            Template::CheckInStreak => files!("check-in-streak"),
            Template::SpendAndEarn => files!("spend-and-earn"),
            Template::Ranking => files!("ranking"),
            Template::Draw => files!("draw"),
        }
    }

    /// The files of a new campaign, by path. Fails when its weeks are beyond the calendar.
    pub fn files(self, filled: &Filled) -> Result<Vec<(&'static str, String)>, String> {
        let days = i64::from((filled.starts - STARTS).get_days());
        let moved = |(path, text): (&'static str, &str)| {
            let text = moved(text, days)?;
            Ok((path, if path == "campaign.toml" { named(&text, filled) } else { text }))
        };
        self.content().into_iter().map(moved).collect()
    }
}

/// Monday of the week that holds an instant.
pub fn this_monday(now_ms: i64) -> Result<Date, String> {
    let told = |e: jiff::Error| e.to_string();
    let now = Timestamp::from_millisecond(now_ms).map_err(told)?;
    let today = TimeZone::get(ZONE).map_err(told)?.to_datetime(now).date();
    today.checked_sub(i64::from(today.weekday().since(Weekday::Monday)).days()).map_err(told)
}

/// Of a campaign that starts on a day.
pub fn last_day(starts: Date) -> Date {
    starts.saturating_add((7 * WEEKS - 1).days())
}

/// A text with every date moved by so many days.
fn moved(text: &str, days: i64) -> Result<String, String> {
    let by = Span::new().try_days(days).map_err(|e| e.to_string())?;
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(YEAR) {
        out.push_str(&rest[..at]);
        let written = rest.get(at..at + 10).and_then(|date| date.parse::<Date>().ok());
        match written {
            Some(date) => out.push_str(&date.checked_add(by).map_err(|e| e.to_string())?.to_string()),
            None => out.push_str(YEAR),
        }
        rest = &rest[at + if written.is_some() { 10 } else { YEAR.len() }..];
    }
    Ok(out + rest)
}

/// campaign.toml with the id and the names of the new campaign.
fn named(text: &str, filled: &Filled) -> String {
    let quoted = |text: &str| toml::Value::String(text.into()).to_string();
    let line = |line: &str| match line.split_once(" = ") {
        Some(("id", _)) => format!("id = {}", quoted(filled.id)),
        Some(("name", _)) => match filled.zh.map(quoted).or_else(|| zh_of(line)) {
            Some(zh) => format!("name = {{ zh = {zh}, en = {} }}", quoted(filled.en)),
            None => format!("name = {{ en = {} }}", quoted(filled.en)),
        },
        _ => line.to_string(),
    };
    // What follows the first table has names of its own.
    let (own, tables) = text.split_at(text.find("\n[").unwrap_or(text.len()));
    own.lines().map(line).collect::<Vec<_>>().join("\n") + tables
}

/// The template's own Chinese name, quoted.
fn zh_of(line: &str) -> Option<String> {
    let table: toml::Table = line.parse().ok()?;
    Some(table.get("name")?.get("zh")?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_file_of_every_template_is_part_of_the_binary() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let names = |folder: &Path| {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            entries.collect::<BTreeSet<String>>()
        };
        assert_eq!(names(&folder), Template::value_variants().iter().map(|template| template.name()).collect());
        for template in Template::value_variants() {
            let own = folder.join(template.name());
            let mut found = names(&own);
            assert!(found.remove("cases"), "{template:?}");
            found.extend(names(&own.join("cases")).into_iter().map(|name| format!("cases/{name}")));
            assert_eq!(found, template.content().map(|(path, _)| path.to_string()).into(), "{template:?}");
            let campaign: toml::Table = template.content()[0].1.parse().unwrap();
            let text = |key: &str| campaign[key].as_str().unwrap().to_string();
            assert_eq!((text("id"), text("time_zone"), text("starts")), (template.name(), ZONE.into(), format!("{STARTS} 00:00")));
            assert_eq!(text("ends"), format!("{} 00:00", last_day(STARTS).tomorrow().unwrap()));
        }
    }

    #[test]
    fn dates_move_and_nothing_else() {
        let text = "# 2026-\nat = \"2026-03-08T16:00:00Z\" # 2026-13-01, 2025-03-02\n2026-03-30";
        let expected = "# 2026-\nat = \"2026-03-15T16:00:00Z\" # 2026-13-01, 2025-03-02\n2026-04-06";
        assert_eq!(moved(text, 7).as_deref(), Ok(expected));
        assert_eq!(moved(text, 0).as_deref(), Ok(text));
        assert!(moved("2026-03-30", 9_000_000).is_err());
    }

    #[test]
    fn id_and_names_are_filled_in_whatever_they_hold() {
        let filled = Filled { id: "new-one", zh: None, en: "New \"year's\" \\ wheel", starts: STARTS };
        let files = Template::Draw.files(&filled).unwrap();
        let campaign: toml::Table = files[0].1.parse().unwrap();
        let name = |of: &str| campaign["name"][of].as_str().unwrap().to_string();
        assert_eq!((campaign["id"].as_str(), &*name("zh"), &*name("en")), (Some("new-one"), "幸运转盘", "New \"year's\" \\ wheel"));
        assert_eq!(campaign["rewards"]["phone"]["name"]["en"].as_str(), Some("Phone"));
        let filled = Filled { zh: Some("新春"), ..filled };
        let campaign: toml::Table = Template::Draw.files(&filled).unwrap()[0].1.parse().unwrap();
        assert_eq!(campaign["name"]["zh"].as_str(), Some("新春"));
    }

    #[test]
    fn the_week_is_that_of_the_zone() {
        let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        // Sunday 23:59 and Monday 00:00 in Shanghai.
        assert_eq!(this_monday(ms("2026-11-22T15:59:00Z")), Ok(date(2026, 11, 16)));
        assert_eq!(this_monday(ms("2026-11-22T16:00:00Z")), Ok(date(2026, 11, 23)));
    }
}
