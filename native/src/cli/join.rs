//! `trellis join`: a copy of a repo that one was invited to.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use trellis_sync::core::time::Millis;
use trellis_sync::invitation::TEXT_BYTES_MAX;
use trellis_sync::link::{LinkOptions, check};
use trellis_sync::{Code, Invitation, Result, TrellisError};
use zeroize::Zeroizing;

use super::clone::{Copying, Giver};
use super::context::Context;
use super::report::Outcome;

/// The variable that may hold an invitation.
const VARIABLE: &str = "TRELLIS_INVITATION";
/// What an invitation begins with, and no argument.
const SECRET: &str = "trellis-invitation:";

/// Join a repo by an invitation, in a new folder
///
/// The invitation is what `trellis invite` printed. It is read from stdin, from the file that --invitation names, or from the
/// variable TRELLIS_INVITATION, and never from an argument, which others on this machine could see.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  trellis join wss://relay.example notes < invitation.txt\n\nAfterwards `trellis sync` needs no invitation."
)]
pub(crate) struct Join {
    /// The URL of a peer that has the repo and may write to it
    url: String,
    /// The new folder
    #[arg(default_value = "repo")]
    dir: PathBuf,
    /// The file with the invitation
    #[arg(long, value_name = "FILE")]
    invitation: Option<PathBuf>,
    /// A host that may be dialled in plain text although it is another machine
    #[arg(long, value_name = "HOST")]
    allow_plain: Vec<String>,
}

impl Join {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let mut options = LinkOptions::default();
        options.connect.allow_plain.clone_from(&self.allow_plain);
        check(&self.url, &options)?;
        let file = self.invitation.map(|file| context.path(&file));
        let invitation: Invitation = read(context, file.as_deref())?.parse()?;
        invitation.expect_open(now())?;
        options.invitation = Some(invitation);
        let giver = Giver::Peer(self.url.clone(), Box::new(options));
        Copying { giver, from: self.url.into(), dir: self.dir }.run(context).await
    }
}

/// Whether somebody who joins gave the invitation as an argument, where all can see it.
pub(crate) fn is_given_away(args: &[OsString]) -> bool {
    args.iter().any(|arg| arg == "join") && args.iter().any(|arg| arg.to_string_lossy().contains(SECRET))
}

/// What is to be said to who did so.
pub(crate) fn given_away() -> TrellisError {
    let message = "An invitation is no argument, for others on this machine can see those. Give it on stdin, or in a file by \
                   --invitation; and if this machine is not yours alone, ask for another one.";
    TrellisError::new(Code::InvalidArgument, message)
}

fn read(context: &Context, file: Option<&Path>) -> Result<Zeroizing<String>> {
    if let Some(path) = file {
        let opened =
            File::open(path).map_err(|cause| unreadable("The file with the invitation", cause).at_path(path))?;
        return read_from(opened).map_err(|cause| unreadable("The file with the invitation", cause).at_path(path));
    }
    if let Some(text) = std::env::var_os(VARIABLE).filter(|text| !text.is_empty()) {
        return Ok(Zeroizing::new(text.to_string_lossy().into_owned()));
    }
    let read = match io::stdin().is_terminal() {
        true => ask(context),
        false => read_from(io::stdin().lock()),
    };
    read.map_err(|cause| unreadable("What came on stdin", cause))
}

/// A line that somebody types or pastes.
fn ask(context: &Context) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    if io::stderr().is_terminal() {
        context.end_progress();
        write!(io::stderr(), "Invitation: ")?;
    }
    io::stdin().read_line(&mut text)?;
    Ok(text)
}

fn read_from(source: impl Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES_MAX));
    source.take(TEXT_BYTES_MAX as u64).read_to_string(&mut text)?;
    Ok(text)
}

fn unreadable(what: &str, cause: io::Error) -> TrellisError {
    let code = match cause.kind() {
        io::ErrorKind::NotFound => Code::NotFound,
        io::ErrorKind::PermissionDenied => Code::PermissionDenied,
        _ => Code::InvalidArgument,
    };
    TrellisError::new(code, format!("{what} cannot be read. Give the line that `trellis invite` printed."))
        .caused_by(cause)
}

fn now() -> Millis {
    Millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64)
}
