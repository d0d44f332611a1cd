//! P8: how long a large repo takes to open, and how much memory it then holds.
//!
//! The repo is made once and kept beside the others' files. Memory is what a process of its own grows by.

use std::env;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::runtime::Runtime;
use trellis_core::op::id::RepoId;
use trellis_sync::store::{OpenMode, Store};
use trellis_sync::{Access, Missing, Repo};

use crate::corpus::{Book, Pen, RUN_OPS};
use crate::ingest::{new_repo, row_of, runtime};
use crate::measure::{Pairs, worked};
use crate::report::{MS, Report};
use crate::{Setting, bare};

/// The argument that makes this program open a repo, print by how many bytes it grew, and end.
pub(crate) const MEMORY_OF: &str = "--memory-of";

const ROUNDS: usize = 5;
const AUTHORS: usize = 8;
/// Raised when the history that is fed changes, so that an older file is not taken for it.
const FED: u32 = 1;
const WRITES_PER_ENTITY: usize = 4;
const BYTES_PER_OP_MAX: f64 = 150.0;

pub(crate) fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let runtime = runtime()?;
    let ops = setting.ops_max;
    let folder = kept_repo(&runtime, &setting.dir, ops)?;
    let store = trellis_sync::folder::Folder::at(&folder)?.store();
    let pairs = Pairs::take(ROUNDS, || open(&runtime, &folder, ops), || read_and_hash(&store, ops))?;
    report.note(format_args!(
        "  fed: {ops} ops in rows of {RUN_OPS}, {AUTHORS} authors, {} entities; SQLite {}",
        ops / WRITES_PER_ENTITY,
        rusqlite::version(),
    ));
    report.pairs("open a repo / read and hash its headers", &pairs, MS, Some(3.0));
    let memory = Command::new(env::current_exe()?).arg(MEMORY_OF).arg(&folder).output()?;
    ensure!(memory.status.success(), "{}", String::from_utf8_lossy(&memory.stderr));
    let grown: f64 = String::from_utf8(memory.stdout)?.trim().parse().context("no figure of memory")?;
    report.figures("memory per op of an open repo / goal", [grown / ops as f64, BYTES_PER_OP_MAX], "B", Some(1.0));
    Ok(())
}

fn open(runtime: &Runtime, folder: &Path, ops: usize) -> Result<Duration> {
    let opening = || Repo::options().missing(Missing::Refuse).access(Access::Read).open(folder);
    let (time, repo) = worked(|| runtime.block_on(opening()));
    let repo = repo?;
    let seen = runtime.block_on(repo.status())?.ops;
    ensure!(seen == ops, "{seen} of {ops} ops were read");
    runtime.block_on(repo.close())?;
    Ok(time)
}

fn read_and_hash(store: &Path, ops: usize) -> Result<Duration> {
    let (time, hashed) = worked(|| -> Result<usize> {
        let store = Store::open(store, OpenMode::ReadOnly)?;
        let mut hashed = 0;
        store.rows_after(0, |row| {
            hashed += headers_of(row.headers).map(bare::id_of).filter(|id| id.0 != [0; 32]).count();
            ControlFlow::Continue(())
        })?;
        Ok(hashed)
    });
    let hashed = hashed?;
    ensure!(hashed == ops, "{hashed} of {ops} headers were hashed");
    Ok(time)
}

/// The headers in a row that holds nothing but ops.
fn headers_of(mut records: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&tag, rest) = records.split_first()?;
        let (len, rest) = rest.split_first_chunk::<2>()?;
        let (header, rest) = rest.split_at_checked(u16::from_be_bytes(*len).into())?;
        records = rest.get(if tag & 0x40 == 0 { 0 } else { 64 }..)?;
        Some(header)
    })
}

/// The repo of an earlier run, or a new one.
fn kept_repo(runtime: &Runtime, dir: &Path, ops: usize) -> Result<PathBuf> {
    let folder = dir.join(format!("repo-{FED}-{ops}"));
    if folder.exists() {
        return Ok(folder);
    }
    let making = dir.join("repo-in-making");
    if making.exists() {
        fs::remove_dir_all(&making)?;
    }
    let (repo, id) = new_repo(runtime, &making)?;
    let path = repo.folder().store();
    runtime.block_on(repo.close())?;
    fill(&path, id, ops - 1)?;
    fs::rename(&making, &folder)?;
    Ok(folder)
}

/// Writes ops straight into a store, behind its genesis.
fn fill(path: &Path, repo: RepoId, ops: usize) -> Result<()> {
    let mut store = Store::open(path, OpenMode::ReadWrite)?;
    let mut book = Book::of(repo);
    let mut pens: Vec<Pen> = (0..AUTHORS as u64).map(Pen::new).collect();
    let mut head = repo.genesis();
    let mut done = 0;
    while done < ops {
        let pen = &mut pens[done / RUN_OPS % AUTHORS];
        let run = book.run(pen, head, RUN_OPS.min(ops - done), 0..(ops / WRITES_PER_ENTITY).max(1));
        head = run.last().map_or(head, |op| op.id);
        done += run.len();
        let mut transaction = store.begin(Duration::ZERO)?;
        transaction.append(&row_of(&run, transaction.last_seq() + 1)?)?;
        transaction.commit()?;
    }
    Ok(store.close()?)
}

/// Opens a repo and prints by how many bytes this process has grown.
pub(crate) fn print_memory(folder: &Path) -> Result<()> {
    let runtime = runtime()?;
    let before = resident_bytes()?;
    let opening = Repo::options().missing(Missing::Refuse).access(Access::Read).open(folder);
    let repo = runtime.block_on(opening)?;
    println!("{}", resident_bytes()?.saturating_sub(before));
    Ok(runtime.block_on(repo.close())?)
}

/// Of this process, as Linux tells it.
fn resident_bytes() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("this system does not tell a process's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024)
}
