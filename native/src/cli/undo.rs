//! `trellis undo`: takes this device's last write back, by another write.

use std::io;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::doc::OpDoc;
use super::page::{Page, clean};
use super::report::{Outcome, Told, done};

/// Give back what this device's last write to the branch replaced
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis undo")]
pub(crate) struct Undo {}

impl Undo {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let receipt = repo.undo().await?;
        let mut places = Vec::new();
        for op in receipt.ops() {
            places.push(OpDoc::new(&repo.op(*op).await?).entity().to_string());
        }
        done(Undone { ops: super::doc::ids(receipt.ops()), places })
    }
}

/// What was taken back.
#[derive(Serialize)]
struct Undone {
    ops: Vec<String>,
    places: Vec<String>,
}

impl Told for Undone {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        if self.ops.is_empty() {
            return page.remark("The last write changed nothing that could be given back.");
        }
        self.ops.iter().zip(&self.places).try_for_each(|(op, place)| {
            let op = page.id(op);
            page.remark(format!("Gave {} back what it was ({op}).", clean(place)))
        })
    }
}
