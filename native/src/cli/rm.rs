//! `trellis rm`: removes an entity, or a place in one.

use clap::Args;
use trellis_sync::{Code, Place, State, TrellisError};

use super::context::Context;
use super::doc::ids;
use super::report::{Outcome, done};
use super::set::Written;

/// Remove an entity, or a place in one
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis rm notes/1/stars")]
pub(crate) struct Rm {
    /// collection/key, or collection/key/field...
    place: Place,
}

impl Rm {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let place = self.place.to_string();
        let found = repo.get(&place).await?;
        if found.state == State::Absent && found.conflicts.is_empty() {
            let message = format!("There is nothing at {place} to remove; see `trellis ls` for what there is.");
            return Err(TrellisError::new(Code::NotFound, message));
        }
        let receipt = repo.delete(&place).await?;
        done(Written { ops: ids(receipt.ops()), place, verb: "Removed" })
    }
}
