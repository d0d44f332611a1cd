//! Reading the members of a message.

use alloc::string::String;
use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding};

use super::write::ALL_HEADS;
use crate::limits::{CAPABILITIES_MAX, FRAME_IDS_MAX, FRAME_TIPS_MAX, INTEREST_MAX, VERSIONS_MAX};
use crate::link::message::form::{Field, Name, Source, field};
use crate::link::message::words::Word;
use crate::link::message::{BlobWant, MessageFault, OutOfBounds, Range, Reason, Tip, TipId, Without};
use crate::op::hex;
use crate::op::id::{Author, ContentHash, OpId};
use crate::op::json::{Object, Value};
use crate::sort;

/// Characters of an unknown name that its refusal repeats.
const NAME_CHARS_SHOWN: usize = 64;
/// Texts in one list: no message may have more.
const TEXTS_MAX: usize = if INTEREST_MAX > CAPABILITIES_MAX { INTEREST_MAX } else { CAPABILITIES_MAX };

const BRANCH: Field = field(0, "branch");
const AUTHOR: Field = field(1, "author");
const SEQ: Field = field(2, "seq");
const ID: Field = field(3, "id");
const FROM: Field = field(2, "from");
const TO: Field = field(3, "to");
const HASH: Field = field(0, "hash");
const REASON: Field = field(1, "reason");
const OPS: Field = field(0, "ops");
const BLOBS: Field = field(1, "blobs");

/// Members that were not read yet.
pub(super) struct Members {
    object: Object,
}

impl Members {
    /// The members of an object.
    pub(super) fn new(object: Object) -> Members {
        Members { object }
    }

    /// Reads all members.
    pub(super) fn read<T>(
        mut self,
        read: impl FnOnce(&mut Members) -> Result<T, MessageFault>,
    ) -> Result<T, MessageFault> {
        let value = read(&mut self)?;
        match self.object.iter().next() {
            Some((name, _)) => Err(MessageFault::UnknownMember(name.chars().take(NAME_CHARS_SHOWN).collect())),
            None => Ok(value),
        }
    }

    /// Reads members and passes over the others.
    pub(super) fn read_some<T>(
        mut self,
        read: impl FnOnce(&mut Members) -> Result<T, MessageFault>,
    ) -> Result<T, MessageFault> {
        read(&mut self)
    }

    /// Takes a member out; `read` has none for a value that it cannot be.
    pub(super) fn take<T>(
        &mut self,
        field: Field,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, MessageFault> {
        let value = self.object.remove(field.name);
        value.map(|value| read(value).ok_or(MessageFault::WrongType(field.name))).transpose()
    }

    /// Takes a member out that has to be there.
    pub(super) fn need<T>(&mut self, field: Field, read: impl FnOnce(Value) -> Option<T>) -> Result<T, MessageFault> {
        self.take(field, read)?.ok_or(MessageFault::Absent(field.name))
    }

    /// The objects of a list, of which there are at most `max`.
    pub(super) fn objects<T>(
        &mut self,
        field: Field,
        max: usize,
        read: impl Fn(&mut Members) -> Result<T, MessageFault>,
    ) -> Result<Vec<T>, MessageFault> {
        let objects = self.list(field, max, object)?;
        objects.into_iter().map(|object| Members { object }.read(&read)).collect()
    }

    fn list<T>(&mut self, field: Field, max: usize, read: impl Fn(Value) -> Option<T>) -> Result<Vec<T>, MessageFault> {
        let items = self.take(field, array)?.unwrap_or_default();
        if items.len() > max {
            return Err(OutOfBounds(field.name).into());
        }
        items.into_iter().map(|item| read(item).ok_or(MessageFault::WrongType(field.name))).collect()
    }

    /// A place in a chain, which is a number of 32 bits.
    fn seq(&mut self, field: Field) -> Result<u32, MessageFault> {
        u32::try_from(self.need(field, uint)?).map_err(|_| OutOfBounds(field.name).into())
    }

    /// A branch and an author, as a tip and a range have them.
    fn chain(&mut self) -> Result<(String, Author), MessageFault> {
        Ok((self.need(BRANCH, text)?, self.need(AUTHOR, |value| digits(&value).map(Author))?))
    }
}

fn uint(value: Value) -> Option<u64> {
    value.as_integer()?.try_into().ok()
}

fn text(value: Value) -> Option<String> {
    if let Value::String(text) = value { Some(text) } else { None }
}

fn array(value: Value) -> Option<Vec<Value>> {
    if let Value::Array(items) = value { Some(items) } else { None }
}

fn object(value: Value) -> Option<Object> {
    if let Value::Object(object) = value { Some(object) } else { None }
}

/// Lower-case hex digits of `N` bytes.
pub(super) fn digits<const N: usize>(value: &Value) -> Option<[u8; N]> {
    hex::parse(value.as_str()?)
}

/// Base64url without padding, in its one notation.
pub(super) fn base64(value: &Value) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(value.as_str()?).ok()
}

fn name<N: Name>(value: &Value) -> Option<N> {
    digits(value).map(N::from)
}

