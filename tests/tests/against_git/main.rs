//! Merging folders beside git: the same edits on two sides, merged by a real `git merge` and by us.
//!
//! Where git merges cleanly so do we, with the same files and bytes; where git has a conflict we list one. What is meant
//! to differ stands in one table (`meant.rs`), and each row of it has to be met.

#![cfg(unix)]

mod criss_cross;
mod edits;
mod git;
mod lines;
mod meant;
mod ours;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::thread;

use trellis_sync::Result;
use trellis_sync::files::About;
use trellis_tests::dice::seeds;

use edits::Pair;
use git::{Git, merge_file};
use lines::{has_line_twice, hunks};
use meant::{Became, Compared, LINES, MEANT, Meant};
use ours::Open;
use tree::{Mode, Node, is_below};

/// How many pairs of edits are merged. Each is of several folders.
const PAIRS: u64 = 200;
const THREADS: usize = 4;

/// How often what came out.
#[derive(Debug, Default)]
struct Tally {
    folders: usize,
    /// Both merged to the same.
    clean: usize,
    /// Both have a conflict, and are the same beside it.
    open: usize,
    /// They differ, for these reasons.
    meant: BTreeMap<&'static str, usize>,
    /// Texts in conflict whose hunks are git's.
    marked: usize,
    /// What git calls the conflicts that it met.
    kinds: BTreeSet<String>,
}

/// Conflicts of git that the seeds have to meet.
const KINDS: [&str; 8] = [
    "content",
    "add/add",
    "modify/delete",
    "rename/delete",
    "rename/rename",
    "file/directory",
    "distinct types",
    "file location",
];

#[test]
fn folders_merge_as_in_git() {
    let seeds = seeds(PAIRS);
    let tally = on_threads(&seeds, pair).into_iter().fold(Tally::default(), Tally::and);
    println!("{tally:?}");
    for Meant { name, reason, .. } in MEANT {
        println!("{} times {name}: {reason}", tally.meant.get(name).unwrap_or(&0));
    }
    if seeds.len() > 1 {
        let unmet: Vec<&str> =
            MEANT.iter().map(|meant| meant.name).filter(|name| !tally.meant.contains_key(name)).collect();
        assert!(unmet.is_empty(), "no seed needs these reasons: {unmet:?}");
        assert!(KINDS.iter().all(|kind| tally.kinds.contains(*kind)), "{:?}", tally.kinds);
        assert!(tally.clean > 100 && tally.open > 100 && tally.marked > 20, "the seeds meet too little: {tally:?}");
    }
}

