//! Why a command did not succeed, and the exit code that says so: 0 ok, 1 a check or test failed, 2 usage, 3 differences
//! found, 4 infrastructure, 130 interrupted.

use crate::flow::FlowError;
use std::process::ExitCode;

pub enum Failure {
    /// 1. What was checked is not right; it has been printed.
    Failed,
    /// 2. What was asked makes no sense; says what would.
    Usage(String),
    /// 3. What was compared differs; it has been printed.
    Different,
    /// 4. The database, a file or the network did not do its part.
    Infrastructure(String),
    /// 130, as a shell has it for SIGINT.
    Interrupted,
}

/// Says on stderr what there is to say.
pub fn report(failure: &Failure) -> ExitCode {
    let (code, text) = match failure {
        Failure::Failed => (1, None),
        Failure::Usage(text) => (2, Some(text.as_str())),
        Failure::Different => (3, None),
        Failure::Infrastructure(text) => (4, Some(text.as_str())),
        Failure::Interrupted => (130, Some("interrupted")),
    };
    if let Some(text) = text {
        eprintln!("guerdon: {text}");
    }
    ExitCode::from(code)
}

impl From<FlowError> for Failure {
    fn from(error: FlowError) -> Failure {
        match error {
            FlowError::NotFound(text) | FlowError::Invalid(text) | FlowError::Forbidden(text) | FlowError::Conflict(text) => {
                Failure::Usage(text)
            }
            FlowError::Rules(diagnostics) => {
                diagnostics.iter().for_each(|d| eprintln!("{d}"));
                Failure::Failed
            }
            error @ (FlowError::Busy { .. } | FlowError::Store(_) | FlowError::Internal(_)) => Failure::Infrastructure(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Infrastructure(error.to_string())
    }
}
