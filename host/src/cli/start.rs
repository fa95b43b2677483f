//! A host from a configuration, for every command that works on the database; and the log.

use super::exit::Failure;
use crate::clock::{Stopwatch, SystemClock};
use crate::compiled_code::CompiledCode;
use crate::config::{Config, Log, LogFormat};
use crate::flow::Host;
use crate::flow::seal::Sealer;
use crate::store::{self, Store, StoreError};
use guerdon_rules::language::Runtime;
use guerdon_rules::language::wasm::{Engine, TICK_MS};
use guerdon_rules::limits::Limits;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Opens the database, making or migrating its tables.
pub async fn store(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    let url = config.database_url();
    // Also without a SQLite file: the code key lies there.
    std::fs::create_dir_all(&config.data).map_err(|e| Failure::Infrastructure(format!("{}: {e}", config.data.display())))?;
    store::open(&url, &config.store_options()).await.map_err(Failure::from)
}

/// Opens the host with every campaign that the database has.
pub async fn host(config: &Config) -> Result<Arc<Host>, Failure> {
    let store = store(config).await?;
    let sealer = match &config.codes.key {
        Some(key) => Sealer::from_text(key.reveal())?,
        None => Sealer::from_file(&config.code_key_file())?,
    };
    let kept = CompiledCode::open(&config.data.join("compiled")).map(|kept| Engine::with_cache(Arc::new(kept)));
    let runtime = ticking(config.rule_limits(), kept.unwrap_or_default());
    Ok(Host::open(store, Arc::new(SystemClock), runtime, Arc::new(sealer), config.settings()).await?)
}

/// As [`host`], on a database that must be there: a command that only asks makes none by a misspelt folder.
pub async fn existing_host(config: &Config) -> Result<Arc<Host>, Failure> {
    let url = config.database_url();
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(&url);
    if !path.contains("://") && !std::path::Path::new(path).exists() {
        return Err(Failure::Usage(format!("there is no database {path}: name its folder with --data, or the database with --database")));
    }
    host(config).await
}

/// What rule files are compiled for, with this machine's watch for deadlines.
pub fn runtime(limits: Limits) -> Runtime {
    ticking(limits, Engine::default())
}

fn ticking(limits: Limits, wasm: Engine) -> Runtime {
    let runtime = Runtime { limits: Limits { watch: Arc::new(Stopwatch::default()), ..limits }, wasm, ..Runtime::default() };
    let engine = runtime.wasm.clone();
    // A thread and no task: a busy runtime must not stretch a module's deadline.
    let ticking = std::thread::Builder::new().name("wasm-clock".into()).spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(TICK_MS));
            engine.tick();
        }
    });
    if let Err(error) = ticking {
        tracing::error!(%error, "no thread for the clock of wasm modules: only their fuel stops them");
    }
    runtime
}

/// Log lines to stderr. Does nothing when there is a log already.
pub fn log(log: &Log) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|e| Failure::Usage(format!("log.filter \"{}\": {e}", log.filter)))?;
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    let _ = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    Ok(())
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Infrastructure(error.to_string())
    }
}
