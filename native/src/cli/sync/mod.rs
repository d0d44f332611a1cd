//! `trellis sync`: what is here, what is elsewhere, and making them equal.

mod peer;
mod peers;
mod reconcile;
mod status;

use clap::{Args, Subcommand};

pub(crate) use status::BranchDoc;

use super::context::Context;
use super::report::Outcome;

pub(crate) use peer::watch;

/// Sync with a peer, look at the state of the repo, and exchange ops with another one on this machine
///
/// With a URL both repos have the same when the command ends, and the folder shows what the branch has.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, args_conflicts_with_subcommands = true)]
#[command(after_help = "Example:
  trellis sync ws://127.0.0.1:4200
  trellis sync wss://relay.example --live
  trellis sync reconcile --remote ../notes --apply")]
pub(crate) struct Sync {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    peer: Peer,
}

/// A peer, and how to sync with it.
#[derive(Debug, Args)]
pub(crate) struct Peer {
    /// Where the peer is: a ws://, wss://, http:// or https:// URL, or the name under which it is kept
    #[arg(required = true)]
    url: Option<String>,
    /// Stay connected: send what is written, and bring what comes into the folder, until Ctrl-C
    #[arg(long)]
    live: bool,
    /// Show what syncing would bring; nothing is changed anywhere
    #[arg(long, conflicts_with = "live")]
    preview: bool,
    /// Sync, which is what happens without --preview; with it, show that first
    #[arg(long)]
    apply: bool,
    /// A host that may be dialled in plain text although it is another machine
    #[arg(long, value_name = "HOST")]
    allow_plain: Vec<String>,
    /// Sync only branches of this name or pattern, not every one
    #[arg(long, value_name = "PATTERN")]
    branches: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(status::Status),
    Reconcile(reconcile::Reconcile),
    Peers(peers::Peers),
}

impl Sync {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        match (self.command, self.peer.url.clone()) {
            (Some(Command::Status(args)), _) => args.run(context).await,
            (Some(Command::Reconcile(args)), _) => args.run(context).await,
            (Some(Command::Peers(args)), _) => args.run(context).await,
            (None, url) => self.peer.run(context, &url.unwrap_or_default()).await,
        }
    }
}
