//! `trellis verify`: reads everything and checks it, and sweeps out what nobody names.

use std::io;

use clap::Args;
use serde::Serialize;
use trellis_sync::files::CheckedBlobs;
use trellis_sync::store::Swept;
use trellis_sync::{Code, TrellisError, Verified};

use super::context::Context;
use super::doc::ids;
use super::fork::ForkDoc;
use super::page::{Look, Page};
use super::report::{ErrorDoc, Exit, Outcome, Told, done};
use super::words::count;

/// Read the whole store; check ids, signatures, links and the content of files
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis verify --gc")]
pub(crate) struct Verify {
    /// If all is well, take out contents that no op names, and give the disk back what that frees
    #[arg(long)]
    gc: bool,
}

impl Verify {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let verified = repo.verify().await?;
        let forks = repo.forks().await?.iter().map(|fork| ForkDoc::new(fork, None)).collect();
        let checked = Checked::new(&verified, &repo.check_blobs()?, forks);
        let swept = if self.gc && checked.ok { Some(repo.sweep_blobs()?.into()) } else { None };
        done(Checked { swept, ..checked })
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
    blobs: usize,
    corrupt_blobs: Vec<String>,
    forks: Vec<ForkDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    swept: Option<SweptDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorDoc>,
}

/// Contents that nobody named and that are gone.
#[derive(Serialize)]
struct SweptDoc {
    blobs: usize,
    bytes: u64,
}

impl From<Swept> for SweptDoc {
    fn from(swept: Swept) -> SweptDoc {
        SweptDoc { blobs: swept.blobs, bytes: swept.bytes }
    }
}

impl Checked {
    fn new(verified: &Verified, blobs: &CheckedBlobs, forks: Vec<ForkDoc>) -> Checked {
        let report = &verified.report;
        let ok = verified.is_sound() && blobs.corrupt.is_empty();
        Checked {
            ok,
            ops: report.ops,
            signatures: report.signatures,
            bodies_absent: report.bodies_absent,
            corrupt: ids(&report.corrupt),
            uncovered: ids(&report.uncovered),
            corrupt_rows: verified.corrupt_rows.clone(),
            blobs: blobs.sound,
            corrupt_blobs: blobs.corrupt.iter().map(ToString::to_string).collect(),
            forks,
            swept: None,
            error: (!ok).then(|| ErrorDoc::from(&damaged())),
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
        let blobs = if self.blobs > 0 { format!(" and {}", count(self.blobs, "blob")) } else { String::new() };
        page.line(format!(
            "{verdict}: {read}{blobs} checked, {} absent",
            count(self.bodies_absent, "body").replace("bodys", "bodies")
        ))?;
        self.corrupt_rows.iter().try_for_each(|row| page.line(format!("  row {row} is not what was written")))?;
        let bad = self.corrupt.iter().map(|op| (op, "is not what was written"));
        let bare = self.uncovered.iter().map(|op| (op, "has no signature that vouches for it"));
        bad.chain(bare).try_for_each(|(op, what)| {
            let op = page.id(op);
            page.line(format!("  {op} {what}"))
        })?;
        self.corrupt_blobs.iter().try_for_each(|blob| {
            let blob = page.id(blob);
            page.line(format!("  the blob {blob} is not what was kept"))
        })?;
        self.forks.iter().try_for_each(|fork| fork.print(page))?;
        if let Some(swept) = &self.swept {
            let what = format!("{}, {} bytes", count(swept.blobs, "blob"), swept.bytes);
            page.line(format!("Took out {what}, which no op names."))?;
        }
        if self.ok { Ok(()) } else { page.line(damaged().message()) }
    }

    fn exit(&self) -> Exit {
        if self.ok { Exit::Done } else { Exit::Error }
    }
}
