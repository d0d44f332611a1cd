//! Small JSON documents, and edits of them, by chance.

use serde_json::{Value as Json, json};
use trellis_core::op::json::Value;

use crate::dice::Dice;

/// The core's form of a value.
///
/// # Panics
/// If a body cannot hold it.
pub fn core(json: &Json) -> Value {
    json.to_string().parse().expect("a value within the bounds")
}

/// The form of `serde_json` of a value.
pub fn serde(value: &Value) -> Json {
    serde_json::from_slice(&value.to_jcs()).expect("JCS is JSON")
}

/// A small document over few names, so that edits meet.
pub fn document(dice: &mut Dice, levels: usize) -> Json {
    match dice.below(if levels == 0 { 2 } else { 5 }) {
        0 => json!(dice.below(4)),
        1 => json!(*dice.pick(&["x", "y"])),
        2 => (0..dice.below(5)).map(|_| document(dice, levels - 1)).collect(),
        _ => Json::Object((0..dice.below(5)).map(|_| (any_name(dice).into(), document(dice, levels - 1))).collect()),
    }
}

fn any_name(dice: &mut Dice) -> &'static str {
    dice.pick::<&str>(&["a", "b", "c", "a/b", "~", "0"])
}

/// A pointer that mostly names something of the document.
fn place(dice: &mut Dice, document: &Json) -> String {
    let (mut pointer, mut here) = (String::new(), Some(document));
    while dice.below(4) > 0 && (here.is_some_and(|here| here.is_object() || here.is_array()) || dice.below(9) == 0) {
        let token = any_token(dice, here).replace('~', "~0").replace('/', "~1");
        here = here.and_then(|here| here.pointer(&format!("/{token}")));
        pointer = format!("{pointer}/{token}");
    }
    pointer
}

fn any_token(dice: &mut Dice, parent: Option<&Json>) -> String {
    match parent {
        Some(Json::Array(items)) => match dice.below(items.len() + 2) {
            last if last > items.len() => "-".into(),
            index => index.to_string(),
        },
        Some(Json::Object(members)) if !members.is_empty() && dice.below(3) > 0 => {
            members.keys().nth(dice.below(members.len())).cloned().unwrap_or_default()
        }
        _ => any_name(dice).to_string(),
    }
}

/// An operation of RFC 6902, which often can be done.
pub fn any_edit(dice: &mut Dice, json: &Json) -> Json {
    let (path, from) = (place(dice, json), place(dice, json));
    match dice.below(6) {
        0 => json!({ "op": "add", "path": path, "value": document(dice, 2) }),
        1 => json!({ "op": "remove", "path": path }),
        2 => json!({ "op": "replace", "path": path, "value": document(dice, 2) }),
        3 => json!({ "op": "move", "path": path, "from": from }),
        4 => json!({ "op": "copy", "path": path, "from": from }),
        _ => json!({ "op": "test", "path": path, "value": json.pointer(&path).cloned().unwrap_or(json!(1)) }),
    }
}
