//! P3: received frames of 1,024 ops go in durably, one after the other.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::runtime::{Builder, Runtime};
use trellis_core::link::ops::{decode_ops, encode_ops};
use trellis_core::log::row::{Origin, Row, RowBuilder};
use trellis_core::op::draft::SealedOp;
use trellis_core::op::id::{OpId, RepoId};
use trellis_sync::Repo;

use crate::Setting;
use crate::bare::{Appended, BATCHES, Database, OPS};
use crate::corpus::{BEFORE, Book, Pen, RUN_OPS, stored};
use crate::measure::{Pairs, median, timed, worked};
use crate::memory_host::Host;
use crate::report::{MS, Report};

const AUTHORS: usize = 8;
const BATCHES_MAX: usize = 96;
const ENTITIES: usize = 25_000;

pub(crate) fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir_in(&setting.dir)?;
    let runtime = runtime()?;
    let (repo, id) = new_repo(&runtime, &dir.path().join("repo"))?;
    let count = BATCHES_MAX.min(setting.ops_max / RUN_OPS);
    let batches = batches(id, count)?;
    report.note(format_args!(
        "  fed: {count} frames of {RUN_OPS} ops, {AUTHORS} authors, a signature each; {} bytes a frame, {} bytes a row; SQLite {}",
        batches.iter().map(|batch| batch.frame.len()).sum::<usize>() / count,
        batches.iter().map(|batch| batch.row.headers.len() + batch.row.bodies.len()).sum::<usize>() / count,
        rusqlite::version(),
    ));
    let mut blobs = Database::create(&dir.path().join("blobs"), BATCHES)?;
    let mut rows = Database::create(&dir.path().join("rows"), OPS)?;
    let mut file = Appended::create(&dir.path().join("file"))?;
    let (mut to_blobs, mut to_rows, mut syncs) = (Pairs::default(), Pairs::default(), Vec::new());
    let (mut total, mut decodes, mut machine) = ([Duration::ZERO; 3], Vec::new(), Machine::new(&runtime, &repo)?);
    for batch in &batches {
        let ours = batch.ingest(&runtime, &repo)?;
        let (blob, written) = timed(|| blobs.write_blob(&batch.row));
        written?;
        let (row, written) = timed(|| rows.write_ops(&batch.ops()));
        written?;
        let (sync, written) = timed(|| file.write(&[0; 4096]));
        written?;
        to_blobs.push(ours, blob);
        to_rows.push(ours, row);
        syncs.push(sync.as_secs_f64());
        decodes.push(worked(|| decode_ops(&batch.frame)).0.as_secs_f64());
        machine.import(batch)?;
        total = [total[0] + ours, total[1] + blob, total[2] + row];
    }
    let [sync, decode, machine] = [syncs, decodes, machine.costs].map(|costs| median(costs.into_iter()) * 1e3);
    report.note(format_args!("  medians: fdatasync of 4 KiB {sync:.3} ms"));
    report.note(format_args!(
        "  processor time of a batch: decoding the frame {decode:.3} ms, verifying, admitting and appending {machine:.3} ms"
    ));
    report.pairs("durable ingest of 1,024 ops / a blob row", &to_blobs, MS, Some(1.0 / 0.7));
    report.pairs("durable ingest of 1,024 ops / a row per op", &to_rows, MS, Some(1.0 / 3.0));
    let [ours, blobs, rows] = total.map(|time| time.as_secs_f64());
    report.figures("the whole run, checkpoints included / blob rows", [ours, blobs], "s", Some(1.0 / 0.7));
    report.figures("the whole run, checkpoints included / rows per op", [ours, rows], "s", Some(1.0 / 3.0));
    Ok(runtime.block_on(repo.close())?)
}

/// A runtime for the public interface, on the calling thread.
pub(crate) fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().build()?)
}

/// A repo that has begun before all ops that are fed, and its id.
pub(crate) fn new_repo(runtime: &Runtime, folder: &Path) -> Result<(Repo, RepoId)> {
    runtime.block_on(async {
        let repo = Repo::options().clock(|| BEFORE).create(folder).await?;
        repo.begin().await?;
        repo.close().await?;
        let repo = Repo::open(folder).await?;
        let id = repo.status().await?.repo;
        id.map(|id| (repo, id)).context("a new repo without a genesis")
    })
}

/// The same without a disk.
struct Machine {
    host: Host,
    costs: Vec<f64>,
}

impl Machine {
    fn new(runtime: &Runtime, repo: &Repo) -> Result<Machine> {
        let mut host = Host::new()?;
        host.import(runtime.block_on(repo.export(Vec::new()))?)?;
        Ok(Machine { host, costs: Vec::new() })
    }

    fn import(&mut self, batch: &Batch) -> Result<()> {
        let (cost, report) = self.host.import(batch.ops.iter().map(stored).collect())?;
        ensure!(report.admitted.len() == batch.ops.len(), "not all ops were admitted");
        self.costs.push(cost.as_secs_f64());
        Ok(())
    }
}

/// What arrives at once, in every form in which it is stored here.
struct Batch {
    ops: Vec<SealedOp>,
    frame: Vec<u8>,
    row: Row,
}

impl Batch {
    fn ingest(&self, runtime: &Runtime, repo: &Repo) -> Result<Duration> {
        let (time, admitted) = timed(|| -> Result<usize> {
            let batch = decode_ops(&self.frame)?;
            Ok(runtime.block_on(repo.import(batch.ops))?.admitted.len())
        });
        let admitted = admitted?;
        ensure!(admitted == self.ops.len(), "{admitted} of {} ops were admitted", self.ops.len());
        Ok(time)
    }

    fn ops(&self) -> Vec<(OpId, trellis_core::op::sign::Unverified<'_>)> {
        self.ops.iter().map(|op| (op.id, op.unverified())).collect()
    }
}

fn batches(repo: RepoId, count: usize) -> Result<Vec<Batch>> {
    let mut book = Book::of(repo);
    let mut pens: Vec<Pen> = (0..AUTHORS as u64).map(Pen::new).collect();
    let mut head = repo.genesis();
    let mut batches = Vec::with_capacity(count);
    for at in 0..count {
        let ops = book.run(&mut pens[at % AUTHORS], head, RUN_OPS, 0..ENTITIES);
        head = ops.last().map_or(head, |op| op.id);
        batches.push(Batch { frame: frame_of(&ops)?, row: row_of(&ops, at as u32 + 1)?, ops });
    }
    Ok(batches)
}

fn frame_of(ops: &[SealedOp]) -> Result<Vec<u8>> {
    let verified = ops.iter().map(|op| op.unverified().verify()).collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(encode_ops(&verified)?)
}

/// The row that our store writes for these ops.
pub(crate) fn row_of(ops: &[SealedOp], seq: u32) -> Result<Row> {
    let mut row = RowBuilder::new(seq, Origin::Remote);
    for op in ops {
        row.push_op(&op.unverified().rehash()?);
    }
    Ok(row.finish())
}
