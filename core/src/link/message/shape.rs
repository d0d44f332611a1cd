//! The fields of each message, once for both forms.
//!
//! Fields are written and read in ascending order of their keys. What has its default is not written.

use super::form::{Field, Sink, Source, field};
use super::{
    Ack, Auth, Blob, Ephemeral, Have, Hello, Level, Message, MessageFault, Missing, Nack, RepoTag, StateHalf,
    StateHash, Trouble, Want, Welcome,
};
use crate::limits::FRAME_BYTES_MAX;
use crate::link::frame::FrameKind;
use crate::op::id::{Author, ContentHash, OpId};
use crate::op::invitation::InvitationProof;
use crate::time::Millis;

impl Message {
    /// Writes the fields; those of `ops` are for each form to write.
    pub(super) fn put(&self, sink: &mut impl Sink) {
        match self {
            Message::Hello(hello) => hello.put(sink),
            Message::Welcome(welcome) => welcome.put(sink),
            Message::Auth(auth) => auth.put(sink),
            Message::Have(have) => have.put(sink),
            Message::Want(want) => want.put(sink),
            Message::Blob(blob) => blob.put(sink),
            Message::Ack(ack) => ack.put(sink),
            Message::Nack(nack) => nack.put(sink),
            Message::Missing(missing) => missing.put(sink),
            Message::Ephemeral(ephemeral) => ephemeral.put(sink),
            Message::Error(trouble) => trouble.put(sink),
            Message::Ping(number) | Message::Pong(number) => sink.number(NUMBER, *number, 0),
            Message::Ops(_) | Message::Bye => {}
        }
    }

    /// Reads the fields of a message of this kind; none where the kind is no message's, or that of `ops`.
    pub(super) fn take(kind: FrameKind, source: &mut impl Source) -> Result<Option<Message>, MessageFault> {
        Ok(Some(match kind {
            FrameKind::End | FrameKind::Ops => return Ok(None),
            FrameKind::Hello => Message::Hello(Shape::take(source)?),
            FrameKind::Welcome => Message::Welcome(Shape::take(source)?),
            FrameKind::Auth => Message::Auth(Shape::take(source)?),
            FrameKind::Have => Message::Have(Shape::take(source)?),
            FrameKind::Want => Message::Want(Shape::take(source)?),
            FrameKind::Blob => Message::Blob(Shape::take(source)?),
            FrameKind::Ack => Message::Ack(Shape::take(source)?),
            FrameKind::Nack => Message::Nack(Shape::take(source)?),
            FrameKind::Missing => Message::Missing(Shape::take(source)?),
            FrameKind::Ephemeral => Message::Ephemeral(Shape::take(source)?),
            FrameKind::Error => Message::Error(Shape::take(source)?),
            FrameKind::Ping => Message::Ping(source.number(NUMBER, 0)?),
            FrameKind::Pong => Message::Pong(source.number(NUMBER, 0)?),
            FrameKind::Bye => Message::Bye,
        }))
    }
}

/// The number of a ping or a pong.
const NUMBER: Field = field(0, "number");

/// The fields of one kind of message.
trait Shape: Sized {
    /// Writes the fields.
    fn put(&self, sink: &mut impl Sink);
    /// Reads the fields.
    fn take(source: &mut impl Source) -> Result<Self, MessageFault>;
}

mod hello {
    use super::{Field, field};

    pub(super) const VERSIONS: Field = field(0, "versions");
    pub(super) const NONCE: Field = field(1, "nonce");
    pub(super) const AUDIENCE: Field = field(2, "audience");
    pub(super) const CAPABILITIES: Field = field(3, "capabilities");
    pub(super) const TAG: Field = field(4, "tag");
}

impl Shape for Hello {
    fn put(&self, sink: &mut impl Sink) {
        sink.uints(hello::VERSIONS, &self.versions);
        sink.name(hello::NONCE, &self.nonce);
        sink.text(hello::AUDIENCE, &self.audience);
        sink.texts(hello::CAPABILITIES, &self.capabilities);
        sink.optional(hello::TAG, self.tag.as_ref().map(|tag| tag.0.as_slice()));
    }

    fn take(source: &mut impl Source) -> Result<Hello, MessageFault> {
        let versions = source.uints(hello::VERSIONS)?;
        let nonce = source.name(hello::NONCE)?;
        Ok(Hello {
            versions,
            nonce: source.required(hello::NONCE, nonce)?,
            audience: source.text(hello::AUDIENCE)?,
            capabilities: source.texts(hello::CAPABILITIES)?,
            tag: source.name(hello::TAG)?.map(RepoTag),
        })
    }
}

