//! A process that writes op after op and prints a line for each receipt, until it is killed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use trellis_core::op::hex;
use trellis_core::op::id::OpId;
use trellis_sync::{Receipt, Repo, Result, Value};
use trellis_tests::dice::Dice;
use trellis_tests::seed;

use crate::Tally;
use crate::audit::{Witness, run};
use crate::kill::{Moment, Sign, kill, length, log_of};

/// Writers that come after each other in one repo.
const PER_REPO: usize = 12;
/// Bundles of a peer's ops, each with those of the one before.
const BUNDLES: usize = 8;
/// Names the folder to a process that is to write.
const FOLDER: &str = "TRELLIS_TEST_CHILD";

/// Kills writers, some of them long after others in the same repo.
pub(crate) fn cycles(home: &Path, dice: &mut Dice, count: usize) -> Tally {
    let mut tally = Tally::default();
    for group in 0..count.div_ceil(PER_REPO) {
        let folder = home.join(group.to_string());
        fs::create_dir(&folder).unwrap();
        run(prepare(&folder));
        let mut witness = Witness::of(&folder.join("repo"));
        run(witness.audit());
        for _ in 0..PER_REPO.min(count - group * PER_REPO) {
            cycle(&folder, &mut witness, dice, &mut tally);
        }
        tally.acknowledged += witness.acknowledged();
    }
    tally
}

/// Starts a writer, kills it, and looks at what it left.
fn cycle(folder: &Path, witness: &mut Witness, dice: &mut Dice, tally: &mut Tally) {
    let log = log_of(&folder.join("repo"));
    let moment = Moment::any(Sign::Length(log.clone()), 1 + dice.below(12), 200, dice);
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "writer::writes_until_it_is_killed", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).env("TRELLIS_SEED", dice.number().to_string());
    let killed = kill(&mut command, &moment);
    let receipts = receipts(&killed.printed);
    let replied = receipts.last().map_or(0, |(length, _)| *length);
    let is_between = length(&log) > replied;
    witness.expect(receipts.into_iter().flat_map(|(_, ops)| ops));
    tally.count(is_between, run(witness.audit()));
}

/// The length of the log after each write, and the ops of the write.
fn receipts(printed: &str) -> Vec<(u64, Vec<OpId>)> {
    let whole = printed.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().filter_map(|line| line.split_once("receipt ").map(|(_, words)| receipt(words))).collect()
}

fn receipt(words: &str) -> (u64, Vec<OpId>) {
    let mut words = words.split(' ');
    let length = words.next().unwrap().parse().unwrap();
    (length, words.map(|id| OpId(hex::parse(id).unwrap())).collect())
}

/// A repo with a second branch and a conflict, and what a peer wrote meanwhile, as bundles.
async fn prepare(folder: &Path) -> Result<()> {
    let repo = Repo::create(folder.join("repo"), "notes").await?;
    repo.set("notes/0/title", Value::from("first")).await?;
    repo.on_branch("draft").merge("main", None).await?;
    let peer = Repo::open(folder.join("peer")).await?;
    peer.import(repo.export(Vec::new()).await?).await?;
    for bundle in 0..BUNDLES {
        for note in 0..4 {
            peer.set(&format!("notes/{note}/title"), Value::from(format!("{bundle} by the peer"))).await?;
        }
        peer.export_bundle(bundle_path(folder, bundle), Vec::new()).await?;
    }
    peer.close().await?;
    repo.set("notes/1/title", Value::from("meanwhile")).await?;
    repo.import_bundle(bundle_path(folder, 0)).await?;
    assert_eq!(repo.conflicts().await?.len(), 1);
    repo.close().await
}

fn bundle_path(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number}.bundle"))
}

/// Not a test by itself: the process that [`cycles`] kills.
#[test]
fn writes_until_it_is_killed() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return };
    let mut dice = Dice::new(seed!());
    run(async {
        let repo = Repo::open(folder.join("repo")).await?;
        let log = log_of(&folder.join("repo"));
        loop {
            let ops = write(&repo, &folder, &mut dice).await?;
            let ids: String = ops.iter().map(|op| format!(" {op}")).collect();
            println!("receipt {}{ids}", length(&log));
        }
    })
}

/// One transaction of any kind; returns its ops.
async fn write(repo: &Repo, folder: &Path, dice: &mut Dice) -> Result<Vec<OpId>> {
    let place = format!("notes/{}/title", dice.below(6));
    let text = Value::from(format!("{:x}", dice.number()));
    let receipt = match dice.below(10) {
        0 => return Ok(repo.import_bundle(bundle_path(folder, dice.below(BUNDLES))).await?.0.admitted),
        1 => repo.delete(&place).await?,
        2 => repo.set(&place, Value::from("x".repeat(50_000 + dice.below(200_000)))).await?,
        3 | 4 => batch(repo, dice).await?,
        5 => repo.on_branch("draft").set(&place, text).await?,
        6 => repo.merge("draft", None).await?,
        _ => repo.set(&place, text).await?,
    };
    Ok(receipt.ops().to_vec())
}

async fn batch(repo: &Repo, dice: &mut Dice) -> Result<Receipt> {
    let mut batch = repo.batch();
    for n in 0..1 + dice.below(30) {
        batch = batch.set(&format!("lists/{}/item-{n}", dice.below(3)), Value::from(dice.below(1000) as u32))?;
    }
    batch.commit().await
}
