//! Random JSON values against other people's reader and writer.
//!
//! `serde_json` and `serde_json_canonicalizer` share no code with the
//! core.

use std::fmt::Write;

use serde_json::{Value as Json, json};
use trellis_core::op::json::{JsonReason, Object, parse, parse_canonical};
use trellis_tests::dice::Dice;
use trellis_tests::documents::core;
use trellis_tests::seed;

/// Characters on both sides of every border: escapes, UTF-8 lengths, surrogates.
const CHARS: [char; 20] = [
    '\0',
    '\u{8}',
    '\n',
    '\u{1f}',
    ' ',
    '"',
    '/',
    '0',
    '\\',
    'a',
    '~',
    '\u{7f}',
    '\u{80}',
    'é',
    '\u{7ff}',
    '\u{d7ff}',
    '\u{e000}',
    '\u{ffff}',
    '\u{10000}',
    '\u{10ffff}',
];

fn any_text(dice: &mut Dice) -> String {
    (0..dice.below(6)).map(|_| *dice.pick(&CHARS)).collect()
}

fn any_number(dice: &mut Dice) -> f64 {
    loop {
        let number = match dice.below(4) {
            0 => dice.below(1000) as f64,
            1 => dice.below(1 << 53) as f64 - (1u64 << 52) as f64,
            2 => dice.below(1 << 53) as f64 / 10f64.powi(dice.below(30) as i32),
            _ => f64::from_bits(dice.number()),
        };
        if number.abs() < (1u64 << 53) as f64 {
            return number;
        }
    }
}

fn any_json(dice: &mut Dice, levels: usize) -> Json {
    match dice.below(if levels == 0 { 4 } else { 6 }) {
        0 => Json::Null,
        1 => Json::Bool(dice.below(2) == 0),
        2 => json!(any_number(dice)),
        3 => Json::String(any_text(dice)),
        4 => (0..dice.below(5)).map(|_| any_json(dice, levels - 1)).collect(),
        _ => Json::Object((0..dice.below(6)).map(|_| (any_text(dice), any_json(dice, levels - 1))).collect()),
    }
}

/// JSON text in a random notation: spaces, escapes and number forms that mean the same.
fn any_notation(dice: &mut Dice, json: &Json, text: &mut String) {
    let space = *dice.pick(&["", "", " ", "\n\t", "\r "]);
    text.push_str(space);
    match json {
        Json::String(string) => any_string(dice, string, text),
        Json::Number(number) => any_number_form(dice, number.as_f64().expect("a double"), text),
        Json::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                any_notation(dice, item, text);
            }
            text.push(']');
        }
        Json::Object(members) => {
            text.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                any_string(dice, name, text);
                text.push(':');
                any_notation(dice, value, text);
            }
            text.push('}');
        }
        literal => text.push_str(&literal.to_string()),
    }
    text.push_str(space);
}

fn any_string(dice: &mut Dice, string: &str, text: &mut String) {
    text.push('"');
    for char in string.chars() {
        if char < ' ' || char == '"' || char == '\\' || dice.below(3) == 0 {
            char.encode_utf16(&mut [0; 2]).iter().for_each(|unit| write!(text, "\\u{unit:04X}").expect("memory"));
        } else {
            text.push(char);
        }
    }
    text.push('"');
}

fn any_number_form(dice: &mut Dice, number: f64, text: &mut String) {
    match dice.below(4) {
        0 => write!(text, "{number:e}"),
        1 => write!(text, "{number:E}"),
        2 => write!(text, "{number:.1100}"),
        _ => write!(text, "{number}"),
    }
    .expect("memory");
}

#[test]
fn values_are_written_as_another_canonicalizer_writes_them() {
    let mut dice = Dice::new(seed!(8785));
    for _ in 0..3000 {
        let json = any_json(&mut dice, 4);
        let canonical = serde_json_canonicalizer::to_vec(&json).expect("a value within the bounds");
        let mut text = String::new();
        any_notation(&mut dice, &json, &mut text);
        let value = parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(String::from_utf8(value.to_jcs()), String::from_utf8(canonical.clone()), "{text}");
        assert_eq!(parse_canonical(&canonical).as_ref(), Some(&value), "{text}");
        assert_eq!(parse_canonical(text.as_bytes()).is_some(), text.as_bytes() == canonical, "{text}");
    }
}

#[test]
fn numbers_are_read_to_the_last_bit_or_refused() {
    let mut dice = Dice::new(seed!(754));
    for _ in 0..20_000 {
        let number = f64::from_bits(dice.number());
        if number.is_nan() {
            continue;
        }
        let text = if number.is_infinite() { "1e309".into() } else { format!("{number:e}") };
        match parse(text.as_bytes()) {
            Ok(value) => assert_eq!(value.as_number().map(|found| found.get()), Some(number), "{text}"),
            Err(error) if number.is_infinite() => assert_eq!(error.reason, JsonReason::Overflow),
            Err(error) => {
                assert_eq!(error.reason, JsonReason::UnsafeInteger);
                assert!(number.abs() > 9_007_199_254_740_991.0, "{text}");
            }
        }
    }
}

/// Changes some bytes. The reader may accept only what `serde_json` accepts with the same value, and must not panic.
#[test]
fn damaged_text_is_read_as_another_reader_reads_it_or_refused() {
    let mut dice = Dice::new(seed!(8259));
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut text = any_json(&mut dice, 3).to_string().into_bytes();
        for _ in 0..=dice.below(2) {
            let at = dice.below(text.len());
            text[at] = *dice.pick(b"\"\\u{}[],:0189-+.eE \n\x00\x7f\x80\xff");
        }
        let theirs = serde_json::from_slice::<Json>(&text).ok();
        match parse(&text) {
            Ok(value) => {
                accepted += 1;
                assert_eq!(theirs.map(|json| core(&json)), Some(value), "{}", text.escape_ascii());
            }
            Err(error) => {
                let ours = [JsonReason::DuplicateName, JsonReason::UnsafeInteger, JsonReason::Overflow];
                let is_refused = theirs.is_none() || ours.contains(&error.reason);
                assert!(is_refused, "{error}: {}", text.escape_ascii());
            }
        }
    }
    assert!(accepted > 1000, "{accepted} texts were still JSON");
}

#[test]
fn many_members_cost_one_sort() {
    let members: Vec<String> = (0..200_000).map(|number| format!("\"{:x}\":0", number * 7919 % 200_003)).collect();
    let text = format!("{{{}}}", members.join(","));
    let value = parse(text.as_bytes()).expect("distinct names");
    assert_eq!(value.as_object().map(Object::len), Some(200_000));
    assert_eq!(parse_canonical(&value.to_jcs()), Some(value));
}
