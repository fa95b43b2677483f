//! Importing codes into a pool, and what the pools hold.

use super::error::Result;
use super::host::Host;
use super::views::{ImportReport, PoolView};
use crate::store::{PoolStatus, SealedCode};

/// Codes of one commit.
const CHUNK: usize = 5000;
/// The first malformed lines that a report names.
const NAMED_LINES: usize = 20;
/// The longest code, in bytes.
const CODE_BYTES: usize = 256;

impl Host {
    /// Imports codes, one a line: (line number, code or why there is none). Duplicates, in this file or in any pool, and
    /// malformed lines are counted and skipped. Grants that the pool owes are filled at once. `progress` is told the
    /// lines done so far.
    pub async fn import_codes(
        &self,
        pool: &str,
        lines: impl Iterator<Item = (u64, std::result::Result<String, String>)> + Send,
        progress: impl Fn(u64) + Send,
    ) -> Result<ImportReport> {
        let mut report = ImportReport { pool: pool.to_string(), ..ImportReport::default() };
        let mut chunk = Vec::with_capacity(CHUNK);
        for (line, code) in lines {
            match code.and_then(|code| checked(&code)) {
                Ok(code) => chunk.push(self.sealer.seal(pool, &code)?),
                Err(why) => {
                    report.malformed += 1;
                    if report.malformed_lines.len() < NAMED_LINES {
                        report.malformed_lines.push((line, why));
                    }
                }
            }
            if chunk.len() == CHUNK {
                self.import_chunk(pool, &mut chunk, &mut report).await?;
                progress(line);
            }
        }
        self.import_chunk(pool, &mut chunk, &mut report).await?;
        report.filled = self.fill_pool(pool).await?;
        Ok(report)
    }

    async fn import_chunk(&self, pool: &str, chunk: &mut Vec<SealedCode>, report: &mut ImportReport) -> Result<()> {
        if chunk.is_empty() {
            return Ok(());
        }
        let imported = self.store.import_codes(pool, chunk, self.now_ms()).await?;
        report.accepted += imported.accepted;
        report.duplicate += imported.duplicate;
        chunk.clear();
        Ok(())
    }

    pub async fn pools(&self) -> Result<Vec<PoolView>> {
        let marks = self.low_marks();
        let view = |p: PoolStatus| {
            let low_stock = marks.get(&p.name).copied();
            let low = low_stock.is_some_and(|mark| p.available <= mark);
            PoolView { pool: p.name, imported: p.imported, available: p.available, issued: p.issued, owed: p.owed, low_stock, low }
        };
        Ok(self.store.pool_status().await?.into_iter().map(view).collect())
    }
}

/// A code without the space around it.
fn checked(code: &str) -> std::result::Result<String, String> {
    let code = code.trim();
    if code.is_empty() {
        return Err("the code is empty".into());
    }
    if code.len() > CODE_BYTES {
        return Err(format!("the code is longer than {CODE_BYTES} bytes"));
    }
    if code.chars().any(char::is_control) {
        return Err("the code holds a control character".into());
    }
    Ok(code.to_string())
}
