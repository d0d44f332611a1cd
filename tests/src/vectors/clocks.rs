//! The clock's two rules: the next one, and which is too far ahead.

use serde_json::{Value, json};
use trellis_core::time::{Hlc, Millis};

use super::{By, case, expect};
use crate::dice::Dice;

/// What the file is.
pub const ABOUT: &str = "`next`: the clock of a write at `now` whose dependencies and own last op have `greatest` as their greatest clock (null: \
     none). `ahead`: whether a clock lies more than 300 s ahead of `now`. `now` is in milliseconds; clocks are decimal strings.";

const NOW: u64 = 1_700_000_000_000;
/// 1,700,000,000,000 × 65,536.
const NOW_HLC: &str = "111411200000000000";

/// The cases.
pub fn cases() -> Vec<Value> {
    let mut cases = [next_cases(), ahead_cases()].concat();
    let mut dice = Dice::new(3);
    for at in 0..12 {
        let now = NOW + dice.below(1000) as u64;
        let greatest = ((NOW + dice.below(1000) as u64) << 16) + dice.below(3) as u64;
        let next = Hlc::next(Millis(now), Some(Hlc(greatest))).0;
        cases.push(case(
            By::Generated,
            &format!("next-{at}"),
            "any two clocks",
            next_fields(now, Some(&greatest.to_string()), &next.to_string()),
        ));
    }
    cases
}

fn next_fields(now: u64, greatest: Option<&str>, next: &str) -> Value {
    json!({ "now": now, "greatest": greatest, "next": next })
}

fn next_cases() -> Vec<Value> {
    let next = |name, why, now, greatest, next| case(By::Hand, name, why, next_fields(now, greatest, next));
    vec![
        next("first", "the wall clock, counter 0", NOW, None, NOW_HLC),
        next("wall-ahead", "the wall clock has passed everything seen", NOW, Some("111411199999999999"), NOW_HLC),
        next("same-millisecond", "one above what was seen", NOW, Some(NOW_HLC), "111411200000000001"),
        next(
            "wall-behind",
            "a slow clock is carried along by what it sees",
            NOW - 60_000,
            Some(NOW_HLC),
            "111411200000000001",
        ),
        next(
            "counter-full",
            "the counter carries into the milliseconds",
            NOW,
            Some("111411200000065535"),
            "111411200000065536",
        ),
        next("wall-one-ahead", "a millisecond is 65,536", NOW + 1, Some(NOW_HLC), "111411200000065536"),
        next(
            "wall-equals-carried",
            "the wall clock is not above what was seen",
            NOW + 1,
            Some("111411200000065536"),
            "111411200000065537",
        ),
        next("wall-zero", "a clock is at least 2^16", 0, None, "65536"),
        next("wall-one", "the first millisecond", 1, None, "65536"),
        next("wall-zero-seen", "what was seen still counts", 0, Some("65536"), "65537"),
        next(
            "greatest-header",
            "2^63 - 1 is the greatest of a header; its successor is no longer one",
            NOW,
            Some("9223372036854775807"),
            "9223372036854775808",
        ),
        next(
            "wall-last",
            "the last millisecond that a header can carry",
            140_737_488_355_327,
            None,
            "9223372036854710272",
        ),
    ]
}

fn ahead_cases() -> Vec<Value> {
    let ahead = |name, why, now: u64, hlc: u64, ahead: bool| {
        case(By::Hand, name, why, json!({ "now": now, "hlc": hlc.to_string(), "ahead": ahead }))
    };
    let at = |millis: u64, counter: u64| (millis << 16) + counter;
    vec![
        ahead("now", "not ahead", NOW, at(NOW, 0), false),
        ahead("past", "a past clock is never held", NOW, at(NOW - 86_400_000, 0), false),
        ahead("bound", "exactly 300 s ahead is not more than 300 s", NOW, at(NOW + 300_000, 0), false),
        ahead("bound-counter", "the counter is not time: still 300 s", NOW, at(NOW + 300_000, 65_535), false),
        ahead("beyond", "300.001 s", NOW, at(NOW + 300_001, 0), true),
        ahead("before-bound", "299.999 s", NOW, at(NOW + 299_999, 65_535), false),
        ahead("far", "a day", NOW, at(NOW + 86_400_000, 0), true),
        ahead("least", "the smallest clock of a header", 0, 65_536, false),
        ahead("zero-bound", "a host whose clock stands at 0: 300 s", 0, at(300_000, 0), false),
        ahead("zero-beyond", "a host whose clock stands at 0: 300.001 s", 0, at(300_001, 0), true),
        ahead("greatest", "the greatest clock of a header", NOW, (1 << 63) - 1, true),
        ahead(
            "greatest-reached",
            "the greatest clock of a header, 300 s before its time",
            140_737_488_355_327 - 300_000,
            (1 << 63) - 1,
            false,
        ),
    ]
}

/// Checks one case.
///
/// # Errors
/// What differs.
pub fn check(case: &Value) -> Result<(), String> {
    let hlc = |field: &str| case[field].as_str().and_then(|text| text.parse().ok()).map(Hlc);
    let now = Millis(case["now"].as_u64().ok_or("now")?);
    match hlc("next") {
        Some(next) => expect("next", Hlc::next(now, hlc("greatest")), next),
        None => expect("ahead", json!(hlc("hlc").ok_or("hlc")?.is_ahead(now)), case["ahead"].clone()),
    }
}
