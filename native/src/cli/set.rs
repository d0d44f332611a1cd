//! `trellis set`: gives a place a value.

use std::io;

use clap::Args;
use serde::Serialize;
use trellis_sync::Place;
use trellis_sync::core::input::{Base, Change};
use trellis_sync::core::op::patch::Patch;

use super::context::Context;
use super::doc::ids;
use super::page::{Page, clean};
use super::report::{Outcome, Told, done};
use super::words::{self, Notation};

/// Give an entity, or a place in one, a value
///
/// The value is JSON where it is JSON, and text otherwise. `-` reads it from stdin.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trellis set notes/1/title Calm
  trellis set notes/1 '{\"title\": \"Calm\", \"stars\": 3}'
  trellis set notes/1/phone --text 112")]
pub(crate) struct Set {
    /// collection/key, or collection/key/field...
    place: Place,
    /// The value
    #[arg(allow_hyphen_values = true)]
    value: String,
    /// Take the value as JSON, and refuse it if it is none
    #[arg(long, conflicts_with = "text")]
    json_value: bool,
    /// Take the value as text, even if it looks like JSON
    #[arg(long)]
    text: bool,
    /// Replace the whole entity instead of the fields that differ
    #[arg(long)]
    replace: bool,
    /// The write that was looked at, if not what is shown now; may be given several times
    #[arg(long, value_name = "OP")]
    base: Vec<String>,
    /// On whose behalf
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
}

impl Set {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let value = words::value(&self.value, self.notation())?;
        let repo = context.repo().await?;
        let change = match (self.place.pointer.is_root(), self.replace) {
            (true, true) => Change::Replace(value),
            (true, false) => Change::Put(value),
            (false, _) => Change::Patch(Patch { set: vec![(self.place.pointer.clone(), value)], ..Patch::default() }),
        };
        let mut base = Vec::new();
        for prefix in &self.base {
            base.push(repo.find_op(prefix).await?);
        }
        let base = if base.is_empty() { Base::Shown } else { Base::Ops(base) };
        let batch = repo.batch().change(&self.place.entity, change, base);
        let batch = match &self.actor {
            Some(actor) => batch.actor(actor),
            None => batch,
        };
        let receipt = batch.commit().await?;
        done(Written { ops: ids(receipt.ops()), place: self.place.to_string(), verb: "Set" })
    }

    fn notation(&self) -> Notation {
        match (self.json_value, self.text) {
            (true, _) => Notation::Json,
            (_, true) => Notation::Text,
            _ => Notation::Either,
        }
    }
}

/// What was written.
#[derive(Serialize)]
pub(crate) struct Written {
    pub(crate) ops: Vec<String>,
    pub(crate) place: String,
    #[serde(skip)]
    pub(crate) verb: &'static str,
}

impl Told for Written {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let place = clean(&self.place);
        match self.ops.last() {
            Some(op) => {
                let op = page.id(op);
                page.remark(format!("{} {place} ({op}).", self.verb))
            }
            None => page.remark(format!("{place} is so already; nothing was written.")),
        }
    }
}
