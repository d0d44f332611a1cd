//! Which branch a commit is written on.
//!
//! A head claims the commits that it reaches by first parents. What only merges reach has no name in git: such a side
//! line is written on a branch of its own, and once it is merged the next side line that begins behind that goes on
//! there. So there are about as many of these branches as there were side lines at one time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::history::{At, History};

/// What the names of branches begin with that carry side lines.
const SIDE: &str = "git/side-";

/// The number of a branch.
pub(super) type BranchNumber = u32;

/// The branches, and for each commit the one that it is written on.
#[derive(Debug, Default)]
pub(super) struct Branches {
    names: Vec<String>,
    numbers: HashMap<String, BranchNumber>,
    of: Vec<Option<BranchNumber>>,
}

impl Branches {
    /// Places every commit. `known` are those that are written already, `taken` the names that other branches have.
    pub(super) fn place(
        history: &History,
        heads: &[(String, At)],
        known: &BTreeMap<At, String>,
        taken: &BTreeSet<String>,
    ) -> Branches {
        let mut branches = Branches { of: vec![None; history.len()], ..Branches::default() };
        for (at, name) in known {
            branches.of[*at as usize] = Some(branches.number(name));
        }
        for (name, tip) in heads {
            let number = branches.number(name);
            for at in branches.line(history, *tip) {
                branches.of[at as usize] = Some(number);
            }
        }
        branches.place_side_lines(history, known, taken);
        branches
    }

    /// The branch that a commit is written on.
    pub(super) fn of(&self, at: At) -> BranchNumber {
        self.of[at as usize].unwrap_or_default()
    }

    /// A branch's name.
    pub(super) fn name(&self, number: BranchNumber) -> &str {
        &self.names[number as usize]
    }

    /// A branch's number; a new one for a name that has none yet.
    pub(super) fn number(&mut self, name: &str) -> BranchNumber {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as BranchNumber;
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// How many branches carry commits that only merges reach.
    pub(super) fn side_count(&self) -> usize {
        let used: BTreeSet<BranchNumber> = self.of.iter().copied().flatten().collect();
        used.into_iter().filter(|number| self.name(*number).starts_with(SIDE)).count()
    }

    /// What a tip reaches by first parents and nobody has claimed, the last first.
    fn line(&self, history: &History, tip: At) -> Vec<At> {
        let is_free = |at: &At| self.of[*at as usize].is_none();
        let before = |at: &At| history.first_parent(*at).filter(is_free);
        std::iter::successors(Some(tip).filter(is_free), before).collect()
    }

    fn place_side_lines(&mut self, history: &History, known: &BTreeMap<At, String>, taken: &BTreeSet<String>) {
        let mut in_line = vec![false; history.len()];
        let mut lines: Vec<Vec<At>> = Vec::new();
        for at in (0..history.len() as At).rev() {
            let is_free = |at: &At| self.of[*at as usize].is_none() && !in_line[*at as usize];
            let before = |at: &At| history.first_parent(*at).filter(is_free);
            let line: Vec<At> = std::iter::successors(Some(at).filter(is_free), before).collect();
            line.iter().for_each(|at| in_line[*at as usize] = true);
            lines.extend((!line.is_empty()).then_some(line));
        }
        lines.sort_unstable_by_key(|line| line.last().copied());
        let mut sides = Sides::of(self, known, taken);
        for line in lines {
            let (Some(last), Some(first)) = (line.first(), line.last()) else { continue };
            let number = sides.free(history, history.first_parent(*first), self);
            sides.ends.insert(number, *last);
            line.iter().for_each(|at| self.of[*at as usize] = Some(number));
        }
    }
}

/// The branches of side lines, each with the last commit that is written on it.
struct Sides<'a> {
    ends: BTreeMap<BranchNumber, At>,
    taken: &'a BTreeSet<String>,
}

impl Sides<'_> {
    fn of<'a>(branches: &Branches, known: &BTreeMap<At, String>, taken: &'a BTreeSet<String>) -> Sides<'a> {
        let sides = known.iter().filter(|(_, name)| name.starts_with(SIDE) && !taken.contains(*name));
        let ends = sides.filter_map(|(at, name)| Some((*branches.numbers.get(name)?, *at)));
        Sides { ends: ends.collect(), taken }
    }

    /// A branch whose last commit the line's fork reaches; else a new one.
    fn free(&self, history: &History, fork: Option<At>, branches: &mut Branches) -> BranchNumber {
        let is_free = |end: At| fork.is_some_and(|fork| history.reaches(fork, end));
        if let Some((number, _)) = self.ends.iter().find(|(_, end)| is_free(**end)) {
            return *number;
        }
        let mut names = (1..).map(|number: u64| format!("{SIDE}{number}"));
        let is_new = |name: &String| !self.taken.contains(name) && !branches.numbers.contains_key(name);
        let name = names.find(is_new).unwrap_or_default();
        branches.number(&name)
    }
}
