//! Values as they cross: JSON text, which JavaScript parses faster than objects can be built for it, and bytes beside it.
//!
//! On the way out, bytes stand in the text as a string that no text of ours can be: half of a character, where they begin,
//! and how many they are. On the way in, they stand as a string behind a NUL and a `b`; then every other string that begins
//! with a NUL has a NUL and a `t` before it. A value without bytes is plain JSON both ways.

use std::io;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use trellis_core::op::stored::StoredOp;
use trellis_core::surface::{FromPlain, Plain};

use crate::error::{Result, Thrown};

/// A value on its way out.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct Given {
    /// The JSON text.
    pub text: String,
    /// The bytes that it refers to; left out where it has none.
    pub bytes: Option<Uint8Array>,
}

/// Gives a value.
pub(crate) fn give(value: &(impl Serialize + ?Sized)) -> Result<Given> {
    let (mut text, mut beside) = (Vec::new(), Beside::default());
    value.serialize(&mut Serializer::with_formatter(&mut text, &mut beside)).map_err(Thrown::bad)?;
    let text = String::from_utf8(text).map_err(Thrown::bad)?;
    Ok(Given { text, bytes: beside.is_used.then(|| beside.bytes.into()) })
}

/// Writes JSON, and bytes beside it.
#[derive(Default)]
struct Beside {
    bytes: Vec<u8>,
    is_used: bool,
}

impl Formatter for &mut Beside {
    fn write_byte_array<W: io::Write + ?Sized>(&mut self, writer: &mut W, bytes: &[u8]) -> io::Result<()> {
        self.is_used = true;
        write!(writer, "\"\\ud800{},{}\"", self.bytes.len(), bytes.len())?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn write_f64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        CompactFormatter.write_f64(writer, value)
    }
}

/// Reads a value. What is wrong with a text that is no JSON is not told, since that would show the value itself.
pub(crate) fn read<T: FromPlain>(text: &str, bytes: Option<&[u8]>) -> Result<T> {
    let plain: Plain = serde_json::from_str(text).map_err(|_| unexpected())?;
    let plain = match bytes {
        Some(bytes) => filled(plain, bytes).ok_or_else(unexpected)?,
        None => plain,
    };
    Ok(T::from_plain(plain)?)
}

fn unexpected() -> Thrown {
    Thrown::bad("this is not of the shape that is expected here")
}

/// A value with the bytes in place of what stands for them; nothing where something stands for bytes that did not come.
fn filled(plain: Plain, bytes: &[u8]) -> Option<Plain> {
    Some(match plain {
        Plain::Text(text) => match (text.strip_prefix("\0b"), text.strip_prefix("\0t")) {
            (Some(place), _) => Plain::Bytes(slice(bytes, place)?.to_vec()),
            (_, Some(text)) => Plain::Text(text.into()),
            _ => Plain::Text(text),
        },
        Plain::List(items) => Plain::List(items.into_iter().map(|item| filled(item, bytes)).collect::<Option<_>>()?),
        Plain::Members(members) => {
            let filled = |(name, value)| Some((name, filled(value, bytes)?));
            Plain::Members(members.into_iter().map(filled).collect::<Option<_>>()?)
        }
        plain => plain,
    })
}

/// The bytes at a place, as in `3,12`: where they begin, and how many they are.
fn slice<'a>(bytes: &'a [u8], place: &str) -> Option<&'a [u8]> {
    let (from, len) = place.split_once(',')?;
    let (from, len): (usize, usize) = (from.parse().ok()?, len.parse().ok()?);
    bytes.get(from..from.checked_add(len)?)
}

/// Numbers before each op: the bytes of its header, those of its body and one more, those of its signature; nothing is 0.
const LENGTHS: usize = 3;

/// Reads ops that stand one behind the other, each with its lengths in little-endian before it.
pub(crate) fn read_ops(mut bytes: &[u8]) -> Result<Vec<StoredOp>> {
    let mut ops = Vec::new();
    while !bytes.is_empty() {
        ops.push(read_op(&mut bytes).ok_or_else(unexpected)?);
    }
    Ok(ops)
}

fn read_op(bytes: &mut &[u8]) -> Option<StoredOp> {
    let mut lengths = [0; LENGTHS];
    for length in &mut lengths {
        *length = u32::from_le_bytes(*bytes.split_off(..4)?.first_chunk()?) as usize;
    }
    let [header, body, signature] = lengths;
    let header = bytes.split_off(..header)?.to_vec();
    let body = match body.checked_sub(1) {
        Some(length) => Some(bytes.split_off(..length)?.to_vec()),
        None => None,
    };
    let signature = match signature {
        0 => None,
        length => Some(bytes.split_off(..length)?.try_into().ok()?),
    };
    Some(StoredOp { header, body, signature })
}

/// Writes ops as [`read_ops`] reads them.
pub(crate) fn give_ops(ops: impl IntoIterator<Item = StoredOp>) -> Uint8Array {
    let mut bytes = Vec::new();
    for StoredOp { header, body, signature } in ops {
        let lengths =
            [header.len(), body.as_ref().map_or(0, |body| body.len() + 1), signature.map_or(0, |it| it.len())];
        lengths.iter().for_each(|length| bytes.extend_from_slice(&(*length as u32).to_le_bytes()));
        bytes.extend(header);
        bytes.extend(body.unwrap_or_default());
        bytes.extend(signature.iter().flatten());
    }
    bytes.into()
}
