//! Writing values as RFC 8785 (JCS) text: the one encoding of a value.
//!
//! Members already stand in order and numbers are already what every runtime can hold, so this only formats.

use alloc::string::String;
use alloc::vec::Vec;

use super::Value;
use crate::op::hex::DIGITS;

/// The RFC 8785 bytes of a value.
pub fn write(value: &Value) -> Vec<u8> {
    text(value).into_bytes()
}

/// The RFC 8785 text of a value.
pub fn text(value: &Value) -> String {
    let mut text = String::new();
    push_value(&mut text, value);
    text
}

fn push_value(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => text.push_str(ryu_js::Buffer::new().format_finite(number.get())),
        Value::String(string) => push_string(text, string),
        Value::Array(items) => push_list(text, ['[', ']'], items, push_value),
        Value::Object(object) => push_list(text, ['{', '}'], object.iter(), |text, (name, value)| {
            push_string(text, name);
            text.push(':');
            push_value(text, value);
        }),
    }
}

fn push_list<T>(
    text: &mut String,
    [open, close]: [char; 2],
    items: impl IntoIterator<Item = T>,
    push: impl Fn(&mut String, T),
) {
    text.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        push(text, item);
    }
    text.push(close);
}

/// RFC 8785 §3.2.2.2: only `"`, `\` and the control characters to U+001F are escaped, in the shortest way.
fn push_string(text: &mut String, string: &str) {
    text.push('"');
    let mut rest = string;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        text.push_str(&rest[..at]);
        push_escape(text, rest.as_bytes()[at]);
        rest = &rest[at + 1..];
    }
    text.push_str(rest);
    text.push('"');
}

fn push_escape(text: &mut String, byte: u8) {
    text.push('\\');
    match byte {
        0x08 => text.push('b'),
        b'\t' => text.push('t'),
        b'\n' => text.push('n'),
        0x0c => text.push('f'),
        b'\r' => text.push('r'),
        b'"' | b'\\' => text.push(byte.into()),
        control => {
            text.push_str("u00");
            text.extend([control >> 4, control & 0xf].map(|digit| char::from(DIGITS[usize::from(digit)])));
        }
    }
}
