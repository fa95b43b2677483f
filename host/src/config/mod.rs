//! What an operator sets: one optional `guerdon.toml`, the environment (`GUERDON_…`, with `__` between the parts of a
//! name, as in `GUERDON_DATABASE__URL`), and flags; each is stronger than the one before. Promises: an unknown name is
//! an error that names it, in a file with its line; a secret is never shown. Must not know: what the values are used for.

mod secret;
mod show;

pub use secret::Secret;
pub use show::show;

use crate::flow::Settings;
use crate::http::{Access, ApiKey};
use crate::store;
use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Serialized, Toml};
use guerdon_rules::diagnostic::position_of;
use guerdon_rules::limits::Limits as RuleLimits;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file that is read when `--config` names none, if it is there.
pub const DEFAULT_FILE: &str = "guerdon.toml";
const PREFIX: &str = "GUERDON_";

/// Everything that can be set, with what is in force.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where SQLite and the code key are kept, unless they are told otherwise.
    pub data: PathBuf,
    /// A folder of campaign folders, loaded as releases at the start.
    pub campaigns: Option<PathBuf>,
    /// Address and port; port 0 takes a free one.
    pub listen: String,
    pub database: Database,
    /// Who may call the API.
    pub keys: Vec<Key>,
    pub codes: Codes,
    pub limits: Limits,
    pub lanes: Lanes,
    pub http: Http,
    pub timeouts: Timeouts,
    pub log: Log,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `postgres://…`, `sqlite:PATH` or the path of an SQLite file; none: `guerdon.db` among the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// PostgreSQL: most connections that write, and that read.
    pub write_connections: Option<u32>,
    pub read_connections: Option<u32>,
}

/// A bearer key of the API: exactly one of the three says what it is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// For logs.
    pub name: String,
    /// SHA-256 of the key, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// In clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// A file that holds it in clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

/// What seals gift-card codes: keys of 64 hex digits, one a line, oldest first.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Codes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// None: `codes.key` among the data, made if it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

/// Bounds of one evaluation of a rule; they can be raised, not lowered below what campaigns may rely on.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub operations: u64,
    pub fuel: u64,
    pub deadline_ms: u64,
    pub memory_bytes: usize,
    pub effects: usize,
    pub call_depth: usize,
    pub text_bytes: usize,
    pub collection_size: usize,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lanes {
    pub queue_events: usize,
    pub group_events: usize,
    pub settle_page: i64,
    pub lease_seconds: i64,
    /// This host, in leases; none: made from the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How often what is due is looked for.
    pub schedule_seconds: u64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    pub body_bytes: usize,
    pub line_bytes: usize,
    pub requests: usize,
    pub connections: usize,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    pub header_seconds: u64,
    pub body_idle_seconds: u64,
    pub request_seconds: u64,
    pub shutdown_seconds: u64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// As `RUST_LOG` has it: `info`, `guerdon=debug,sqlx=warn`.
    pub filter: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// What flags set; a flag that is not given says nothing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Flags {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaigns: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Of `database.url`; in clear, so that it can be handed on.
    #[serde(skip)]
    pub database: Option<String>,
}

/// What is in force, and where each value comes from.
pub struct Loaded {
    pub config: Config,
    figment: Figment,
}

/// Reads everything. `file` must be there when it is named. Fails with what an operator can mend.
pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Loaded, String> {
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    if file.is_some() || path.exists() {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        // Read once by itself, because this error knows the line.
        toml::from_str::<Config>(&text).map_err(|e| format!("{}: {}", path.display(), told(&text, &e)))?;
        figment = figment.merge(Toml::file_exact(path));
    }
    figment = figment.merge(environment()).merge(Serialized::globals(flags));
    if let Some(url) = &flags.database {
        figment = figment.merge(Serialized::global("database.url", url));
    }
    let config: Config = figment.extract().map_err(|errors| {
        let lines: Vec<String> = errors.into_iter().map(without_value).collect();
        format!("the configuration: {}", lines.join("; "))
    })?;
    check(&config)?;
    Ok(Loaded { config, figment })
}

/// Where a file is wrong, and in what; never what stands there: it may be a secret in the wrong place.
fn told(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    let shows_value = ["invalid type", "invalid value", "unknown variant"].iter().any(|start| message.starts_with(start));
    let message = match message.rsplit_once(", expected ") {
        Some((_, expected)) if shows_value => format!("this should be {expected}"),
        _ if shows_value => "this is no value for it".into(),
        _ => message.to_string(),
    };
    match error.span() {
        Some(span) => format!("line {}: {message}", position_of(text, span).line),
        None => message,
    }
}

/// As [`told`], of a value from anywhere, with its name.
fn without_value(mut error: figment::Error) -> String {
    error.kind = match error.kind {
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => Kind::Message(format!("this should be {expected}")),
        Kind::UnknownVariant(_, known) => Kind::Message(format!("this should be one of {}", known.join(", "))),
        Kind::Unsupported(_) | Kind::UnsupportedKey(..) => Kind::Message("this is no value for it".into()),
        other => other,
    };
    error.to_string()
}

