//! Sets of nodes: small ones that are almost always one, and dense ones as bits.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::graph::Node;
use crate::ordered::Set;

/// A set that mostly has one member (heads, chain ends, frontiers), in ascending order of arrival.
#[derive(Clone, Debug, Default)]
pub enum FewNodes {
    /// No member.
    #[default]
    None,
    /// One member.
    One(Node),
    /// Any number.
    Many(Box<Set<Node>>),
}

impl FewNodes {
    /// Adds a member.
    pub fn insert(&mut self, node: Node) {
        match self {
            FewNodes::None => *self = FewNodes::One(node),
            FewNodes::One(only) => *self = FewNodes::Many(Box::new(Set::from([*only, node]))),
            FewNodes::Many(nodes) => {
                nodes.insert(node);
            }
        }
    }

    /// Takes a member out, if it is one.
    pub fn remove(&mut self, node: Node) -> bool {
        match self {
            FewNodes::One(only) if *only == node => {
                *self = FewNodes::None;
                true
            }
            FewNodes::Many(nodes) => {
                let removed = nodes.remove(&node);
                if let (1, Some(&only)) = (nodes.len(), nodes.first()) {
                    *self = FewNodes::One(only);
                }
                removed
            }
            _ => false,
        }
    }

    /// The members.
    pub fn iter(&self) -> impl Iterator<Item = Node> + '_ {
        let (one, many) = match self {
            FewNodes::None => (None, None),
            FewNodes::One(only) => (Some(*only), None),
            FewNodes::Many(nodes) => (None, Some(nodes.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten().copied())
    }

    /// How many.
    pub fn len(&self) -> usize {
        match self {
            FewNodes::None => 0,
            FewNodes::One(_) => 1,
            FewNodes::Many(nodes) => nodes.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        matches!(self, FewNodes::None)
    }

    /// Whether `node` is a member.
    pub fn contains(&self, node: Node) -> bool {
        match self {
            FewNodes::None => false,
            FewNodes::One(only) => *only == node,
            FewNodes::Many(nodes) => nodes.contains(&node),
        }
    }
}

/// A set of nodes as one bit each.
#[derive(Clone, Debug, Default)]
pub struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// Adds a member; tells whether it was none before.
    pub fn insert(&mut self, node: Node) -> bool {
        let (word, bit) = (node.index() / 64, 1 << (node.index() % 64));
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let is_new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        is_new
    }

    /// Takes a member out, if it is one.
    pub fn remove(&mut self, node: Node) {
        if let Some(word) = self.words.get_mut(node.index() / 64) {
            *word &= !(1 << (node.index() % 64));
        }
    }

    /// Whether `node` is a member.
    pub fn contains(&self, node: Node) -> bool {
        self.words.get(node.index() / 64).is_some_and(|word| word & (1 << (node.index() % 64)) != 0)
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Node> + '_ {
        let members = |(at, word): (usize, &u64)| {
            let rest = |word: &u64| Some(word & (word - 1)).filter(|rest| *rest != 0);
            let words = core::iter::successors(Some(*word).filter(|word| *word != 0), rest);
            words.map(move |word| Node(at as u32 * 64 + word.trailing_zeros()))
        };
        self.words.iter().enumerate().flat_map(members)
    }
}