mod welcome {
    use super::{Field, field};

    pub(super) const VERSION: Field = field(0, "version");
    pub(super) const NONCE: Field = field(1, "nonce");
    pub(super) const KEY: Field = field(2, "key");
    pub(super) const CAPABILITIES: Field = field(3, "capabilities");
    pub(super) const FRAME_BYTES_MAX: Field = field(4, "frameBytesMax");
    pub(super) const TIME: Field = field(5, "time");
    pub(super) const SIGNATURE: Field = field(6, "signature");
}

impl Welcome {
    /// Writes what is signed: all but the signature.
    pub(super) fn put_unsigned(&self, sink: &mut impl Sink) {
        sink.uint(welcome::VERSION, self.version);
        sink.name(welcome::NONCE, &self.nonce);
        sink.name(welcome::KEY, &self.key.0);
        sink.texts(welcome::CAPABILITIES, &self.capabilities);
        sink.number(welcome::FRAME_BYTES_MAX, self.frame_bytes_max, FRAME_BYTES_MAX as u64);
        sink.uint(welcome::TIME, self.time.0);
    }
}

impl Shape for Welcome {
    fn put(&self, sink: &mut impl Sink) {
        self.put_unsigned(sink);
        sink.name(welcome::SIGNATURE, &self.signature);
    }

    fn take(source: &mut impl Source) -> Result<Welcome, MessageFault> {
        let version = source.uint(welcome::VERSION)?;
        let version = source.required(welcome::VERSION, version)?;
        let nonce = source.name(welcome::NONCE)?;
        let nonce = source.required(welcome::NONCE, nonce)?;
        let key = source.name(welcome::KEY)?;
        let key = Author(source.required(welcome::KEY, key)?);
        let capabilities = source.texts(welcome::CAPABILITIES)?;
        let frame_bytes_max = source.number(welcome::FRAME_BYTES_MAX, FRAME_BYTES_MAX as u64)?;
        let time = source.uint(welcome::TIME)?;
        let time = Millis(source.required(welcome::TIME, time)?);
        let signature = source.name(welcome::SIGNATURE)?;
        let signature = source.required(welcome::SIGNATURE, signature)?;
        Ok(Welcome { version, nonce, key, capabilities, frame_bytes_max, time, signature })
    }
}

mod auth {
    use super::{Field, field};

    pub(super) const KEY: Field = field(0, "key");
    pub(super) const INVITATION: Field = field(1, "invitation");
    pub(super) const SIGNATURE: Field = field(2, "signature");
    pub(super) const INVITATION_SIGNATURE: Field = field(3, "invitationSignature");
}

impl Auth {
    /// Writes what is signed: all but the signatures.
    pub(super) fn put_unsigned(&self, sink: &mut impl Sink) {
        sink.name(auth::KEY, &self.key.0);
        sink.optional(auth::INVITATION, self.invitation.as_ref().map(|proof| proof.key.0.as_slice()));
    }
}

impl Shape for Auth {
    fn put(&self, sink: &mut impl Sink) {
        self.put_unsigned(sink);
        sink.name(auth::SIGNATURE, &self.signature);
        let signature = self.invitation.as_ref().map(|proof| proof.signature.as_slice());
        sink.optional(auth::INVITATION_SIGNATURE, signature);
    }

    fn take(source: &mut impl Source) -> Result<Auth, MessageFault> {
        let key = source.name(auth::KEY)?;
        let key = Author(source.required(auth::KEY, key)?);
        let invitation = source.name(auth::INVITATION)?.map(Author);
        let signature = source.name(auth::SIGNATURE)?;
        let signature = source.required(auth::SIGNATURE, signature)?;
        let invitation = match (invitation, source.name(auth::INVITATION_SIGNATURE)?) {
            (Some(_), None) => return Err(source.absent(auth::INVITATION_SIGNATURE)),
            (None, Some(_)) => return Err(source.absent(auth::INVITATION)),
            (key, signature) => key.zip(signature).map(|(key, signature)| InvitationProof { key, signature }),
        };
        Ok(Auth { key, signature, invitation })
    }
}

mod have {
    use super::{Field, field};

