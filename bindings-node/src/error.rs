//! Failures as JavaScript throws them: an error whose message is the JSON text of what is known of it.

use serde::Serialize;
use trellis_core::error::{CommandError, UsageError};
use trellis_core::surface::{Hex, Problem, Unreadable};
use trellis_sync::TrellisError;

/// A failure. Where the core said why, it has the core's words, as with the WebAssembly module.
#[derive(Debug)]
pub(crate) struct Thrown(Box<Report>);

/// What is known of it.
#[derive(Debug, Serialize)]
struct Report {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<Hex<32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repo: Option<Hex<32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// What failed underneath.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

/// What a call returns.
pub(crate) type Result<T> = std::result::Result<T, Thrown>;

impl Thrown {
    pub(crate) fn bad(message: impl ToString) -> Thrown {
        Problem { code: "invalid_argument", message: message.to_string(), op: None }.into()
    }

    /// The object as a text.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }
}

impl From<Thrown> for napi::Error {
    fn from(thrown: Thrown) -> napi::Error {
        napi::Error::from_reason(thrown.text())
    }
}

impl From<Problem> for Thrown {
    fn from(Problem { code, message, op }: Problem) -> Thrown {
        Thrown(Box::new(Report { code, message, op, repo: None, path: None, cause: None }))
    }
}

impl From<CommandError> for Thrown {
    fn from(error: CommandError) -> Thrown {
        Problem::from(error).into()
    }
}

impl From<Unreadable> for Thrown {
    fn from(unreadable: Unreadable) -> Thrown {
        Thrown::bad(unreadable)
    }
}

impl From<UsageError> for Thrown {
    fn from(error: UsageError) -> Thrown {
        Problem { code: "aborted", message: error.to_string(), op: None }.into()
    }
}

impl From<TrellisError> for Thrown {
    fn from(error: TrellisError) -> Thrown {
        if let Some(refused) = error.command_error() {
            return refused.clone().into();
        }
        let cause = std::error::Error::source(&error);
        if let Some(unreadable) = cause.and_then(|cause| cause.downcast_ref::<Unreadable>()) {
            return Thrown::bad(unreadable);
        }
        Thrown(Box::new(Report {
            code: error.code().as_str(),
            message: error.message().to_owned(),
            op: error.op().map(|op| Hex(op.0)),
            repo: error.repo().map(|repo| Hex(repo.0)),
            path: error.path().map(|path| path.display().to_string()),
            cause: cause.map(ToString::to_string),
        }))
    }
}
