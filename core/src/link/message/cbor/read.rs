//! Reading the map of a message: its one encoding, and nothing allocated by a declared length.

use alloc::string::String;
use alloc::vec::Vec;

use super::too_many;
use crate::limits::{CAPABILITIES_MAX, FRAME_IDS_MAX, FRAME_TIPS_MAX, INTEREST_MAX, VERSIONS_MAX};
use crate::link::message::form::{Field, Name, Source};
use crate::link::message::words::Word;
use crate::link::message::{BlobWant, MessageFault, OutOfBounds, Range, Reason, Tip, TipId, Without};
use crate::link::ops::{author, refer, text};
use crate::link::table::Table;
use crate::op::cbor::{CborError, Reader};
use crate::op::id::{Author, ContentHash, OpId};

/// Texts in one list: no message may have more.
const TEXTS_MAX: usize = if INTEREST_MAX > CAPABILITIES_MAX { INTEREST_MAX } else { CAPABILITIES_MAX };

/// The pairs of a map in ascending order, with the key of the next one read ahead.
pub(super) struct Fields<'a> {
    reader: Reader<'a>,
    left: u64,
    next: Option<u64>,
}

impl<'a> Fields<'a> {
    /// The pairs of the map that `body` is.
    pub(super) fn open(body: &'a [u8]) -> Result<Fields<'a>, MessageFault> {
        let mut reader = Reader::new(body);
        let left = reader.map()?;
        let mut fields = Fields { reader, left, next: None };
        fields.advance()?;
        Ok(fields)
    }

    /// Reads all pairs.
    pub(super) fn read<T>(
        mut self,
        read: impl FnOnce(&mut Self) -> Result<T, MessageFault>,
    ) -> Result<T, MessageFault> {
        let value = read(&mut self)?;
        match self.next {
            Some(key) => Err(MessageFault::UnknownKey(key)),
            None => Ok(self.reader.end().map(|()| value)?),
        }
    }

    fn advance(&mut self) -> Result<(), MessageFault> {
        let last = self.next.take();
        if self.left > 0 {
            self.left -= 1;
            let key = self.reader.uint()?;
            if last.is_some_and(|last| last >= key) {
                return Err(CborError::NotCanonical.into());
            }
            self.next = Some(key);
        }
        Ok(())
    }

    /// The value of a field that stands here.
    fn at<T>(
        &mut self,
        field: Field,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, MessageFault>,
    ) -> Result<Option<T>, MessageFault> {
        if self.next != Some(field.key) {
            return Ok(None);
        }
        let value = read(&mut self.reader)?;
        self.advance()?;
        Ok(Some(value))
    }

    /// The items of a list, `per` values for each. An empty list is written by leaving it out.
    fn list<T>(
        &mut self,
        field: Field,
        per: u64,
        max: usize,
        read: impl FnMut(&mut Reader<'a>) -> Result<T, MessageFault>,
    ) -> Result<Vec<T>, MessageFault> {
        let items = self.at(field, |reader| match reader.array()? {
            0 => Err(CborError::NotCanonical.into()),
            values if values % per != 0 => Err(CborError::WrongType.into()),
            values => items(reader, field.name, values / per, max, read),
        })?;
        Ok(items.unwrap_or_default())
    }
}

fn items<'a, T>(
    reader: &mut Reader<'a>,
    name: &'static str,
    count: u64,
    max: usize,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<T, MessageFault>,
) -> Result<Vec<T>, MessageFault> {
    if count > max as u64 {
        return Err(too_many(name));
    }
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(read(reader)?);
    }
    Ok(items)
}

fn name<N: Name>(reader: &mut Reader<'_>) -> Result<N, MessageFault> {
    Ok(N::from(*reader.fixed()?))
}

/// Names in an array that may be empty.
fn names<N: Name>(reader: &mut Reader<'_>, field: &'static str) -> Result<Vec<N>, MessageFault> {
    let count = reader.array()?;
    items(reader, field, count, FRAME_IDS_MAX, name)
}

/// A place in a chain, which is a number of 32 bits.
fn seq(reader: &mut Reader<'_>, name: &'static str) -> Result<u32, MessageFault> {
    u32::try_from(reader.uint()?).map_err(|_| OutOfBounds(name).into())
}

fn tip_id(reader: &mut Reader<'_>) -> Result<TipId, MessageFault> {
    let bytes = reader.bytes()?;
    let half = || bytes.try_into().map(TipId::Short);
    half().or_else(|_| bytes.try_into().map(|id| TipId::Full(OpId(id)))).map_err(|_| CborError::WrongType.into())
}

fn word<W: Word>(reader: &mut Reader<'_>, name: &'static str) -> Result<W, MessageFault> {
    W::from_number(reader.uint()?).ok_or(OutOfBounds(name).into())
}

