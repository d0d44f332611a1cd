//! The blobs of a link: the content that bodies name, piece by piece, as the one who lacks it asks for it.

use alloc::collections::VecDeque;

use super::{Act, Ground, Session};
use crate::limits::BLOB_BYTES_MAX;
use crate::link::message::{Blob, BlobWant, Message, Missing, TroubleCode, Want};
use crate::op::id::ContentHash;
use crate::ordered::Set;

/// What goes out of blobs and what comes in.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// What the peer asked for, and where it goes on.
    wanted: VecDeque<BlobWant>,
    is_reading: bool,
    /// What the peer asked for in vain.
    in_vain: Set<ContentHash>,
    /// What the peer said that it lacks.
    peer_lacks: Set<ContentHash>,
    /// What this replica asked for, and where it goes on.
    fetching: Option<(ContentHash, u64)>,
    /// What the peer does not have.
    unavailable: Set<ContentHash>,
    /// Whether content is no matter of this replica: it has none and fetches none.
    is_left: bool,
}

/// A piece of a blob that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How long the blob is, in bytes.
    pub len: u64,
    /// The content from the place on that was asked for: a whole chunk, or what is left.
    pub bytes: alloc::vec::Vec<u8>,
}

/// What became of a piece that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is durable, and so many bytes of the blob are here.
    Part(u64),
    /// The blob is whole and has its name.
    Whole,
    /// The pieces do not make what the name says; nothing of them is kept.
    Damaged,
}

impl Content {
    /// Whether no blob is on its way, and the peer lacks none that it could get here.
    pub(super) fn is_at_rest(&self) -> bool {
        let is_owed = !self.is_left && self.peer_lacks.iter().any(|blob| !self.in_vain.contains(blob));
        !is_owed && self.fetching.is_none() && !self.is_reading && self.wanted.is_empty()
    }

    /// Whether the peer lacks one of these.
    pub(super) fn peer_lacks_any(&self, blobs: &[ContentHash]) -> bool {
        blobs.iter().any(|blob| self.peer_lacks.contains(blob))
    }

    pub(super) fn set_peer_lacks(&mut self, blobs: &[ContentHash]) {
        self.peer_lacks = blobs.iter().copied().collect();
    }
}

impl Session {
    /// The same session, which leaves content alone if that is said.
    pub fn leaving_content(mut self, is_left: bool) -> Session {
        self.content.is_left = is_left;
        self
    }

    /// The blob that it fetches.
    pub fn fetching(&self) -> Option<ContentHash> {
        self.content.fetching.map(|(blob, _)| blob)
    }

    /// Whether the peer may have a blob.
    pub fn may_give(&self, blob: &ContentHash) -> bool {
        !self.content.is_left && !self.content.unavailable.contains(blob)
    }

    /// Asks for a blob from a byte on.
    pub fn fetch(&mut self, blob: ContentHash, from: u64) {
        self.content.fetching = Some((blob, from));
        let blobs = alloc::vec![BlobWant { blob, from }];
        self.say(&Message::Want(Want { blobs, ..Want::default() }));
    }

    /// The peer asks for blobs.
    pub(super) fn on_blobs_wanted(&mut self, blobs: &[BlobWant]) {
        for want in blobs {
            self.content.wanted.retain(|other| other.blob != want.blob);
            self.content.wanted.push_back(*want);
        }
    }

    /// Reads what goes out next, when nothing else does.
    pub(super) fn read_content(&mut self) {
        if let (false, Some(want)) = (self.content.is_reading, self.content.wanted.front()) {
            self.content.is_reading = true;
            self.out.push(Act::ReadPiece(*want));
        }
    }

    /// A piece was read; none where the blob is not here.
    pub fn on_piece(&mut self, piece: Option<Piece>, ground: &Ground<'_>) {
        self.content.is_reading = false;
        let Some(want) = self.content.wanted.pop_front() else { return };
        match piece {
            None => {
                self.content.in_vain.insert(want.blob);
                self.say(&Message::Missing(Missing { blobs: alloc::vec![want.blob], ..Missing::default() }));
            }
            Some(Piece { len, bytes }) => {
                let next = want.from + bytes.len() as u64;
                if next < len {
                    self.content.wanted.push_front(BlobWant { blob: want.blob, from: next });
                }
                let blob = Blob { blob: want.blob, len, offset: want.from, bytes, sent: self.sent };
                self.write_counted(&Message::Blob(blob));
            }
        }
        self.go_on(ground);
    }

    /// A piece came: it is the next of what was asked for, or of no use.
    pub(super) fn on_blob(&mut self, blob: Blob, frame_bytes: usize) {
        self.count_received(blob.sent, frame_bytes);
        if self.content.fetching != Some((blob.blob, blob.offset)) {
            self.bytes_open -= frame_bytes as u64;
            return;
        }
        if blob.len > BLOB_BYTES_MAX || blob.offset + blob.bytes.len() as u64 > blob.len {
            return self.end(TroubleCode::Malformed);
        }
        self.content.fetching = Some((blob.blob, blob.offset + blob.bytes.len() as u64));
        self.pieces_open += 1;
        let upto = self.received;
        self.out.push(Act::Keep { blob, upto, bytes: frame_bytes as u64 });
    }

    /// A piece that came is durable, or is of no use.
    pub fn on_kept(&mut self, blob: ContentHash, kept: Kept, (upto, bytes): (u64, u64), ground: &Ground<'_>) {
        self.pieces_open = self.pieces_open.saturating_sub(1);
        self.bytes_open = self.bytes_open.saturating_sub(bytes);
        self.handled = self.handled.max(upto);
        if self.fetching() == Some(blob) && kept == Kept::Damaged {
            self.content.unavailable.insert(blob);
        }
        match (self.content.fetching, kept) {
            (Some((fetched, _)), _) if fetched != blob => {}
            (Some((_, next)), Kept::Part(here)) if self.pieces_open == 0 && next != here => self.fetch(blob, here),
            (_, Kept::Part(_)) => {}
            (_, Kept::Whole | Kept::Damaged) => self.content.fetching = None,
        }
        self.say_ack(ground);
        self.go_on(ground);
    }

    /// Blobs that were asked for are not there.
    pub(super) fn on_blobs_missing(&mut self, blobs: &[ContentHash]) {
        self.content.unavailable.extend(blobs);
        if self.fetching().is_some_and(|blob| blobs.contains(&blob)) {
            self.content.fetching = None;
        }
    }

    /// The peer may have got by now what it did not have.
    pub(super) fn hope_again(&mut self) {
        self.content.unavailable.clear();
    }
}
