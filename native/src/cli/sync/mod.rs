//! `trellis sync`: what is here, what is elsewhere, and making them equal.

mod reconcile;
mod status;

use clap::{Args, Subcommand};

pub(crate) use status::BranchDoc;

use super::context::Context;
use super::report::Outcome;

/// Look at the state of the repo, and exchange ops with another one
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
#[command(after_help = "Example:\n  trellis sync reconcile --remote ../notes --apply")]
pub(crate) struct Sync {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(status::Status),
    Reconcile(reconcile::Reconcile),
}

impl Sync {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        match self.command {
            Command::Status(args) => args.run(context).await,
            Command::Reconcile(args) => args.run(context).await,
        }
    }
}
