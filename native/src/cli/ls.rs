//! `trellis ls`: the entities of a branch.

use std::io;

use clap::Args;
use serde::Serialize;
use trellis_sync::core::output::EntityView;
use trellis_sync::{Entity, Range};

use super::context::Context;
use super::doc::{ValueDoc, ids};
use super::page::{Cell, Look, Page};
use super::report::{Outcome, Told, done};
use super::words::count;

/// List entities with their values
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis ls notes")]
pub(crate) struct Ls {
    /// Only this collection, or only keys in it that begin alike: collection/prefix
    range: Option<Range>,
}

impl Ls {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let entries = repo.entries(self.range.unwrap_or_default()).await?;
        done(Listed { branch: repo.branch().into(), entries: entries.iter().map(EntryDoc::new).collect() })
    }
}

/// Entities.
#[derive(Serialize)]
struct Listed {
    branch: String,
    entries: Vec<EntryDoc>,
}

/// An entity.
#[derive(Serialize)]
struct EntryDoc {
    entity: String,
    collection: String,
    key: String,
    #[serde(flatten)]
    value: ValueDoc,
    base: Vec<String>,
    /// How many are open.
    conflicts: usize,
}

impl EntryDoc {
    fn new(view: &EntityView) -> EntryDoc {
        let EntityView { collection, key, .. } = view;
        EntryDoc {
            entity: Entity { collection: collection.clone(), key: key.clone() }.to_string(),
            collection: collection.clone(),
            key: key.clone(),
            value: ValueDoc::of_shown(&view.shown),
            base: ids(&view.frontier),
            conflicts: view.conflicts.len(),
        }
    }
}

impl Told for Listed {
    fn is_long(&self) -> bool {
        true
    }

    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let row = |entry: &EntryDoc| {
            let open = if entry.conflicts == 0 { String::new() } else { count(entry.conflicts, "conflict") };
            vec![
                Cell::new(Look::Name, &entry.entity),
                Cell::new(Look::Plain, &entry.value.line),
                Cell::new(Look::Bad, &open),
            ]
        };
        page.table(&self.entries.iter().map(row).collect::<Vec<_>>())
    }
}
