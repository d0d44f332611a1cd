//! Writing values as RFC 8785 (JCS) text: the one encoding of a value.
//!
//! Members already stand in order and numbers are already what every runtime can hold, so this only formats.

use alloc::string::String;
use alloc::vec::Vec;

use super::Value;

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

/// Writes a text as RFC 8785 has it.
pub(crate) fn push_string(text: &mut String, string: &str) {
    text.push('"');
    let mut rest = string;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        text.push_str(&rest[..at]);
        text.push_str(escape(rest.as_bytes()[at]).unwrap_or_default());
        rest = &rest[at + 1..];
    }
    text.push_str(rest);
    text.push('"');
}

/// RFC 8785 §3.2.2.2: only `"`, `\` and the control characters to U+001F are escaped, in the shortest way.
pub(super) fn escape(byte: u8) -> Option<&'static str> {
    match byte {
        b'"' => Some("\\\""),
        b'\\' => Some("\\\\"),
        byte => CONTROLS.get(usize::from(byte)).copied(),
    }
}

#[rustfmt::skip]
const CONTROLS: [&str; 32] = [
    "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007",
    "\\b", "\\t", "\\n", "\\u000b", "\\f", "\\r", "\\u000e", "\\u000f",
    "\\u0010", "\\u0011", "\\u0012", "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017",
    "\\u0018", "\\u0019", "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f",
];
