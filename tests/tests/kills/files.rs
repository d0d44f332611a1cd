//! `trellis` killed while it records a folder, brings it to another branch, merges, and reconciles two folders.
//!
//! After each kill every file is as it was or as it is to be, and nothing that is not recorded is lost; the same command
//! once more reaches the end, and leaves nothing unfinished behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use trellis_sync::files::Workspace;
use trellis_sync::{Repo, Result};
use trellis_tests::dice::Dice;

use crate::Tally;
use crate::audit::run;
use crate::commands::{finish, reply, run_command};
use crate::kill::{Killed, Moment, Sign, log_of};

/// The files that a folder begins with, and the lines of each.
const FILES: usize = 24;
const LINES: usize = 40;
/// How many turns of the scheduler a command may go on, at most, after it began to write.
const TURNS_MAX: usize = 20_000;

/// What a folder holds, by path.
type Tree = BTreeMap<String, Vec<u8>>;

/// Kills `trellis record`.
pub(crate) fn records(home: &Path, dice: &mut Dice, count: usize) -> Tally {
    let mut tally = Tally::default();
    let mut tree = begun(home, dice);
    for cycle in 0..count {
        tree = changed(&tree, 0, cycle, dice);
        write(&home.join("a"), &tree);
        let before = notes(home);
        let killed = run_command(home, &["-C", "a", "record"], &anywhere(home, &["a"], &[], dice));
        assert!(read(&home.join("a")) == tree, "recording changes no file");
        let untold = notes(home) - before;
        end(home, &["-C", "a", "record"], &["a"]);
        assert!(read(&home.join("a")) == tree, "recording changes no file");
        assert_eq!(notes(home), before + 1, "cycle {cycle}: it is recorded once, after {untold}");
        tally.count(is_between(&killed), untold);
    }
    tally
}

/// Kills `trellis switch`, to and fro.
pub(crate) fn switches(home: &Path, dice: &mut Dice, count: usize) -> Tally {
    let mut tally = Tally::default();
    let main = begun(home, dice);
    let other = changed(&changed(&main, 0, 0, dice), 1, 1, dice);
    run(with(home, "a", async |mut workspace| {
        workspace.repo().begin_branch("other").await?;
        workspace.switch("other").await.map(drop)
    }));
    write(&home.join("a"), &other);
    run(record(home, "a"));
    let own = not_recorded(home, &main, &other);
    let trees = [main, other].map(|tree| tree.into_iter().chain(own.clone()).collect::<Tree>());
    for cycle in 0..count {
        let (from, to) = (&trees[(cycle + 1) % 2], &trees[cycle % 2]);
        let switch = ["-C", "a", "switch", if cycle % 2 == 0 { "main" } else { "other" }];
        let killed = run_command(home, &switch, &anywhere(home, &["a"], &[from, to], dice));
        let untold = expect_old_or_new(&home.join("a"), from, to);
        end(home, &switch, &["a"]);
        assert!(&read(&home.join("a")) == to);
        tally.count(is_between(&killed), untold);
    }
    tally
}

/// Kills `trellis merge` of a branch that edited other lines of the same files, and other files.
pub(crate) fn merges(home: &Path, dice: &mut Dice, count: usize) -> Tally {
    let mut tally = Tally::default();
    let mut tree = begun(home, dice);
    run(with(home, "a", async |workspace| workspace.repo().begin_branch("other").await.map(drop)));
    for cycle in 0..count {
        let Diverged { sides: [ours, theirs], both } = diverged(&tree, cycle, dice);
        for (branch, side) in [("other", theirs), ("main", ours.clone())] {
            run(with(home, "a", async |mut workspace| workspace.switch(branch).await.map(drop)));
            write(&home.join("a"), &side);
            run(record(home, "a"));
        }
        let merge = ["-C", "a", "merge", "other"];
        let killed = run_command(home, &merge, &anywhere(home, &["a"], &[&ours, &both], dice));
        let untold = expect_old_or_new(&home.join("a"), &ours, &both);
        end(home, &merge, &["a"]);
        assert!(read(&home.join("a")) == both);
        run(with(home, "a", async |workspace| workspace.repo().on_branch("other").merge("main", None).await.map(drop)));
        tree = both;
        tally.count(is_between(&killed), untold);
    }
    tally
}