/// Does this for every seed. Most of the time is spent waiting for processes.
fn on_threads<T: Send>(seeds: &[u64], each: fn(u64) -> T) -> Vec<T> {
    thread::scope(|scope| {
        let threads: Vec<_> = seeds
            .chunks(seeds.len().div_ceil(THREADS))
            .map(|seeds| scope.spawn(move || seeds.iter().map(|seed| each(*seed)).collect::<Vec<T>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Merges one pair on both sides, and compares.
fn pair(seed: u64) -> Tally {
    let pair = Pair::generate(seed);
    let home = tempfile::tempdir_in(folder()).unwrap();
    let Some((git, renames)) = by_git(&home.path().join("git"), &pair) else { return Tally::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (ours, places) = runtime.block_on(by_us(home.path(), &pair)).unwrap();
    let kind = |line: &str| Some(line.strip_prefix("CONFLICT (")?.split_once(')')?.0.to_owned());
    let mut tally = Tally { kinds: git.said.lines().filter_map(kind).collect(), ..Tally::default() };
    for folder in &pair.folders {
        let became = [0, 1].map(|side| Became { git: became(&pair, side, &renames[side]), ours: places[side].clone() });
        tally.count(&Compared { folder, pair: &pair, git: &git, ours: &ours, became }, home.path(), seed);
    }
    tally
}

/// Where folders are made: in memory, where the system has such a place, since nothing here is about disks.
fn folder() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

fn by_git(folder: &Path, pair: &Pair) -> Option<(git::Merged, [BTreeMap<String, String>; 2])> {
    std::fs::create_dir(folder).unwrap();
    let git = Git::init(folder);
    git.commit("base", &[], std::slice::from_ref(&pair.base));
    for (side, name) in pair.sides.iter().zip(["a", "b"]) {
        git.commit(name, &["base"], side);
    }
    let renames = ["a", "b"].map(|side| git.renames("base", side));
    Some((git.merge("a", "b")?, renames))
}

/// Where each file of the beginning is in the end of a side, as git sees it. A link and a file are never the same.
fn became(pair: &Pair, side: usize, renames: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let end = pair.sides[side].last().unwrap();
    let is_link = |node: &Node| node.mode == Mode::Link;
    let stayed = |(path, node): (&String, &Node)| end.get(path).is_some_and(|now| is_link(now) == is_link(node));
    let place = |file: (&String, &Node)| renames.get(file.0).or(stayed(file).then_some(file.0)).cloned();
    pair.base.iter().filter_map(|file| Some((file.0.clone(), place(file)?))).collect()
}

async fn by_us(home: &Path, pair: &Pair) -> Result<(ours::Merged, [BTreeMap<String, String>; 2])> {
    let a = ours::Copy::new(&home.join("a"), &pair.base).await?;
    let b = a.copied(&home.join("b")).await?;
    let begun = a.places().await?;
    let (mut copies, mut places) = ([a, b], [BTreeMap::new(), BTreeMap::new()]);
    for (side, copy) in copies.iter_mut().enumerate() {
        for tree in &pair.sides[side] {
            copy.record(tree).await?;
        }
        let now = copy.places().await?;
        places[side] = begun.iter().filter_map(|(key, path)| Some((path.clone(), now.get(key)?.clone()))).collect();
    }
    let [mut a, mut b] = copies;
    let merged = a.reconcile(&mut b).await?;
    a.close().await?;
    b.close().await?;
    Ok((merged, places))
}

impl Tally {
    fn and(mut self, other: Tally) -> Tally {
        self.folders += other.folders;
        self.clean += other.clean;
        self.open += other.open;
        self.marked += other.marked;
        self.kinds.extend(other.kinds);
        for (name, count) in other.meant {
            *self.meant.entry(name).or_default() += count;
        }
        self
    }

    fn count(&mut self, seen: &Compared<'_>, home: &Path, seed: u64) {
        self.folders += 1;
        let difference = difference(seen);
        match (&difference, Meant::of(seen)) {
            (None, _) if seen.is_open_in_git() => self.open += 1,
            (None, _) => self.clean += 1,
            (Some(_), Some(meant)) => *self.meant.entry(meant.name).or_default() += 1,
            (Some(difference), None) => panic!("TRELLIS_SEED={seed}: {difference}\n{}", seen.told()),
        }
        if difference.is_none() {
            seen.expect_hunks(home, seed, self);
        }
    }
}

/// What is different in a folder, if anything.
fn difference(seen: &Compared<'_>) -> Option<String> {
    let ours: Vec<&ours::Open> = seen.ours.conflicts.iter().filter(|open| is_below(&open.path, seen.folder)).collect();
    seen.expect_whole_links();
    match (seen.is_open_in_git(), ours.is_empty()) {
        (true, true) => return Some("git has a conflict, and we have none".into()),
        (false, false) => return Some(format!("git has no conflict, and we have {ours:?}")),
        _ => {}
    }
    let unmerged = seen.git.unmerged.keys().map(|path| plain(path).to_owned());
    let about: BTreeSet<String> = ours.iter().flat_map(|open| open.paths.clone()).chain(unmerged).collect();
    let is_meant = |path: &&String| is_below(path, seen.folder) && !about.contains(plain(path));
    let paths: BTreeSet<&String> = seen.git.tree.keys().chain(seen.ours.tree.keys()).filter(is_meant).collect();
    let mut different = paths.into_iter().filter(|path| seen.git.tree.get(*path) != seen.ours.tree.get(*path));
    different
        .next()
        .map(|path| format!("{path}: git has {:?}, we have {:?}", seen.git.tree.get(path), seen.ours.tree.get(path)))
}

/// A path without what git puts behind one that is in the way.
fn plain(path: &str) -> &str {
    path.strip_suffix("~HEAD").or(path.strip_suffix("~b")).unwrap_or(path)
}

impl Compared<'_> {
    fn is_open_in_git(&self) -> bool {
        self.git.unmerged.keys().any(|path| is_below(path, self.folder))
    }

    /// Texts that both sides edited are shown with the hunks of `git merge-file`, whichever side it takes first; unless a
    /// line comes twice.
    fn expect_hunks(&self, home: &Path, seed: u64, tally: &mut Tally) {
        let of_content = self.ours.conflicts.iter().filter(|open| open.about == About::Content);
        for Open { path, .. } in of_content.filter(|open| is_below(&open.path, self.folder)) {
            let Some(stages) = self.git.unmerged.get(path).filter(|stages| stages.len() == 3) else { continue };
            let [base, ours, theirs] = [1, 2, 3].map(|stage| stages[&stage].as_slice());
            let shown = &self.ours.tree[path];
            if !shown.is_text() || stages.values().any(|stage| stage.contains(&0)) {
                continue;
            }
            let shown = hunks(&String::from_utf8_lossy(&shown.bytes));
            let expected = [[base, ours, theirs], [base, theirs, ours]].map(|texts| hunks(&merge_file(home, texts).1));
            if expected.contains(&shown) {
                tally.marked += 1;
                continue;
            }
            let is_meant = stages.values().any(|stage| has_line_twice(stage));
            assert!(is_meant, "TRELLIS_SEED={seed}: {path}: git {expected:#?}\nours {shown:#?}");
            *tally.meant.entry(LINES).or_default() += 1;
        }
    }

    /// Whatever is in conflict, a link leads where somebody made it lead.
    fn expect_whole_links(&self) {
        let said = self.pair.sides.iter().flatten().chain([&self.pair.base]).flat_map(|tree| tree.values());
        let targets: BTreeSet<&Vec<u8>> = said.filter(|node| node.mode == Mode::Link).map(|node| &node.bytes).collect();
        for (path, node) in self.ours.tree.iter().filter(|(path, _)| is_below(path, self.folder)) {
            assert!(node.mode != Mode::Link || targets.contains(&node.bytes), "{path} {node:?}\n{}", self.told());
        }
    }

    /// Everything about the folder, for people.
    fn told(&self) -> String {
        let inside = |tree: &tree::Tree| -> String {
            tree.iter().filter(|(path, _)| is_below(path, self.folder)).map(|file| format!("  {file:?}\n")).collect()
        };
        let mut told = format!("base\n{}", inside(&self.pair.base));
        for (side, name) in self.pair.sides.iter().zip(["a", "b"]) {
            side.iter().for_each(|tree| told += &format!("{name}\n{}", inside(tree)));
        }
        told +=
            &format!("git {:?}\n{}ours\n{}", self.git.unmerged.keys(), inside(&self.git.tree), inside(&self.ours.tree));
        told + &format!("{}{:#?}", self.git.said, self.ours.conflicts)
    }
}
