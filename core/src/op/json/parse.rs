//! Reading JSON strictly: only what RFC 8259 allows, and of that only what every runtime reads alike.
//!
//! The reader descends once and remembers no path: an error gets its pointer on the way back up. On the way it notes
//! whether the notation is the one that RFC 8785 would write, so canonical bytes cost no second look.

use alloc::string::String;
use alloc::vec::Vec;

#[cfg(target_arch = "wasm32")]
use super::double::nearest;
use super::{Number, Object, Value, jcs};
use crate::limits::JSON_DEPTH_MAX;
use crate::op::pointer::Pointer;

/// Why a text is refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}, at \"{at}\"")]
pub struct JsonError {
    /// What is wrong.
    pub reason: JsonReason,
    /// The value that is wrong or in which the text breaks off; the member itself for a name that comes twice.
    pub at: Pointer,
}

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum JsonReason {
    /// Something else stands where RFC 8259 wants a value, a name or a sign.
    #[error("this is not JSON")]
    Syntax,
    /// The text ends inside a value.
    #[error("the JSON text breaks off")]
    UnexpectedEnd,
    /// Something follows the value.
    #[error("something follows the JSON value")]
    Trailing,
    /// Arrays and objects nest deeper than 64.
    #[error("the value nests deeper than 64 levels")]
    TooDeep,
    /// An object has two members of one name.
    #[error("an object has two members of this name")]
    DuplicateName,
    /// A number whose value is integral and beyond ±(2^53 - 1), in whatever notation.
    #[error("a number is an integer beyond ±(2^53 - 1)")]
    UnsafeInteger,
    /// A number beyond the greatest double.
    #[error("a number is too great for a double")]
    Overflow,
    /// An escape that is half of a surrogate pair.
    #[error("a text has a lone surrogate")]
    LoneSurrogate,
    /// Text that is not UTF-8.
    #[error("a text is not UTF-8")]
    InvalidUtf8,
    /// A character below U+0020 that is not escaped.
    #[error("a text has a control character that is not escaped")]
    ControlCharacter,
}

impl JsonReason {
    /// The stable word for this reason.
    pub fn name(self) -> &'static str {
        match self {
            JsonReason::Syntax => "syntax",
            JsonReason::UnexpectedEnd => "unexpected_end",
            JsonReason::Trailing => "trailing",
            JsonReason::TooDeep => "too_deep",
            JsonReason::DuplicateName => "duplicate_name",
            JsonReason::UnsafeInteger => "unsafe_integer",
            JsonReason::Overflow => "overflow",
            JsonReason::LoneSurrogate => "lone_surrogate",
            JsonReason::InvalidUtf8 => "invalid_utf8",
            JsonReason::ControlCharacter => "control_character",
        }
    }
}

/// Reads one JSON value, in any RFC 8259 notation.
///
/// # Errors
/// [`JsonError`] for the first thing that is wrong; of a name that comes twice only when its object ends.
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    parse_within(text, JSON_DEPTH_MAX)
}

/// As [`parse`], of what nests at most `levels` deep.
///
/// # Errors
/// As there.
pub fn parse_within(text: &[u8], levels: usize) -> Result<Value, JsonError> {
    Reader::new(text).document(levels).map_err(|Failure { reason, mut path }| {
        path.reverse();
        JsonError { reason, at: Pointer(path) }
    })
}

/// Reads the RFC 8785 bytes of a value; none for every other notation of it.
pub fn parse_canonical(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader::new(bytes);
    let value = reader.document(JSON_DEPTH_MAX).ok()?;
    reader.is_canonical.then_some(value)
}

/// A [`JsonError`] on its way up: the tokens of its pointer so far, the innermost first.
struct Failure {
    reason: JsonReason,
    path: Vec<String>,
}

impl Failure {
    fn below(mut self, token: String) -> Failure {
        self.path.push(token);
        self
    }
}