/// Kills `trellis sync reconcile --apply` of two copies that edited other lines of the same files, and other files.
pub(crate) fn reconciles(home: &Path, dice: &mut Dice, count: usize) -> Tally {
    let mut tally = Tally::default();
    let mut tree = begun(home, dice);
    finish(home, &["clone", "a", "b"]);
    for cycle in 0..count {
        let Diverged { sides, both } = diverged(&tree, cycle, dice);
        for (copy, side) in ["a", "b"].into_iter().zip(&sides) {
            write(&home.join(copy), side);
            run(record(home, copy));
        }
        let reconcile = ["-C", "a", "sync", "reconcile", "--remote", "../b", "--apply"];
        let moment = anywhere(home, &["a", "b"], &[&sides[cycle % 2], &both], dice);
        let killed = run_command(home, &reconcile, &moment);
        let untold =
            expect_old_or_new(&home.join("a"), &sides[0], &both) + expect_old_or_new(&home.join("b"), &sides[1], &both);
        end(home, &reconcile, &["a", "b"]);
        for copy in ["a", "b"] {
            assert!(read(&home.join(copy)) == both, "{copy}");
        }
        tree = both;
        tally.count(is_between(&killed), untold);
    }
    tally
}

fn is_between(killed: &Killed) -> bool {
    killed.has_begun && reply(killed).is_none()
}

/// The repo `a` with a folder that is recorded: texts, and a file of several chunks.
fn begun(home: &Path, dice: &mut Dice) -> Tree {
    let text = |number| (0..LINES).map(|line| format!("line {line} of {number}\n")).collect::<String>();
    let mut tree: Tree =
        (0..FILES).map(|number| (format!("in/{}/{number}", number % 3), text(number).into())).collect();
    tree.insert("long".into(), long(dice));
    run(async { Repo::create(home.join("a"), "killed").await?.close().await });
    write(&home.join("a"), &tree);
    run(record(home, "a"));
    tree
}

fn long(dice: &mut Dice) -> Vec<u8> {
    (0..50_000).flat_map(|_| dice.number().to_le_bytes()).collect()
}

/// Files with other lines, new, and gone. Two sides, 0 and 1, touch other lines, and add and remove other files.
fn changed(tree: &Tree, side: usize, cycle: usize, dice: &mut Dice) -> Tree {
    let mut changed = tree.clone();
    let numbers: BTreeSet<usize> = (0..8).map(|_| dice.below(FILES)).collect();
    for (path, content) in &mut changed {
        let is_meant = |number: &usize| numbers.contains(number);
        if path.rsplit('/').next().and_then(|name| name.parse().ok()).as_ref().is_some_and(is_meant) {
            let text = String::from_utf8_lossy(content).into_owned();
            let mut lines: Vec<String> = text.split_inclusive('\n').map(ToOwned::to_owned).collect();
            lines[side * 30 + 5] = format!("line of side {side}, {cycle}\n");
            *content = lines.concat().into();
        }
    }
    changed.retain(|path, _| !path.starts_with(&format!("new/{side}/")) || dice.chance(50));
    for number in 0..3 {
        changed.insert(format!("new/{side}/{cycle}/new {number}"), format!("new {cycle} {number}\n").repeat(9).into());
    }
    if cycle % 2 == side {
        changed.insert("long".into(), long(dice));
    }
    changed
}

/// What two sides make of a folder, and what both make together.
struct Diverged {
    sides: [Tree; 2],
    both: Tree,
}

fn diverged(tree: &Tree, cycle: usize, dice: &mut Dice) -> Diverged {
    let seed = dice.number();
    let ours = changed(tree, 0, cycle, dice);
    let theirs = changed(tree, 1, cycle, &mut Dice::new(seed));
    let both = changed(&ours, 1, cycle, &mut Dice::new(seed));
    Diverged { sides: [ours, theirs], both }
}

