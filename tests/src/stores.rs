//! Both stores under one story: whatever a story does, every table must hold the same afterwards.

use crate::postgres;
use guerdon::store::{self, Options, Store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row, SqliteConnection};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// One store with a fresh database, and its address for hand-written SQL.
pub struct World {
    pub store: Arc<dyn Store>,
    pub address: String,
    _folder: Option<TempDir>,
}

/// Rows by table, each row as text, sorted.
pub type Dump = BTreeMap<String, Vec<String>>;

/// Runs a story on SQLite, then on PostgreSQL, and compares every table.
pub async fn on_both(story: impl AsyncFn(&World)) {
    let sqlite = World::sqlite().await;
    story(&sqlite).await;
    let postgres = World::postgres().await;
    story(&postgres).await;
    let (left, right) = (sqlite.dump().await, postgres.dump().await);
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>(), "the stores have the same tables");
    for (table, rows) in &left {
        assert_eq!(rows, &right[table], "{table}: SQLite on the left, PostgreSQL on the right");
    }
}

impl World {
    pub async fn sqlite() -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let address = format!("sqlite:{}", folder.path().join("book.db").display());
        World::open(address, Some(folder)).await
    }

    pub async fn postgres() -> World {
        World::open(postgres::database().await, None).await
    }

    async fn open(address: String, folder: Option<TempDir>) -> World {
        let store = store::open(&address, &Options::default()).await.expect("a fresh store opens");
        World { store, address, _folder: folder }
    }

    pub fn is_sqlite(&self) -> bool {
        self.store.backend() == "sqlite"
    }

    /// Runs hand-written SQL in a transaction that is rolled back unless `keep`: the rows that its last statement
    /// changed, or the database's message.
    pub async fn attack(&self, statements: &[&str], keep: bool) -> Result<u64, String> {
        let mut changed = Ok(0);
        let mut run = statements.to_vec();
        run.insert(0, "begin");
        if self.is_sqlite() {
            let mut connection = self.raw_sqlite().await;
            for statement in run {
                changed = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.map(|r| r.rows_affected());
                if changed.is_err() {
                    break;
                }
            }
            let end = if keep && changed.is_ok() { "commit" } else { "rollback" };
            sqlx::raw_sql(end).execute(&mut connection).await.expect("the end of a transaction");
        } else {
            let mut connection = self.raw_postgres().await;
            for statement in run {
                changed = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.map(|r| r.rows_affected());
                if changed.is_err() {
                    break;
                }
            }
            let end = if keep && changed.is_ok() { "commit" } else { "rollback" };
            sqlx::raw_sql(end).execute(&mut connection).await.expect("the end of a transaction");
        }
        changed.map_err(|error| match error {
            sqlx::Error::Database(database) => database.message().to_string(),
            other => other.to_string(),
        })
    }

    /// Hand-written SQL that must succeed.
    pub async fn sql(&self, statement: &str) {
        self.attack(&[statement], true).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
    }

    async fn raw_sqlite(&self) -> SqliteConnection {
        let connected = SqliteConnection::connect(&self.address).await;
        connected.expect("a connection")
    }

    async fn raw_postgres(&self) -> PgConnection {
        PgConnection::connect(&self.address).await.expect("a connection")
    }

    /// Every row of every table; bytes in hex. Leases are left out: they are clock readings.
    pub async fn dump(&self) -> Dump {
        let columns = if self.is_sqlite() {
            "select m.name as t, i.name as c, case when i.type = 'BLOB' then 'hex' else '' end as kind
             from sqlite_schema m join pragma_table_info(m.name) i
             where m.type = 'table' and m.name not like 'sqlite%' and m.name not like '\\_sqlx%' escape '\\' order by 1, 2"
        } else {
            "select table_name::text as t, column_name::text as c, case when data_type = 'bytea' then 'hex' else '' end as kind
             from information_schema.columns where table_schema = 'public' and table_name not like '\\_sqlx%'
             order by table_name collate \"C\", column_name collate \"C\""
        };
        let mut tables = BTreeMap::<String, Vec<String>>::new();
        for row in self.texts(columns, 3).await {
            if row[1] != "lease_until_ms" {
                let value = match (row[2].as_str(), self.is_sqlite()) {
                    ("hex", true) => format!("case when {0} is not null then lower(hex({0})) end", row[1]),
                    ("hex", false) => format!("encode({}, 'hex')", row[1]),
                    _ => format!("cast({} as text)", row[1]),
                };
                tables.entry(row[0].clone()).or_default().push(format!("'{}=' || coalesce({value}, '(none)')", row[1]));
            }
        }
        let mut dump = Dump::new();
        for (table, values) in tables {
            let rows = self.texts(&format!("select {} from {table}", values.join(" || ' ' || ")), 1).await;
            let mut rows: Vec<String> = rows.into_iter().flatten().collect();
            rows.sort();
            dump.insert(table, rows);
        }
        dump
    }

    /// Whether a SQLite file can be written at this moment: nobody's transaction stands open.
    pub async fn can_write_now(&self) -> bool {
        let options: SqliteConnectOptions = self.address.parse().expect("the address of a file");
        let mut connection = options.busy_timeout(Duration::ZERO).connect().await.expect("a connection");
        let begun = sqlx::raw_sql("begin immediate; rollback").execute(&mut connection).await;
        begun.is_ok()
    }

    /// Rows of a hand-written query, every value as text.
    pub async fn texts(&self, query: &str, width: usize) -> Vec<Vec<String>> {
        let places = 0..width;
        if self.is_sqlite() {
            let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut self.raw_sqlite().await).await.expect(query);
            rows.iter().map(|row| places.clone().map(|place| row.get(place)).collect()).collect()
        } else {
            let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut self.raw_postgres().await).await.expect(query);
            rows.iter().map(|row| places.clone().map(|place| row.get(place)).collect()).collect()
        }
    }
}
