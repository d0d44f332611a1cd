//! kill -9: whatever a process was doing, the next one finds every op that was acknowledged, and goes on.
//!
//! Real processes, really killed, at moments that a seed chooses. A kill counts as *between* when the process had begun
//! to write something for which its reply never came: that is where a store can go wrong.

mod audit;
mod commands;
mod files;
mod kill;
mod links;
mod writer;

use std::fmt;
use std::path::Path;

use trellis_tests::dice::Dice;
use trellis_tests::seed;

/// How many processes of each kind are killed.
const WRITERS: usize = 180;
const SETS: usize = 40;
const IMPORTS: usize = 25;
const CLONES: usize = 25;
const INITS: usize = 30;
const RECORDS: usize = 25;
const SWITCHES: usize = 30;
const MERGES: usize = 20;
const RECONCILES: usize = 25;
const LINKS: usize = 200;

/// What became of the kills of one kind.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    kills: usize,
    /// The process had begun to write, and its reply was not seen.
    between: usize,
    /// Of these, how often the write was there all the same.
    kept: usize,
    /// Ops whose reply was seen.
    acknowledged: usize,
}

impl Tally {
    /// One more kill, after which so many ops were there that nobody had been told of.
    fn count(&mut self, is_between: bool, untold: usize) {
        self.kills += 1;
        self.between += usize::from(is_between);
        self.kept += usize::from(is_between && untold > 0);
    }

    fn add(&mut self, other: Tally) {
        self.kills += other.kills;
        self.between += other.between;
        self.kept += other.kept;
        self.acknowledged += other.acknowledged;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { kills, between, kept, acknowledged } = self;
        let lost = between - kept;
        write!(
            f,
            "{kills:>4} kills, {between:>4} between the first write and the reply ({kept} kept, {lost} undone), "
        )?;
        write!(f, "{acknowledged:>5} ops acknowledged")
    }
}

#[test]
fn a_kill_at_any_moment_loses_nothing_and_doubles_nothing() {
    let mut dice = Dice::new(seed!());
    // Not the system's folder for such things, which may be in memory: there nobody waits for a disk, and a write is over
    // before a kill can hit it.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let kinds: &[(&str, Kind, usize)] = &[
        ("writers", writer::cycles, WRITERS),
        ("set", commands::sets, SETS),
        ("import", commands::imports, IMPORTS),
        ("clone", commands::clones, CLONES),
        ("init", commands::inits, INITS),
    ];
    let all = kill_all(folder.path(), kinds, &mut dice);
    assert_eq!(all.kills, 300);
    assert!(2 * all.between >= all.kills, "too few kills landed between the first write and the reply");
}

#[test]
fn a_kill_at_any_moment_leaves_every_file_old_or_new() {
    let mut dice = Dice::new(seed!());
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let kinds: &[(&str, Kind, usize)] = &[
        ("record", files::records, RECORDS),
        ("switch", files::switches, SWITCHES),
        ("merge", files::merges, MERGES),
        ("reconcile", files::reconciles, RECONCILES),
    ];
    let all = kill_all(folder.path(), kinds, &mut dice);
    assert_eq!(all.kills, 100);
    // On a busy machine the killer waits for its turn while the command goes on to its end.
    assert!(4 * all.between >= all.kills, "too few kills landed between the first write and the reply");
}

#[test]
fn a_kill_at_any_moment_takes_back_no_receipt() {
    let mut dice = Dice::new(seed!());
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let all = kill_all(folder.path(), &[("links", links::cycles, LINKS)], &mut dice);
    assert_eq!(all.kills, LINKS);
    assert!(2 * all.between >= all.kills, "too few kills landed between a write and the relay's ack");
}

/// Kills processes of several kinds, each in a folder of its own, and tells how that went.
fn kill_all(folder: &Path, kinds: &[(&str, Kind, usize)], dice: &mut Dice) -> Tally {
    let mut all = Tally::default();
    for (name, cycles, count) in kinds {
        let home = folder.join(name);
        std::fs::create_dir(&home).unwrap();
        let tally = cycles(&home, dice, *count);
        println!("{name:<9} {tally}");
        all.add(tally);
    }
    println!("{:<9} {all}", "all");
    all
}

/// Kills so many processes, in this folder.
type Kind = fn(&Path, &mut Dice, usize) -> Tally;
