//! Lists in statements: SQLite has no arrays. Lists of keys to look up go as JSON and come apart with `json_each`; rows
//! to write go as `values (…),(…)` in pieces of fixed sizes, so that no value is parsed and few statements stay prepared.
//!
//! Must not know: tables.

use super::store_error;
use crate::store::{Result, StoreError};
use guerdon_rules::event::Key;
use serde::Serialize;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type};
use std::fmt::Write;

/// Keys in hex, for `unhex(value)`.
pub fn keys(keys: &[Key]) -> String {
    let mut out = String::with_capacity(keys.len() * 36 + 2);
    out.push('[');
    for (index, key) in keys.iter().enumerate() {
        out.push_str(if index > 0 { ",\"" } else { "\"" });
        push_hex(&mut out, key);
        out.push('"');
    }
    out.push(']');
    out
}

pub fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing into a string cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}

pub fn json(list: &impl Serialize) -> Result<String> {
    serde_json::to_string(list).map_err(|e| StoreError::Other(format!("a list cannot be written: {e}")))
}

/// Rows of one statement at most: pieces are powers of two up to this, so that few texts stay prepared.
const PIECE: usize = 128;

/// The values of one piece.
#[derive(Default)]
pub struct Values(SqliteArguments);

impl Values {
    pub fn add<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> Result<()> {
        self.0.add(value).map_err(|e| StoreError::Other(format!("a value cannot be written: {e}")))
    }
}

/// A statement over rows: what stands before and after `values (…),(…)`.
pub struct Statement {
    pub before: &'static str,
    /// Columns of a row.
    pub width: usize,
    pub after: &'static str,
}

impl Statement {
    /// Runs it over all rows; how many rows it changed.
    pub async fn run<T>(&self, connection: &mut SqliteConnection, rows: &[T], add: impl Fn(&mut Values, &T) -> Result<()>) -> Result<u64> {
        let mut changed = 0;
        let mut rest = rows;
        while !rest.is_empty() {
            let size = if rest.len() >= PIECE { PIECE } else { 1 << rest.len().ilog2() };
            let (piece, others) = rest.split_at(size);
            rest = others;
            let mut values = Values::default();
            values.0.reserve(size * self.width, 0);
            for row in piece {
                add(&mut values, row)?;
            }
            let statement = sqlx::query_with(AssertSqlSafe(self.text(size)), values.0);
            changed += statement.execute(&mut *connection).await.map_err(store_error)?.rows_affected();
        }
        Ok(changed)
    }

    fn text(&self, rows: usize) -> String {
        let mut row = "(".to_string() + "?,".repeat(self.width).as_str();
        row.pop();
        row.push_str("),");
        let mut text = String::with_capacity(self.before.len() + row.len() * rows + self.after.len());
        text.push_str(self.before);
        text.push_str(&row.repeat(rows));
        text.pop();
        text.push_str(self.after);
        text
    }
}
