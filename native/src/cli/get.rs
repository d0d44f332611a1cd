//! `trellis get`: what stands at a place.

use std::io;

use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;
use trellis_sync::{Code, Place, State, TrellisError};

use super::context::{Context, heads_named};
use super::doc::{ConflictDoc, ids};
use super::page::Page;
use super::report::{Outcome, Told, done};
use super::words::{count, pretty, raw};

/// Show the value of an entity, or of a place in one
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  trellis get notes/1/title\n  trellis get --at 7515aab3a2c1 notes/1")]
pub(crate) struct Get {
    /// collection/key, or collection/key/field...
    place: Place,
    /// As it was at this op, or on this branch
    #[arg(long, value_name = "OP")]
    at: Option<String>,
}

impl Get {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let at = heads_named(&repo, self.at.as_deref()).await?;
        let found = repo.at(&at).get(&self.place.to_string()).await?;
        if !found.conflicts.is_empty() {
            let open = count(found.conflicts.len(), "conflict");
            context.note(&format!("{open} open here, so this value is provisional; see `trellis conflicts`."));
        }
        match (found.state, &found.value) {
            (State::Value, Some(value)) => done(Got {
                place: found.place.to_string(),
                value: raw(value),
                base: ids(&found.frontier),
                conflicts: found.conflicts.iter().map(ConflictDoc::new).collect(),
                at: ids(&at),
                text: pretty(value),
            }),
            (state, _) => Err(nothing_to_show(&self.place, state)),
        }
    }
}

fn nothing_to_show(place: &Place, state: State) -> TrellisError {
    let (code, why) = match state {
        State::BodyMissing => {
            (Code::BodyMissing, "has content that is not on this device; sync with a peer that has it")
        }
        State::Bytes => (Code::Unsupported, "holds bytes that only the program which wrote them understands"),
        State::Absent | State::Value => (Code::NotFound, "has no value; see `trellis ls` for what there is"),
    };
    TrellisError::new(code, format!("{place} {why}."))
}

/// What stands at a place.
#[derive(Serialize)]
struct Got {
    place: String,
    value: Option<Box<RawValue>>,
    base: Vec<String>,
    conflicts: Vec<ConflictDoc>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    at: Vec<String>,
    #[serde(skip)]
    text: String,
}

impl Told for Got {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        page.value(&self.text)
    }
}
