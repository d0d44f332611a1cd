//! A link whose peer is known: its session, and what it is about.

use crate::input::Frame;
use crate::link::compress::PACKED;
use crate::link::handshake::Peer;
use crate::link::interest::{Agreed, Interest};
use crate::link::reach::Reach;
use crate::link::session::{Memory, Session};
use crate::op::id::Author;

/// A session, and what it is about.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    pub(super) session: Session,
    /// The key that this side has proved, also where the replica writes under another one by now.
    pub(super) own: Author,
    /// The part of the graph that it is about; none where it is the whole.
    pub(super) part: Option<Reach>,
}

impl Talk {
    pub(super) fn new(session: Session, own: Author, agreed: Agreed) -> Talk {
        Talk { session, own, part: part_of(agreed) }
    }

    /// The same talk, once it is known whose it is.
    pub(super) fn with(mut self, peer: Peer) -> Talk {
        self.session.set_peer(peer);
        self
    }

    /// The frame in a packed one.
    pub(super) fn unpacked(&self, frame: &Frame) -> Option<Frame> {
        match frame {
            Frame::Binary(bytes) if bytes.first() == Some(&PACKED) => self.session.unpack(bytes).map(Frame::Binary),
            _ => None,
        }
    }

    /// The peer says which branches it syncs. Where that is news, what the two know of each other is void.
    pub(super) fn agree(&mut self, theirs: Interest) {
        let agreed = self.agreed();
        if agreed.theirs != theirs && !planted!(InterestIgnored) {
            self.part = part_of(Agreed { theirs, ..agreed });
            self.session.begin_anew();
        }
    }

    /// What it leaves for the next one with this peer.
    pub(super) fn into_memory(self) -> (Author, Agreed, Memory) {
        (self.session.peer().key, self.agreed(), self.session.into_memory())
    }

    fn agreed(&self) -> Agreed {
        self.part.as_ref().map(|part| part.agreed().clone()).unwrap_or_default()
    }
}

fn part_of(agreed: Agreed) -> Option<Reach> {
    (!agreed.is_all()).then(|| Reach::new(agreed))
}
