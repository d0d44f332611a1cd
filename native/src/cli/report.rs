//! What a command has to say: a report, as a document or as text, and an exit code.

use std::error::Error;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use serde::Serialize;
use trellis_sync::{Code, TrellisError};

use super::page::Page;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what was asked.
    Done = 0,
    /// It failed.
    Error = 1,
    /// It did what was asked, and conflicts are open.
    ConflictsOpen = 2,
    /// The arguments make no sense.
    Usage = 64,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// What a command found or did: data for a document, told to people in words.
pub(crate) trait Told: Serialize {
    /// Says it to people.
    fn print(&self, page: &mut Page<'_>) -> io::Result<()>;

    /// How the command ends.
    fn exit(&self) -> Exit {
        Exit::Done
    }

    /// Whether people may want to page through it.
    fn is_long(&self) -> bool {
        false
    }
}

/// What a command found or did, of whatever kind.
pub(crate) trait Report {
    /// The document: `{"v": 1, ...}`.
    fn document(&self) -> serde_json::Result<String>;
    /// As [`Told::print`].
    fn print(&self, page: &mut Page<'_>) -> io::Result<()>;
    /// As [`Told::exit`].
    fn exit(&self) -> Exit;
    /// As [`Told::is_long`].
    fn is_long(&self) -> bool;
}

impl<T: Told> Report for T {
    fn document(&self) -> serde_json::Result<String> {
        document(self)
    }

    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        Told::print(self, page)
    }

    fn exit(&self) -> Exit {
        Told::exit(self)
    }

    fn is_long(&self) -> bool {
        Told::is_long(self)
    }
}

/// What a command returns.
pub(crate) type Outcome = Result<Box<dyn Report>, TrellisError>;

/// A command that went well.
pub(crate) fn done(report: impl Report + 'static) -> Outcome {
    Ok(Box::new(report))
}

#[derive(Serialize)]
struct Document<'a, T> {
    v: u8,
    #[serde(flatten)]
    content: &'a T,
}

fn document(content: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(&Document { v: 1, content })
}

#[derive(Serialize)]
struct ErrorReport {
    error: ErrorDoc,
}

/// What an error document says.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorDoc {
    code: &'static str,
    message: String,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    repo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl From<&TrellisError> for ErrorDoc {
    fn from(error: &TrellisError) -> ErrorDoc {
        ErrorDoc {
            code: error.code().as_str(),
            message: error.message().into(),
            retryable: error.is_retryable(),
            repo: error.repo().map(|repo| repo.to_string()),
            op: error.op().map(|op| op.to_string()),
            path: error.path().map(|path| path.display().to_string()),
            cause: error.source().map(ToString::to_string),
        }
    }
}

/// An error as a document.
pub(crate) fn error_document(error: &TrellisError) -> serde_json::Result<String> {
    document(&ErrorReport { error: error.into() })
}

/// Tells of wrong usage, as clap does it, or as a document where one was asked for. `advice` says what to type instead.
pub(crate) fn usage_error(error: &clap::Error, advice: Option<&str>, args: &[OsString]) -> Exit {
    match (usage_document(error, advice).ok().filter(|_| wants_document(args)), advice) {
        (Some(text), _) => super::context::print_line(&text),
        (None, Some(advice)) => eprintln!("error: {}. {advice}", first_line(error)),
        (None, None) => drop(error.print()),
    }
    Exit::Usage
}

/// Tells of wrong usage that is found before the arguments are read.
pub(crate) fn refuse_usage(error: &TrellisError, args: &[OsString]) -> Exit {
    match error_document(error).ok().filter(|_| wants_document(args)) {
        Some(text) => super::context::print_line(&text),
        None => eprintln!("error: {error}"),
    }
    Exit::Usage
}

fn wants_document(args: &[OsString]) -> bool {
    args.iter().any(|arg| arg == "--json") || std::env::var_os("TRELLIS_JSON").is_some()
}

fn usage_document(error: &clap::Error, advice: Option<&str>) -> serde_json::Result<String> {
    let advice = advice.unwrap_or("Run `trellis help`.");
    error_document(&TrellisError::new(Code::InvalidArgument, format!("{}. {advice}", first_line(error))))
}

fn first_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// The system does not let the program wait for anything.
pub(crate) fn no_runtime(cause: io::Error) -> TrellisError {
    TrellisError::new(Code::QuotaExceeded, "The system does not give this program what it needs to run.")
        .caused_by(cause)
}
