//! Blobs that are named and not here: who lacks them, and which link fetches them.

use alloc::vec::Vec;
use core::cmp::Reverse;

use super::{Machine, Outputs, Waiting};
use crate::input::{Input, LinkId};
use crate::limits::FRAME_IDS_MAX;
use crate::link::message::{Blob, BlobWant};
use crate::link::session::{Kept, Piece, Session, Taken};
use crate::op::blob::BlobRef;
use crate::op::id::ContentHash;
use crate::ordered::{Map, Set};
use crate::output::{BlobPart, Output, Query};
use crate::sort;
use crate::time::Millis;

/// What is known of blobs that are not here.
#[derive(Clone, Debug, Default)]
pub(super) struct LackingBlobs {
    /// Whether they are no matter of this replica.
    pub(super) are_left: bool,
    /// By blob, how many of its bytes are here; nothing before it was asked for.
    lacking: Option<Map<ContentHash, u64>>,
    /// What happened to links while it was being asked for.
    waiting: Vec<Input>,
}

impl Machine {
    /// Whether it is known what links need to know: which blobs are not here, and what is remembered of peers. Where it is
    /// not, that is asked for, and `input` waits.
    pub(super) fn is_ready_for_links(&mut self, input: Input, out: &mut Outputs) -> Option<Input> {
        if self.blobs.lacking.is_some() {
            return Some(input);
        }
        if self.blobs.waiting.is_empty() {
            let peers = self.tickets.open(Waiting::Peers);
            out.push(Output::Load(peers, Query::Peers));
            let ticket = self.tickets.open(Waiting::LackingBlobs);
            out.push(Output::Load(ticket, Query::LackingBlobs));
        }
        self.blobs.waiting.push(input);
        None
    }

    pub(super) fn on_lacking_blobs(&mut self, blobs: Vec<(ContentHash, u64)>, now: Millis, out: &mut Outputs) {
        self.blobs.lacking = Some(blobs.into_iter().collect());
        for input in core::mem::take(&mut self.blobs.waiting) {
            self.on_link(input, now, out);
        }
    }

    /// The blobs that bodies name.
    pub(super) fn blobs_named<'b>(bodies: impl Iterator<Item = &'b [u8]>) -> Vec<ContentHash> {
        let named: Set<ContentHash> = bodies.flat_map(BlobRef::hashes_in).collect();
        named.into_iter().collect()
    }

    /// Ops are durable that name blobs: which of these are here has to be known before that is told.
    pub(super) fn ask_for_blobs(&mut self, id: LinkId, taken: Taken, out: &mut Outputs) {
        let blobs = taken.blobs.clone();
        let ticket = self.tickets.open(Waiting::BlobsOfBatch(id, taken));
        out.push(Output::Load(ticket, Query::AbsentBlobs(blobs)));
    }

    pub(super) fn on_absent_blobs(
        &mut self,
        id: LinkId,
        taken: &Taken,
        absent: Vec<(ContentHash, u64)>,
        now: Millis,
        out: &mut Outputs,
    ) {
        self.blobs.lacking.get_or_insert_default().extend(absent);
        self.on_link_taken(id, taken, now, out);
    }

    /// Blobs that are not here, as many as a frame may list.
    pub(super) fn lacking_blobs(&self) -> Vec<ContentHash> {
        self.blobs.lacking.iter().flatten().map(|(blob, _)| *blob).take(FRAME_IDS_MAX / 2).collect()
    }

    /// Every link that fetches nothing fetches a blob that no other one does, if its peer may have one. Who spoke last is
    /// asked first: a peer that comes by requests may never come again.
    pub(super) fn assign_blobs(&mut self, now: Millis, out: &mut Outputs) {
        let Some(lacking) = self.blobs.lacking.as_ref().filter(|lacking| !lacking.is_empty()) else { return };
        let mut fetched: Set<ContentHash> =
            self.links.sessions().filter_map(|(_, session, _)| session.fetching()).collect();
        let mut fetches = Vec::new();
        let all = self.links.sessions().map(|(id, session, _)| (id, session));
        let mut free: Vec<(LinkId, &Session)> = all.filter(|(_, session)| session.fetching().is_none()).collect();
        sort::by_key(&mut free, |(id, session)| Reverse((session.heard_at(), *id)));
        for (id, session) in free {
            let is_open = |blob: &ContentHash| !fetched.contains(blob) && session.may_give(blob);
            if let Some((blob, from)) = lacking.iter().find(|(blob, _)| is_open(blob)) {
                fetched.insert(*blob);
                fetches.push((id, *blob, *from));
            }
        }
        for (id, blob, from) in fetches {
            self.with_session(id, now, out, |session, _| session.fetch(blob, from));
        }
    }

    pub(super) fn read_piece(&mut self, id: LinkId, want: BlobWant, out: &mut Outputs) {
        let ticket = self.tickets.open(Waiting::Piece(id));
        out.push(Output::Load(ticket, Query::BlobPiece { blob: want.blob, from: want.from }));
    }

    pub(super) fn on_piece(&mut self, id: LinkId, piece: Option<Piece>, now: Millis, out: &mut Outputs) {
        self.with_session(id, now, out, |session, ground| session.on_piece(piece, ground));
    }

    /// `counts` are what the peer had sent by then and what this frame has, in bytes.
    pub(super) fn keep_piece(&mut self, id: LinkId, blob: Blob, counts: (u64, u64), out: &mut Outputs) {
        let ticket = self.tickets.open(Waiting::PieceKept { link: id, blob: blob.blob, counts });
        let Blob { blob, len, offset, bytes, .. } = blob;
        out.push(Output::KeepPiece(ticket, BlobPart { blob, len, offset, bytes }));
    }

    pub(super) fn on_piece_kept(
        &mut self,
        (link, blob, counts): (LinkId, ContentHash, (u64, u64)),
        kept: Kept,
        now: Millis,
        out: &mut Outputs,
    ) {
        let lacking = self.blobs.lacking.get_or_insert_default();
        match kept {
            Kept::Whole => drop(lacking.remove(&blob)),
            Kept::Part(here) => drop(lacking.insert(blob, here)),
            Kept::Damaged => drop(lacking.insert(blob, 0)),
        }
        self.with_session(link, now, out, |session, ground| session.on_kept(blob, kept, counts, ground));
        if kept == Kept::Whole {
            self.settle_receipts(out);
        }
    }
}
