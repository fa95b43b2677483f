//! Hosts on one database, with a clock that the scenario sets, and the questions that scenarios ask afterwards.

use guerdon::clock::SetClock;
use guerdon::flow::seal::Sealer;
use guerdon::flow::views::EventResult;
use guerdon::flow::{FlowError, Host, Settings};
use guerdon::store::{self, Options, Store};
use guerdon_rules::event::Event;
use guerdon_rules::language::{Files, Runtime};
use guerdon_tests::stores;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub const RACE: &str = "learning-race";

/// A database of its own, and the instant that all its hosts read.
pub struct World {
    pub database: stores::World,
    pub clock: Arc<SetClock>,
}

/// The hex digits that every host's code key repeats 32 times.
pub const CODE_KEY: &str = "07";

/// Runs a scenario on SQLite, then on PostgreSQL. What concurrent scenarios write depends on who came first, so that
/// tables are compared only where a scenario asks for it.
pub async fn on_each(now: &str, scenario: impl AsyncFn(&World)) {
    for database in [stores::World::sqlite().await, stores::World::postgres().await] {
        scenario(&World { database, clock: Arc::new(SetClock::at(at_ms(now))) }).await;
    }
}

impl World {
    /// One more host on this database.
    pub async fn host(&self) -> Arc<Host> {
        self.host_with(Settings::default(), &Options::default()).await
    }

    pub async fn host_with(&self, settings: Settings, options: &Options) -> Arc<Host> {
        let store = store::open(&self.database.address, options).await.unwrap();
        self.open(store, settings, CODE_KEY).await.unwrap()
    }

    /// A host with a code key of its own: 32 times these two hex digits.
    pub async fn host_with_key(&self, digits: &str) -> Result<Arc<Host>, FlowError> {
        let store = store::open(&self.database.address, &Options::default()).await.unwrap();
        self.open(store, Settings::default(), digits).await
    }

    async fn open(&self, store: Arc<dyn Store>, settings: Settings, digits: &str) -> Result<Arc<Host>, FlowError> {
        let sealer = Arc::new(Sealer::from_text(&digits.repeat(32)).unwrap());
        Host::open(store, self.clock.clone(), Runtime::default(), sealer, settings).await
    }

    /// Hosts that work at the same time: PostgreSQL has several, a SQLite file belongs to one.
    pub async fn hosts(&self, on_postgres: usize) -> Vec<Arc<Host>> {
        let mut hosts = Vec::new();
        for _ in 0..if self.database.is_sqlite() { 1 } else { on_postgres } {
            hosts.push(self.host().await);
        }
        hosts
    }

    /// A host that serves the learning race, with this many cards of 20 yuan.
    pub async fn racing(&self, cards: usize) -> Arc<Host> {
        let host = self.host().await;
        host.add_release(campaign(RACE), None, "product", "go-live").await.unwrap();
        import(&host, "jd-20", 1..=cards).await;
        host
    }

    pub fn set_clock(&self, now: &str) {
        self.clock.set(at_ms(now));
    }

    /// The only value of the only row.
    pub async fn value(&self, query: &str) -> String {
        let text = if self.database.is_sqlite() { format!("select cast(({query}) as text)") } else { format!("select ({query})::text") };
        self.database.texts(&text, 1).await.remove(0).remove(0)
    }

    /// Grants of all campaigns that a function asked for.
    pub async fn granted(&self, function: &str) -> String {
        self.value(&format!(
            "select count(*) from grants g join names n on n.campaign = g.campaign and n.code = g.function where n.name = '{function}'"
        ))
        .await
    }

    /// Ledger and books agree, and no code has two owners.
    pub async fn is_sound(&self, host: &Host, campaign: &str) {
        let report = host.audit(campaign).await.unwrap();
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(self.value("select count(*) from (select 1 from codes where grant_number is not null group by campaign, grant_number having count(*) > 1) t").await, "0");
        let issued = "select count(*) from grants where state in (2, 3) and pool is not null";
        assert_eq!(self.value(issued).await, self.value("select count(*) from codes where state = 2").await, "an issued grant has a code");
    }

    /// SQL that makes the database fail at every insert into a table, and SQL that mends it.
    pub fn fault(&self, table: &str) -> [String; 2] {
        if self.database.is_sqlite() {
            let make = |name: &str, event: &str| {
                format!("create trigger {name} before {event} on {table} begin select raise(abort, 'broken here'); end;")
            };
            let make = format!("{}{}", make("broken", "insert"), make("broken_update", "update"));
            return [make, "drop trigger broken; drop trigger broken_update;".into()];
        }
        let make = format!(
            "create function broken() returns trigger language plpgsql as $$ begin raise exception 'broken here'; end $$;
             create trigger broken before insert or update on {table} for each row execute function broken()"
        );
        [make, "drop function broken() cascade".into()]
    }

    /// Whether no transaction stands open. On PostgreSQL: none that has locked, written or read anything; one that was
    /// only begun, by a caller that left just then, ends with the next use of its connection.
    pub async fn is_at_rest(&self) -> bool {
        if self.database.is_sqlite() {
            return self.database.can_write_now().await;
        }
        let open = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
             and (state = 'active' or backend_xid is not null or backend_xmin is not null)";
        self.value(open).await == "0"
    }

    /// Waits, as long as the database needs, until nothing stands open.
    pub async fn comes_to_rest(&self) {
        while !self.is_at_rest().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Sends events until they are decided, as a caller does that was told to come again.
pub async fn submit(host: &Host, events: &[Event]) -> Vec<EventResult> {
    loop {
        match host.submit(RACE, events.to_vec()).await {
            Ok(results) => return results,
            Err(FlowError::Busy { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Outcomes in order, as one line: `booked booked refused`.
pub async fn outcomes(host: &Host, campaign: &str, events: &[Event]) -> String {
    let results = host.submit(campaign, events.to_vec()).await.unwrap();
    results.into_iter().map(|r| r.outcome).collect::<Vec<_>>().join(" ")
}

pub async fn import(host: &Host, pool: &str, numbers: std::ops::RangeInclusive<usize>) -> guerdon::flow::views::ImportReport {
    let lines = numbers.map(|n| (n as u64, Ok(format!("JD-{n:06}"))));
    host.import_codes(pool, lines, |_| ()).await.unwrap()
}

/// One of the project's campaigns.
pub fn campaign(name: &str) -> Files {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../campaigns").join(name);
    let file = |name: &str| (name.to_string(), std::fs::read(folder.join(name)).unwrap().into());
    Files::from([file("campaign.toml"), file("rules.rhai")])
}

/// A campaign with a part of its rules, or of its manifest, written differently.
pub fn changed(files: &Files, changes: &[(&str, &str)]) -> Files {
    let mut files = files.clone();
    for (from, to) in changes {
        let mut found = false;
        for content in files.values_mut() {
            let text = std::str::from_utf8(content).unwrap();
            found |= text.contains(from);
            *content = text.replace(from, to).into_bytes().into();
        }
        assert!(found, "the campaign does not say: {from}");
    }
    files
}

pub fn at_ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// A fixed order that looks like none.
pub fn shuffle<T>(list: &mut [T], seed: u64) {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for index in (1..list.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        list.swap(index, (state >> 33) as usize % (index + 1));
    }
}
