//! How fast trellis-sync is: each line is our figure, a peer's or the machine's own from the same run, and their ratio.
//!
//! Machines differ and change speed while they work, so runs are paired (ours, theirs, ours, theirs) and what counts
//! is the median of the ratios. Nothing here passes or fails: the goals stand beside the figures.

mod bare;
mod clone;
mod corpus;
mod folder;
mod ingest;
mod links;
mod local_write;
mod measure;
mod memory_host;
mod merge;
mod opening;
mod pair;
#[cfg(feature = "peers")]
mod peers;
mod plot;
mod received;
mod relay;
mod report;
mod shapes;
mod story;
mod table;
mod wire;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use report::Report;

/// One benchmark.
struct Bench {
    id: &'static str,
    about: &'static str,
    run: fn(&Setting, &mut Report) -> Result<()>,
}

const BENCHES: &[Bench] = &[
    Bench { id: "P1a", about: "reconcile two kept logs", run: merge::run_logs },
    Bench { id: "P1b", about: "reconcile two unordered lists of ops", run: merge::run_lists },
    Bench { id: "P2", about: "take in frames that a peer sent, in memory", run: received::run },
    Bench { id: "P3", about: "take received ops in, durably", run: ingest::run },
    Bench { id: "P4", about: "one local write, acked at disk", run: local_write::run },
    Bench { id: "P5", about: "bytes of a batch of 1,000 ops", run: wire::run },
    Bench { id: "P6", about: "find what two replicas do not both have", run: links::run_discovery },
    Bench { id: "sync-table", about: "messages and bytes until two replicas are equal", run: table::run },
    Bench { id: "P7", about: "sync one op", run: links::run_one_op },
    Bench { id: "clone", about: "clone 100,000 ops over WebSocket", run: clone::run },
    Bench { id: "P8", about: "open a large repo; memory per op", run: opening::run },
    Bench { id: "P9", about: "cost against the number of ops, for many shapes of history", run: shapes::run },
    Bench { id: "P12", about: "a relay of 1,000 clients", run: relay::run },
    Bench { id: "P13", about: "look through a folder of 10,000 files", run: folder::run },
];

/// How the benchmarks are run.
struct Setting {
    /// A folder on a real disk, for repos and plots.
    dir: PathBuf,
    /// The most ops of one history.
    ops_max: usize,
}

/// What was asked for.
struct Asked {
    setting: Setting,
    ids: Vec<String>,
    is_json: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [first, repo] = args.as_slice()
        && first == opening::MEMORY_OF
    {
        return opening::print_memory(repo.as_ref());
    }
    if let Some(("--clients", rest)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return relay::clients::run(rest);
    }
    let asked = asked(&args)?;
    std::fs::create_dir_all(&asked.setting.dir)?;
    let mut report = Report::new(asked.is_json);
    for bench in BENCHES.iter().filter(|bench| asked.ids.is_empty() || asked.ids.iter().any(|id| id == bench.id)) {
        report.begin(bench.id, bench.about);
        (bench.run)(&asked.setting, &mut report).with_context(|| format!("{} failed", bench.id))?;
    }
    report.print()
}

fn asked(args: &[String]) -> Result<Asked> {
    let setting = Setting { dir: env::temp_dir().join("trellis-bench"), ops_max: 1_000_000 };
    let mut asked = Asked { setting, ids: Vec::new(), is_json: false };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--json" => asked.is_json = true,
            "--dir" => asked.setting.dir = args.next().context("--dir needs a folder")?.into(),
            "--ops" => asked.setting.ops_max = args.next().context("--ops needs a number")?.parse()?,
            id if BENCHES.iter().any(|bench| bench.id == id) => asked.ids.push(id.into()),
            other => bail!("{other} is none of {}, --ops N, --dir FOLDER, --json", ids()),
        }
    }
    Ok(asked)
}

fn ids() -> String {
    BENCHES.iter().map(|bench| bench.id).collect::<Vec<_>>().join(", ")
}
