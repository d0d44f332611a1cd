//! `trellis ls`: the entities of a branch.

use std::io;

use clap::Args;
use serde::Serialize;
use trellis_sync::core::output::EntityView;
use trellis_sync::{Entity, Range};

use super::context::{Context, heads_named};
use super::doc::{ValueDoc, ids};
use super::page::{Cell, Look, Page};
use super::report::{Outcome, Told, done};
use super::words::count;

/// List entities with their values
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  trellis ls notes\n  trellis ls --at 7515aab3a2c1")]
pub(crate) struct Ls {
    /// Only this collection, or only keys in it that begin alike: collection/prefix
    range: Option<Range>,
    /// As they were at this op, or on this branch
    #[arg(long, value_name = "OP")]
    at: Option<String>,
}

impl Ls {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let at = heads_named(&repo, self.at.as_deref()).await?;
        let entries = repo.at(&at).entries(self.range.unwrap_or_default()).await?;
        let entries = entries.iter().map(EntryDoc::new).collect();
        done(Listed { branch: repo.branch().into(), at: ids(&at), entries })
    }
}

/// Entities.
#[derive(Serialize)]
struct Listed {
    branch: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    at: Vec<String>,
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
