//! What the two forms of a message have in common: fields that a [`Sink`] takes and a [`Source`] gives.

use alloc::string::String;
use alloc::vec::Vec;

use super::words::Word;
use super::{BlobWant, MessageFault, Range, Reason, StateHalf, StateHash, Tip, Without};
use crate::op::id::{Author, ContentHash, OpId};

/// A field: its key in CBOR and its name in JSON.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) key: u64,
    pub(super) name: &'static str,
}

/// A field at `key`, called `name`.
pub(super) const fn field(key: u64, name: &'static str) -> Field {
    Field { key, name }
}

/// A name of 32 bytes.
pub(super) trait Name: Copy + From<[u8; 32]> {
    /// The bytes.
    fn bytes(&self) -> &[u8; 32];
}

macro_rules! names {
    ($($name:ident)*) => {
        $(impl Name for $name {
            fn bytes(&self) -> &[u8; 32] {
                self.as_bytes()
            }
        })*
    };
}

names!(OpId Author ContentHash);

/// What the fields of a message are written to. Lists without items are not written, nor empty texts and contents.
pub(super) trait Sink {
    /// A number, whatever it is.
    fn uint(&mut self, field: Field, value: u64);
    /// Whether something is so.
    fn flag(&mut self, field: Field, value: bool);
    /// A text.
    fn text(&mut self, field: Field, value: &str);
    /// Bytes that people know by their hex digits.
    fn name(&mut self, field: Field, value: &[u8]);
    /// Any bytes.
    fn content(&mut self, field: Field, value: &[u8]);
    /// One of a few things.
    fn word<W: Word>(&mut self, field: Field, value: W);
    /// Numbers.
    fn uints(&mut self, field: Field, values: &[u64]);
    /// Texts.
    fn texts(&mut self, field: Field, values: &[String]);
    /// Names.
    fn names<N: Name>(&mut self, field: Field, values: &[N]);
    /// Ends of chains.
    fn tips(&mut self, field: Field, tips: &[Tip]);
    /// Stretches of chains.
    fn ranges(&mut self, field: Field, ranges: &[Range]);
    /// Heads by branch.
    fn heads(&mut self, field: Field, heads: &[(String, Vec<OpId>)]);
    /// Pieces of blobs.
    fn blob_wants(&mut self, field: Field, blobs: &[BlobWant]);
    /// Ops with reasons.
    fn refused(&mut self, field: Field, ops: &[(OpId, Reason)]);
    /// What is not here, unless it is nothing.
    fn without(&mut self, field: Field, without: &Without);

    /// A number, unless it is the default.
    fn number(&mut self, field: Field, value: u64, default: u64) {
        if value != default {
            self.uint(field, value);
        }
    }

    /// A state, if there is one.
    fn state(&mut self, field: Field, value: Option<&StateHash>) {
        self.optional(field, value.map(|state| state.0.as_slice()));
    }

    /// A state that its receiver knows, if there is one.
    fn state_half(&mut self, field: Field, value: Option<&StateHalf>) {
        self.optional(field, value.map(|state| state.0.as_slice()));
    }

    /// A name, if there is one.
    fn optional(&mut self, field: Field, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.name(field, value);
        }
    }
}

/// What the fields of a message are read from.
pub(super) trait Source {
    /// A number.
    fn uint(&mut self, field: Field) -> Result<Option<u64>, MessageFault>;
    /// Whether something is so.
    fn flag(&mut self, field: Field) -> Result<bool, MessageFault>;
    /// A text.
    fn text(&mut self, field: Field) -> Result<String, MessageFault>;
    /// Bytes that people know by their hex digits.
    fn name<const N: usize>(&mut self, field: Field) -> Result<Option<[u8; N]>, MessageFault>;
    /// Any bytes.
    fn content(&mut self, field: Field) -> Result<Vec<u8>, MessageFault>;
    /// One of a few things.
    fn word<W: Word>(&mut self, field: Field) -> Result<Option<W>, MessageFault>;
    /// Numbers.
    fn uints(&mut self, field: Field) -> Result<Vec<u64>, MessageFault>;
    /// Texts.
    fn texts(&mut self, field: Field) -> Result<Vec<String>, MessageFault>;
    /// Names.
    fn names<N: Name>(&mut self, field: Field) -> Result<Vec<N>, MessageFault>;
    /// Ends of chains.
    fn tips(&mut self, field: Field) -> Result<Vec<Tip>, MessageFault>;
    /// Stretches of chains.
    fn ranges(&mut self, field: Field) -> Result<Vec<Range>, MessageFault>;
    /// Heads by branch.
    fn heads(&mut self, field: Field) -> Result<Vec<(String, Vec<OpId>)>, MessageFault>;
    /// Pieces of blobs.
    fn blob_wants(&mut self, field: Field) -> Result<Vec<BlobWant>, MessageFault>;
    /// Ops with reasons.
    fn refused(&mut self, field: Field) -> Result<Vec<(OpId, Reason)>, MessageFault>;
    /// What is not here.
    fn without(&mut self, field: Field) -> Result<Without, MessageFault>;
    /// What is to be said of a default that is written: one form has no place for it.
    fn on_default(&self) -> Result<(), MessageFault>;
    /// What is to be said of a field that is not there.
    fn absent(&self, field: Field) -> MessageFault;

    /// A number that has a default.
    fn number(&mut self, field: Field, default: u64) -> Result<u64, MessageFault> {
        match self.uint(field)? {
            None => Ok(default),
            Some(value) if value == default => self.on_default().map(|()| value),
            Some(value) => Ok(value),
        }
    }

    /// A value that has to be there.
    fn required<T>(&self, field: Field, value: Option<T>) -> Result<T, MessageFault> {
        value.ok_or_else(|| self.absent(field))
    }
}
