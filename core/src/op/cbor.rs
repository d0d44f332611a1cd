//! Deterministic CBOR (RFC 8949 §4.2.1), as much of it as headers and frames use.
//!
//! A value has exactly one encoding here: shortest integers, definite lengths, no floats, no tags. The reader accepts
//! that encoding and nothing else, so whatever it accepts re-encodes to the same bytes.

use alloc::vec::Vec;

const UINT: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;

/// Why bytes are not the one encoding of what they claim to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The bytes end inside a value.
    #[error("the bytes end inside a value")]
    Truncated,
    /// An integer, length or order that has a shorter or another form.
    #[error("a value is not in its one canonical form")]
    NotCanonical,
    /// Another type than this place takes, or one that headers never have (floats, tags, negative integers).
    #[error("a value has a type that does not belong in its place")]
    WrongType,
    /// Text that is not UTF-8.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// Bytes after the end of the value.
    #[error("bytes follow the end of the value")]
    Trailing,
}

/// Appends values in their one encoding.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// An empty writer with room for so many bytes.
    pub fn with_room(bytes: usize) -> Writer {
        Writer { bytes: Vec::with_capacity(bytes) }
    }

    /// How many bytes are written.
    pub fn position(&self) -> usize {
        self.bytes.len()
    }

    /// Everything written.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// An unsigned integer.
    pub fn uint(&mut self, value: u64) -> &mut Writer {
        self.head(UINT, value)
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Writer {
        self.head(BYTES, value.len() as u64);
        self.bytes.extend_from_slice(value);
        self
    }

    /// What was encoded before.
    pub fn encoded(&mut self, value: &[u8]) -> &mut Writer {
        self.bytes.extend_from_slice(value);
        self
    }

    /// A text string.
    pub fn text(&mut self, value: &str) -> &mut Writer {
        self.head(TEXT, value.len() as u64);
        self.bytes.extend_from_slice(value.as_bytes());
        self
    }

    /// The start of an array of `len` items, which follow.
    pub fn array(&mut self, len: usize) -> &mut Writer {
        self.head(ARRAY, len as u64)
    }

    /// The start of a map of `len` pairs, which follow in ascending order of their encoded keys.
    pub fn map(&mut self, len: usize) -> &mut Writer {
        self.head(MAP, len as u64)
    }

    fn head(&mut self, major: u8, value: u64) -> &mut Writer {
        let major = major << 5;
        match value {
            0..=23 => self.bytes.push(major | value as u8),
            24..=0xff => self.bytes.extend_from_slice(&[major | 24, value as u8]),
            0x100..=0xffff => {
                self.bytes.push(major | 25);
                self.bytes.extend_from_slice(&(value as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                self.bytes.push(major | 26);
                self.bytes.extend_from_slice(&(value as u32).to_be_bytes());
            }
            _ => {
                self.bytes.push(major | 27);
                self.bytes.extend_from_slice(&value.to_be_bytes());
            }
        }
        self
    }
}

/// One value whose type its place leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// An unsigned integer.
    Uint(u64),
    /// A byte string.
    Bytes(&'a [u8]),
    /// A text string.
    Text(&'a str),
}

/// Reads values strictly, borrowing from the input; never allocates.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// The bytes not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Fails unless everything was read.
    pub fn end(&self) -> Result<(), CborError> {
        if self.rest.is_empty() { Ok(()) } else { Err(CborError::Trailing) }
    }

    /// An unsigned integer.
    pub fn uint(&mut self) -> Result<u64, CborError> {
        self.expect(UINT)
    }

    /// A byte string.
    pub fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let len = self.expect(BYTES)?;
        self.take(len)
    }

    /// A byte string of exactly `N` bytes.
    pub fn fixed<const N: usize>(&mut self) -> Result<&'a [u8; N], CborError> {
        self.bytes()?.try_into().map_err(|_| CborError::WrongType)
    }

    /// A text string.
    pub fn text(&mut self) -> Result<&'a str, CborError> {
        let len = self.expect(TEXT)?;
        core::str::from_utf8(self.take(len)?).map_err(|_| CborError::NotUtf8)
    }

    /// The length of an array whose items follow. A declared length proves nothing: loop by reading, not by it.
    pub fn array(&mut self) -> Result<u64, CborError> {
        self.expect(ARRAY)
    }

    /// The number of pairs of a map which follow. A declared length proves nothing: loop by reading, not by it.
    pub fn map(&mut self) -> Result<u64, CborError> {
        self.expect(MAP)
    }

    /// An unsigned integer, byte string or text, whichever stands here.
    pub fn scalar(&mut self) -> Result<Scalar<'a>, CborError> {
        match self.rest.first().ok_or(CborError::Truncated)? >> 5 {
            UINT => self.uint().map(Scalar::Uint),
            BYTES => self.bytes().map(Scalar::Bytes),
            TEXT => self.text().map(Scalar::Text),
            _ => Err(CborError::WrongType),
        }
    }

    fn expect(&mut self, major: u8) -> Result<u64, CborError> {
        let (&first, rest) = self.rest.split_first().ok_or(CborError::Truncated)?;
        if first >> 5 != major {
            return Err(CborError::WrongType);
        }
        self.rest = rest;
        let (value, least) = match first & 0x1f {
            small @ 0..=23 => (u64::from(small), 0),
            24 => (u64::from(self.be::<1>()?[0]), 24),
            25 => (u64::from(u16::from_be_bytes(self.be()?)), 0x100),
            26 => (u64::from(u32::from_be_bytes(self.be()?)), 0x1_0000),
            27 => (u64::from_be_bytes(self.be()?), 0x1_0000_0000),
            _ => return Err(CborError::NotCanonical),
        };
        if value < least { Err(CborError::NotCanonical) } else { Ok(value) }
    }

    fn be<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], CborError> {
        let len = usize::try_from(len).map_err(|_| CborError::Truncated)?;
        let (head, rest) = self.rest.split_at_checked(len).ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }
}
