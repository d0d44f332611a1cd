//! What the writes to one entity say, sorted by the places that they speak of.
//!
//! A later write of a chain that overwrites a place has seen, and so replaced, the earlier ones there. That leaves one
//! write per chain and place to look at, however long the history is.

use alloc::string::String;
use alloc::vec::Vec;

use super::entity::Effect;
use super::history::History;
use crate::op::body::{Content, Leaf};
use crate::op::json::{Value, text};
use crate::op::kind::Kind;
use crate::op::patch::Patch;
use crate::op::pointer::Pointer;
use crate::ordered::Map;

static ROOT: Pointer = Pointer::ROOT;

/// Items of writes, by the chain of the write, each list in order.
pub(super) type ByChain<T> = Map<usize, Vec<T>>;

/// The effective writes' parts.
#[derive(Default)]
pub(super) struct Parts<'w> {
    /// By place. The places below one stand right behind it.
    pub(super) places: Map<&'w Pointer, PlaceParts<'w>>,
    /// The puts and deletes.
    pub(super) wholes: ByChain<usize>,
    /// The patches whose bodies are not here.
    pub(super) bodyless_patches: ByChain<usize>,
}

/// The parts at one place.
#[derive(Default)]
pub(super) struct PlaceParts<'w> {
    pub(super) overwrites: ByChain<Overwrite<'w>>,
    pub(super) adds: Vec<(usize, i64)>,
    /// What is inserted and discarded here, by the JCS text of the value.
    pub(super) elements: Map<String, ElementParts<'w>>,
}

/// Who inserts and who discards one value at one place.
#[derive(Default)]
pub(super) struct ElementParts<'w> {
    pub(super) inserts: Vec<Insert<'w>>,
    pub(super) discards: ByChain<usize>,
}

/// A value that a write inserts.
#[derive(Clone, Copy)]
pub(super) struct Insert<'w> {
    pub(super) write: usize,
    /// Its place in the write's list.
    pub(super) nth: usize,
    pub(super) value: &'w Value,
}

/// A place that a write overwrites.
#[derive(Clone, Copy)]
pub(super) struct Overwrite<'w> {
    pub(super) write: usize,
    pub(super) value: Written<'w>,
}

/// What stands at a place after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written<'w> {
    /// Nothing.
    Nothing,
    /// Nothing, because the entity was deleted.
    Deleted,
    Json(&'w Value),
    Bytes(&'w [u8]),
    /// Something that is not here.
    Bodyless,
}

impl<'w> Written<'w> {
    /// What stands at a place below: pointers step through objects only.
    pub(super) fn at(self, names: &[String]) -> Written<'w> {
        match self {
            _ if names.is_empty() => self,
            Written::Json(value) => {
                names.iter().try_fold(value, |value, name| value.member(name)).map_or(Written::Nothing, Written::Json)
            }
            Written::Bodyless => Written::Bodyless,
            _ => Written::Nothing,
        }
    }

    pub(super) fn is_deletion(self) -> bool {
        self == Written::Deleted
    }
}

impl<'w> From<&'w Leaf> for Written<'w> {
    fn from(leaf: &'w Leaf) -> Written<'w> {
        match leaf {
            Leaf::Json(value) => Written::Json(value),
            Leaf::Bytes(bytes) => Written::Bytes(bytes),
        }
    }
}

impl<'w> Parts<'w> {
    /// What the effective writes of a history say. Records and branch merges write no entity of these strategies, and
    /// void bodies nothing at all.
    pub(super) fn of(history: &History<'w>) -> Parts<'w> {
        let mut parts = Parts::default();
        let effective = (0..history.len()).filter(|write| history.write(*write).effect == Effect::Effective);
        for write in effective {
            let chain = history.chain(write);
            match history.write(write).content {
                Content::Put(leaf) => parts.push_whole(chain, write, leaf.into()),
                Content::Delete | Content::Missing(Kind::Delete) => parts.push_whole(chain, write, Written::Deleted),
                Content::Missing(Kind::Put) => parts.push_whole(chain, write, Written::Bodyless),
                Content::Missing(Kind::Patch) => parts.bodyless_patches.entry(chain).or_default().push(write),
                Content::Patch(patch) => parts.push_patch(chain, write, patch),
                Content::Append(_) | Content::Merge(_) | Content::Void | Content::Missing(_) => {}
            }
        }
        parts
    }

    fn push_whole(&mut self, chain: usize, write: usize, value: Written<'w>) {
        self.wholes.entry(chain).or_default().push(write);
        self.push_overwrite(&ROOT, chain, Overwrite { write, value });
    }

    fn push_overwrite(&mut self, at: &'w Pointer, chain: usize, overwrite: Overwrite<'w>) {
        self.places.entry(at).or_default().overwrites.entry(chain).or_default().push(overwrite);
    }

    fn push_patch(&mut self, chain: usize, write: usize, patch: &'w Patch) {
        for (at, value) in &patch.set {
            self.push_overwrite(at, chain, Overwrite { write, value: Written::Json(value) });
        }
        for at in &patch.remove {
            self.push_overwrite(at, chain, Overwrite { write, value: Written::Nothing });
        }
        for (at, amount) in &patch.add {
            self.places.entry(at).or_default().adds.push((write, *amount));
        }
        for (at, values) in &patch.insert {
            let elements = &mut self.places.entry(at).or_default().elements;
            for (nth, value) in values.iter().enumerate() {
                elements.entry(text(value)).or_default().inserts.push(Insert { write, nth, value });
            }
        }
        for (at, values) in &patch.discard {
            let elements = &mut self.places.entry(at).or_default().elements;
            for value in values {
                elements.entry(text(value)).or_default().discards.entry(chain).or_default().push(write);
            }
        }
    }
}