impl From<JsonReason> for Failure {
    fn from(reason: JsonReason) -> Failure {
        Failure { reason, path: Vec::new() }
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether everything read so far is as RFC 8785 writes it.
    is_canonical: bool,
}

impl<'a> Reader<'a> {
    fn new(text: &'a [u8]) -> Reader<'a> {
        Reader { text, at: 0, is_canonical: true }
    }

    fn document(&mut self, levels: usize) -> Result<Value, Failure> {
        let value = self.value(levels)?;
        self.skip_space();
        if self.peek().is_some() { Err(JsonReason::Trailing.into()) } else { Ok(value) }
    }

    /// A value that nests at most `levels` deep.
    fn value(&mut self, levels: usize) -> Result<Value, Failure> {
        self.skip_space();
        match self.peek().ok_or(JsonReason::UnexpectedEnd)? {
            b'{' => self.object(levels.checked_sub(1).ok_or(JsonReason::TooDeep)?).map(Value::Object),
            b'[' => self.array(levels.checked_sub(1).ok_or(JsonReason::TooDeep)?).map(Value::Array),
            b'"' => Ok(Value::String(self.string()?)),
            b'-' | b'0'..=b'9' => Ok(Value::Number(self.number()?)),
            b't' => self.word(b"true", Value::Bool(true)),
            b'f' => self.word(b"false", Value::Bool(false)),
            b'n' => self.word(b"null", Value::Null),
            _ => Err(JsonReason::Syntax.into()),
        }
    }

    fn object(&mut self, levels: usize) -> Result<Object, Failure> {
        let mut members = Vec::new();
        let mut more = self.opens(b'}');
        while more {
            self.skip_space();
            let name = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            match self.value(levels) {
                Ok(value) => members.push((name, value)),
                Err(failure) => return Err(failure.below(name)),
            }
            more = self.goes_on(b'}')?;
        }
        Object::from_ordered(members).or_else(|members| {
            self.is_canonical = false;
            Object::from_members(members).map_err(|name| Failure::from(JsonReason::DuplicateName).below(name))
        })
    }

    fn array(&mut self, levels: usize) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut more = self.opens(b']');
        while more {
            match self.value(levels) {
                Ok(value) => items.push(value),
                Err(failure) => return Err(failure.below(alloc::format!("{}", items.len()))),
            }
            more = self.goes_on(b']')?;
        }
        Ok(items)
    }

    /// Takes the opening sign, and `close` if it follows at once; whether items follow.
    fn opens(&mut self, close: u8) -> bool {
        self.at += 1;
        self.skip_space();
        !self.takes(close)
    }

    /// Takes `,` or `close` behind an item; whether another follows.
    fn goes_on(&mut self, close: u8) -> Result<bool, JsonReason> {
        self.skip_space();
        match self.next()? {
            b',' => Ok(true),
            byte if byte == close => Ok(false),
            _ => Err(JsonReason::Syntax),
        }
    }

    fn word(&mut self, word: &[u8], value: Value) -> Result<Value, Failure> {
        word.iter().try_for_each(|byte| self.expect(*byte))?;
        Ok(value)
    }

    fn string(&mut self) -> Result<String, JsonReason> {
        self.expect(b'"')?;
        let mut string = String::new();
        loop {
            let run = self.take_while(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
            string.push_str(core::str::from_utf8(run).map_err(|_| JsonReason::InvalidUtf8)?);
            match self.next()? {
                b'"' => return Ok(string),
                b'\\' => string.push(self.escape()?),
                _ => return Err(JsonReason::ControlCharacter),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonReason> {
        let start = self.at;
        let char = match self.next()? {
            byte @ (b'"' | b'\\' | b'/') => byte.into(),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode_escape()?,
            _ => return Err(JsonReason::Syntax),
        };
        let written = u8::try_from(char).ok().and_then(jcs::escape);
        self.is_canonical &= written.is_some_and(|written| written.as_bytes()[1..] == self.text[start..self.at]);
        Ok(char)
    }

    fn unicode_escape(&mut self) -> Result<char, JsonReason> {
        let high = self.code_unit()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).ok_or(JsonReason::LoneSurrogate);
        }
        if !self.text[self.at..].starts_with(b"\\u") {
            return Err(JsonReason::LoneSurrogate);
        }
        self.at += 2;
        let low = self.code_unit()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(JsonReason::LoneSurrogate);
        }
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).ok_or(JsonReason::LoneSurrogate)
    }

