//! Why a flow could not do what was asked: one closed set, mapped to HTTP and to exit codes in one place each.

use crate::store::StoreError;
use guerdon_rules::diagnostic::Diagnostic;

#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// 404. What is not there.
    #[error("{0}")]
    NotFound(String),
    /// 400. What was asked makes no sense; says what would.
    #[error("{0}")]
    Invalid(String),
    /// 403. Somebody else may do it.
    #[error("{0}")]
    Forbidden(String),
    /// 422. Files of a campaign that cannot be a release.
    #[error("the campaign's files have errors: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Rules(Vec<Diagnostic>),
    /// 409. It contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// 503 with Retry-After. The lane's queue is full, or the campaign is held.
    #[error("{reason}")]
    Busy { reason: String, retry_after_seconds: u64 },
    /// 503. The database did not do it; nothing of it was kept, and sending it again is safe.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// 500. A fault of this program.
    #[error("internal error: {0}")]
    Internal(String),
}

pub type Result<T> = std::result::Result<T, FlowError>;
