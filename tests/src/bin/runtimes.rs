//! Sync sessions between any two runtimes: `runtimes --root FOLDER --python FILE [--sessions N] [--from SEED]`.
//!
//! Each session is played between two machines, each in its runtime, and with both in this process; whatever the machines
//! gave, frames and all else, has to be the same. The pair follows from the seed.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::rc::Rc;
use std::time::{Duration, Instant};

use trellis_tests::plain_machine::{Here, PlainMachine};
use trellis_tests::player::{Player, There};
use trellis_tests::session::{Flaw, Played, difference, play};

/// How many sessions are played where that is not said.
const SESSIONS: u64 = 510;
const USAGE: &str = "usage: runtimes --root FOLDER --python FILE [--sessions N] [--from SEED]";

/// A runtime, and its player where that is another process.
struct Runtime {
    name: &'static str,
    player: Option<Rc<RefCell<Player>>>,
}

impl Runtime {
    fn machine(&self) -> Box<dyn PlainMachine> {
        match &self.player {
            Some(player) => Box::new(There::new(Rc::clone(player))),
            None => Box::new(Here::default()),
        }
    }
}

/// What was played between two runtimes.
#[derive(Default)]
struct Row {
    sessions: u64,
    failed: u64,
    ops: u64,
    conflicts: usize,
    frames: usize,
    outputs: usize,
    time: Duration,
}

fn main() -> ExitCode {
    let Some(wanted) = Wanted::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    match run(&wanted) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What is to be played.
struct Wanted {
    root: PathBuf,
    python: PathBuf,
    sessions: u64,
    from: u64,
}

impl Wanted {
    fn read(mut words: impl Iterator<Item = String>) -> Option<Wanted> {
        let mut wanted = Wanted { root: ".".into(), python: "python3".into(), sessions: SESSIONS, from: 1 };
        while let Some(word) = words.next() {
            let value = words.next()?;
            match word.as_str() {
                "--root" => wanted.root = value.into(),
                "--python" => wanted.python = value.into(),
                "--sessions" => wanted.sessions = value.parse().ok()?,
                "--from" => wanted.from = value.parse().ok()?,
                _ => return None,
            }
        }
        Some(wanted)
    }
}

/// Plays; returns whether every session was as it should be.
fn run(wanted: &Wanted) -> std::io::Result<bool> {
    let start = Instant::now();
    let runtimes = runtimes(wanted)?;
    let pairs: Vec<[&Runtime; 2]> = (0..runtimes.len())
        .flat_map(|one| (one..runtimes.len()).map(move |two| [one, two]))
        .map(|pair| pair.map(|at| &runtimes[at]))
        .collect();
    let mut rows: Vec<Row> = pairs.iter().map(|_| Row::default()).collect();
    for seed in wanted.from..wanted.from + wanted.sessions {
        let at = (seed % pairs.len() as u64) as usize;
        let begun = Instant::now();
        let outcome = session(seed, pairs[at]);
        let row = &mut rows[at];
        row.time += begun.elapsed();
        row.sessions += 1;
        match outcome {
            Ok(played) => row.add(&played),
            Err(flaw) => {
                row.failed += 1;
                let [one, two] = pairs[at].map(|runtime| runtime.name);
                println!("{one} and {two}, seed {seed}: {flaw}\nagain: --from {seed} --sessions 1");
            }
        }
    }
    for (row, pair) in rows.iter().zip(&pairs).filter(|(row, _)| row.sessions > 0) {
        row.print(&pair.map(|runtime| runtime.name).join(" and "));
    }
    let failed: u64 = rows.iter().map(|row| row.failed).sum();
    for (runtime, player) in runtimes.iter().filter_map(|runtime| Some((runtime, runtime.player.as_ref()?))) {
        println!("{} was asked {} times", runtime.name, player.borrow().asked);
    }
    let passed = wanted.sessions - failed;
    println!("{:.1} s", start.elapsed().as_secs_f64());
    println!("sessions: {passed} passed; {failed} failed");
    Ok(failed == 0)
}

/// Plays one session between two runtimes, and with both sides here.
fn session(seed: u64, pair: [&Runtime; 2]) -> Result<Played, Flaw> {
    let wanted = play(seed, [Box::new(Here::default()), Box::new(Here::default())])?;
    let played = play(seed, pair.map(Runtime::machine))?;
    match difference(&wanted, &played) {
        Some(flaw) => Err(flaw),
        None => Ok(played),
    }
}

impl Row {
    fn add(&mut self, played: &Played) {
        self.ops += played.ops;
        self.conflicts += played.conflicts;
        self.frames += played.frames;
        self.outputs += played.outputs.iter().map(Vec::len).sum::<usize>();
    }

    fn print(&self, pair: &str) {
        let Row { sessions, failed, ops, conflicts, frames, outputs, time } = self;
        let seconds = time.as_secs_f64();
        println!(
            "{pair:<17} {sessions:>4} sessions, {failed} failed: {ops:>6} ops, {conflicts:>4} open conflicts, \
             {frames:>5} frames, {outputs:>6} outputs, {seconds:>5.1} s"
        );
    }
}

/// Every runtime, its player started.
fn runtimes(wanted: &Wanted) -> std::io::Result<Vec<Runtime>> {
    let players = wanted.root.join("tests/runtimes");
    let package = wanted.root.join("bindings-js/dist");
    let player = |name: &'static str, program: &Path, words: &[PathBuf]| -> std::io::Result<Runtime> {
        let mut command = Command::new(program);
        command.args(words);
        Ok(Runtime { name, player: Some(Rc::new(RefCell::new(Player::start(command)?))) })
    };
    let node = Path::new("node");
    Ok(vec![
        Runtime { name: "rust", player: None },
        player("wasm", node, &[players.join("player.mjs"), package.join("inline.js")])?,
        player("page", node, &[players.join("page.mjs"), package.join("inline.js")])?,
        player("addon", node, &[players.join("player.mjs"), package.join("node.js")])?,
        player("python", &wanted.python, &[players.join("player.py")])?,
    ])
}
