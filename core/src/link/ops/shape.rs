//! The part of a header that many ops have in common: what it does, to which collection, on whose behalf.
//!
//! A shape is written with the header's own keys, so it is read by the header's own rules.

use alloc::vec::Vec;

use super::OpsFault;
use crate::op::cbor::{CborError, Reader, Scalar, Writer};
use crate::op::header::Header;
use crate::op::kind::{Format, Kind};

const COLLECTION: u64 = 8;
const KIND: u64 = 11;
const FORMAT: u64 = 12;
const SCHEMA: u64 = 15;
const ACTOR: u64 = 16;
const EXTRA_MIN: u64 = 17;
const EXTRA_MAX: u64 = 23;

/// Header keys 8, 11, 12 and 15 to 23.
#[derive(Clone, Debug)]
pub(super) struct Shape<'a> {
    pub(super) collection: &'a str,
    pub(super) kind: Kind,
    /// Absent where the header names no body.
    pub(super) format: Option<Format>,
    pub(super) schema: Option<u64>,
    pub(super) actor: Option<&'a str>,
    pub(super) extra: Vec<(u8, Scalar<'a>)>,
}

impl<'a> Shape<'a> {
    /// The shape of a header.
    pub(super) fn of(header: &Header<'a>) -> Shape<'a> {
        Shape {
            collection: header.collection,
            kind: header.kind,
            format: header.body.map(|body| body.format),
            schema: header.schema,
            actor: header.actor,
            extra: header.extra.clone(),
        }
    }

    /// The one encoding: a map of the pairs that the header has.
    pub(super) fn encode(&self) -> Vec<u8> {
        let optional = [self.format.is_some(), self.schema.is_some(), self.actor.is_some()];
        let present = optional.into_iter().filter(|present| *present).count();
        let mut writer = Writer::new();
        writer.map(2 + present + self.extra.len());
        writer.uint(COLLECTION).text(self.collection);
        writer.uint(KIND).uint(self.kind.code());
        if let Some(format) = self.format {
            writer.uint(FORMAT).uint(format.code());
        }
        if let Some(schema) = self.schema {
            writer.uint(SCHEMA).uint(schema);
        }
        if let Some(actor) = self.actor {
            writer.uint(ACTOR).text(actor);
        }
        for (key, value) in &self.extra {
            writer.uint((*key).into());
            match *value {
                Scalar::Uint(value) => writer.uint(value),
                Scalar::Bytes(value) => writer.bytes(value),
                Scalar::Text(value) => writer.text(value),
            };
        }
        writer.finish()
    }

    /// Reads the one encoding. Bounds of values are left to the header.
    ///
    /// # Errors
    /// [`OpsFault::Cbor`], and [`OpsFault::Shape`] for keys that are absent or do not belong here.
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Shape<'a>, OpsFault> {
        let mut reader = Reader::new(bytes);
        let (mut collection, mut kind) = (None, None);
        let mut shape =
            Shape { collection: "", kind: Kind::Put, format: None, schema: None, actor: None, extra: Vec::new() };
        let mut last = None;
        for _ in 0..reader.map()? {
            let key = reader.uint()?;
            if last.replace(key) >= Some(key) {
                return Err(CborError::NotCanonical.into());
            }
            match key {
                COLLECTION => collection = Some(reader.text()?),
                KIND => kind = Some(Kind::from_code(reader.uint()?)),
                FORMAT => shape.format = Some(Format::from_code(reader.uint()?)),
                SCHEMA => shape.schema = Some(reader.uint()?),
                ACTOR => shape.actor = Some(reader.text()?),
                EXTRA_MIN..=EXTRA_MAX => shape.extra.push((key as u8, reader.scalar()?)),
                _ => return Err(OpsFault::Shape),
            }
        }
        reader.end()?;
        (shape.collection, shape.kind) = collection.zip(kind).ok_or(OpsFault::Shape)?;
        Ok(shape)
    }
}
