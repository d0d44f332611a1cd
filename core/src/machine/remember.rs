//! What is remembered of peers from one process to the next: when both last had the same.
//!
//! It is a hint that is looked at before it is believed, so a store that forgets it, or is a copy of another one, costs a
//! peer some hundred bytes and nothing else.

use alloc::vec::Vec;

use super::{Machine, Outputs};
use crate::limits::PEERS_REMEMBERED_MAX;
use crate::link::interest::Agreed;
use crate::link::reach::Reach;
use crate::link::remembered::Remembered;
use crate::link::session::{Equal, Memory};
use crate::op::id::Author;
use crate::ordered::Map;
use crate::output::Output;

/// What the store remembers, by the peers' keys.
pub(super) type Stored = Map<Author, Remembered>;

impl Machine {
    pub(super) fn on_peers(&mut self, peers: Vec<(Author, Remembered)>) {
        self.remembered.extend(peers);
    }

    /// What the store remembers of a peer, if that is so.
    pub(super) fn recall(&self, peer: &Author) -> Option<Memory> {
        let Remembered { state, ops } = *self.remembered.get(peer)?;
        let ops = usize::try_from(ops).ok().filter(|ops| *ops <= self.links.durable())?;
        let mut then = Reach::new(Agreed::default());
        then.look(&self.graph, ops);
        (then.state() == state).then(|| Memory::of(Equal { state, ops }))
    }

    /// Has the store remember a peer whose link ends. What some branches come to is not worth it.
    pub(super) fn remember(&mut self, peer: Author, agreed: &Agreed, memory: &Memory, out: &mut Outputs) {
        let Some(equal) = memory.equal().filter(|_| agreed.is_all()) else { return };
        let now = Remembered { state: equal.state, ops: equal.ops as u64 };
        let is_full = self.remembered.len() >= PEERS_REMEMBERED_MAX && !self.remembered.contains_key(&peer);
        if !is_full && self.remembered.insert(peer, now) != Some(now) {
            out.push(Output::Remember(peer, now));
        }
    }
}
