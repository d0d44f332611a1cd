//! The history of a git repository: its commits in an order, and which of them reach which.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use gix::ObjectId;

use super::source::Source;
use crate::error::Result;

/// A commit's place in the order.
pub(super) type At = u32;

/// A commit of the history.
#[derive(Debug)]
pub(super) struct Commit {
    pub id: ObjectId,
    /// Each once, in git's order.
    pub parents: Vec<At>,
}

/// The commits that some heads reach, parents first.
#[derive(Debug)]
pub(super) struct History {
    commits: Vec<Commit>,
    index: HashMap<ObjectId, At>,
    reach: Reach,
}

impl History {
    /// Reads what the tips reach. The order is a function of the commits alone: of those whose parents all stand, the
    /// one that was committed first comes next, then the one of smallest id.
    pub(super) fn read(source: &Source, tips: impl Iterator<Item = ObjectId>) -> Result<History> {
        let found = Found::walk(source, tips)?;
        let order = found.order();
        let index: HashMap<ObjectId, At> =
            order.iter().enumerate().map(|(at, number)| (found.ids[*number as usize], at as At)).collect();
        let place = |number: &u32| index[&found.ids[*number as usize]];
        let commits: Vec<Commit> = order
            .iter()
            .map(|number| {
                let parents = found.parents[*number as usize].iter().map(place).collect();
                Commit { id: found.ids[*number as usize], parents }
            })
            .collect();
        let reach = Reach::of(&commits);
        Ok(History { commits, index, reach })
    }

    /// How many commits.
    pub(super) fn len(&self) -> usize {
        self.commits.len()
    }

    pub(super) fn commit(&self, at: At) -> &Commit {
        &self.commits[at as usize]
    }

    pub(super) fn first_parent(&self, at: At) -> Option<At> {
        self.commit(at).parents.first().copied()
    }

    /// Where a commit stands, if it is one of these.
    pub(super) fn find(&self, id: &ObjectId) -> Option<At> {
        self.index.get(id).copied()
    }

    /// Whether a commit is another one or one of those that it descends from.
    pub(super) fn reaches(&self, from: At, what: At) -> bool {
        self.reach.reaches(from, what)
    }
}

/// Commits in the order in which they were found.
#[derive(Default)]
struct Found {
    ids: Vec<ObjectId>,
    seconds: Vec<i64>,
    parents: Vec<Vec<u32>>,
}

impl Found {
    fn walk(source: &Source, tips: impl Iterator<Item = ObjectId>) -> Result<Found> {
        let mut found = Found::default();
        let mut numbers: HashMap<ObjectId, u32> = HashMap::new();
        for tip in tips {
            found.number(tip, &mut numbers);
        }
        let mut at = 0;
        while at < found.ids.len() {
            let outline = source.outline(found.ids[at])?;
            let mut parents = Vec::with_capacity(outline.parents.len());
            for parent in outline.parents {
                let number = found.number(parent, &mut numbers);
                if !parents.contains(&number) {
                    parents.push(number);
                }
            }
            found.seconds.push(outline.seconds);
            found.parents.push(parents);
            at += 1;
        }
        Ok(found)
    }

    fn number(&mut self, id: ObjectId, numbers: &mut HashMap<ObjectId, u32>) -> u32 {
        let next = self.ids.len() as u32;
        let number = *numbers.entry(id).or_insert(next);
        if number == next {
            self.ids.push(id);
        }
        number
    }

    fn order(&self) -> Vec<u32> {
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); self.ids.len()];
        let mut missing: Vec<usize> = self.parents.iter().map(Vec::len).collect();
        for (number, parents) in self.parents.iter().enumerate() {
            parents.iter().for_each(|parent| children[*parent as usize].push(number as u32));
        }
        let key = |number: u32| Reverse((self.seconds[number as usize], self.ids[number as usize], number));
        let roots = (0..self.ids.len() as u32).filter(|number| missing[*number as usize] == 0);
        let mut open: BinaryHeap<_> = roots.map(key).collect();
        let mut order = Vec::with_capacity(self.ids.len());
        while let Some(Reverse((_, _, number))) = open.pop() {
            order.push(number);
            for child in &children[number as usize] {
                missing[*child as usize] -= 1;
                if missing[*child as usize] == 0 {
                    open.push(key(*child));
                }
            }
        }
        order
    }
}