    pub(super) const INTEREST: Field = field(0, "interest");
    pub(super) const STATE: Field = field(1, "state");
    pub(super) const HEADS: Field = field(2, "heads");
    pub(super) const OP_COUNT: Field = field(3, "opCount");
    pub(super) const TIPS: Field = field(4, "tips");
    pub(super) const SINCE: Field = field(5, "since");
    pub(super) const KNOWS: Field = field(6, "knows");
    pub(super) const WITHOUT: Field = field(7, "without");
    pub(super) const ROUND: Field = field(8, "round");
    pub(super) const MORE: Field = field(9, "more");
    pub(super) const SENT: Field = field(10, "sent");
}

impl Shape for Have {
    fn put(&self, sink: &mut impl Sink) {
        sink.texts(have::INTEREST, &self.interest);
        sink.state(have::STATE, self.state.as_ref());
        sink.heads(have::HEADS, &self.heads);
        sink.number(have::OP_COUNT, self.op_count, 0);
        sink.tips(have::TIPS, &self.tips);
        sink.state_half(have::SINCE, self.since.as_ref());
        sink.state_half(have::KNOWS, self.knows.as_ref());
        sink.without(have::WITHOUT, &self.without);
        sink.number(have::ROUND, self.round, 0);
        sink.flag(have::MORE, self.more);
        sink.number(have::SENT, self.sent, 0);
    }

    fn take(source: &mut impl Source) -> Result<Have, MessageFault> {
        Ok(Have {
            interest: source.texts(have::INTEREST)?,
            state: source.name(have::STATE)?.map(StateHash),
            heads: source.heads(have::HEADS)?,
            op_count: source.number(have::OP_COUNT, 0)?,
            tips: source.tips(have::TIPS)?,
            since: source.name(have::SINCE)?.map(StateHalf),
            knows: source.name(have::KNOWS)?.map(StateHalf),
            without: source.without(have::WITHOUT)?,
            round: source.number(have::ROUND, 0)?,
            more: source.flag(have::MORE)?,
            sent: source.number(have::SENT, 0)?,
        })
    }
}

mod want {
    use super::{Field, field};

    pub(super) const RANGES: Field = field(0, "ranges");
    pub(super) const IDS: Field = field(1, "ids");
    pub(super) const BODIES: Field = field(2, "bodies");
    pub(super) const BLOBS: Field = field(3, "blobs");
    pub(super) const AFTER: Field = field(4, "afterHash");
}

impl Shape for Want {
    fn put(&self, sink: &mut impl Sink) {
        sink.ranges(want::RANGES, &self.ranges);
        sink.names(want::IDS, &self.ids);
        sink.names(want::BODIES, &self.bodies);
        sink.blob_wants(want::BLOBS, &self.blobs);
        sink.optional(want::AFTER, self.after.as_ref().map(|after| after.0.as_slice()));
    }

    fn take(source: &mut impl Source) -> Result<Want, MessageFault> {
        Ok(Want {
            ranges: source.ranges(want::RANGES)?,
            ids: source.names(want::IDS)?,
            bodies: source.names(want::BODIES)?,
            blobs: source.blob_wants(want::BLOBS)?,
            after: source.name(want::AFTER)?.map(OpId),
        })
    }
}

/// In JSON; in CBOR a blob is no map.
mod blob {
    use super::{Field, field};

    pub(super) const HASH: Field = field(0, "hash");
    pub(super) const OFFSET: Field = field(1, "offset");
    pub(super) const BYTES: Field = field(2, "bytes");
    pub(super) const LEN: Field = field(3, "len");
    pub(super) const SENT: Field = field(4, "sent");
}

impl Shape for Blob {
    fn put(&self, sink: &mut impl Sink) {
        sink.name(blob::HASH, &self.blob.0);
        sink.number(blob::OFFSET, self.offset, 0);
        sink.content(blob::BYTES, &self.bytes);
        sink.uint(blob::LEN, self.len);
        sink.number(blob::SENT, self.sent, 0);
    }

    fn take(source: &mut impl Source) -> Result<Blob, MessageFault> {
        let hash = source.name(blob::HASH)?;
        let hash = ContentHash(source.required(blob::HASH, hash)?);
        let (offset, bytes) = (source.number(blob::OFFSET, 0)?, source.content(blob::BYTES)?);
        let len = source.uint(blob::LEN)?;
        let len = source.required(blob::LEN, len)?;
        Ok(Blob { blob: hash, len, offset, bytes, sent: source.number(blob::SENT, 0)? })
    }
}

mod ack {
    use super::{Field, field};

