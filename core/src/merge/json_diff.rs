//! The RFC 6902 edits that lead from one value to another.
//!
//! Objects are compared member by member and arrays by their cheapest alignment, so an edit touches only what differs.
//! Arrays are edited from their end, so that every index is one of the old array.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::json_patch::{Edit, JsonPatch};
use crate::op::json::{Object, Value};
use crate::op::pointer::Pointer;

/// Arrays whose lengths multiply to more are compared index by index: alignment costs time and memory for each pair.
const ALIGNED_PAIRS_MAX: usize = 1 << 16;

/// The edits that lead from `from` to `to`.
pub fn diff(from: &Value, to: &Value) -> JsonPatch {
    run(from, to, Guards::None)
}

/// The edits that lead from `from` to `to`, with a `test` before each that replaces or removes a value: applied to a
/// value that changed there, they fail instead of losing the change.
pub fn guarded_diff(from: &Value, to: &Value) -> JsonPatch {
    run(from, to, Guards::Tests)
}

/// Whether a `test` stands before each loss.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guards {
    None,
    Tests,
}

fn run(from: &Value, to: &Value, guards: Guards) -> JsonPatch {
    let mut differ = Differ { at: Pointer::ROOT, edits: Vec::new(), guards };
    differ.values(from, to);
    JsonPatch(differ.edits)
}

struct Differ {
    at: Pointer,
    edits: Vec<Edit>,
    guards: Guards,
}

impl Differ {
    fn values(&mut self, from: &Value, to: &Value) {
        match (from, to) {
            _ if from == to => {}
            (Value::Object(from), Value::Object(to)) => self.objects(from, to),
            (Value::Array(from), Value::Array(to)) => self.arrays(from, to),
            _ => {
                self.guard(from);
                self.edits.push(Edit::Replace { at: self.at.clone(), value: to.clone() });
            }
        }
    }

    fn objects(&mut self, from: &Object, to: &Object) {
        for (name, old) in from.iter() {
            self.below(name, |differ| match to.get(name) {
                Some(new) => differ.values(old, new),
                None => differ.removed(old),
            });
        }
        for (name, new) in to.iter().filter(|(name, _)| from.get(name).is_none()) {
            self.below(name, |differ| differ.added(new));
        }
    }

    fn arrays(&mut self, from: &[Value], to: &[Value]) {
        let start = from.iter().zip(to).take_while(|(old, new)| old == new).count();
        let (from, to) = (&from[start..], &to[start..]);
        let end = from.iter().rev().zip(to.iter().rev()).take_while(|(old, new)| old == new).count();
        let (from, to) = (&from[..from.len() - end], &to[..to.len() - end]);
        for step in align(from, to) {
            let (Step::Pair(index, _) | Step::Remove(index) | Step::Add(index, _)) = step;
            self.below(&(start + index).to_string(), |differ| match step {
                Step::Pair(old, new) => differ.values(&from[old], &to[new]),
                Step::Remove(old) => differ.removed(&from[old]),
                Step::Add(_, new) => differ.added(&to[new]),
            });
        }
    }

    fn added(&mut self, value: &Value) {
        self.edits.push(Edit::Add { at: self.at.clone(), value: value.clone() });
    }

    fn removed(&mut self, value: &Value) {
        self.guard(value);
        self.edits.push(Edit::Remove { at: self.at.clone() });
    }

    fn guard(&mut self, value: &Value) {
        if self.guards == Guards::Tests {
            self.edits.push(Edit::Test { at: self.at.clone(), value: value.clone() });
        }
    }

    fn below(&mut self, token: &str, look: impl FnOnce(&mut Differ)) {
        self.at.0.push(token.into());
        look(self);
        self.at.0.pop();
    }
}

/// One step from an old array to a new one, by indices.
#[derive(Clone, Copy)]
enum Step {
    /// The old item becomes the new one, or is it.
    Pair(usize, usize),
    /// The old item goes.
    Remove(usize),
    /// The new item comes before this old index.
    Add(usize, usize),
}

/// The steps with the fewest changes, from the end to the start.
fn align(from: &[Value], to: &[Value]) -> Vec<Step> {
    if from.len().saturating_mul(to.len()) > ALIGNED_PAIRS_MAX {
        return align_by_index(from.len(), to.len());
    }
    let costs = Costs::new(from, to);
    let (mut old, mut new) = (from.len(), to.len());
    let mut steps = Vec::with_capacity(old.max(new));
    while old > 0 || new > 0 {
        let here = costs.at(old, new);
        if old > 0 && new > 0 && here == costs.at(old - 1, new - 1) + u32::from(from[old - 1] != to[new - 1]) {
            (old, new) = (old - 1, new - 1);
            steps.push(Step::Pair(old, new));
        } else if old > 0 && here == costs.at(old - 1, new) + 1 {
            old -= 1;
            steps.push(Step::Remove(old));
        } else {
            new -= 1;
            steps.push(Step::Add(old, new));
        }
    }
    steps
}

fn align_by_index(from_len: usize, to_len: usize) -> Vec<Step> {
    let both = from_len.min(to_len);
    let removed = (both..from_len).rev().map(Step::Remove);
    let added = (both..to_len).rev().map(|new| Step::Add(both, new));
    let pairs = (0..both).rev().map(|index| Step::Pair(index, index));
    removed.chain(added).chain(pairs).collect()
}

/// The least number of changes between every start of one array and every start of another.
struct Costs {
    cells: Vec<u32>,
    width: usize,
}

impl Costs {
    fn new(from: &[Value], to: &[Value]) -> Costs {
        let width = to.len() + 1;
        let mut costs = Costs { cells: vec![0; width * (from.len() + 1)], width };
        for old in 0..=from.len() {
            for new in 0..=to.len() {
                costs.cells[old * width + new] = match (old.checked_sub(1), new.checked_sub(1)) {
                    (None, _) => new as u32,
                    (_, None) => old as u32,
                    (Some(above), Some(before)) => {
                        let pair = costs.at(above, before) + u32::from(from[above] != to[before]);
                        pair.min(costs.at(above, new) + 1).min(costs.at(old, before) + 1)
                    }
                };
            }
        }
        costs
    }

    fn at(&self, old: usize, new: usize) -> u32 {
        self.cells[old * self.width + new]
    }
}
