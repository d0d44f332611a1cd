//! A clone over WebSocket on loopback into SQLite, beside an import of the same ops without a wire.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::Builder;
use trellis_core::log::row::StoredOp;
use trellis_sync::Repo;
use trellis_sync::link::Welcome;
use trellis_sync::server::{Arrived, Links, Page, Server, ServerConfig};

use crate::Setting;
use crate::corpus::{Book, Pen, RUN_OPS, stored};
use crate::measure::{Pairs, timed};
use crate::report::{MS, Report};

const OPS: usize = 100_000;
const AUTHORS: u64 = 8;
const ENTITIES: usize = 25_000;
const ROUNDS: usize = 3;

/// A server with one repo for anybody.
struct Open(Repo);

impl Links for Open {
    fn arrived(&self, arrived: Arrived) -> BoxFuture<'static, ()> {
        let mut link = self.0.accept(arrived.connection, Welcome::Anyone);
        async move { drop(link.ended().await) }.boxed()
    }

    fn status(&self) -> BoxFuture<'static, serde_json::Value> {
        std::future::ready(serde_json::Value::Null).boxed()
    }

    fn metrics(&self, _page: &mut Page) {}
}

pub(crate) fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir_in(&setting.dir)?;
    let ops = history(OPS.min(setting.ops_max));
    report
        .note(format_args!("  fed: {} ops of {AUTHORS} authors, WebSocket on loopback, both stores synced", ops.len()));
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let source = runtime.block_on(imported(&dir.path().join("source"), ops.clone()))?;
    let server = runtime
        .block_on(Server::bind(ServerConfig { listen: ([127, 0, 0, 1], 0).into(), ..ServerConfig::default() }))?;
    let (url, stopper) = (format!("ws://{}", server.local_addr()), server.stopper());
    let running = runtime.spawn(server.run(Arc::new(Open(source))));
    let mut pairs = Pairs::default();
    for round in 0..ROUNDS {
        let (ours, cloned) = timed(|| runtime.block_on(cloned(&dir.path().join(format!("clone-{round}")), &url)));
        ensure!(cloned? == ops.len(), "the clone has all ops");
        let path = dir.path().join(format!("import-{round}"));
        let (other, done) = timed(|| runtime.block_on(imported(&path, ops.clone())));
        done?;
        report.note(format_args!("  {:.0} ops/s cloned", ops.len() as f64 / ours.as_secs_f64()));
        pairs.push(ours, other);
    }
    report.pairs("clone over WebSocket, and an import of the same ops in one go", &pairs, MS, None);
    report.note(format_args!("  most memory of this process, server and clones together: {}", peak_memory()?));
    stopper.stop();
    runtime.block_on(running)?;
    Ok(())
}

fn history(count: usize) -> Vec<StoredOp> {
    let (mut book, genesis) = Book::begin();
    let mut pens: Vec<Pen> = (0..AUTHORS).map(Pen::new).collect();
    let (mut head, mut all, mut turn) = (genesis.id, vec![stored(&genesis)], 0);
    while all.len() < count {
        let pen = &mut pens[turn % AUTHORS as usize];
        let run = book.run(pen, head, RUN_OPS.min(count - all.len()), 0..ENTITIES);
        head = run.last().map_or(head, |op| op.id);
        all.extend(run.iter().map(stored));
        turn += 1;
    }
    all
}

async fn imported(path: &Path, ops: Vec<StoredOp>) -> Result<Repo> {
    let repo = Repo::open(path).await?;
    repo.import(ops).await?;
    Ok(repo)
}

async fn cloned(path: &Path, url: &str) -> Result<usize> {
    let repo = Repo::open(path).await?;
    let mut link = repo.sync(url)?;
    link.in_sync().await?;
    link.close().await;
    let ops = repo.status().await?.ops;
    repo.close().await?;
    Ok(ops)
}

fn peak_memory() -> Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.context("the system tells it")?.trim().to_owned())
}
