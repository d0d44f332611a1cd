//! `trellis` itself, killed while it writes, imports, clones and begins a repo.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use trellis_core::link::bundle::{BundleWriter, Signatures};
use trellis_core::op::hex;
use trellis_core::op::id::OpId;
use trellis_sync::Repo;
use trellis_tests::dice::Dice;
use trellis_tests::history::{Dials, History, Signing, covered};
use trellis_tests::program::trellis;
use trellis_tests::sealed::SealedOp;

use crate::Tally;
use crate::audit::{Witness, run};
use crate::kill::{Killed, Moment, Sign, kill, log_of};

/// Ops of a bundle: a store has at most 1,024 in a row, so these are two rows.
const BUNDLE_OPS: usize = 1_100;
/// How many turns of the scheduler a command may go on, at most, after it began to write.
const TURNS_MAX: usize = 2_000;

/// Kills `trellis set` in one repo.
pub(crate) fn sets(home: &Path, dice: &mut Dice, count: usize) -> Tally {
    let repo = home.join("repo");
    let mut witness = Witness::of(&repo);
    run(witness.audit());
    let mut tally = Tally::default();
    for cycle in 0..count {
        let moment = Moment::any(Sign::Length(log_of(&repo)), 1, TURNS_MAX, dice);
        let place = format!("notes/{}/title", dice.below(5));
        let killed = run_command(home, &["-C", "repo", "set", &place, &format!("cycle {cycle}")], &moment);
        let reply = reply(&killed);
        witness.expect(reply.iter().flat_map(|reply| ids(&reply["ops"])));
        let is_between = killed.has_begun && reply.is_none();
        tally.count(is_between, run(witness.audit()));
    }
    tally.acknowledged = witness.acknowledged();
    tally
}

/// Kills `trellis import` of a bundle of several rows, each time in a new folder.
pub(crate) fn imports(home: &Path, dice: &mut Dice, count: usize) -> Tally {
    let ops = write_bundle(&home.join("all.bundle"), dice);
    let mut tally = Tally::default();
    for cycle in 0..count {
        let name = format!("repo-{cycle}");
        run(async { Repo::open(home.join(&name)).await?.close().await });
        let moment = Moment::any(Sign::Length(log_of(&home.join(&name))), 1, TURNS_MAX, dice);
        let killed = run_command(home, &["-C", &name, "import", "../all.bundle"], &moment);
        let is_between = killed.has_begun && reply(&killed).is_none();
        let found = finish_copy(home, &name, &ops, &killed, &mut tally);
        tally.count(is_between, found);
    }
    tally
}

/// Kills `trellis clone`, each time into a new folder.
pub(crate) fn clones(home: &Path, dice: &mut Dice, count: usize) -> Tally {
    let ops = write_bundle(&home.join("all.bundle"), dice);
    run(async {
        let source = Repo::open(home.join("source")).await?;
        source.import_bundle(home.join("all.bundle")).await?;
        source.close().await
    });
    let mut tally = Tally::default();
    for cycle in 0..count {
        let name = format!("copy-{cycle}");
        let killed = run_command(home, &["clone", "source", &name], &in_clone(&home.join(&name), dice));
        let is_between = home.join(&name).exists() && reply(&killed).is_none();
        let is_there = home.join(&name).join(".trellis").exists();
        if !is_there {
            finish(home, &["clone", "source", &name]);
        }
        let found = finish_copy(home, &name, &ops, &killed, &mut tally);
        assert_eq!(found, ops.len(), "a copy is whole, or is not there");
        tally.count(is_between, usize::from(is_there));
    }
    tally
}

/// Kills `trellis init`, each time in a new folder: while the store, the key and the first op are made.
pub(crate) fn inits(home: &Path, dice: &mut Dice, count: usize) -> Tally {
    let mut tally = Tally::default();
    for cycle in 0..count {
        let name = format!("repo-{cycle}");
        let repo = home.join(&name);
        let killed = run_command(home, &["init", &name], &in_new_repo(&repo, dice));
        let reply = reply(&killed);
        let is_between = repo.join(".trellis").exists() && reply.is_none();
        let mut witness = Witness::of(&repo);
        witness.expect(reply.iter().map(|reply| id(&reply["repo"])));
        tally.count(is_between, run(witness.audit()));
        tally.acknowledged += witness.acknowledged();
    }
    tally
}

/// Imported are all ops or none. Where none are, they can be imported now. Returns how many were there.
fn finish_copy(home: &Path, name: &str, ops: &[OpId], killed: &Killed, tally: &mut Tally) -> usize {
    let path = home.join(name);
    let found = run(async {
        let repo = Repo::open(&path).await?;
        let found = repo.status().await?.ops;
        if found == 0 {
            repo.import_bundle(home.join("all.bundle")).await?;
        }
        repo.close().await?;
        Ok(found)
    });
    assert!(found == 0 || found == ops.len(), "{found} of {} ops were imported", ops.len());
    assert!(found > 0 || reply(killed).is_none(), "the reply came, and the ops are gone");
    let mut witness = Witness::of(&path);
    witness.expect(ops.iter().copied());
    run(witness.audit());
    tally.acknowledged += reply(killed).map_or(0, |_| ops.len());
    found
}

/// A moment in the making of a copy, before it appears or after.
fn in_clone(repo: &Path, dice: &mut Dice) -> Moment {
    let sign = Sign::Exists(if dice.chance(75) { repo.into() } else { repo.join(".trellis") });
    Moment::any(sign, 1, TURNS_MAX, dice)
}

/// A moment in the making of a repo.
fn in_new_repo(repo: &Path, dice: &mut Dice) -> Moment {
    let folder = repo.join(".trellis");
    let sign = match dice.below(4) {
        0 => Sign::Exists(folder),
        1 => Sign::Exists(folder.join("store.db")),
        2 => Sign::Exists(folder.join("identity")),
        _ => Sign::Length(log_of(repo)),
    };
    Moment::any(sign, 1, TURNS_MAX, dice)
}

pub(crate) fn run_command(home: &Path, args: &[&str], moment: &Moment) -> Killed {
    kill(&mut command(home, args), moment)
}

fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(trellis());
    command.args(args).arg("--json").current_dir(home).env_clear().env("HOME", home);
    command
}

/// Runs a command to its end.
pub(crate) fn finish(home: &Path, args: &[&str]) {
    let output = command(home, args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
}

/// The document that a command printed, if it came as a whole.
pub(crate) fn reply(killed: &Killed) -> Option<Value> {
    serde_json::from_str(&killed.printed).ok()
}

fn ids(list: &Value) -> Vec<OpId> {
    list.as_array().unwrap().iter().map(id).collect()
}

fn id(text: &Value) -> OpId {
    OpId(hex::parse(text.as_str().unwrap()).unwrap())
}

/// Writes the ops of a random history; returns their ids.
fn write_bundle(path: &Path, dice: &mut Dice) -> Vec<OpId> {
    let dials = Dials {
        ops: BUNDLE_OPS,
        entities: 40,
        fork: 0,
        bodyless: 0,
        signing: Signing::TransactionEnds,
        ..Dials::default()
    };
    let ops = covered(&History::generate(dice.number(), &dials).ops);
    let mut writer = BundleWriter::new(Signatures::All);
    ops.iter().for_each(|op| writer.push(op.stored()).unwrap());
    fs::write(path, [writer.take(), writer.finish().unwrap()].concat()).unwrap();
    ops.iter().map(|op: &SealedOp| op.id).collect()
}
