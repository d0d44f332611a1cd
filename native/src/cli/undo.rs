//! `trellis undo`: takes this device's last write back, by another write.

use std::io;

use clap::Args;
use serde::Serialize;
use trellis_sync::core::view::files::FILES;
use trellis_sync::files::Workspace;

use super::context::Context;
use super::doc::OpDoc;
use super::files::{SettledDoc, shown_paths};
use super::history::is_note;
use super::page::{Page, clean};
use super::report::{Exit, Outcome, Told, done};
use super::words::count;

/// Take back this device's last record, or its last write to the branch
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis undo")]
pub(crate) struct Undo {}

impl Undo {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let receipt = repo.undo().await?;
        let settled = Workspace::follow_write(&repo).await?;
        let paths = shown_paths(&repo.files(&[]).await?);
        let (mut places, mut is_record) = (Vec::new(), false);
        for op in receipt.ops() {
            let op = repo.op(*op).await?;
            is_record |= is_note(&op);
            let path = paths.get(&op.key).filter(|_| op.collection == FILES);
            places.push(path.map_or_else(|| OpDoc::new(&op).entity().to_string(), ToString::to_string));
        }
        let folder = settled.as_ref().map(SettledDoc::new);
        done(Undone { ops: super::doc::ids(receipt.ops()), places, folder, is_record })
    }
}

/// What was taken back.
#[derive(Serialize)]
struct Undone {
    ops: Vec<String>,
    /// Where each op gives something back: paths of files, and places.
    places: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<SettledDoc>,
    #[serde(skip)]
    is_record: bool,
}

impl Told for Undone {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        match self.ops.last() {
            None => page.remark("The last write changed nothing that could be given back.")?,
            Some(note) if self.is_record => {
                let changes = count(self.ops.len() - 1, "change");
                page.remark(format!("Took the last record back: {changes} ({}).", page.id(note)))?;
            }
            Some(_) => self.ops.iter().zip(&self.places).try_for_each(|(op, place)| {
                let op = page.id(op);
                page.remark(format!("Gave {} back what it was ({op}).", clean(place)))
            })?,
        }
        self.folder.as_ref().map_or(Ok(()), |folder| folder.print(page))
    }

    fn exit(&self) -> Exit {
        self.folder.as_ref().map_or(Exit::Done, SettledDoc::exit)
    }
}
