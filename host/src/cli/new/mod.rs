//! `guerdon new`: a campaign's folder from a template, whole and tested, to be changed from there. Promises: nothing that
//! is there already is overwritten; the same day and the same arguments give the same files. Must not know: what the
//! templates say.

mod template;

use super::exit::Failure;
use super::output::{self, Format};
use crate::clock::Clock;
use clap::{Args, ValueEnum};
use guerdon_rules::campaign::file::is_id;
use jiff::civil::{Date, Weekday};
use serde::Serialize;
use std::path::{Path, PathBuf};
use template::{Filled, Template};

/// Make a campaign's folder from a template
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    guerdon new spring-invite --template invite\n  \
    guerdon new campaigns/lucky-wheel --template draw --zh 新春转盘 --starts 2027-02-15")]
pub struct New {
    /// The folder to make; its last part is the campaign's id
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    /// What it starts from
    #[arg(long, value_enum, default_value = "invite")]
    template: Template,
    /// What its rules are written in; campaigns/learning-race-wasm shows one in Rust
    #[arg(long, value_enum, default_value = "rhai")]
    language: Language,
    /// Its name in Chinese [default: the template's]
    #[arg(long, value_name = "TEXT")]
    zh: Option<String>,
    /// Its name in English [default: from NAME]
    #[arg(long, value_name = "TEXT")]
    en: Option<String>,
    /// Its first day, a Monday, as 2027-02-15 [default: Monday of this week]
    #[arg(long, value_name = "DATE")]
    starts: Option<Date>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    /// Scripts, for product people
    Rhai,
}

#[derive(Serialize)]
struct Made {
    folder: PathBuf,
    id: String,
    template: String,
    /// First and last day, local.
    first_day: Date,
    last_day: Date,
    time_zone: &'static str,
    files: Vec<&'static str>,
}

pub fn run(new: &New, format: Format, clock: &dyn Clock) -> Result<(), Failure> {
    let id = id_of(&new.folder)?;
    must_be_free(&new.folder)?;
    let starts = match new.starts {
        Some(date) => monday(date)?,
        None => template::this_monday(clock.now_ms()).map_err(Failure::Infrastructure)?,
    };
    let Language::Rhai = new.language;
    let en = new.en.clone().unwrap_or_else(|| titled(id));
    let filled = Filled { id, zh: new.zh.as_deref(), en: &en, starts };
    let files = new.template.files(&filled).map_err(Failure::Usage)?;
    for (path, text) in &files {
        write(&new.folder.join(path), text)?;
    }
    let made = Made {
        folder: new.folder.clone(),
        id: id.into(),
        template: new.template.name(),
        first_day: starts,
        last_day: template::last_day(starts),
        time_zone: template::ZONE,
        files: files.iter().map(|(path, _)| *path).collect(),
    };
    output::print(format, &made, pretty)
}

/// The last part of the folder's name, if a campaign can have it as its id.
fn id_of(folder: &Path) -> Result<&str, Failure> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::Usage(format!("{} names no folder: write a name, as spring-invite", folder.display())))?;
    if is_id(name) {
        return Ok(name);
    }
    let suggested = suggestion(name);
    let advice = match (name.is_ascii(), is_id(&suggested)) {
        (true, true) => format!("how about {suggested}?"),
        (false, _) => format!("choose an English id, and give the name that people read with --zh {name}"),
        (true, false) => "choose another, as spring-invite".into(),
    };
    Err(Failure::Usage(format!(
        "\"{name}\" is no id for a campaign: use a to z, 0 to 9, `.`, `_` and `-`, first a letter or digit; {advice}"
    )))
}

/// `Spring Invite!` could be `spring-invite`.
fn suggestion(name: &str) -> String {
    let words = name.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_'))).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase().trim_start_matches(['.', '_']).to_string()
}

/// `spring-invite` is `Spring invite`.
fn titled(id: &str) -> String {
    let words = id.split(['-', '_', '.']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

/// Weeks of the templates begin on Monday.
fn monday(date: Date) -> Result<Date, Failure> {
    if date.weekday() == Weekday::Monday {
        return Ok(date);
    }
    let before = date.nth_weekday(-1, Weekday::Monday).map_err(|e| Failure::Usage(e.to_string()))?;
    let after = date.nth_weekday(1, Weekday::Monday).map_err(|e| Failure::Usage(e.to_string()))?;
    Err(Failure::Usage(format!("{date} is no Monday: the template's weeks begin on one; {before} and {after} are")))
}

/// A folder that is not there, or has nothing in it.
fn must_be_free(folder: &Path) -> Result<(), Failure> {
    let taken = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(Failure::Usage(format!("{}: {error}", folder.display()))),
    };
    if taken {
        return Err(Failure::Usage(format!("{} is there already, and not empty: choose another name", folder.display())));
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let told = |e: std::io::Error| Failure::Infrastructure(format!("{}: {e}", path.display()));
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(told)?;
    std::fs::write(path, text).map_err(told)
}

fn pretty(made: &Made) -> String {
    let folder = made.folder.display();
    let around = made.folder.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")).display();
    format!(
        "{folder}: campaign {} from the template {}, {} to {} in {}\n\n  \
         campaign.toml        what there is: when, points, rewards, events, limits\n  \
         rules.rhai           what is earned\n  \
         cases/promises.toml  what must come out\n  \
         population.toml      who is expected, for a forecast; no part of the campaign\n\n\
         Change them, and after each change:\n  \
         guerdon check {folder}\n  \
         guerdon test {folder} --coverage\n\n\
         Then:\n  \
         what can go wrong?   guerdon fuzz {folder} --time 60s\n  \
         what will it cost?   guerdon simulate {folder} --population {folder}/population.toml --runs 20\n  \
         try it right here    guerdon serve --watch --campaigns {around} --insecure-local\n  \
         change it when live  guerdon plan {folder} --host URL --from \"next cycle\" --out change.plan\n",
        made.id, made.template, made.first_day, made.last_day, made.time_zone
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_id_comes_with_advice() {
        assert_eq!(id_of(Path::new("campaigns/spring-invite/")).ok(), Some("spring-invite"));
        let table = [
            ("Spring Invite", "how about spring-invite?"),
            ("_x!", "how about x?"),
            ("campaigns/春节", "choose an English id, and give the name that people read with --zh 春节"),
            ("-", "choose another"),
            ("..", "names no folder"),
        ];
        for (name, advice) in table {
            let Err(Failure::Usage(told)) = id_of(Path::new(name)) else { panic!("{name} is taken as an id") };
            assert!(told.contains(advice), "{name}: {told}");
        }
    }

    #[test]
    fn an_english_name_is_made_of_the_id() {
        assert_eq!(["spring-invite", "a", "a.b_c"].map(titled), ["Spring invite", "A", "A b c"]);
    }

    #[test]
    fn another_day_than_monday_is_told_with_the_nearest() {
        assert_eq!(monday(jiff::civil::date(2027, 2, 15)).ok(), Some(jiff::civil::date(2027, 2, 15)));
        let Err(Failure::Usage(told)) = monday(jiff::civil::date(2027, 2, 17)) else { panic!() };
        assert!(told.contains("2027-02-15 and 2027-02-22"), "{told}");
    }
}
