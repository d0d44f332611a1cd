//! `trellis manifest`: what collections declare.

use std::io;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::value::RawValue;
use trellis_sync::core::output::ManifestView;
use trellis_sync::{Code, Repo, Result, TrellisError};

use super::context::Context;
use super::doc::ids;
use super::page::{Cell, Look, Page, clean};
use super::report::{Outcome, Told, done};
use super::words::{Notation, line, pretty, raw, value};

/// Say how a collection merges and how much its content is worth
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
#[command(after_help = r#"Example:
  trellis manifest set notes '{"fields": {"/body": "text"}}'

A manifest is a JSON object. Its most used fields:
  fields         places that are more than JSON: {"/body": "text"} merges by lines; also set, counter, {"list": "id"}
  mergeStrategy  graph_merge, with conflicts; or crdt, where the last write wins and nothing conflicts
  policyClass    low, medium, high, critical; from high on, redacted content cannot be guessed from its hash"#)]
pub(crate) struct Manifest {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what a collection declares
    #[command(after_help = "Example:\n  trellis manifest get notes")]
    Get {
        /// The collection
        collection: String,
    },
    /// Declare a collection, in place of what it declared before; only owners may
    #[command(after_help = r#"Example:
  trellis manifest set notes '{"fields": {"/body": "text"}, "policyClass": "high"}'

`{}` takes everything back."#)]
    Set {
        /// The collection
        collection: String,
        /// The manifest, as JSON; - reads it from stdin
        manifest: String,
    },
    /// Show what all collections declare
    #[command(after_help = "Example:\n  trellis manifest list")]
    List,
}

impl Manifest {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        match self.command {
            Command::Get { collection } => {
                let manifest = declared(&repo, &collection).await?;
                done(Got { text: pretty(&manifest.manifest), manifests: docs(&[manifest]) })
            }
            Command::Set { collection, manifest } => set(&repo, &collection, &manifest).await,
            Command::List => done(Listed { manifests: docs(&repo.manifests().await?) }),
        }
    }
}

async fn declared(repo: &Repo, collection: &str) -> Result<ManifestView> {
    let message =
        format!("{collection} declares nothing, so it merges as any collection; see `trellis manifest list`.");
    repo.manifest(collection).await?.ok_or_else(|| TrellisError::new(Code::NotFound, message))
}

async fn set(repo: &Repo, collection: &str, manifest: &str) -> Outcome {
    let receipt = repo.declare(collection, value(manifest, Notation::Json)?).await?;
    let manifests = docs(&[declared(repo, collection).await?]);
    done(Set { ops: ids(receipt.ops()), manifests })
}

/// A manifest.
#[derive(Serialize)]
struct ManifestDoc {
    collection: String,
    op: String,
    manifest: Option<Box<RawValue>>,
    /// For people: the same in one line.
    #[serde(skip)]
    line: String,
}

fn docs(manifests: &[ManifestView]) -> Vec<ManifestDoc> {
    let doc = |ManifestView { collection, op, manifest }: &ManifestView| ManifestDoc {
        collection: collection.clone(),
        op: op.to_string(),
        manifest: raw(manifest),
        line: line(manifest, 100),
    };
    manifests.iter().map(doc).collect()
}

/// What one collection declares.
#[derive(Serialize)]
struct Got {
    manifests: Vec<ManifestDoc>,
    #[serde(skip)]
    text: String,
}

impl Told for Got {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        page.value(&self.text)
    }
}

/// What all collections declare.
#[derive(Serialize)]
struct Listed {
    manifests: Vec<ManifestDoc>,
}

impl Told for Listed {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let row = |doc: &ManifestDoc| vec![Cell::new(Look::Name, &doc.collection), Cell::new(Look::Plain, &doc.line)];
        page.table(&self.manifests.iter().map(row).collect::<Vec<_>>())?;
        if self.manifests.is_empty() { page.remark("No collection declares anything.") } else { Ok(()) }
    }
}

/// What was declared.
#[derive(Serialize)]
struct Set {
    ops: Vec<String>,
    manifests: Vec<ManifestDoc>,
}

impl Told for Set {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        self.manifests.iter().try_for_each(|doc| {
            let collection = clean(&doc.collection);
            match self.ops.first() {
                Some(op) => {
                    let op = page.id(op);
                    page.remark(format!("Declared {collection} ({op})."))
                }
                None => page.remark(format!("{collection} is declared so already.")),
            }
        })
    }
}