    pub(super) const ENDS: Field = field(0, "ends");
    pub(super) const WITHOUT: Field = field(1, "without");
    pub(super) const LEVEL: Field = field(2, "level");
    pub(super) const CREDIT: Field = field(3, "credit");
    pub(super) const KNOWS: Field = field(4, "knows");
    pub(super) const STATE: Field = field(5, "state");
    pub(super) const INTEGRATED: Field = field(6, "integrated");
}

impl Shape for Ack {
    fn put(&self, sink: &mut impl Sink) {
        sink.tips(ack::ENDS, &self.ends);
        sink.without(ack::WITHOUT, &self.without);
        if self.level != Level::Memory {
            sink.word(ack::LEVEL, self.level);
        }
        sink.number(ack::CREDIT, self.credit, 0);
        sink.state_half(ack::KNOWS, self.knows.as_ref());
        sink.state(ack::STATE, self.state.as_ref());
        sink.names(ack::INTEGRATED, &self.integrated);
    }

    fn take(source: &mut impl Source) -> Result<Ack, MessageFault> {
        let (ends, without) = (source.tips(ack::ENDS)?, source.without(ack::WITHOUT)?);
        let level = source.word(ack::LEVEL)?;
        if level == Some(Level::Memory) {
            source.on_default()?;
        }
        Ok(Ack {
            ends,
            without,
            level: level.unwrap_or(Level::Memory),
            credit: source.number(ack::CREDIT, 0)?,
            knows: source.name(ack::KNOWS)?.map(StateHalf),
            state: source.name(ack::STATE)?.map(StateHash),
            integrated: source.names(ack::INTEGRATED)?,
        })
    }
}

mod nack {
    use super::{Field, field};

    pub(super) const OPS: Field = field(0, "ops");
    pub(super) const HEAD: Field = field(1, "head");
}

impl Shape for Nack {
    fn put(&self, sink: &mut impl Sink) {
        sink.refused(nack::OPS, &self.ops);
        sink.optional(nack::HEAD, self.head.as_ref().map(|head| head.0.as_slice()));
    }

    fn take(source: &mut impl Source) -> Result<Nack, MessageFault> {
        Ok(Nack { ops: source.refused(nack::OPS)?, head: source.name(nack::HEAD)?.map(OpId) })
    }
}

mod missing {
    use super::{Field, field};

    pub(super) const IDS: Field = field(0, "ids");
    pub(super) const BLOBS: Field = field(1, "blobs");
}

impl Shape for Missing {
    fn put(&self, sink: &mut impl Sink) {
        sink.names(missing::IDS, &self.ids);
        sink.names(missing::BLOBS, &self.blobs);
    }

    fn take(source: &mut impl Source) -> Result<Missing, MessageFault> {
        Ok(Missing { ids: source.names(missing::IDS)?, blobs: source.names(missing::BLOBS)? })
    }
}

mod ephemeral {
    use super::{Field, field};

    pub(super) const TOPIC: Field = field(0, "topic");
    pub(super) const BYTES: Field = field(1, "bytes");
    pub(super) const SIGNATURE: Field = field(2, "signature");
}

impl Shape for Ephemeral {
    fn put(&self, sink: &mut impl Sink) {
        sink.text(ephemeral::TOPIC, &self.topic);
        sink.content(ephemeral::BYTES, &self.bytes);
        sink.name(ephemeral::SIGNATURE, &self.signature);
    }

    fn take(source: &mut impl Source) -> Result<Ephemeral, MessageFault> {
        let (topic, bytes) = (source.text(ephemeral::TOPIC)?, source.content(ephemeral::BYTES)?);
        let signature = source.name(ephemeral::SIGNATURE)?;
        Ok(Ephemeral { topic, bytes, signature: source.required(ephemeral::SIGNATURE, signature)? })
    }
}

mod trouble {
    use super::{Field, field};

    pub(super) const CODE: Field = field(0, "code");
    pub(super) const RETRY_AFTER: Field = field(1, "retryAfter");
}

impl Shape for Trouble {
    fn put(&self, sink: &mut impl Sink) {
        sink.word(trouble::CODE, self.code);
        if let Some(Millis(retry_after)) = self.retry_after {
            sink.uint(trouble::RETRY_AFTER, retry_after);
        }
    }

    fn take(source: &mut impl Source) -> Result<Trouble, MessageFault> {
        let code = source.word(trouble::CODE)?;
        let code = source.required(trouble::CODE, code)?;
        Ok(Trouble { code, retry_after: source.uint(trouble::RETRY_AFTER)?.map(Millis) })
    }
}
