//! JSON as bodies have it, told a second time: RFC 8785 by a general JSON library, so that the core's own is checked.

use serde_json::Value;
use trellis_core::limits::{JSON_DEPTH_MAX, SAFE_INTEGER_MAX};

/// The value of a body of format JSON, or none if the body is void: not canonical, too deep or with numbers that not
/// every runtime holds.
pub fn body(bytes: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let plain = depth(&value) <= JSON_DEPTH_MAX && numbers_fit(&value);
    (plain && jcs(&value).as_bytes() == bytes).then_some(value)
}

/// The value in RFC 8785.
pub fn jcs(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(jcs).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| name.encode_utf16().collect::<Vec<_>>());
            let members = members.iter().map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), jcs(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Number(number) => match number.as_f64() {
            Some(number) => ryu_js::Buffer::new().format_finite(number).into(),
            None => number.to_string(),
        },
        plain => plain.to_string(),
    }
}

/// How deep arrays and objects nest; 0 for all else.
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn numbers_fit(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(numbers_fit),
        Value::Object(members) => members.values().all(numbers_fit),
        Value::Number(number) => number.as_f64().is_some_and(|number| number.abs() <= SAFE_INTEGER_MAX as f64),
        _ => true,
    }
}
