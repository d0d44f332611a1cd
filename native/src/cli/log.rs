//! `trellis log`: the ops of a branch, newest first.

use std::io;

use clap::Args;
use serde::Serialize;
use trellis_sync::Entity;
use trellis_sync::core::time::Hlc;

use super::context::Context;
use super::doc::OpDoc;
use super::page::{Cell, Look, Page};
use super::report::{Outcome, Told, done};
use super::words::local_time;

/// Show the ops of the branch, newest first
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis log notes/1 -n 10")]
pub(crate) struct Log {
    /// Only ops that write this entity
    entity: Option<Entity>,
    /// At most so many
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 1000)]
    max: usize,
}

impl Log {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let views = repo.log(self.entity.as_ref(), self.max).await?;
        let rows = views.iter().map(|op| (OpDoc::new(op), op.hlc)).collect::<Vec<_>>();
        let (ops, times) = rows.into_iter().unzip();
        done(Logged { branch: repo.branch().into(), ops, times })
    }
}

/// Ops.
#[derive(Serialize)]
struct Logged {
    branch: String,
    ops: Vec<OpDoc>,
    #[serde(skip)]
    times: Vec<Hlc>,
}

impl Told for Logged {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let row = |(op, time): (&OpDoc, &Hlc)| {
            let look = if op.effective { Look::Plain } else { Look::Dim };
            vec![
                page.id_cell(&op.hash),
                Cell::new(Look::Dim, &local_time(*time)),
                Cell::new(Look::Dim, op.agent_id.get(..8).unwrap_or_default()),
                Cell::new(look, &op.kind),
                Cell::new(look, &op.entity().to_string()),
                Cell::new(Look::Bad, if op.effective { "" } else { "without effect" }),
            ]
        };
        let rows: Vec<_> = self.ops.iter().zip(&self.times).map(row).collect();
        page.table(&rows)
    }
}