/// What was written whole in a list of tips or ranges.
#[derive(Default)]
struct Known<'a> {
    branches: Table<&'a str>,
    authors: Table<Author>,
}

impl<'a> Known<'a> {
    fn read_chain(&mut self, reader: &mut Reader<'a>) -> Result<(String, Author), MessageFault> {
        let branch = refer(reader, &mut self.branches, text)?;
        let author = refer(reader, &mut self.authors, author)?;
        Ok((branch.into(), author))
    }
}

impl Source for Fields<'_> {
    fn uint(&mut self, field: Field) -> Result<Option<u64>, MessageFault> {
        self.at(field, |reader| Ok(reader.uint()?))
    }

    fn flag(&mut self, field: Field) -> Result<bool, MessageFault> {
        match self.number(field, 0)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(OutOfBounds(field.name).into()),
        }
    }

    fn text(&mut self, field: Field) -> Result<String, MessageFault> {
        match self.at(field, |reader| Ok(reader.text()?))? {
            Some("") => Err(CborError::NotCanonical.into()),
            text => Ok(text.unwrap_or_default().into()),
        }
    }

    fn name<const N: usize>(&mut self, field: Field) -> Result<Option<[u8; N]>, MessageFault> {
        self.at(field, |reader| Ok(*reader.fixed()?))
    }

    fn content(&mut self, field: Field) -> Result<Vec<u8>, MessageFault> {
        match self.at(field, |reader| Ok(reader.bytes()?))? {
            Some([]) => Err(CborError::NotCanonical.into()),
            bytes => Ok(bytes.unwrap_or_default().to_vec()),
        }
    }

    fn word<W: Word>(&mut self, field: Field) -> Result<Option<W>, MessageFault> {
        self.at(field, |reader| word(reader, field.name))
    }

    fn uints(&mut self, field: Field) -> Result<Vec<u64>, MessageFault> {
        self.list(field, 1, VERSIONS_MAX, |reader| Ok(reader.uint()?))
    }

    fn texts(&mut self, field: Field) -> Result<Vec<String>, MessageFault> {
        self.list(field, 1, TEXTS_MAX, |reader| Ok(reader.text()?.into()))
    }

    fn names<N: Name>(&mut self, field: Field) -> Result<Vec<N>, MessageFault> {
        self.list(field, 1, FRAME_IDS_MAX, name)
    }

    fn tips(&mut self, field: Field) -> Result<Vec<Tip>, MessageFault> {
        let mut known = Known::default();
        self.list(field, 4, FRAME_TIPS_MAX, |reader| {
            let (branch, author) = known.read_chain(reader)?;
            Ok(Tip { branch, author, seq: seq(reader, field.name)?, id: tip_id(reader)? })
        })
    }

    fn ranges(&mut self, field: Field) -> Result<Vec<Range>, MessageFault> {
        let mut known = Known::default();
        self.list(field, 4, FRAME_IDS_MAX, |reader| {
            let (branch, author) = known.read_chain(reader)?;
            Ok(Range { branch, author, from: seq(reader, field.name)?, to: seq(reader, field.name)? })
        })
    }

    fn heads(&mut self, field: Field) -> Result<Vec<(String, Vec<OpId>)>, MessageFault> {
        self.list(field, 2, FRAME_IDS_MAX, |reader| {
            let branch = reader.text()?.into();
            Ok((branch, names(reader, field.name)?))
        })
    }

    fn blob_wants(&mut self, field: Field) -> Result<Vec<BlobWant>, MessageFault> {
        self.list(field, 2, FRAME_IDS_MAX, |reader| {
            Ok(BlobWant { blob: name::<ContentHash>(reader)?, from: reader.uint()? })
        })
    }

    fn refused(&mut self, field: Field) -> Result<Vec<(OpId, Reason)>, MessageFault> {
        self.list(field, 2, FRAME_IDS_MAX, |reader| Ok((name(reader)?, word(reader, field.name)?)))
    }

    fn without(&mut self, field: Field) -> Result<Without, MessageFault> {
        let without = self.at(field, |reader| match reader.array()? {
            2 => Ok(Without { ops: names(reader, field.name)?, blobs: names(reader, field.name)? }),
            _ => Err(CborError::WrongType.into()),
        })?;
        match without {
            Some(without) if without == Without::default() => Err(CborError::NotCanonical.into()),
            without => Ok(without.unwrap_or_default()),
        }
    }

    fn on_default(&self) -> Result<(), MessageFault> {
        Err(CborError::NotCanonical.into())
    }

    fn absent(&self, field: Field) -> MessageFault {
        match self.next.filter(|next| *next < field.key) {
            Some(next) => MessageFault::UnknownKey(next),
            None => MessageFault::Absent(field.name),
        }
    }
}
