//! Messages in both forms: what one form accepts, it writes again, and the other form takes to the same message.

use trellis_core::link::message::{Message, MessageRefused};

use super::{Verdict, assert_same};
use crate::dice::Dice;
use crate::messages::{KINDS, of_kind};
use crate::vectors::{load, unhex};

/// Messages of each kind beside those of the vectors.
const OF_EACH_KIND: u64 = 6;

fn any() -> impl Iterator<Item = Message> {
    (0..KINDS).flat_map(|kind| (0..OF_EACH_KIND).map(move |seed| of_kind(kind, &mut Dice::new(seed))))
}

pub(super) fn frames() -> Vec<Vec<u8>> {
    let vectors = load("message.json").into_iter().filter_map(|case| unhex(case["frame"].as_str()?));
    vectors.chain(any().map(|message| message.encode().expect("a message within its bounds"))).collect()
}

pub(super) fn texts() -> Vec<Vec<u8>> {
    let vectors = load("message.json").into_iter().flat_map(|case| {
        let written = Some(&case["json"]).filter(|json| json.is_object()).map(ToString::to_string);
        written.into_iter().chain(case["text"].as_str().map(String::from)).collect::<Vec<_>>()
    });
    let any = any().map(|message| message.to_json().expect("a message within its bounds"));
    vectors.chain(any).map(String::into_bytes).collect()
}

pub(super) fn frame(bytes: &[u8]) -> Verdict {
    let Ok(message) = Message::decode(bytes) else { return Verdict::Refused };
    assert_same("frame", &message.encode().expect("a message that was read can be written"), bytes);
    match message.to_json() {
        Ok(text) => assert_eq!(Message::from_json(&text).as_ref(), Ok(&message), "{text}"),
        Err(refused) => assert_eq!(refused, MessageRefused::TooLong),
    }
    Verdict::Accepted
}

pub(super) fn text(bytes: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(bytes) else { return Verdict::Refused };
    let Ok(message) = Message::from_json(text) else { return Verdict::Refused };
    let frame = message.encode().expect("a message in JSON is longer than its frame");
    assert_eq!(Message::decode(&frame).as_ref(), Ok(&message));
    match message.to_json() {
        Ok(again) => assert_eq!(Message::from_json(&again).as_ref(), Ok(&message), "{again}"),
        Err(refused) => assert_eq!(refused, MessageRefused::TooLong),
    }
    Verdict::Accepted
}
