//! What an error of SQLite means for the caller: <https://www.sqlite.org/rescode.html>.

use crate::store::StoreError;
use sqlx::error::Error;

pub fn store_error(error: Error) -> StoreError {
    match &error {
        Error::Database(database) => {
            let code = database.code().and_then(|c| c.parse().ok()).unwrap_or(0);
            by_code(code, database.message().to_string())
        }
        Error::Io(_) | Error::PoolClosed | Error::WorkerCrashed | Error::BeginFailed => StoreError::Unavailable(error.to_string()),
        Error::PoolTimedOut => StoreError::Busy("no connection became free, or could be made, in time".into()),
        Error::ColumnDecode { .. } | Error::Decode(_) | Error::ColumnNotFound(_) | Error::ColumnIndexOutOfBounds { .. } => {
            StoreError::Corrupt(error.to_string())
        }
        _ => StoreError::Other(error.to_string()),
    }
}

fn by_code(extended: i32, message: String) -> StoreError {
    // The low byte is the primary code.
    match extended & 0xff {
        // CONSTRAINT, which is also what a guard raises.
        19 => StoreError::Refused(message),
        // BUSY, LOCKED
        5 | 6 => StoreError::Busy(message),
        // READONLY, IOERR, FULL, CANTOPEN
        8 | 10 | 13 | 14 => StoreError::Unavailable(message),
        // CORRUPT, NOTADB
        11 | 26 => StoreError::Corrupt(message),
        _ => StoreError::Other(message),
    }
}
