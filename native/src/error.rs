//! What a program hears when something fails: a stable code, a sentence that helps, and where it happened.
//!
//! The code is for programs and never changes its meaning. The message is for people: what failed, on what, and what
//! to do. Neither ever holds a value of the user's.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use trellis_core::error::CommandError;
use trellis_core::op::id::{OpId, RepoId};
use trellis_core::op::place::PlaceError;
use trellis_core::output::Reason;

/// What every fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, TrellisError>;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What kind of failure it was. The text form is the same in every language and on the command line.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// The stable text form.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// Nothing of this name is here.
    NotFound = "not_found";
    /// No peer can be reached.
    Offline = "offline";
    /// The peer does not accept who we are.
    AuthFailed = "auth_failed";
    /// The operating system or the repo's owner does not allow it.
    PermissionDenied = "permission_denied";
    /// A policy of the branch or collection does not allow it.
    PolicyRejected = "policy_rejected";
    /// An op breaks the rules that every op obeys.
    InvalidOp = "invalid_op";
    /// Two ops have one place in an author's chain.
    ChainForked = "chain_forked";
    /// A linear branch has moved on.
    NotFastForward = "not_fast_forward";
    /// The other side speaks another version.
    VersionMismatch = "version_mismatch";
    /// More than one write, frame or body may hold.
    PayloadTooLarge = "payload_too_large";
    /// Too much in too short a time.
    RateLimited = "rate_limited";
    /// More than this program or user may keep.
    QuotaExceeded = "quota_exceeded";
    /// The disk is full.
    StorageFull = "storage_full";
    /// The disk failed, or does not hold what was written to it.
    StorageCorrupt = "storage_corrupt";
    /// Two repos that have nothing in common.
    RepoMismatch = "repo_mismatch";
    /// It took longer than the caller was willing to wait.
    Timeout = "timeout";
    /// It was ended before it was done.
    Aborted = "aborted";
    /// An argument that means nothing here.
    InvalidArgument = "invalid_argument";
    /// There is no repo here.
    NotARepo = "not_a_repo";
    /// Another process is writing.
    Locked = "locked";
    /// A configuration file that cannot be read as one.
    ConfigInvalid = "config_invalid";
    /// Written by a newer version of this program.
    SchemaNewer = "schema_newer";
    /// The working folder has changes that no op holds.
    UnrecordedChanges = "unrecorded_changes";
    /// A file name that may not or cannot be written here.
    PathRefused = "path_refused";
    /// A linear branch has two lines.
    Diverged = "diverged";
    /// Two sides exchange nothing although they differ.
    NoProgress = "no_progress";
    /// There is one already.
    AlreadyExists = "already_exists";
    /// A conflict has other members than it had when it was looked at.
    ConflictMoved = "conflict_moved";
    /// The local clock is behind what was seen.
    ClockAhead = "clock_ahead";
    /// The content is not here.
    BodyMissing = "body_missing";
    /// This version or platform does not do it.
    Unsupported = "unsupported";
}

impl Code {
    /// Why a peer refuses an op, or gives it no effect.
    pub(crate) fn of(reason: Reason) -> Code {
        match reason {
            Reason::Invalid => Code::InvalidOp,
            Reason::NotPermitted => Code::PermissionDenied,
            Reason::NotFastForward => Code::NotFastForward,
        }
    }

    /// Whether the same call, made again later, may succeed although the caller changed nothing.
    pub fn is_retryable(self) -> bool {
        use Code::*;
        matches!(
            self,
            Offline
                | RateLimited
                | QuotaExceeded
                | StorageFull
                | Timeout
                | Locked
                | NoProgress
                | ClockAhead
                | BodyMissing
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One failure.
///
/// It is one pointer wide, so that the way of success costs nothing.
#[derive(Debug)]
pub struct TrellisError(Box<Report>);

#[derive(Debug)]
struct Report {
    code: Code,
    message: String,
    repo: Option<RepoId>,
    op: Option<OpId>,
    path: Option<PathBuf>,
    cause: Option<Box<dyn Error + Send + Sync>>,
    command: Option<CommandError>,
}

impl TrellisError {
    /// A failure of this kind. The message is one or more sentences: what failed, on what, what to do.
    pub fn new(code: Code, message: impl Into<String>) -> TrellisError {
        let message = message.into();
        TrellisError(Box::new(Report { code, message, repo: None, op: None, path: None, cause: None, command: None }))
    }

    /// The same, in this repo.
    pub fn in_repo(mut self, repo: RepoId) -> TrellisError {
        self.0.repo = Some(repo);
        self
    }

    /// The same, about this op.
    pub fn about_op(mut self, op: OpId) -> TrellisError {
        self.0.op = Some(op);
        self
    }

    /// The same, about this file or folder.
    pub fn at_path(mut self, path: impl Into<PathBuf>) -> TrellisError {
        self.0.path = Some(path.into());
        self
    }

    /// The same, because of this.
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> TrellisError {
        self.0.cause = Some(cause.into());
        self
    }

    /// The same, in the core's words.
    pub(crate) fn of_command(mut self, error: CommandError) -> TrellisError {
        self.0.command = Some(error);
        self
    }

    /// Why the core did not carry a command out, where it was the core that did not.
    pub fn command_error(&self) -> Option<&CommandError> {
        self.0.command.as_ref()
    }

    /// What kind of failure it was.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The sentence, as `Display` prints it.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether the same call, made again later, may succeed although the caller changed nothing.
    pub fn is_retryable(&self) -> bool {
        self.0.code.is_retryable()
    }

    /// The repo that it happened in, where that is known.
    pub fn repo(&self) -> Option<RepoId> {
        self.0.repo
    }

    /// The op that it is about, if it is about one.
    pub fn op(&self) -> Option<OpId> {
        self.0.op
    }

    /// The file or folder that it is about, if it is about one.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }
}

impl fmt::Display for TrellisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for TrellisError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }
}

impl From<PlaceError> for TrellisError {
    fn from(cause: PlaceError) -> TrellisError {
        TrellisError::new(Code::InvalidArgument, format!("This names no place: {cause}.")).caused_by(cause)
    }
}

/// A failed call to the operating system as an error: `what` says what was tried, as in "write the key file".
pub(crate) fn from_io(what: &str, path: &Path, cause: std::io::Error) -> TrellisError {
    use std::io::ErrorKind;
    let (code, advice) = match cause.kind() {
        ErrorKind::NotFound => (Code::NotFound, "it, or the folder that it stands in, does not exist"),
        ErrorKind::PermissionDenied => (Code::PermissionDenied, "the system does not allow it; check who owns it"),
        ErrorKind::ReadOnlyFilesystem => (Code::PermissionDenied, "the file system is read-only"),
        ErrorKind::AlreadyExists => (Code::AlreadyExists, "there is one already"),
        ErrorKind::StorageFull => (Code::StorageFull, "the disk is full; free some space and try again"),
        ErrorKind::QuotaExceeded => (Code::QuotaExceeded, "your quota is used up; free some space and try again"),
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::InvalidFilename => {
            (Code::InvalidArgument, "this is not a path for such a file")
        }
        _ => (Code::StorageCorrupt, "the system reported a failure; check the disk"),
    };
    TrellisError::new(code, format!("Could not {what} {}: {advice}.", path.display())).at_path(path).caused_by(cause)
}
