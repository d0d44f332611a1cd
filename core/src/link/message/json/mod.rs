//! A message as JSON, for people and for clients without CBOR.
//!
//! Written as RFC 8785, read in any notation of JSON. Whatever has a default may be absent. Members that this version
//! does not know are passed over in `hello`, whose sender cannot know yet what its receiver knows, and refused elsewhere.

mod op;
mod read;
mod write;

use alloc::string::String;
use alloc::vec::Vec;

use read::Members;
use write::Written;

use super::bounds::check;
use super::form::{Field, Sink, Source, field};
use super::{Message, MessageFault, MessageRefused, Ops};
use crate::limits::{FRAME_BYTES_MAX, FRAME_OPS_MAX};
use crate::link::frame::FrameKind;
use crate::link::ops::{OnLink, encode_ops_on_link};
use crate::log::row::StoredOp;
use crate::op::id::RepoId;
use crate::op::json::{Value, parse};

/// The member that says which message it is.
const TYPE: &str = "type";

mod ops {
    use super::{Field, field};

    pub(super) const BATCH: Field = field(0, "batch");
    pub(super) const MORE: Field = field(1, "more");
    pub(super) const SENT: Field = field(2, "sent");
    pub(super) const REPO: Field = field(3, "repo");
    pub(super) const OPS: Field = field(4, "ops");
}

impl Message {
    /// The message as JSON. Beside the bytes of an op stands a copy for people, unless the message is too long with it.
    ///
    /// # Errors
    /// [`MessageRefused`]: no message may hold this.
    pub fn to_json(&self) -> Result<String, MessageRefused> {
        check(self)?;
        let text = match self {
            Message::Ops(ops) => self.ops_text(ops)?,
            _ => {
                let mut written = Written::default();
                self.put(&mut written);
                self.finish(written)
            }
        };
        if text.len() > FRAME_BYTES_MAX { Err(MessageRefused::TooLong) } else { Ok(text) }
    }

    /// Reads a message from JSON. What it accepts, [`Message::encode`] writes and [`Message::decode`] reads as the same.
    ///
    /// Whether the message has a place here, and whether its signatures hold, is not looked at.
    ///
    /// # Errors
    /// [`MessageFault`]: the text is no message. Nothing of it is to be used.
    pub fn from_json(text: &str) -> Result<Message, MessageFault> {
        if text.len() > FRAME_BYTES_MAX {
            return Err(MessageFault::TooLong);
        }
        let Value::Object(mut object) = parse(text.as_bytes())? else { return Err(MessageFault::NotAnObject) };
        let kind = object.remove(TYPE);
        let kind = kind.as_ref().and_then(Value::as_str).and_then(FrameKind::from_word);
        let members = Members::new(object);
        let message = match kind.ok_or(MessageFault::UnknownWord)? {
            FrameKind::End => None,
            FrameKind::Ops => members.read(Ops::take).map(Message::Ops).map(Some)?,
            FrameKind::Hello => members.read_some(|members| Message::take(FrameKind::Hello, members))?,
            kind => members.read(|members| Message::take(kind, members))?,
        };
        let message = message.ok_or(MessageFault::UnknownWord)?;
        check(&message)?;
        Ok(message)
    }

    fn ops_text(&self, ops: &Ops) -> Result<String, MessageRefused> {
        let verified = ops.rehash()?;
        encode_ops_on_link(ops.on_link(), &verified, &|_| false)?;
        let write = |readable: bool| {
            let mut written = Written::default();
            written.number(ops::BATCH, ops.batch, 0);
            written.flag(ops::MORE, ops.more);
            written.number(ops::SENT, ops.sent, 0);
            written.name(ops::REPO, &ops.repo.0);
            written.insert(ops::OPS, Value::array(verified.iter().map(|verified| op::to_value(verified, readable))));
            self.finish(written)
        };
        Some(write(true)).filter(|text| text.len() <= FRAME_BYTES_MAX).map_or_else(|| Ok(write(false)), Ok)
    }

    fn finish(&self, mut written: Written) -> String {
        written.insert(field(0, TYPE), self.kind().word().into());
        written.finish()
    }
}

impl Ops {
    /// Reads the fields. Ops that make no frame make no message either.
    fn take(members: &mut Members) -> Result<Ops, MessageFault> {
        let (batch, more) = (members.number(ops::BATCH, 0)?, members.flag(ops::MORE)?);
        let (sent, repo) = (members.number(ops::SENT, 0)?, members.name(ops::REPO)?.map(RepoId));
        let stored: Vec<StoredOp> = members.objects(ops::OPS, FRAME_OPS_MAX, op::take)?;
        let verified = stored.iter().map(StoredOp::rehash).collect::<Result<Vec<_>, _>>()?;
        encode_ops_on_link(OnLink { batch, more, sent }, &verified, &|_| false)?;
        let first = verified.first().ok_or(MessageFault::Absent(ops::OPS.name))?;
        let named = first.header().repo.unwrap_or_else(|| first.id().into());
        if repo.is_some_and(|repo| repo != named) {
            return Err(MessageFault::Contradiction(ops::REPO.name, ops::OPS.name));
        }
        drop(verified);
        Ok(Ops { batch, more, sent, repo: named, ops: stored })
    }
}