/// `GUERDON_CONFIG` names the file, `GUERDON_HOST` and `GUERDON_API_KEY` are for commands that ask a running host, and
/// `GUERDON_TEST_…` belongs to tests.
fn environment() -> Env {
    let others = |name: &str| ["config", "host", "api_key"].contains(&name) || name.starts_with("test_");
    Env::prefixed(PREFIX).filter(move |name| !others(&name.as_str().to_ascii_lowercase())).split("__")
}

fn check(config: &Config) -> Result<(), String> {
    let (asked, least) = (&config.limits, Limits::default());
    let lowered = [
        ("operations", asked.operations < least.operations),
        ("fuel", asked.fuel < least.fuel),
        ("deadline_ms", asked.deadline_ms < least.deadline_ms),
        ("memory_bytes", asked.memory_bytes < least.memory_bytes),
        ("effects", asked.effects < least.effects),
        ("call_depth", asked.call_depth < least.call_depth),
        ("text_bytes", asked.text_bytes < least.text_bytes),
        ("collection_size", asked.collection_size < least.collection_size),
    ];
    if let Some((name, _)) = lowered.iter().find(|(_, lower)| *lower) {
        return Err(format!("limits.{name} is below its default: campaigns rely on at least that"));
    }
    let numbers = [
        ("lanes.queue_events", config.lanes.queue_events),
        ("lanes.group_events", config.lanes.group_events),
        ("http.body_bytes", config.http.body_bytes),
        ("http.line_bytes", config.http.line_bytes),
        ("http.requests", config.http.requests),
        ("http.connections", config.http.connections),
    ];
    match numbers.iter().find(|(_, number)| *number == 0) {
        Some((name, _)) => Err(format!("{name} is 0: nothing could be served")),
        None => Ok(()),
    }
}

impl Config {
    pub fn database_url(&self) -> String {
        match &self.database.url {
            Some(url) => url.reveal().to_string(),
            None => format!("sqlite:{}", self.data.join("guerdon.db").display()),
        }
    }

    pub fn store_options(&self) -> store::Options {
        let defaults = store::Options::default();
        store::Options {
            write_connections: self.database.write_connections.unwrap_or(defaults.write_connections),
            read_connections: self.database.read_connections.unwrap_or(defaults.read_connections),
            ..defaults
        }
    }

    pub fn code_key_file(&self) -> PathBuf {
        self.codes.key_file.clone().unwrap_or_else(|| self.data.join("codes.key"))
    }

    /// Whoever holds a configured key. Fails when a key is none.
    pub fn access(&self) -> Result<Access, String> {
        self.keys.iter().map(Key::read).collect::<Result<Vec<ApiKey>, String>>().map(Access::Keys)
    }

    /// Without the watch, which is the host's to give.
    pub fn rule_limits(&self) -> RuleLimits {
        let limits = &self.limits;
        RuleLimits {
            operations: limits.operations,
            fuel: limits.fuel,
            deadline_ms: limits.deadline_ms,
            memory_bytes: limits.memory_bytes,
            effects: limits.effects,
            call_depth: limits.call_depth,
            text_bytes: limits.text_bytes,
            collection_size: limits.collection_size,
            ..RuleLimits::default()
        }
    }

    pub fn settings(&self) -> Settings {
        let defaults = Settings::default();
        Settings {
            queue_events: self.lanes.queue_events,
            group_events: self.lanes.group_events,
            settle_page: self.lanes.settle_page,
            lease_seconds: self.lanes.lease_seconds,
            name: self.lanes.name.clone().unwrap_or(defaults.name),
        }
    }

    pub fn http_limits(&self) -> crate::http::Limits {
        crate::http::Limits {
            body_bytes: self.http.body_bytes,
            line_bytes: self.http.line_bytes,
            requests: self.http.requests,
            connections: self.http.connections,
            header: Duration::from_secs(self.timeouts.header_seconds),
            body_idle: Duration::from_secs(self.timeouts.body_idle_seconds),
            request: Duration::from_secs(self.timeouts.request_seconds),
            shutdown: Duration::from_secs(self.timeouts.shutdown_seconds),
        }
    }
}

