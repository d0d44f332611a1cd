//! Randomness with a fixed seed, and small documents and edits made of it.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

use serde_json::{Value as Json, json};
use trellis_core::op::json::Value;

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

pub fn core(json: &Json) -> Value {
    json.to_string().parse().expect("a value within the bounds")
}

pub fn serde(value: &Value) -> Json {
    serde_json::from_slice(&value.to_jcs()).expect("JCS is JSON")
}

/// Small documents over few names, so that edits meet.
pub fn document(random: &mut Random, levels: usize) -> Json {
    match random.below(if levels == 0 { 2 } else { 5 }) {
        0 => json!(random.below(4)),
        1 => json!(*random.pick(&["x", "y"])),
        2 => (0..random.below(5)).map(|_| document(random, levels - 1)).collect(),
        _ => Json::Object(
            (0..random.below(5)).map(|_| (any_name(random).into(), document(random, levels - 1))).collect(),
        ),
    }
}

pub fn any_name(random: &mut Random) -> &'static str {
    random.pick::<&str>(&["a", "b", "c", "a/b", "~", "0"])
}

/// A pointer that mostly names something of the document.
pub fn place(random: &mut Random, document: &Json) -> String {
    let (mut pointer, mut here) = (String::new(), Some(document));
    while random.below(4) > 0 && (here.is_some_and(|here| here.is_object() || here.is_array()) || random.below(9) == 0)
    {
        let token = any_token(random, here).replace('~', "~0").replace('/', "~1");
        here = here.and_then(|here| here.pointer(&format!("/{token}")));
        pointer = format!("{pointer}/{token}");
    }
    pointer
}

pub fn any_token(random: &mut Random, parent: Option<&Json>) -> String {
    match parent {
        Some(Json::Array(items)) => match random.below(items.len() + 2) {
            last if last > items.len() => "-".into(),
            index => index.to_string(),
        },
        Some(Json::Object(members)) if !members.is_empty() && random.below(3) > 0 => {
            members.keys().nth(random.below(members.len())).cloned().unwrap_or_default()
        }
        _ => any_name(random).to_string(),
    }
}

pub fn any_edit(random: &mut Random, json: &Json) -> Json {
    let (path, from) = (place(random, json), place(random, json));
    match random.below(6) {
        0 => json!({ "op": "add", "path": path, "value": document(random, 2) }),
        1 => json!({ "op": "remove", "path": path }),
        2 => json!({ "op": "replace", "path": path, "value": document(random, 2) }),
        3 => json!({ "op": "move", "path": path, "from": from }),
        4 => json!({ "op": "copy", "path": path, "from": from }),
        _ => json!({ "op": "test", "path": path, "value": json.pointer(&path).cloned().unwrap_or(json!(1)) }),
    }
}