/// Which commits reach which, by lines: each commit stands on one line of which every commit descends from the one
/// before it, and knows of every other line how far up it reaches. There are about as many lines as there were ever
/// branches at one time.
#[derive(Debug, Default)]
struct Reach {
    places: Vec<Place>,
}

#[derive(Clone, Debug)]
struct Place {
    line: u32,
    /// How many stand before it on its line.
    step: u32,
    /// By line, how many commits of it are reached; the own line's are not counted here.
    seen: Arc<[u32]>,
}

impl Reach {
    fn of(commits: &[Commit]) -> Reach {
        let mut reach = Reach::default();
        let mut ends: Vec<At> = Vec::new();
        for commit in commits {
            let at = reach.places.len() as At;
            let is_reached = |end: At| commit.parents.iter().any(|parent| reach.reaches(*parent, end));
            let is_parent = |end: &At| commit.parents.first() == Some(end);
            let line = ends.iter().position(is_parent).or_else(|| ends.iter().position(|end| is_reached(*end)));
            let line = line.unwrap_or(ends.len());
            let step = ends.get(line).map_or(0, |end| reach.places[*end as usize].step + 1);
            let seen = reach.seen_by(commit, line);
            match ends.get_mut(line) {
                Some(end) => *end = at,
                None => ends.push(at),
            }
            reach.places.push(Place { line: line as u32, step, seen });
        }
        reach
    }

    /// What a commit of a line sees of the others.
    fn seen_by(&self, commit: &Commit, line: usize) -> Arc<[u32]> {
        let places: Vec<&Place> = commit.parents.iter().map(|parent| &self.places[*parent as usize]).collect();
        if let [only] = places[..]
            && only.line as usize == line
        {
            return only.seen.clone();
        }
        let mut seen: Vec<u32> = Vec::new();
        let mut note = |line: usize, count: u32| {
            if count > 0 {
                seen.resize(seen.len().max(line + 1), 0);
                seen[line] = seen[line].max(count);
            }
        };
        for place in places {
            place.seen.iter().enumerate().for_each(|(line, count)| note(line, *count));
            note(place.line as usize, place.step + 1);
        }
        seen.into()
    }

    fn reaches(&self, from: At, what: At) -> bool {
        let (from, what) = (&self.places[from as usize], &self.places[what as usize]);
        match from.line == what.line {
            true => what.step <= from.step,
            false => from.seen.get(what.line as usize).is_some_and(|count| *count > what.step),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A history of chance: every commit has up to three parents among those before it.
    fn drawn(seed: u64, len: u32) -> Vec<Commit> {
        let mut state = seed;
        let mut draw = move |below: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as u32) % below.max(1)
        };
        let commit = |at: u32| {
            let count = if at == 0 { 0 } else { draw(4) };
            let parents: BTreeSet<At> = (0..count).map(|_| at - 1 - draw(at.min(9))).collect();
            Commit { id: ObjectId::null(gix::hash::Kind::Sha1), parents: parents.into_iter().rev().collect() }
        };
        (0..len).map(commit).collect()
    }

    #[test]
    fn reaching_is_what_a_walk_finds() {
        for seed in 0..40 {
            let commits = drawn(seed, 80);
            let reach = Reach::of(&commits);
            for from in 0..80 {
                let (mut past, mut open) = (BTreeSet::new(), vec![from]);
                while let Some(at) = open.pop() {
                    if past.insert(at) {
                        open.extend(&commits[at as usize].parents);
                    }
                }
                for what in 0..80 {
                    assert_eq!(reach.reaches(from, what), past.contains(&what), "seed {seed}: {from} to {what}");
                }
            }
        }
    }
}