impl Key {
    fn read(&self) -> Result<ApiKey, String> {
        match (&self.sha256, &self.key, &self.file) {
            (Some(hash), None, None) => {
                ApiKey::from_hash(&self.name, hash).ok_or_else(|| format!("keys.{}: sha256 is 64 hex digits", self.name))
            }
            (None, Some(key), None) if key.reveal().len() >= 16 => Ok(ApiKey::from_clear(&self.name, key.reveal())),
            (None, Some(_), None) => Err(format!("keys.{}: a key has at least 16 characters", self.name)),
            (None, None, Some(file)) => {
                let text = std::fs::read_to_string(file).map_err(|e| format!("keys.{}: {}: {e}", self.name, file.display()))?;
                Key { name: self.name.clone(), sha256: None, key: Some(Secret::new(text.trim())), file: None }.read()
            }
            _ => Err(format!("keys.{}: give one of `sha256`, `key` and `file`", self.name)),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            data: ".".into(),
            campaigns: None,
            listen: "127.0.0.1:8080".into(),
            database: Database::default(),
            keys: Vec::new(),
            codes: Codes::default(),
            limits: Limits::default(),
            lanes: Lanes::default(),
            http: Http::default(),
            timeouts: Timeouts::default(),
            log: Log::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let limits = RuleLimits::default();
        Limits {
            operations: limits.operations,
            fuel: limits.fuel,
            deadline_ms: limits.deadline_ms,
            memory_bytes: limits.memory_bytes,
            effects: limits.effects,
            call_depth: limits.call_depth,
            text_bytes: limits.text_bytes,
            collection_size: limits.collection_size,
        }
    }
}

impl Default for Lanes {
    fn default() -> Self {
        let settings = Settings::default();
        Lanes {
            queue_events: settings.queue_events,
            group_events: settings.group_events,
            settle_page: settings.settle_page,
            lease_seconds: settings.lease_seconds,
            name: None,
            schedule_seconds: 5,
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        let limits = crate::http::Limits::default();
        Http { body_bytes: limits.body_bytes, line_bytes: limits.line_bytes, requests: limits.requests, connections: limits.connections }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        let limits = crate::http::Limits::default();
        Timeouts {
            header_seconds: limits.header.as_secs(),
            body_idle_seconds: limits.body_idle.as_secs(),
            request_seconds: limits.request.as_secs(),
            shutdown_seconds: limits.shutdown.as_secs(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log { filter: "info".into(), format: LogFormat::Text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<Loaded, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guerdon.toml");
        std::fs::write(&path, text).unwrap();
        load(Some(&path), &Flags::default())
    }

    fn wrong(text: &str) -> String {
        file(text).err().unwrap_or_default()
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let unknown = wrong("listen = \"127.0.0.1:1\"\n\n[databse]\nurl = \"x\"\n");
        assert!(unknown.contains("line 3") && unknown.contains("databse"), "{unknown}");
        assert!(wrong("[limits]\nfuel = 3\n").contains("limits.fuel is below"));
        assert!(wrong("[http]\nrequests = 0\n").contains("http.requests is 0"));
        assert!(load(Some(Path::new("not-there.toml")), &Flags::default()).is_err());
    }

    #[test]
    fn mistakes_are_named_without_what_stands_there() {
        let files = [
            ("[codes]\nkeys = \"5ecre7\"\n", "line 2: unknown field `keys`"),
            ("database = \"postgres://u:5ecre7@h/d\"\n", "line 1: this should be"),
            ("[codes]\nkey = 5ecre7\n", "line 2: "),
            ("[codes]\nkey = \"5ecre7\n", "line 2: "),
            ("[log]\nformat = \"5ecre7\"\n", "line 2: this should be"),
            ("[lanes]\nqueue_events = \"5ecre7, expected 1\"\n", "line 2: this should be"),
        ];
        for (text, told) in files {
            let said = wrong(text);
            assert!(said.contains(told) && !said.contains("5ecre7"), "{text}: {said}");
        }
        let secret = figment::providers::Serialized::default("database", "postgres://u:5ecre7@h/d");
        let error = Figment::from(Serialized::defaults(Config::default())).merge(secret).extract::<Config>().unwrap_err();
        let said = without_value(error);
        assert!(said.contains("database") && said.contains("this should be") && !said.contains("5ecre7"), "{said}");
    }

    #[test]
    fn keys_are_given_in_one_of_three_ways() {
        let access = |text: &str| file(text).and_then(|l| l.config.access());
        let named = |text: &str, key: &str| access(text).unwrap().key_named(key).map(String::from);
        let clear = "[[keys]]\nname = \"app\"\nkey = \"0123456789abcdef\"\n";
        assert_eq!(named(clear, "0123456789abcdef").as_deref(), Some("app"));
        assert!(access("[[keys]]\nname = \"app\"\n").is_err());
        assert!(access("[[keys]]\nname = \"app\"\nkey = \"short\"\n").is_err());
        assert!(access("[[keys]]\nname = \"app\"\nsha256 = \"12\"\n").is_err());
    }

    #[test]
    fn flags_are_stronger_and_secrets_are_masked() {
        let flags = Flags { listen: Some("127.0.0.1:0".into()), database: Some("postgres://u:pw@h/d".into()), ..Flags::default() };
        let loaded = load(None, &flags).unwrap();
        assert_eq!((&*loaded.config.listen, &*loaded.config.database_url()), ("127.0.0.1:0", "postgres://u:pw@h/d"));
        let shown = show(&loaded);
        assert!(!shown.contains("pw") && shown.contains("listen = \"127.0.0.1:0\""), "{shown}");
    }
}
