//! `trellis verify`: reads everything and checks it.

use std::io;

use clap::Args;
use serde::Serialize;
use trellis_sync::{Code, TrellisError, Verified};

use super::context::Context;
use super::doc::ids;
use super::fork::ForkDoc;
use super::page::{Look, Page};
use super::report::{ErrorDoc, Exit, Outcome, Told, done};
use super::words::count;

/// Read the whole store; check ids, signatures and links
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis verify")]
pub(crate) struct Verify {}

impl Verify {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let verified = repo.verify().await?;
        let forks = repo.forks().await?.iter().map(|fork| ForkDoc::new(fork, None)).collect();
        done(Checked::new(&verified, forks))
    }
}

/// What verifying found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    ok: bool,
    ops: usize,
    signatures: usize,
    bodies_absent: usize,
    corrupt: Vec<String>,
    uncovered: Vec<String>,
    corrupt_rows: Vec<u32>,
    forks: Vec<ForkDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorDoc>,
}

impl Checked {
    fn new(verified: &Verified, forks: Vec<ForkDoc>) -> Checked {
        let report = &verified.report;
        Checked {
            ok: verified.is_sound(),
            ops: report.ops,
            signatures: report.signatures,
            bodies_absent: report.bodies_absent,
            corrupt: ids(&report.corrupt),
            uncovered: ids(&report.uncovered),
            corrupt_rows: verified.corrupt_rows.clone(),
            forks,
            error: (!verified.is_sound()).then(|| ErrorDoc::from(&damaged())),
        }
    }
}

fn damaged() -> TrellisError {
    let message = "The store does not hold what was written to it. Keep a copy of the folder, and clone the repo again \
                   from a peer.";
    TrellisError::new(Code::StorageCorrupt, message)
}

impl Told for Checked {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let read = format!("{} and {}", count(self.ops, "op"), count(self.signatures, "signature"));
        let verdict = match self.ok {
            true => page.paint(Look::Good, "ok"),
            false => page.paint(Look::Bad, "damaged"),
        };
        page.line(format!(
            "{verdict}: {read} checked, {} absent",
            count(self.bodies_absent, "body").replace("bodys", "bodies")
        ))?;
        self.corrupt_rows.iter().try_for_each(|row| page.line(format!("  row {row} is not what was written")))?;
        let bad = self.corrupt.iter().map(|op| (op, "is not what was written"));
        let bare = self.uncovered.iter().map(|op| (op, "has no signature that vouches for it"));
        bad.chain(bare).try_for_each(|(op, what)| {
            let op = page.id(op);
            page.line(format!("  {op} {what}"))
        })?;
        self.forks.iter().try_for_each(|fork| fork.print(page))?;
        if self.ok { Ok(()) } else { page.line(damaged().message()) }
    }

    fn exit(&self) -> Exit {
        if self.ok { Exit::Done } else { Exit::Error }
    }
}
