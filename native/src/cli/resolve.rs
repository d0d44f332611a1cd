//! `trellis resolve`: closes a conflict by an op.

use std::io;

use clap::Args;
use serde::Serialize;
use trellis_sync::core::input::Choice;
use trellis_sync::core::merge::conflict::Conflict;
use trellis_sync::{Code, Place, Repo, Result, TrellisError, conflict_place};

use super::context::Context;
use super::doc::{ids, side_name};
use super::page::{Page, clean};
use super::report::{Outcome, Told, done};
use super::words::{self, Notation, count};

/// Close a conflict: choose a side, or say what shall stand
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trellis resolve notes/1/title --take B
  trellis resolve notes/1/title --value 'Calm storm'
  trellis resolve notes/1 --absent")]
pub(crate) struct Resolve {
    /// The place in conflict, or its entity if it has only one
    place: Place,
    #[command(flatten)]
    chosen: Chosen,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Chosen {
    /// The side that shall stand: A, B, ... as `trellis conflicts` names them, or an op
    #[arg(long, value_name = "SIDE")]
    take: Option<String>,
    /// The value that shall stand: JSON where it is JSON, else text
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    value: Option<String>,
    /// The text that shall stand, even if it looks like JSON
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    text: Option<String>,
    /// Nothing shall stand
    #[arg(long)]
    absent: bool,
}

impl Resolve {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let open = repo.conflicts().await?;
        let conflict = pick(&open, &self.place)?;
        let choice = self.chosen.choice(&repo, conflict).await?;
        let receipt = repo.resolve(conflict, choice).await?;
        let place = conflict_place(conflict).to_string();
        let left = repo.conflicts().await?.len();
        done(Resolved { ops: ids(receipt.ops()), place, conflict: conflict.id.to_string(), open: left })
    }
}

impl Chosen {
    async fn choice(&self, repo: &Repo, conflict: &Conflict) -> Result<Choice> {
        match (&self.take, &self.value, &self.text) {
            (Some(side), ..) => side_op(repo, conflict, side).await,
            (_, Some(value), _) => words::value(value, Notation::Either).map(Choice::Value),
            (_, _, Some(text)) => words::value(text, Notation::Text).map(Choice::Value),
            _ => Ok(Choice::Absent),
        }
    }
}

/// The conflict at a place; for an entity, its only one.
fn pick<'a>(open: &'a [Conflict], place: &Place) -> Result<&'a Conflict> {
    let of_entity =
        |conflict: &&Conflict| conflict.collection == place.entity.collection && conflict.key == place.entity.key;
    if let Some(conflict) = open.iter().filter(of_entity).find(|conflict| conflict.path == place.pointer) {
        return Ok(conflict);
    }
    let below: Vec<&Conflict> =
        open.iter().filter(of_entity).filter(|conflict| place.pointer.is_prefix_of(&conflict.path)).collect();
    match below.as_slice() {
        [conflict] => Ok(conflict),
        [] => Err(TrellisError::new(
            Code::NotFound,
            format!("There is no open conflict at {place}; see `trellis conflicts`."),
        )),
        several => Err(ambiguous(place, several)),
    }
}

fn ambiguous(place: &Place, several: &[&Conflict]) -> TrellisError {
    let name = |conflict: &&Conflict| conflict_place(conflict).to_string();
    let names = several.iter().map(name).collect::<Vec<_>>().join(", ");
    TrellisError::new(Code::InvalidArgument, format!("{place} has several conflicts. Name one of them: {names}."))
}

/// The op of a side, by its letter or by the first digits of its id.
async fn side_op(repo: &Repo, conflict: &Conflict, side: &str) -> Result<Choice> {
    let letter = side.to_ascii_uppercase();
    if let Some((_, side)) = conflict.sides.iter().enumerate().find(|(at, _)| side_name(*at) == letter) {
        return Ok(Choice::Side(side.op));
    }
    match repo.find_op(side).await {
        Ok(op) if conflict.members.contains(&op) => Ok(Choice::Side(op)),
        _ => Err(TrellisError::new(
            Code::InvalidArgument,
            format!("{side} is no side of this conflict. Take one of those that `trellis conflicts` shows."),
        )),
    }
}

/// A conflict that was closed.
#[derive(Serialize)]
struct Resolved {
    ops: Vec<String>,
    place: String,
    conflict: String,
    /// How many are left on the branch.
    open: usize,
}

impl Told for Resolved {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let left = match self.open {
            0 => "No conflicts are left.".into(),
            open => format!("{} left.", count(open, "conflict")),
        };
        page.remark(format!("Resolved {}. {left}", clean(&self.place)))
    }
}