    fn code_unit(&mut self) -> Result<u32, JsonReason> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = char::from(self.next()?).to_digit(16).ok_or(JsonReason::Syntax)?;
            unit = unit << 4 | digit;
        }
        Ok(unit)
    }

    fn number(&mut self) -> Result<Number, JsonReason> {
        let start = self.at;
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            let _sign = self.takes(b'+') || self.takes(b'-');
            self.digits()?;
        }
        let (number, is_canonical) = number(&self.text[start..self.at])?;
        self.is_canonical &= is_canonical;
        Ok(number)
    }

    fn digits(&mut self) -> Result<(), JsonReason> {
        match self.take_while(|byte| byte.is_ascii_digit()) {
            [] if self.peek().is_none() => Err(JsonReason::UnexpectedEnd),
            [] => Err(JsonReason::Syntax),
            _ => Ok(()),
        }
    }

    fn skip_space(&mut self) {
        let space = self.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        self.is_canonical &= space.is_empty();
    }

    fn take_while(&mut self, is_taken: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.text[self.at..];
        let len = rest.iter().position(|byte| !is_taken(*byte)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_here = self.peek() == Some(byte);
        self.at += usize::from(is_here);
        is_here
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonReason> {
        if self.next()? == byte { Ok(()) } else { Err(JsonReason::Syntax) }
    }

    fn next(&mut self) -> Result<u8, JsonReason> {
        let byte = self.peek().ok_or(JsonReason::UnexpectedEnd)?;
        self.at += 1;
        Ok(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }
}

/// As `double::nearest`, by std's reader, which is faster and has a table.
#[cfg(not(target_arch = "wasm32"))]
fn nearest(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

/// The nearest double to a number of JSON's grammar, and whether this is how it is written. Short integers are most
/// numbers and need no rounding.
fn number(text: &[u8]) -> Result<(Number, bool), JsonReason> {
    let text = core::str::from_utf8(text).map_err(|_| JsonReason::Syntax)?;
    if let Ok(integer) = text.parse::<i32>() {
        return Ok((Number::saturated(integer.into()), integer != 0 || text == "0"));
    }
    let value = nearest(text);
    match Number::new(value) {
        Some(number) => Ok((number, ryu_js::Buffer::new().format_finite(number.get()) == text)),
        None if value.is_finite() => Err(JsonReason::UnsafeInteger),
        None => Err(JsonReason::Overflow),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn refusal(text: impl AsRef<[u8]>) -> (JsonReason, String) {
        let error = parse(text.as_ref()).unwrap_err();
        (error.reason, error.at.to_string())
    }

    #[test]
    fn errors_name_the_place() {
        assert_eq!(refusal(r#"{"a":[0,{"b/~c":1e20}]}"#), (JsonReason::UnsafeInteger, "/a/1/b~1~0c".into()));
        assert_eq!(refusal(r#"[{"a":1,"b":2,"\u0061":3}]"#), (JsonReason::DuplicateName, "/0/a".into()));
        assert_eq!(refusal(r#"{"a":"\ud800"}"#), (JsonReason::LoneSurrogate, "/a".into()));
        assert_eq!(refusal(b"{\"a\":\"\xff\"}"), (JsonReason::InvalidUtf8, "/a".into()));
        assert_eq!(refusal("[1,[1,1e999]]"), (JsonReason::Overflow, "/1/1".into()));
        assert_eq!(refusal("{} {}"), (JsonReason::Trailing, "".into()));
        assert_eq!(refusal(r#"{"a":[1"#), (JsonReason::UnexpectedEnd, "/a".into()));
        assert_eq!(refusal("[\"\n\"]"), (JsonReason::ControlCharacter, "/0".into()));
        assert_eq!(refusal("[tru]"), (JsonReason::Syntax, "/0".into()));
    }

    #[test]
    fn sixty_four_levels_and_no_more() {
        let nested = |levels| ["[".repeat(levels), "]".repeat(levels)].concat();
        assert!(
            parse(nested(64).as_bytes()).is_ok_and(|value| value.is_within_depth(64) && !value.is_within_depth(63))
        );
        assert_eq!(refusal(nested(65)), (JsonReason::TooDeep, "/0".repeat(64)));
        assert_eq!(refusal("{\"a\":".repeat(100_000)), (JsonReason::TooDeep, "/a".repeat(64)));
    }

    #[test]
    fn only_jcs_bytes_are_canonical() {
        for good in ["0", "-1.5", "1e-7", r#"{"a":[],"b":{"\u001f":"é\n"}}"#, "\"\u{7f}\u{2028}/\""] {
            assert_eq!(parse_canonical(good.as_bytes()).map(|value| value.to_string()).as_deref(), Some(good));
        }
        for bad in
            [" 0", "0 ", "-0", "1.0", "1e2", r#"{"b":1,"a":1}"#, r#""\/""#, r#""\u0041""#, r#""\u001F""#, "[1, 2]"]
        {
            assert_eq!(parse_canonical(bad.as_bytes()), None, "{bad}");
            assert!(parse(bad.as_bytes()).is_ok(), "{bad}");
        }
    }
}