/// Changes that are not recorded: a file that is the same on both branches, and one that is new.
fn not_recorded(home: &Path, main: &Tree, other: &Tree) -> Tree {
    let same = main.keys().find(|path| main.get(*path) == other.get(*path)).unwrap().clone();
    let own: Tree = [(same, b"edited".to_vec()), ("mine".into(), b"new".to_vec())].into();
    own.iter().for_each(|(path, content)| fs::write(home.join("a").join(path), content).unwrap());
    own
}

/// A moment while a command writes: to a store, or to files that are different in these two trees.
fn anywhere(home: &Path, repos: &[&str], trees: &[&Tree], dice: &mut Dice) -> Moment {
    let repo = home.join(dice.pick(repos));
    let mut signs = vec![Sign::Length(log_of(&repo)), Sign::Written(repo.join(".trellis/index-writer"))];
    if let [old, new] = trees {
        let different: Vec<&String> = new.keys().filter(|path| old.get(*path) != new.get(*path)).collect();
        signs.extend((0..6).map(|_| Sign::Written(repo.join(dice.pick(&different)))));
    }
    let sign = signs.swap_remove(dice.below(signs.len()));
    let times = if matches!(sign, Sign::Length(_)) { 1 + dice.below(4) } else { 1 };
    Moment::any(sign, times, TURNS_MAX, dice)
}

/// Every file is as in one of two trees, and no other is there. Returns 1 where one is new.
fn expect_old_or_new(folder: &Path, old: &Tree, new: &Tree) -> usize {
    let held = read(folder);
    let mut is_new = false;
    for path in held.keys().chain(old.keys()).chain(new.keys()).collect::<BTreeSet<_>>() {
        let now = held.get(path);
        assert!(now == old.get(path) || now == new.get(path), "{path} is neither old nor new: {:?}", now.map(Vec::len));
        is_new |= now != old.get(path);
    }
    usize::from(is_new)
}

/// Runs a command that was killed once more, to its end. Everything is then sound, recorded or as it was, and nothing
/// unfinished is left.
fn end(home: &Path, args: &[&str], repos: &[&str]) {
    for repo in repos {
        run(async {
            let repo = Repo::open(home.join(repo)).await?;
            assert!(repo.verify().await?.is_sound());
            repo.close().await
        });
    }
    finish(home, args);
    for repo in repos {
        let own = home.join(repo).join(".trellis");
        let left = |folder: &Path| fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().file_name());
        assert_eq!(left(&own.join("tmp")).count(), 0, "files that nobody finished");
        let is_unfinished =
            |name: std::ffi::OsString| name == "index.new" || name.to_string_lossy().starts_with(".new-");
        assert!(!left(&own).any(is_unfinished), "an index that nobody finished");
        run(with(home, repo, async |workspace| {
            assert_eq!(workspace.news().await?.differing, 0);
            Ok(())
        }));
    }
}

async fn record(home: &Path, repo: &str) -> Result<()> {
    with(home, repo, async |mut workspace| workspace.record(&[], None).await.map(drop)).await
}

/// Does something with a folder, in this process.
async fn with(home: &Path, repo: &str, what: impl AsyncFnOnce(Workspace) -> Result<()>) -> Result<()> {
    let repo = Repo::open(home.join(repo)).await?;
    what(Workspace::open(&repo)?.with_index().await?).await?;
    repo.close().await
}

/// How many records there are in `a`.
fn notes(home: &Path) -> usize {
    run(async {
        let repo = Repo::open(home.join("a")).await?;
        let notes = repo.log(None, usize::MAX).await?.iter().filter(|op| op.collection == "_records").count();
        repo.close().await?;
        Ok(notes)
    })
}

/// Makes a folder hold this. What is the same already is not touched.
fn write(folder: &Path, tree: &Tree) {
    for path in read(folder).keys().filter(|path| !tree.contains_key(*path)) {
        fs::remove_file(folder.join(path)).unwrap();
    }
    for (path, content) in tree {
        let path = folder.join(path);
        if fs::read(&path).ok().as_ref() != Some(content) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }
}

/// What a folder holds, without the repo.
fn read(folder: &Path) -> Tree {
    let (mut tree, mut open) = (Tree::new(), vec![folder.to_owned()]);
    while let Some(next) = open.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.extend((!path.ends_with(".trellis")).then_some(path));
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                tree.insert(name, fs::read(path).unwrap());
            }
        }
    }
    tree
}
