//! The total order: 40 bytes per op, compared as bytes.

use serde_json::{Value, json};
use trellis_core::op::hex;
use trellis_core::op::id::OpId;
use trellis_core::op::sign::Ord40;
use trellis_core::time::Hlc;

use super::{By, case, expect};
use crate::dice::Dice;
use crate::history::{Dials, History};

/// What the file is.
pub const ABOUT: &str = "`ops` in any order, each [hlc, id]; `sorted`: their 40-byte keys in the total order.";

/// The cases.
pub fn cases() -> Vec<Value> {
    let mut cases: Vec<Value> = by_hand().into_iter().map(hand_case).collect();
    for seed in 1..=4 {
        let mut ops = History::generate(seed, &Dials { ops: 12, ..Dials::default() }).ops;
        let mut keys: Vec<_> = ops.iter().map(|op| hex::encode(&op.ord().to_bytes())).collect();
        keys.sort();
        Dice::new(seed).shuffle(&mut ops);
        let ops: Vec<_> = ops.iter().map(|op| json!([op.header().hlc.0.to_string(), op.id.to_string()])).collect();
        let fields = json!({ "ops": ops, "sorted": keys });
        cases.push(case(By::Generated, &format!("history-{seed}"), "the ops of a history, shuffled", fields));
    }
    cases
}

type HandCase = (&'static str, &'static str, &'static [(u64, &'static str)], &'static [&'static str]);

/// Ids are written as a byte that repeats, or as two: the first 31 times, then the last.
fn hand_case((name, why, ops, sorted): HandCase) -> Value {
    let ops: Vec<_> = ops.iter().map(|(hlc, id)| json!([hlc.to_string(), spread(id)])).collect();
    let sorted: Vec<_> = sorted.iter().map(|key| format!("{}{}", &key[..16], spread(&key[17..]))).collect();
    case(By::Hand, name, why, json!({ "ops": ops, "sorted": sorted }))
}

fn spread(id: &str) -> String {
    let last = if id.len() == 4 { &id[2..] } else { id };
    format!("{}{last}", id[..2].repeat(31))
}

fn by_hand() -> Vec<HandCase> {
    vec![
        (
            "clock-first",
            "the clock decides, whatever the ids",
            &[(65_537, "00"), (65_536, "ff")],
            &["0000000000010000 ff", "0000000000010001 00"],
        ),
        (
            "id-second",
            "among equal clocks the id decides, as bytes",
            &[(65_536, "80"), (65_536, "7f"), (65_536, "ff")],
            &["0000000000010000 7f", "0000000000010000 80", "0000000000010000 ff"],
        ),
        (
            "id-last-byte",
            "to its last byte",
            &[(65_536, "aa02"), (65_536, "aa01")],
            &["0000000000010000 aa01", "0000000000010000 aa02"],
        ),
        (
            "clock-bytes",
            "big-endian: 256 comes after 255, and 2^32 after 2^32 - 1",
            &[(1 << 32, "01"), (0x1_00ff, "02"), ((1 << 32) - 1, "03"), (0x1_0100, "04")],
            &["00000000000100ff 02", "0000000000010100 04", "00000000ffffffff 03", "0000000100000000 01"],
        ),
        (
            "clock-beyond-doubles",
            "clocks above 2^53 differ in their last bit",
            &[(111_411_200_000_000_001, "01"), (111_411_200_000_000_000, "02")],
            &["018bcfe568000000 02", "018bcfe568000001 01"],
        ),
        (
            "clock-greatest",
            "2^63 - 1 comes last",
            &[((1 << 63) - 1, "00"), (65_536, "ff")],
            &["0000000000010000 ff", "7fffffffffffffff 00"],
        ),
        ("one", "one op", &[(65_536, "01")], &["0000000000010000 01"]),
        ("none", "no ops", &[], &[]),
    ]
}

/// Checks one case.
///
/// # Errors
/// What differs.
pub fn check(case: &Value) -> Result<(), String> {
    let op =
        |op: &Value| Some(Ord40 { hlc: Hlc(op[0].as_str()?.parse().ok()?), id: OpId::parse_hex(op[1].as_str()?)? });
    let mut keys = case["ops"].as_array().ok_or("ops")?.iter().map(op).collect::<Option<Vec<_>>>().ok_or("ops")?;
    keys.sort();
    let bytes: Vec<_> = keys.iter().map(|key| key.to_bytes()).collect();
    expect("bytes ascend", bytes.is_sorted(), true)?;
    expect("sorted", bytes.iter().map(|key| hex::encode(key)).collect::<Value>(), case["sorted"].clone())
}
