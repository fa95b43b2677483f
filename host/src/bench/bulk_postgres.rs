//! Writes prepared commits to PostgreSQL over one connection, or over two that take turns with the head. Statements and
//! their arguments, encoded, are made before the clock starts. Must not know: what rows mean.

use super::bulk::{Action, Column, Commit, Rows};
use super::{BenchError, Result};
use sqlx::postgres::{PgArguments, PgConnectOptions};
use sqlx::{Arguments, AssertSqlSafe, Connection, PgConnection};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

struct Statement {
    text: Arc<str>,
    arguments: PgArguments,
}

struct Prepared {
    rows: Vec<Statement>,
    last: Vec<Statement>,
}

/// How long it took.
pub async fn write(address: &PgConnectOptions, commits: &[Commit], connections: usize) -> Result<Duration> {
    let mut lists: Vec<Vec<(usize, Prepared)>> = (0..connections).map(|_| Vec::new()).collect();
    for (place, commit) in commits.iter().enumerate() {
        let statements = |rows: &[Rows]| rows.iter().map(statement).collect::<Result<Vec<_>>>();
        lists[place % connections].push((place, Prepared { rows: statements(&commit.rows)?, last: statements(&commit.last)? }));
    }
    // As a lane's connections are set: see `store::postgres::open`.
    let off = ["enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_material", "enable_bitmapscan", "jit"];
    let address = address.clone().options(off.map(|name| (name, "off")));
    let (turn, _) = watch::channel(0_usize);
    let turn = Arc::new(turn);
    let mut opened = Vec::new();
    for _ in 0..connections {
        opened.push(PgConnection::connect_with(&address).await?);
    }
    let began = Instant::now();
    let writers = opened.into_iter().zip(lists).map(|(connection, list)| tokio::spawn(write_list(connection, list, turn.clone())));
    for writer in writers.collect::<Vec<_>>() {
        writer.await.map_err(|e| BenchError::Wrong(e.to_string()))??;
    }
    Ok(began.elapsed())
}

async fn write_list(mut connection: PgConnection, list: Vec<(usize, Prepared)>, turn: Arc<watch::Sender<usize>>) -> Result<()> {
    for (place, commit) in list {
        let mut open = connection.begin().await?;
        for statement in commit.rows {
            sqlx::query_with(AssertSqlSafe(statement.text.to_string()), statement.arguments).execute(&mut *open).await?;
        }
        // A writer that failed never gives its turn: the other one ends with it, when its connection is dropped.
        let mut turns = turn.subscribe();
        let mine = turns.wait_for(|now| *now == place);
        tokio::time::timeout(Duration::from_secs(60), mine)
            .await
            .map_err(|_| BenchError::Wrong("the other writer did not finish".into()))?
            .map_err(|e| BenchError::Wrong(e.to_string()))?;
        for statement in commit.last {
            sqlx::query_with(AssertSqlSafe(statement.text.to_string()), statement.arguments).execute(&mut *open).await?;
        }
        open.commit().await?;
        turn.send_replace(place + 1);
    }
    connection.close().await?;
    Ok(())
}

fn statement(rows: &Rows) -> Result<Statement> {
    let mut arguments = PgArguments::default();
    let mut places = Vec::new();
    for (place, column) in rows.data.iter().enumerate() {
        let added = match column {
            Column::Int(list) => arguments.add(list),
            Column::Text(list) => arguments.add(list),
            Column::Bytes(list) => arguments.add(list),
        };
        added.map_err(|e| BenchError::Wrong(e.to_string()))?;
        let kind = match column {
            Column::Int(_) => "bigint",
            Column::Text(_) => "text",
            Column::Bytes(_) => "bytea",
        };
        places.push(format!("${}::{kind}[]", place + 1));
    }
    Ok(Statement { text: text(rows, &places.join(", ")).into(), arguments })
}

fn text(rows: &Rows, places: &str) -> String {
    let (table, names) = (rows.table, rows.columns.join(", "));
    match rows.action {
        Action::Insert(after) => format!("insert into {table} ({names}) select * from unnest({places}) v {after}"),
        Action::Update(keys) => {
            let (keys, values) = rows.columns.split_at(keys);
            let set: Vec<String> = values.iter().map(|name| format!("{name} = v.{name}")).collect();
            let same: Vec<String> = keys.iter().map(|name| format!("t.{name} = v.{name}")).collect();
            format!("update {table} t set {} from unnest({places}) v ({names}) where {}", set.join(", "), same.join(" and "))
        }
    }
}