fn names<N: Name>(value: &Value) -> Option<Vec<N>> {
    value.as_array()?.iter().map(name).collect()
}

fn tip_id(value: &Value) -> Option<TipId> {
    digits(value).map(TipId::Short).or_else(|| name(value).map(TipId::Full))
}

fn word<W: Word>(value: &Value) -> Option<W> {
    W::from_word(value.as_str()?)
}

/// Names by branch, ascending by the bytes of the branch: an object's own order is another.
fn by_branch<T>(object: Object, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<(String, T)>> {
    let mut pairs =
        object.into_iter().map(|(branch, value)| Some((branch, read(&value)?))).collect::<Option<Vec<_>>>()?;
    sort::by(&mut pairs, |(left, _), (right, _)| left.cmp(right));
    Some(pairs)
}

impl Source for Members {
    fn uint(&mut self, field: Field) -> Result<Option<u64>, MessageFault> {
        self.take(field, uint)
    }

    fn flag(&mut self, field: Field) -> Result<bool, MessageFault> {
        Ok(self.take(field, |value| value.as_bool())?.unwrap_or_default())
    }

    fn text(&mut self, field: Field) -> Result<String, MessageFault> {
        Ok(self.take(field, text)?.unwrap_or_default())
    }

    fn name<const N: usize>(&mut self, field: Field) -> Result<Option<[u8; N]>, MessageFault> {
        self.take(field, |value| digits(&value))
    }

    fn content(&mut self, field: Field) -> Result<Vec<u8>, MessageFault> {
        Ok(self.take(field, |value| base64(&value))?.unwrap_or_default())
    }

    fn word<W: Word>(&mut self, field: Field) -> Result<Option<W>, MessageFault> {
        self.take(field, |value| word(&value))
    }

    fn uints(&mut self, field: Field) -> Result<Vec<u64>, MessageFault> {
        self.list(field, VERSIONS_MAX, uint)
    }

    fn texts(&mut self, field: Field) -> Result<Vec<String>, MessageFault> {
        self.list(field, TEXTS_MAX, text)
    }

    fn names<N: Name>(&mut self, field: Field) -> Result<Vec<N>, MessageFault> {
        self.list(field, FRAME_IDS_MAX, |value| name(&value))
    }

    fn tips(&mut self, field: Field) -> Result<Vec<Tip>, MessageFault> {
        self.objects(field, FRAME_TIPS_MAX, |tip| {
            let (branch, author) = tip.chain()?;
            Ok(Tip { branch, author, seq: tip.seq(SEQ)?, id: tip.need(ID, |value| tip_id(&value))? })
        })
    }

    fn ranges(&mut self, field: Field) -> Result<Vec<Range>, MessageFault> {
        self.objects(field, FRAME_IDS_MAX, |range| {
            let (branch, author) = range.chain()?;
            Ok(Range { branch, author, from: range.seq(FROM)?, to: range.seq(TO)? })
        })
    }

    /// All heads, or the greatest of each branch; whoever says both says the same.
    fn heads(&mut self, field: Field) -> Result<Vec<(String, Vec<OpId>)>, MessageFault> {
        let all_heads = Field { name: ALL_HEADS, ..field };
        let first = self.take(field, |value| by_branch(object(value)?, name::<OpId>))?;
        let all = self.take(all_heads, |value| by_branch(object(value)?, names))?;
        match (first, all) {
            (None, all) => Ok(all.unwrap_or_default()),
            (Some(first), None) => Ok(first.into_iter().map(|(branch, id)| (branch, [id].into())).collect()),
            (Some(first), Some(all)) => {
                let greatest = |(branch, ids): &(String, Vec<OpId>)| Some((branch.clone(), *ids.first()?));
                let agree = all.iter().map(greatest).eq(first.into_iter().map(Some));
                if agree { Ok(all) } else { Err(MessageFault::Contradiction(field.name, ALL_HEADS)) }
            }
        }
    }

    fn blob_wants(&mut self, field: Field) -> Result<Vec<BlobWant>, MessageFault> {
        self.objects(field, FRAME_IDS_MAX, |want| {
            let blob: ContentHash = want.need(HASH, |value| name(&value))?;
            Ok(BlobWant { blob, from: want.number(FROM, 0)? })
        })
    }

    fn refused(&mut self, field: Field) -> Result<Vec<(OpId, Reason)>, MessageFault> {
        self.objects(field, FRAME_IDS_MAX, |op| {
            Ok((op.need(ID, |value| name(&value))?, op.need(REASON, |value| word(&value))?))
        })
    }

    fn without(&mut self, field: Field) -> Result<Without, MessageFault> {
        let Some(object) = self.take(field, object)? else { return Ok(Without::default()) };
        Members { object }.read(|without| Ok(Without { ops: without.names(OPS)?, blobs: without.names(BLOBS)? }))
    }

    fn on_default(&self) -> Result<(), MessageFault> {
        Ok(())
    }

    fn absent(&self, field: Field) -> MessageFault {
        MessageFault::Absent(field.name)
    }
}
