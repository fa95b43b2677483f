//! What an error of PostgreSQL means for the caller: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.

use crate::store::StoreError;
use sqlx::error::Error;

pub fn store_error(error: Error) -> StoreError {
    match &error {
        Error::Database(database) => {
            let message = match database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().and_then(|e| e.detail()) {
                Some(detail) => format!("{} ({detail})", database.message()),
                None => database.message().to_string(),
            };
            by_code(database.code().as_deref().unwrap_or(""), message)
        }
        Error::Io(_) | Error::Tls(_) | Error::PoolClosed | Error::WorkerCrashed | Error::Protocol(_) | Error::BeginFailed => {
            StoreError::Unavailable(error.to_string())
        }
        Error::PoolTimedOut => StoreError::Busy("no connection became free, or could be made, in time".into()),
        Error::ColumnDecode { .. } | Error::Decode(_) | Error::ColumnNotFound(_) | Error::ColumnIndexOutOfBounds { .. } => {
            StoreError::Corrupt(error.to_string())
        }
        _ => StoreError::Other(error.to_string()),
    }
}

fn by_code(code: &str, message: String) -> StoreError {
    match code {
        // Serialization failure, deadlock, lock not available, statement cancelled by its timeout.
        "40001" | "40P01" | "55P03" | "57014" => StoreError::Busy(message),
        // Raised by the guards.
        "P0001" => StoreError::Refused(message),
        // The transaction stood idle for too long; the server shuts down, starts up, is full or unreachable.
        "25P03" => StoreError::Unavailable(message),
        _ if code.starts_with("23") => StoreError::Refused(message),
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => StoreError::Unavailable(message),
        _ if code.starts_with("XX") => StoreError::Corrupt(message),
        _ => StoreError::Other(message),
    }
}
