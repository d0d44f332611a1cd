//! A message as a frame: one byte of type, then deterministic CBOR.
//!
//! Nearly all are a map of small unsigned keys; `ops` and `blob`, which bundles have too, have forms of their own.

mod read;
mod write;

use alloc::vec::Vec;

use read::Fields;
use write::Pairs;

use super::bounds::check;
use super::{Auth, Blob, Message, MessageFault, MessageRefused, Ops, OutOfBounds, Welcome};
use crate::limits::FRAME_BYTES_MAX;
use crate::link::blob::BlobPiece;
use crate::link::frame::FrameKind;
use crate::link::ops::{Batch, ByHalf, OnLink, decode_ops_on_link, encode_ops_on_link};
use crate::op::sign::VerifiedOp;

impl Message {
    /// The frame. Whoever has verified ops at hand gives them to [`encode_ops_on_link`] and makes no [`Ops`] first.
    ///
    /// # Errors
    /// [`MessageRefused`]: no frame may hold this.
    pub fn encode(&self) -> Result<Vec<u8>, MessageRefused> {
        check(self)?;
        let frame = match self {
            Message::Ops(ops) => ops.encode()?,
            Message::Blob(blob) => blob.encode(),
            _ => {
                let mut pairs = Pairs::default();
                self.put(&mut pairs);
                pairs.finish(self.kind())
            }
        };
        if frame.len() > FRAME_BYTES_MAX { Err(MessageRefused::TooLong) } else { Ok(frame) }
    }

    /// Reads a whole frame that names no op by half. What it accepts, [`Message::encode`] writes again to the same bytes.
    ///
    /// Whether the message has a place here, and whether its signatures hold, is not looked at.
    ///
    /// # Errors
    /// [`MessageFault`]: the bytes are no message. Nothing of it is to be used.
    pub fn decode(frame: &[u8]) -> Result<Message, MessageFault> {
        Message::decode_with(frame, &|_| None)
    }

    /// As [`Message::decode`], for who finds ops by half.
    ///
    /// # Errors
    /// As [`Message::decode`], and [`crate::link::ops::OpsFault::UnknownHalf`] where one is not found.
    pub fn decode_with(frame: &[u8], by_half: &ByHalf<'_>) -> Result<Message, MessageFault> {
        let (&code, body) = frame.split_first().ok_or(MessageFault::Empty)?;
        if frame.len() > FRAME_BYTES_MAX {
            return Err(MessageFault::TooLong);
        }
        let message = match FrameKind::from_code(code) {
            None | Some(FrameKind::End) => None,
            Some(FrameKind::Ops) => Some(Message::Ops(Ops::decode(frame, by_half)?)),
            Some(FrameKind::Blob) => Some(Message::Blob(Blob::decode(body)?)),
            Some(kind) => Fields::open(body)?.read(|fields| Message::take(kind, fields))?,
        };
        let message = message.ok_or(MessageFault::UnknownType(code))?;
        check(&message)?;
        Ok(message)
    }
}

impl Welcome {
    /// What the sender signs of it: the frame without the signature.
    pub fn encode_unsigned(&self) -> Vec<u8> {
        let mut pairs = Pairs::default();
        self.put_unsigned(&mut pairs);
        pairs.finish(FrameKind::Welcome)
    }
}

impl Auth {
    /// What the sender and an invitation sign of it: the frame without the signatures.
    pub fn encode_unsigned(&self) -> Vec<u8> {
        let mut pairs = Pairs::default();
        self.put_unsigned(&mut pairs);
        pairs.finish(FrameKind::Auth)
    }
}

impl Ops {
    /// The ops, rehashed, all of the repo that the message names.
    pub(super) fn rehash(&self) -> Result<Vec<VerifiedOp<'_>>, MessageRefused> {
        let ops = self.ops.iter().map(|op| op.rehash()).collect::<Result<Vec<_>, _>>()?;
        let repo = |op: &VerifiedOp<'_>| op.header().repo.unwrap_or_else(|| op.id().into());
        let fits = ops.first().is_none_or(|first| repo(first) == self.repo);
        if fits { Ok(ops) } else { Err(MessageRefused::OtherRepo(self.repo)) }
    }

    fn encode(&self) -> Result<Vec<u8>, MessageRefused> {
        Ok(encode_ops_on_link(self.on_link(), &self.rehash()?, &|_| false)?)
    }

    /// What it says beside its ops.
    pub(in crate::link) fn on_link(&self) -> OnLink {
        OnLink { batch: self.batch, more: self.more, sent: self.sent }
    }

    fn decode(frame: &[u8], by_half: &ByHalf<'_>) -> Result<Ops, MessageFault> {
        let (on_link, batch) = decode_ops_on_link(frame, by_half)?;
        let Batch { repo, ops } = batch.into();
        Ok(Ops { batch: on_link.batch, more: on_link.more, sent: on_link.sent, repo, ops })
    }
}

impl Blob {
    fn encode(&self) -> Vec<u8> {
        BlobPiece::frame(&self.blob, self.offset, &self.bytes, Some([self.len, self.sent]))
    }

    fn decode(body: &[u8]) -> Result<Blob, MessageFault> {
        let (BlobPiece { blob, offset, bytes }, [len, sent]) = BlobPiece::decode_on_link(body)?;
        Ok(Blob { blob, len, offset, bytes, sent })
    }
}

/// What a list has too many items for.
fn too_many(name: &'static str) -> MessageFault {
    OutOfBounds(name).into()
}
