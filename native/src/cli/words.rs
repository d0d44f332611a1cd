//! What people type, as what the library takes; and the other way round.

use std::io::Read;

use serde_json::value::RawValue;
use trellis_sync::core::log::row::StoredOp;
use trellis_sync::core::op::body::Leaf;
use trellis_sync::core::op::json::{self, JsonReason};
use trellis_sync::core::time::Hlc;
use trellis_sync::{Code, Result, TrellisError, Value};

/// How a value on the command line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notation {
    /// JSON where it is JSON, else text.
    Either,
    /// JSON, and nothing else.
    Json,
    /// Text, even where it looks like JSON.
    Text,
}

/// Reads a value. `-` stands for what comes on stdin, unless it is meant as text.
///
/// # Errors
/// `invalid_argument` for text that is no JSON where JSON is meant, and for JSON that not every runtime reads alike.
pub(crate) fn value(text: &str, notation: Notation) -> Result<Value> {
    if text != "-" || notation == Notation::Text {
        return parse(text, notation);
    }
    parse(from_stdin()?.trim_end_matches(['\r', '\n']), notation)
}

/// All that comes on stdin.
///
/// # Errors
/// `invalid_argument` for what is no text.
pub(crate) fn from_stdin() -> Result<String> {
    let mut text = String::new();
    match std::io::stdin().read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(cause) => Err(invalid("The value on stdin cannot be read as UTF-8 text.").caused_by(cause)),
    }
}

fn parse(text: &str, notation: Notation) -> Result<Value> {
    if notation == Notation::Text {
        return Ok(Value::String(text.into()));
    }
    match json::parse(text.as_bytes()) {
        Ok(value) => Ok(value),
        Err(error) if notation == Notation::Either && is_no_json(error.reason) => Ok(Value::String(text.into())),
        Err(error) => {
            let message =
                format!("The value cannot be kept as JSON: {error}. Correct it, or keep it as text by --text.");
            Err(invalid(&message))
        }
    }
}

/// Text that nobody would take for JSON; the other reasons are about JSON that loses something on the way.
fn is_no_json(reason: JsonReason) -> bool {
    use JsonReason::{ControlCharacter, Syntax, Trailing, UnexpectedEnd};
    matches!(reason, Syntax | UnexpectedEnd | Trailing | ControlCharacter)
}

fn invalid(message: &str) -> TrellisError {
    TrellisError::new(Code::InvalidArgument, message)
}

/// A value inside a document, byte for byte as it is hashed.
pub(crate) fn raw(value: &Value) -> Option<Box<RawValue>> {
    RawValue::from_string(json::text(value)).ok()
}

/// A value for people: text as it is, other JSON over several lines.
pub(crate) fn pretty(value: &Value) -> String {
    let text = json::text(value);
    match value {
        Value::String(text) => text.clone(),
        _ => serde_json::from_str::<serde_json::Value>(&text)
            .and_then(|value| serde_json::to_string_pretty(&value))
            .unwrap_or(text),
    }
}

/// What an op's body says, if it is here and is JSON; a salt is no part of that.
pub(crate) fn json_of(op: &StoredOp) -> Option<Value> {
    let op = op.rehash().ok()?;
    match Leaf::decode(op.header().body?.format, op.body()?)? {
        Leaf::Json(value) => Some(value),
        Leaf::Bytes(_) => None,
    }
}

/// An op's content for people.
pub(crate) fn pretty_body(op: &StoredOp) -> String {
    match (json_of(op), &op.body) {
        (Some(value), _) => pretty(&value),
        (None, Some(body)) => count(body.len(), "byte"),
        (None, None) => String::new(),
    }
}

/// A value in one line of at most `chars_max` characters.
pub(crate) fn line(value: &Value, chars_max: usize) -> String {
    let text = json::text(value);
    match text.char_indices().nth(chars_max) {
        None => text,
        Some(_) => text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// The wall time of a clock, as ISO 8601 in UTC.
pub(crate) fn timestamp(hlc: Hlc) -> String {
    time(hlc).map_or_else(String::new, |time| format!("{time:.3}"))
}

/// The wall time of a clock as people here write it.
pub(crate) fn local_time(hlc: Hlc) -> String {
    let zoned = time(hlc).map(|time| time.to_zoned(jiff::tz::TimeZone::system()));
    zoned.map_or_else(String::new, |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn time(hlc: Hlc) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(i64::try_from(hlc.millis().0).ok()?).ok()
}

/// `1 op`, `2 ops`.
pub(crate) fn count(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_json_and_all_else_is_text() {
        let read = |text| json::text(&value(text, Notation::Either).unwrap());
        assert_eq!(read("1"), "1");
        assert_eq!(read("{\"b\":1,\"a\":2}"), "{\"a\":2,\"b\":1}");
        assert_eq!(read("Calm"), "\"Calm\"");
        assert_eq!(read("two words"), "\"two words\"");
        assert_eq!(json::text(&value("1", Notation::Text).unwrap()), "\"1\"");
        assert_eq!(json::text(&value("-", Notation::Text).unwrap()), "\"-\"");
    }

    #[test]
    fn json_that_loses_something_is_refused() {
        for text in ["9007199254740993", "1e999", "{\"a\":1,\"a\":2}"] {
            assert_eq!(value(text, Notation::Either).unwrap_err().code(), Code::InvalidArgument, "{text}");
        }
        assert!(value("Calm", Notation::Json).is_err());
    }

    #[test]
    fn a_clock_is_shown_as_time() {
        assert_eq!(timestamp(Hlc(1_700_000_000_123 << 16)), "2023-11-14T22:13:20.123Z");
        assert_eq!(timestamp(Hlc::MAX), "6429-10-17T02:45:55.327Z");
    }
}
