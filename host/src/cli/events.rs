//! Where a simulation's events come from, and how far it is: a file of recorded ones, read line by line as they are
//! played, or a population, whose events are made as they are played. So neither is too long.

use super::exit::Failure;
use super::snippet;
use crate::lines::Lines;
use clap::Args;
use guerdon_rules::campaign::Campaign;
use guerdon_rules::event::Event;
use guerdon_rules::language::Files;
use guerdon_rules::simulate::population::crowd::Crowd;
use guerdon_rules::simulate::population::{self, Population};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The longest line, in bytes.
const LINE_BYTES: usize = 64 << 10;
/// What is read at once, in bytes.
const CHUNK_BYTES: usize = 1 << 16;

/// What commands that play events have in common.
#[derive(Args)]
pub struct Played {
    /// CloudEvents, one a line, in the order of delivery; `-` reads stdin
    #[arg(long, value_name = "FILE", conflicts_with = "population", required_unless_present = "population")]
    events: Option<PathBuf>,
    /// Who comes and what they do: `population.toml`
    #[arg(long, value_name = "FILE")]
    population: Option<PathBuf>,
    /// Codes in a pool, as `jd-20=1000`; a pool that is not named has enough, unless any is
    #[arg(long, value_name = "POOL=CODES", value_parser = stock)]
    stock: Vec<(String, i64)>,
    /// Decides draws, and what a population does [default: the population's own, else 1]
    #[arg(long)]
    seed: Option<i64>,
}

/// What [`Played`] comes to.
pub enum Source {
    File(EventFile),
    Population(Arc<Population>),
}

impl Played {
    /// Codes by pool; none: every pool has enough.
    pub fn stock(&self) -> Option<BTreeMap<String, i64>> {
        (!self.stock.is_empty()).then(|| self.stock.iter().cloned().collect())
    }

    /// What is to be played for this campaign, and the seed. What is wrong in a population is told on stderr.
    pub fn open(&self, campaign: &Campaign) -> Result<(Source, i64), Failure> {
        match (&self.events, &self.population) {
            (_, Some(path)) => {
                let population = read_population(path, campaign)?;
                let seed = self.seed.unwrap_or(population.seed as i64);
                Ok((Source::Population(Arc::new(population)), seed))
            }
            (Some(path), None) => Ok((Source::File(EventFile::open(path)?), self.seed.unwrap_or(1))),
            (None, None) => Err(Failure::Usage("say what to play: --events FILE or --population FILE".into())),
        }
    }
}

impl Source {
    /// The events themselves, for one pass. `seed`: of a population.
    pub fn events(self, campaign: &Campaign, seed: i64) -> Events {
        match self {
            Source::File(file) => Events::File(file),
            Source::Population(population) => {
                let bar = bar_of_events(Crowd::estimate(&population, &campaign.calendar, seed as u64));
                Events::Crowd(Box::new(Crowd::new(population, &campaign.calendar, seed as u64)), bar)
            }
        }
    }
}

/// Events in the order of delivery.
pub enum Events {
    File(EventFile),
    Crowd(Box<Crowd>, ProgressBar),
}

impl Events {
    /// What stopped the reading, if anything did.
    pub fn checked(self) -> Result<(), Failure> {
        match self {
            Events::File(file) => file.checked(),
            Events::Crowd(_, bar) => {
                bar.finish_and_clear();
                Ok(())
            }
        }
    }
}

impl Iterator for Events {
    type Item = Event;
    fn next(&mut self) -> Option<Event> {
        match self {
            Events::File(file) => file.next(),
            Events::Crowd(crowd, bar) => {
                bar.inc(1);
                crowd.next()
            }
        }
    }
}

fn read_population(path: &Path, campaign: &Campaign) -> Result<Population, Failure> {
    let bytes = std::fs::read(path).map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))?;
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    population::file::parse(&name, &bytes, campaign).map_err(|diagnostics| {
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")).display().to_string();
        let files = Files::from([(name.clone(), bytes.into())]);
        diagnostics.iter().for_each(|d| eprintln!("{}", snippet::render(d, &folder, &files)));
        Failure::Failed
    })
}

fn stock(text: &str) -> Result<(String, i64), String> {
    let told = || "write it as POOL=CODES, for example jd-20=1000".to_string();
    let (pool, codes) = text.split_once('=').ok_or_else(told)?;
    let codes = codes.parse().map_err(|_| told())?;
    if codes < 0 { Err(told()) } else { Ok((pool.into(), codes)) }
}

