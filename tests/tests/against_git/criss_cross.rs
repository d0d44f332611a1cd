//! Criss-crossed merges: two people merge the same edits, each for themselves, go on, and merge again.
//!
//! There is no one state that both began from, so git merges the two that there are first. Whoever takes one of them instead
//! loses, without a word, what a side took back of the other.

use std::path::Path;

use trellis_sync::Result;
use trellis_sync::files::About;
use trellis_tests::dice::{Dice, seeds};

use crate::folder;
use crate::git::Git;
use crate::lines::hunks;
use crate::on_threads;
use crate::ours::{Copy, Merged};
use crate::tree::{Node, Tree};

const PAIRS: u64 = 40;
const FILES: usize = 5;
/// Lines of a file. The sides first edit one half of them each, so that this merges.
const LINES: usize = 16;

/// What both sides do, twice.
struct Pair {
    base: Tree,
    first: [Tree; 2],
    /// What the first edits make together.
    both: Tree,
    second: [Tree; 2],
}

#[test]
fn criss_crossed_merges_are_as_in_git() {
    let counts = on_threads(&seeds(PAIRS), compare);
    let [clean, open] = [0, 1].map(|at| counts.iter().map(|count| count[at]).sum::<usize>());
    println!("{clean} clean, {open} with a conflict");
    assert!(counts.len() == 1 || clean > 50 && open > 20);
}

/// Merges on both sides; how many files merge, and how many are in conflict.
fn compare(seed: u64) -> [usize; 2] {
    let pair = Pair::generate(seed);
    let home = tempfile::tempdir_in(folder()).unwrap();
    let git = by_git(&home.path().join("git"), &pair);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ours = runtime.block_on(by_us(home.path(), &pair)).unwrap();
    let mut counts = [0, 0];
    for path in pair.base.keys() {
        let is_open = ours.conflicts.iter().any(|open| open.path == *path && open.about == About::Content);
        let told = || format!("TRELLIS_SEED={seed} {path}: git {:?}\nwe {:?}", git.tree.get(path), ours.tree.get(path));
        assert_eq!(git.unmerged.contains_key(path), is_open, "{}", told());
        let [git, ours] = [&git.tree, &ours.tree].map(|tree| hunks(&String::from_utf8_lossy(&tree[path].bytes)));
        assert_eq!(git, ours, "{}", told());
        counts[usize::from(is_open)] += 1;
    }
    counts
}

fn by_git(folder: &Path, pair: &Pair) -> crate::git::Merged {
    std::fs::create_dir(folder).unwrap();
    let git = Git::init(folder);
    git.commit("base", &[], std::slice::from_ref(&pair.base));
    for (name, first) in ["a1", "b1"].into_iter().zip(&pair.first) {
        git.commit(name, &["base"], std::slice::from_ref(first));
    }
    for (name, parents, second) in [("a", ["a1", "b1"], &pair.second[0]), ("b", ["b1", "a1"], &pair.second[1])] {
        git.commit(name, &parents, &[pair.both.clone(), second.clone()]);
    }
    git.merge("a", "b").unwrap()
}

async fn by_us(home: &Path, pair: &Pair) -> Result<Merged> {
    let mut a = Copy::new(&home.join("a"), &pair.base).await?;
    let mut b = a.copied(&home.join("b")).await?;
    a.record(&pair.first[0]).await?;
    b.record(&pair.first[1]).await?;
    let (mut of_a, mut of_b) = (a.copied(&home.join("of a")).await?, b.copied(&home.join("of b")).await?);
    for (one, other) in [(&mut a, &mut of_b), (&mut b, &mut of_a)] {
        let merged = one.reconcile(other).await?;
        assert!(merged.conflicts.is_empty() && merged.tree == pair.both);
    }
    a.record(&pair.second[0]).await?;
    b.record(&pair.second[1]).await?;
    let merged = a.reconcile(&mut b).await?;
    for copy in [a, b, of_a, of_b] {
        copy.close().await?;
    }
    Ok(merged)
}

impl Pair {
    fn generate(seed: u64) -> Pair {
        let mut dice = Dice::new(seed);
        let mut pair =
            Pair { base: Tree::new(), first: Default::default(), both: Tree::new(), second: Default::default() };
        for file in 0..FILES {
            let base: Vec<String> = (0..LINES).map(|_| line(&mut dice)).collect();
            let (mut first, mut both) = ([base.clone(), base.clone()], base.clone());
            for (side, lines) in first.iter_mut().enumerate() {
                for _ in 0..1 + dice.below(2) {
                    let at = side * LINES / 2 + dice.below(LINES / 2 - 1);
                    lines[at] = line(&mut dice);
                    both[at].clone_from(&lines[at]);
                }
            }
            let second = [(); 2].map(|()| later(&base, &both, &mut dice));
            let path = format!("file {file}");
            pair.base.insert(path.clone(), text(&base));
            pair.both.insert(path.clone(), text(&both));
            for side in 0..2 {
                pair.first[side].insert(path.clone(), text(&first[side]));
                pair.second[side].insert(path.clone(), text(&second[side]));
            }
        }
        pair
    }
}

/// What a side does after merging: it takes lines back to what they were in the beginning, or changes any.
fn later(base: &[String], both: &[String], dice: &mut Dice) -> Vec<String> {
    let mut lines = both.to_vec();
    let changed: Vec<usize> = (0..LINES).filter(|at| base[*at] != both[*at]).collect();
    for _ in 0..dice.below(3) {
        match dice.below(3) {
            0 => lines[dice.below(LINES)] = line(dice),
            1 => lines[*dice.pick(&changed)] = line(dice),
            _ => {
                let at = *dice.pick(&changed);
                lines[at].clone_from(&base[at]);
            }
        }
    }
    lines
}

fn line(dice: &mut Dice) -> String {
    format!("{:x}\n", dice.number())
}

fn text(lines: &[String]) -> Node {
    Node::file(lines.concat())
}
