//! Writes prepared commits to SQLite, as durably as the store does. Statements and their arguments are made before the
//! clock starts. Must not know: what rows mean.

use super::bulk::{Action, Column, Commit, Rows};
use super::{BenchError, Result};
use crate::store;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use std::path::Path;
use std::time::{Duration, Instant};

/// Rows of one statement at most.
const PIECE: usize = 128;

type Statement = (String, SqliteArguments);

/// How long it took.
pub async fn write(path: &Path, commits: &[Commit]) -> Result<Duration> {
    let mut connection: SqliteConnection = store::sqlite::file(path).connect().await?;
    let prepared: Vec<Vec<Statement>> = commits.iter().map(statements).collect::<Result<_>>()?;
    let began = Instant::now();
    for commit in prepared {
        let mut open = connection.begin_with("begin immediate").await?;
        for (text, arguments) in commit {
            sqlx::query_with(AssertSqlSafe(text), arguments).execute(&mut *open).await?;
        }
        open.commit().await?;
    }
    let took = began.elapsed();
    connection.close().await?;
    Ok(took)
}

fn statements(commit: &Commit) -> Result<Vec<Statement>> {
    let mut list = Vec::new();
    for rows in commit.rows.iter().chain(&commit.last) {
        let count = rows.data.first().map_or(0, Column::rows);
        let mut first = 0;
        while first < count {
            let size = PIECE.min(1 << (count - first).ilog2());
            list.push((text(rows, size), arguments(rows, first, size)?));
            first += size;
        }
    }
    Ok(list)
}

fn arguments(rows: &Rows, first: usize, size: usize) -> Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    for row in first..first + size {
        for column in &rows.data {
            let added = match column {
                Column::Int(list) => arguments.add(list[row]),
                Column::Text(list) => arguments.add(list[row].clone()),
                Column::Bytes(list) => arguments.add(list[row].clone()),
            };
            added.map_err(|e| BenchError::Wrong(e.to_string()))?;
        }
    }
    Ok(arguments)
}

fn text(rows: &Rows, size: usize) -> String {
    let row = format!("({})", vec!["?"; rows.columns.len()].join(","));
    let (table, names, values) = (rows.table, rows.columns.join(", "), vec![row; size].join(","));
    match rows.action {
        Action::Insert(after) => format!("insert into {table} ({names}) values {values} {after}"),
        Action::Update(keys) => {
            let numbered: Vec<(usize, &&str)> = rows.columns.iter().enumerate().collect();
            let (keys, values_of) = numbered.split_at(keys);
            let set: Vec<String> = values_of.iter().map(|(place, name)| format!("{name} = v.column{}", place + 1)).collect();
            let same: Vec<String> = keys.iter().map(|(place, name)| format!("{table}.{name} = v.column{}", place + 1)).collect();
            format!("update {table} set {} from (values {values}) v where {}", set.join(", "), same.join(" and "))
        }
    }
}