/// The events of a file, in its order. It ends at the first line that is no event, which [`EventFile::checked`] tells:
/// half a recording would give a wrong sum.
pub struct EventFile {
    name: String,
    source: Box<dyn Read + Send>,
    /// None: everything was read.
    lines: Option<Lines>,
    read: VecDeque<Event>,
    wrong: Option<String>,
    bar: ProgressBar,
}

impl EventFile {
    /// Fails when there is no such file. `-` is stdin.
    pub fn open(path: &Path) -> Result<EventFile, Failure> {
        let name = path.display().to_string();
        let told = |e: io::Error| Failure::Usage(format!("{name}: {e}"));
        let (source, bytes): (Box<dyn Read + Send>, Option<u64>) = if path == Path::new("-") {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path).map_err(told)?;
            let bytes = file.metadata().map_err(told)?.len();
            (Box::new(file), Some(bytes))
        };
        let bar = bar_of_bytes(bytes);
        Ok(EventFile { name, source, lines: Some(Lines::new(LINE_BYTES)), read: VecDeque::new(), wrong: None, bar })
    }

    /// What stopped the reading, if anything did.
    pub fn checked(self) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        self.wrong.map_or(Ok(()), |wrong| Err(Failure::Usage(wrong)))
    }

    fn fill(&mut self) {
        let Some(lines) = &mut self.lines else { return };
        let mut bytes = vec![0; CHUNK_BYTES];
        let (read, wrong, name) = (&mut self.read, &mut self.wrong, &self.name);
        let mut take = |number: u64, line: Result<&str, String>| {
            let event = match line {
                Ok(line) if line.trim().is_empty() => return,
                Ok(line) => Event::from_json(line),
                Err(reason) => Err(reason),
            };
            match event {
                _ if wrong.is_some() => {}
                Ok(event) => read.push_back(event),
                Err(reason) => *wrong = Some(format!("{name}, line {number}: {reason}")),
            }
        };
        match self.source.read(&mut bytes) {
            Ok(0) => {
                if let Some(lines) = self.lines.take() {
                    lines.finish(&mut take);
                }
            }
            Ok(count) => {
                lines.push(&bytes[..count], &mut take);
                self.bar.inc(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.wrong = Some(format!("{}: {error}", self.name)),
        }
        if self.wrong.is_some() {
            self.lines = None;
        }
    }
}

impl Iterator for EventFile {
    type Item = Event;
    fn next(&mut self) -> Option<Event> {
        while self.read.is_empty() && self.lines.is_some() {
            self.fill();
        }
        self.read.pop_front()
    }
}

/// On stderr, and hidden when that is no terminal.
pub fn bar_of_events(about: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {human_pos} of about {human_len} events, {per_sec}, {eta} to go");
    let bar = ProgressBar::new(about);
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}

/// On stderr, and hidden when that is no terminal.
fn bar_of_bytes(bytes: Option<u64>) -> ProgressBar {
    let (bar, template) = match bytes {
        Some(bytes) => (ProgressBar::new(bytes), "{bar:30} {bytes} of {total_bytes} read, {eta} to go"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} read"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) { bar.with_style(style) } else { bar }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_is_a_pool_and_a_number() {
        assert_eq!(stock("jd-20=1000"), Ok(("jd-20".into(), 1000)));
        assert!(stock("jd-20").is_err() && stock("jd-20=-1").is_err());
    }

    #[test]
    fn events_end_at_the_line_that_is_none() {
        let event = |id: u32| format!(r#"{{"specversion":"1.0","source":"s","id":"{id}","type":"t","data":{{}}}}"#);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        let ids = |text: String| {
            std::fs::write(&path, text).unwrap();
            let mut file = EventFile::open(&path).ok().unwrap();
            let ids: Vec<String> = file.by_ref().map(|event| event.id.to_string()).collect();
            (ids.join(","), file.checked().err().map(|failure| matches!(failure, Failure::Usage(told) if told.contains("line 4"))))
        };
        assert_eq!(ids(format!("{}\n\n{}", event(1), event(2))), ("1,2".into(), None));
        assert_eq!(ids(format!("{}\n\n{}\n{{\n{}\n", event(1), event(2), event(3))), ("1,2".into(), Some(true)));
        let many: Vec<String> = (0..5000).map(event).collect();
        assert_eq!(ids(many.join("\n")).0.split(',').count(), 5000);
    }
}
