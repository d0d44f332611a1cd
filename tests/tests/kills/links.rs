//! Processes that sync: a server, a writer that waits for the server's receipts, and others that stay connected. Any of them
//! is killed, mostly while an op is on its way to a disk; what a receipt was given for is there afterwards.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use trellis_core::input::Tier;
use trellis_core::op::hex;
use trellis_core::op::id::OpId;
use trellis_sync::{Repo, Result, Value};
use trellis_tests::dice::Dice;
use trellis_tests::program::trellis;
use trellis_tests::seed;

use crate::Tally;
use crate::audit::{Witness, run};
use crate::kill::{Moment, Sign, kill_after, log_of};

/// Cycles of one relay and its clients.
const PER_RELAY: usize = 20;
/// Clients that stay connected in every other relay's cycles: with the server and the writer five processes.
const READERS: usize = 3;
/// Name the folder and the server to a process that is to write.
const FOLDER: &str = "TRELLIS_TEST_LINKED";
const URL: &str = "TRELLIS_TEST_URL";

/// A process that is killed when this is dropped, if not before.
struct Running(Child);

impl Running {
    fn kill(&mut self) {
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Kills processes of either role.
pub(crate) fn cycles(home: &Path, dice: &mut Dice, count: usize) -> Tally {
    let mut tally = Tally::default();
    for group in 0..count.div_ceil(PER_RELAY) {
        let folder = home.join(group.to_string());
        fs::create_dir(&folder).unwrap();
        run(prepare(&folder));
        let readers = if group % 2 == 1 { READERS } else { 0 };
        let mut witnesses = [Witness::of(&folder.join("relay")), Witness::of(&folder.join("writer"))];
        for _ in 0..PER_RELAY.min(count - group * PER_RELAY) {
            cycle(&folder, readers, &mut witnesses, dice, &mut tally);
        }
        tally.acknowledged += witnesses[0].acknowledged();
        become_equal(&folder, readers);
    }
    tally
}

/// One repo, which the relay and the writer have.
async fn prepare(folder: &Path) -> Result<()> {
    let repo = Repo::create(folder.join("writer"), "notes").await?;
    let relay = Repo::open(folder.join("relay")).await?;
    relay.import(repo.export(Vec::new()).await?).await?;
    relay.close().await?;
    repo.close().await
}

fn serve(folder: &Path) -> (Running, String) {
    let mut command = Command::new(trellis());
    command.arg("-C").arg(folder.join("relay")).args(["serve", "--open", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end().rsplit(' ').next().unwrap().to_owned();
    assert!(url.starts_with("ws://"), "{line}");
    (Running(child), url)
}

/// A client that stays connected, of which the first connection makes a clone.
fn read(folder: &Path, number: usize, url: &str) -> Running {
    let path = reader(folder, number);
    if !path.exists() {
        let mut clone = Command::new(trellis());
        clone.args(["clone", url]).arg(&path).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(clone.status().unwrap().success(), "a clone from a server that runs");
    }
    let mut command = Command::new(trellis());
    command.arg("-C").arg(path).args(["sync", url, "--live"]).stdin(Stdio::null());
    Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

fn reader(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("reader-{number}"))
}

/// Starts everybody, kills somebody, then all others, and looks at what they left.
fn cycle(folder: &Path, readers: usize, witnesses: &mut [Witness; 2], dice: &mut Dice, tally: &mut Tally) {
    let (mut server, url) = serve(folder);
    let mut live: Vec<Running> = (0..readers).map(|number| read(folder, number, &url)).collect();
    let log = log_of(&folder.join("relay"));
    let moment = Moment::any(Sign::Written(log), 1 + dice.below(8), 60, dice);
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "links::writes_and_waits_until_it_is_killed", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).env(URL, &url).env("TRELLIS_SEED", dice.number().to_string());
    let victims = 2 + readers;
    let victim = dice.below(victims);
    let killed = match victim {
        0 => kill_after(&mut command, &moment, || ()),
        1 => kill_after(&mut command, &moment, || server.kill()),
        reader => kill_after(&mut command, &moment, || live[reader - 2].kill()),
    };
    drop((server, live));
    let killed = killed.printed;
    let [written, acked] = ["wrote ", "acked "].map(|word| ops_after(word, &killed));
    let is_between = written.last() != acked.last();
    let [relay, writer] = witnesses;
    relay.expect(acked);
    writer.expect(written);
    let untold = run(relay.audit());
    run(writer.audit());
    tally.count(is_between, untold);
}

fn ops_after(word: &str, printed: &str) -> Vec<OpId> {
    let whole = printed.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let named = whole.lines().filter_map(|line| line.split_once(word).map(|(_, id)| id));
    named.map(|id| OpId(hex::parse(id).expect("an id"))).collect()
}

/// Afterwards everybody who is connected gets everything.
fn become_equal(folder: &Path, readers: usize) {
    let (_server, url) = serve(folder);
    let clients: Vec<PathBuf> =
        std::iter::once(folder.join("writer")).chain((0..readers).map(|number| reader(folder, number))).collect();
    for _ in 0..2 {
        for path in clients.iter().filter(|path| path.exists()) {
            let output = Command::new(trellis()).arg("-C").arg(path).args(["sync", &url]).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let ends = |path: &Path| {
        run(async {
            let repo = Repo::open(path).await?;
            let mut ids: Vec<OpId> = repo.chain_ends().await?.into_iter().map(|end| end.id).collect();
            ids.sort_unstable();
            repo.close().await?;
            Ok(ids)
        })
    };
    let relay = ends(&folder.join("relay"));
    for path in clients.iter().filter(|path| path.exists()) {
        assert_eq!(ends(path), relay, "{}", path.display());
    }
}

/// Not a test by itself: the writer of [`cycles`]. It prints what is on its own disk, and what is on the relay's.
#[test]
fn writes_and_waits_until_it_is_killed() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return };
    let url = env::var(URL).unwrap();
    let mut dice = Dice::new(seed!());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let work = async {
        let repo = Repo::open(folder.join("writer")).await?;
        let _link = repo.sync(&url)?;
        loop {
            let place = format!("notes/{}/title", dice.below(6));
            let text = "x".repeat(*dice.pick(&[10, 10, 10, 2_000, 200_000]));
            let receipt = repo.set(&place, Value::from(text)).await?;
            println!("wrote {}", receipt.ops()[0]);
            receipt.durable(Tier::Relay).await?;
            println!("acked {}", receipt.ops()[0]);
        }
    };
    let ended: Result<()> = runtime.block_on(work);
    ended.unwrap();
}
