//! P12: a relay of 1,000 clients on one repo: how long until all of them have an op, what that costs the server, and what an
//! idle client takes of its memory; beside an axum server that sends the same frames to all and gets the same answers.
//!
//! The clients are a process of their own, so that what is measured here is the server's alone.

#[cfg(feature = "peers")]
mod bare;
pub(crate) mod clients;
mod crowd;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cpu_time::ProcessTime;
use tokio::runtime::{Builder, Runtime};
use trellis_core::link::ops::encode_ops;
use trellis_core::op::json::Value;
use trellis_sync::Repo;
use trellis_sync::link::Welcome;
use trellis_sync::server::{Hub, HubConfig, Server, ServerConfig, Stopper};

use self::crowd::{Crowd, Got};
use crate::Setting;
use crate::measure::{Pairs, median, timed};
use crate::report::{MS, Report};

const CLIENTS: usize = 1_000;
/// Clients that come before memory is looked at again.
const STEPS: usize = 4;
const ROUNDS: usize = 21;
/// What a text has so that the frame with its op has some 500 bytes.
const TEXT_BYTES: usize = 290;
const IDLE_BYTES_MAX: f64 = 20_000.0;
/// Sockets that one process needs for both servers, with room for files.
const FILES: u64 = 4 * CLIENTS as u64;

pub(crate) fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    crowd::allow_files(FILES)?;
    let dir = tempfile::tempdir_in(&setting.dir)?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut relay = Relay::open(&runtime, dir.path())?;
    let alone = (0..ROUNDS).map(|_| Ok(timed(|| relay.write(&runtime)).0.as_secs_f64())).collect::<Result<Vec<_>>>()?;
    let commit = median(alone.into_iter());
    let model = relay.save_ops(&runtime, dir.path())?;
    let (mut crowd, grown) = Crowd::gather(&relay.url, &["repo", &model], CLIENTS, STEPS)?;
    report.figures("memory per idle client / goal", [grown, IDLE_BYTES_MAX], "B", Some(1.0));
    let first = relay.broadcast(&runtime, &mut crowd)?;
    report.note(format_args!(
        "  fed: frames of {} bytes with one op, answered by {} bytes; {CLIENTS} clients by keys of their own, in a process of their own",
        first.got.frame_bytes, first.got.answer_bytes,
    ));
    against_bare(&runtime, &mut relay, &mut crowd, commit, report)?;
    relay.stopper.stop();
    Ok(())
}

/// What it took until everybody had a frame.
struct Round {
    /// By the clock on the wall.
    time: Duration,
    /// Processor time of the server, with that for the answers.
    work: Duration,
    got: Got,
}

/// Sends something, waits until all have it, and then until the server has nothing more to do.
fn round(crowd: &mut Crowd, send: impl FnOnce() -> Result<()>) -> Result<Round> {
    let (begun, worked) = (Instant::now(), ProcessTime::now());
    send()?;
    let got = crowd.got()?;
    let time = begun.elapsed();
    crowd::settle();
    Ok(Round { time, work: worked.elapsed(), got })
}

/// A server with one repo, as `trellis serve --open` runs it.
struct Relay {
    repo: Repo,
    url: String,
    stopper: Stopper,
    writes: usize,
}

impl Relay {
    fn open(runtime: &Runtime, dir: &Path) -> Result<Relay> {
        let (repo, server) = runtime.block_on(async {
            let repo = Repo::create(dir.join("repo"), "relay").await?;
            let config = ServerConfig {
                listen: ([127, 0, 0, 1], 0).into(),
                connections_max: 2 * CLIENTS,
                newcomers_per_address_max: CLIENTS,
                ..ServerConfig::default()
            };
            trellis_sync::Result::Ok((repo, Server::bind(config).await?))
        })?;
        let (url, stopper) = (format!("ws://{}", server.local_addr()), server.stopper());
        let hub = Hub::one(repo.clone(), HubConfig { welcome: Welcome::Anyone, ..HubConfig::default() })?;
        runtime.spawn(server.run(Arc::new(hub)));
        Ok(Relay { repo, url, stopper, writes: 0 })
    }

    /// Writes one op, durably.
    fn write(&mut self, runtime: &Runtime) -> Result<()> {
        self.writes += 1;
        let place = format!("notes/{:06}/text", self.writes);
        runtime.block_on(self.repo.set(&place, Value::from("x".repeat(TEXT_BYTES))))?;
        Ok(())
    }

    fn broadcast(&mut self, runtime: &Runtime, crowd: &mut Crowd) -> Result<Round> {
        round(crowd, || self.write(runtime))
    }

    /// Puts the repo's ops where the clients find them.
    fn save_ops(&self, runtime: &Runtime, dir: &Path) -> Result<String> {
        let ops = runtime.block_on(self.repo.export(Vec::new()))?;
        let verified = ops.iter().map(|op| op.unverified().verify()).collect::<Result<Vec<_>, _>>()?;
        let path = dir.join("ops");
        std::fs::write(&path, encode_ops(&verified)?)?;
        Ok(path.to_str().context("a path that is text")?.to_owned())
    }
}

#[cfg(feature = "peers")]
fn against_bare(
    runtime: &Runtime,
    relay: &mut Relay,
    crowd: &mut Crowd,
    commit: f64,
    report: &mut Report,
) -> Result<()> {
    let Got { frame_bytes, answer_bytes } = relay.broadcast(runtime, crowd)?.got;
    let bare = bare::Bare::open(runtime)?;
    let (mut bare_crowd, grown) = Crowd::gather(&bare.url, &["bare", &answer_bytes.to_string()], CLIENTS, STEPS)?;
    report.note(format_args!("  an idle client of the axum server takes {grown:.0} bytes of its memory"));
    let (mut times, mut works) = (Pairs::default(), Pairs::default());
    for _ in 0..ROUNDS {
        let ours = relay.broadcast(runtime, crowd)?;
        let other = round(&mut bare_crowd, || bare.send(vec![7; frame_bytes]))?;
        times.push(ours.time, other.time);
        works.push(ours.work, other.work);
    }
    report.note(format_args!("  a write without clients, signed and committed: {:.3} ms", commit * MS.1));
    let less = [times.ours() - commit, times.other()].map(|time| time * MS.1);
    report.pairs("an op to 1,000 clients, by the wall / axum broadcast", &times, MS, None);
    report.figures("... less a write's own time / axum broadcast", less, MS.0, Some(1.0));
    report.pairs("... processor time of the server / axum", &works, MS, None);
    Ok(())
}

/// Built without axum's WebSocket.
#[cfg(not(feature = "peers"))]
fn against_bare(
    runtime: &Runtime,
    relay: &mut Relay,
    crowd: &mut Crowd,
    commit: f64,
    report: &mut Report,
) -> Result<()> {
    let (mut times, mut works) = (Pairs::default(), Pairs::default());
    for _ in 0..ROUNDS {
        let Round { time, work, .. } = relay.broadcast(runtime, crowd)?;
        times.push(time, Duration::from_secs_f64(commit));
        works.push(work, time);
    }
    report.pairs("... processor time of the server / time by the wall", &works, MS, None);
    report.pairs("an op to 1,000 clients, by the wall / a write without clients", &times, MS, None);
    Ok(())
}
