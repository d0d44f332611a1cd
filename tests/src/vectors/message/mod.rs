//! Messages of a link in both forms: frames written down by hand beside their JSON, and what is neither.

mod bad;
mod good;
mod texts;

use serde_json::{Value, json};
use trellis_core::link::message::{Message, MessageFault, RepoTag, StateHash};
use trellis_core::link::ops::{OnLink, encode_ops_on_link};
use trellis_core::op::hex;
use trellis_core::op::id::{OpId, RepoId};

use super::cbor_bad::reason;
use super::{By, bytes_of, case, expect, ops_frame};
use crate::json::jcs;

/// What the file is.
pub const ABOUT: &str = "Messages of a link. Good: `frame` and `json` are one message, and each form is written as it stands here, `json` as RFC \
     8785; of a message that proves a key `signed` is what its signatures are of. `text` is read as the message that `json` \
     is. An `ops` frame may name by half what its reader has, the ops `known`. Bad: `frame` or `text` is `refused`; a second implementation need only refuse. `tag` is that of `repo`, and `state` \
     that of the chain ends `ends`.";

/// The cases.
pub fn cases() -> Vec<Value> {
    [good::cases(), good::names(), texts::cases(), bad::frames(), bad::texts()].concat()
}

fn hand(name: &str, why: &str, fields: Value) -> Value {
    case(By::Hand, name, why, fields)
}

/// So many bytes, in hex.
fn digits(bytes: usize, byte: &str) -> String {
    byte.repeat(bytes)
}

/// Why a message was refused, in a word.
fn refused(fault: MessageFault) -> String {
    match fault {
        MessageFault::Empty => "empty".into(),
        MessageFault::TooLong => "too_long".into(),
        MessageFault::UnknownType(code) => format!("unknown_type:{code}"),
        MessageFault::UnknownWord => "unknown_word".into(),
        MessageFault::Cbor(error) => reason(error.into()),
        MessageFault::Json(error) => format!("json:{}", error.reason.name()),
        MessageFault::NotAnObject => "not_an_object".into(),
        MessageFault::Absent(field) => format!("absent:{field}"),
        MessageFault::UnknownKey(key) => format!("unknown_key:{key}"),
        MessageFault::UnknownMember(name) => format!("unknown_member:{name}"),
        MessageFault::WrongType(field) => format!("wrong_type:{field}"),
        MessageFault::Contradiction(one, other) => format!("contradiction:{one}:{other}"),
        MessageFault::Bounds(field) => format!("bounds:{}", field.0),
        MessageFault::Ops(fault) => ops_frame::refused(fault),
        MessageFault::Op(_) => "op".into(),
        MessageFault::Batch(_) => "batch".into(),
        MessageFault::Blob(_) => "blob".into(),
    }
}

/// Checks one case.
///
/// # Errors
/// What differs.
pub fn check(case: &Value) -> Result<(), String> {
    let told = |name: &str| case.get(name).is_some_and(|value| !value.is_null());
    if told("tag") || told("state") {
        return check_name(case);
    }
    let known = known(case)?;
    let by_half = |half: &[u8; 16]| {
        let mut found = known.iter().filter(|id| id.half() == *half);
        found.next().copied().filter(|_| found.next().is_none())
    };
    let frame = told("frame").then(|| bytes_of(case, "frame")).transpose()?;
    let read = match (&frame, case["text"].as_str()) {
        (Some(frame), _) => Message::decode_with(frame, &by_half),
        (None, Some(text)) => Message::from_json(text),
        (None, None) => return Err("neither `frame` nor `text`".into()),
    };
    if told("refused") {
        return expect("refused", json!(read.map_err(refused).err()), case["refused"].clone());
    }
    let message = read.map_err(refused)?;
    expect("json", message.to_json().map_err(|error| error.to_string())?, jcs(&case["json"]))?;
    expect("read", Message::from_json(&jcs(&case["json"])).as_ref(), Ok(&message))?;
    let again = written(&message, &known)?;
    expect("frame", hex::encode(&again), hex::encode(frame.as_deref().unwrap_or(&again)))?;
    expect("frame read", Message::decode_with(&again, &by_half).as_ref(), Ok(&message))?;
    if told("signed") { check_signed(case, &message) } else { Ok(()) }
}

/// The ops that the reader of a case has.
fn known(case: &Value) -> Result<Vec<OpId>, String> {
    let known = case["known"].as_array().into_iter().flatten();
    known.map(|id| id.as_str().and_then(OpId::parse_hex).ok_or_else(|| "no id in `known`".into())).collect()
}

/// The frame of a message for who has these ops.
fn written(message: &Message, known: &[OpId]) -> Result<Vec<u8>, String> {
    let Message::Ops(ops) = message else { return message.encode().map_err(|error| error.to_string()) };
    let on_link = OnLink { batch: ops.batch, more: ops.more, sent: ops.sent };
    let verified = ops.ops.iter().map(|op| op.rehash().map_err(|error| error.to_string()));
    let frame = encode_ops_on_link(on_link, &verified.collect::<Result<Vec<_>, _>>()?, &|id| known.contains(id));
    frame.map_err(|error| error.to_string())
}

fn check_signed(case: &Value, message: &Message) -> Result<(), String> {
    let signed = match message {
        Message::Welcome(welcome) => welcome.encode_unsigned(),
        Message::Auth(auth) => auth.encode_unsigned(),
        _ => return Err("a message without a proof".into()),
    };
    expect("signed", hex::encode(&signed), hex::encode(&bytes_of(case, "signed")?))
}

fn check_name(case: &Value) -> Result<(), String> {
    let id = |text: &Value| text.as_str().and_then(OpId::parse_hex).ok_or("no id");
    if let Some(repo) = case["repo"].as_str() {
        let repo = RepoId::parse_hex(repo).ok_or("no id in `repo`")?;
        return expect("tag", hex::encode(&RepoTag::of(&repo).0), hex::encode(&bytes_of(case, "tag")?));
    }
    let ends = case["ends"].as_array().ok_or("no ids in `ends`")?.iter().map(id).collect::<Result<Vec<_>, _>>()?;
    expect("state", hex::encode(&StateHash::of(ends).0), hex::encode(&bytes_of(case, "state")?))
}
