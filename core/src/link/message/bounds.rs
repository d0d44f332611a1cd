//! What a message may hold: the same for both forms, and for those who write as for those who read.

use alloc::string::String;

use super::{
    Ack, Blob, Ephemeral, Have, Hello, Message, Missing, Nack, Ops, OutOfBounds, Range, Tip, Trouble, Want, Welcome,
    Without,
};
use crate::limits::{
    AUDIENCE_BYTES_MAX, BLOB_BYTES_MAX, BLOB_CHUNK_BYTES, CAPABILITIES_MAX, CAPABILITY_BYTES_MAX, EPHEMERAL_BYTES_MAX,
    FRAME_IDS_MAX, FRAME_TIPS_MAX, INTEREST_MAX, NAME_BYTES_MAX, SAFE_INTEGER_MAX, VERSIONS_MAX,
};
use crate::link::ops::OnLink;
use crate::op::header::is_plain;

type Verdict = Result<(), OutOfBounds>;

/// Says which field is beyond what a message may hold.
pub(super) fn check(message: &Message) -> Verdict {
    match message {
        Message::Hello(hello) => of_hello(hello),
        Message::Welcome(welcome) => of_welcome(welcome),
        Message::Have(have) => of_have(have),
        Message::Want(want) => of_want(want),
        Message::Ops(ops) => of_ops(ops),
        Message::Blob(blob) => of_blob(blob),
        Message::Ack(ack) => of_ack(ack),
        Message::Nack(Nack { ops, .. }) => require("ops", ops.len() <= FRAME_IDS_MAX),
        Message::Missing(Missing { ids, blobs }) => total([("ids", ids.len()), ("blobs", blobs.len())]),
        Message::Ephemeral(ephemeral) => of_ephemeral(ephemeral),
        Message::Error(Trouble { retry_after, .. }) => number("retryAfter", retry_after.map_or(0, |after| after.0)),
        Message::Ping(value) | Message::Pong(value) => number("number", *value),
        Message::Auth(_) | Message::Bye => Ok(()),
    }
}

fn of_hello(hello: &Hello) -> Verdict {
    let versions = &hello.versions;
    require("versions", (1..=VERSIONS_MAX).contains(&versions.len()) && ascends(versions))?;
    number("versions", versions.last().copied().unwrap_or(0))?;
    text("audience", &hello.audience, 0, AUDIENCE_BYTES_MAX)?;
    capabilities(&hello.capabilities)
}

fn of_welcome(welcome: &Welcome) -> Verdict {
    number("version", welcome.version)?;
    capabilities(&welcome.capabilities)?;
    number("frameBytesMax", welcome.frame_bytes_max)?;
    number("time", welcome.time.0)
}

fn capabilities(capabilities: &[String]) -> Verdict {
    require("capabilities", capabilities.len() <= CAPABILITIES_MAX && ascends(capabilities))?;
    capabilities.iter().try_for_each(|capability| text("capabilities", capability, 1, CAPABILITY_BYTES_MAX))
}

fn of_have(have: &Have) -> Verdict {
    require("interest", have.interest.len() <= INTEREST_MAX)?;
    have.interest.iter().try_for_each(|pattern| text("interest", pattern, 1, NAME_BYTES_MAX))?;
    let heads = &have.heads;
    let ascend = heads.windows(2).all(|pair| pair[0].0 < pair[1].0);
    require("heads", ascend && heads.iter().all(|(_, ids)| !ids.is_empty()))?;
    heads.iter().try_for_each(|(branch, _)| text("heads", branch, 1, NAME_BYTES_MAX))?;
    let ids: usize = heads.iter().map(|(_, ids)| ids.len()).sum();
    total([("heads", ids), ("without", count(&have.without))])?;
    number("opCount", have.op_count)?;
    tips("tips", &have.tips)?;
    number("round", have.round)?;
    number("sent", have.sent)
}

fn of_want(want: &Want) -> Verdict {
    let [ranges, ids] = [("ranges", want.ranges.len()), ("ids", want.ids.len())];
    total([ranges, ids, ("bodies", want.bodies.len()), ("blobs", want.blobs.len())])?;
    want.ranges.iter().try_for_each(range)?;
    require("blobs", want.blobs.iter().all(|blob| blob.from <= BLOB_BYTES_MAX))
}

fn range(range: &Range) -> Verdict {
    text("ranges", &range.branch, 1, NAME_BYTES_MAX)?;
    require("ranges", (1..=range.to).contains(&range.from))
}

/// What else holds of ops holds of every batch.
fn of_ops(ops: &Ops) -> Verdict {
    check_on_link(&ops.on_link())
}

/// Checks what an `ops` frame says beside its ops.
///
/// # Errors
/// The number that is too great.
pub fn check_on_link(on_link: &OnLink) -> Verdict {
    number("batch", on_link.batch)?;
    number("sent", on_link.sent)
}

/// Every piece says something; that of an empty blob says that there is nothing.
fn of_blob(blob: &Blob) -> Verdict {
    let end = blob.offset.checked_add(blob.bytes.len() as u64);
    require("len", blob.len <= BLOB_BYTES_MAX)?;
    require("bytes", blob.bytes.len() <= BLOB_CHUNK_BYTES && blob.bytes.is_empty() == (blob.len == 0))?;
    require("offset", end.is_some_and(|end| end <= blob.len))?;
    number("sent", blob.sent)
}

fn of_ack(ack: &Ack) -> Verdict {
    tips("ends", &ack.ends)?;
    total([("without", count(&ack.without)), ("integrated", ack.integrated.len())])?;
    number("credit", ack.credit)
}

fn of_ephemeral(ephemeral: &Ephemeral) -> Verdict {
    text("topic", &ephemeral.topic, 0, NAME_BYTES_MAX)?;
    require("bytes", ephemeral.bytes.len() <= EPHEMERAL_BYTES_MAX)
}

fn tips(name: &'static str, tips: &[Tip]) -> Verdict {
    require(name, tips.len() <= FRAME_TIPS_MAX && tips.iter().all(|tip| tip.seq > 0))?;
    tips.iter().try_for_each(|tip| text(name, &tip.branch, 1, NAME_BYTES_MAX))
}

fn count(without: &Without) -> usize {
    without.ops.len() + without.blobs.len()
}

/// The lists of a message that an answer may have to look up, together: the one that is too much is to blame.
fn total<const N: usize>(lists: [(&'static str, usize); N]) -> Verdict {
    let mut sum = 0;
    lists.into_iter().try_for_each(|(name, count)| {
        sum += count;
        require(name, sum <= FRAME_IDS_MAX)
    })
}

fn number(name: &'static str, value: u64) -> Verdict {
    require(name, value <= SAFE_INTEGER_MAX)
}

fn text(name: &'static str, text: &str, len_min: usize, len_max: usize) -> Verdict {
    require(name, (len_min..=len_max).contains(&text.len()) && is_plain(text))
}

fn ascends<T: Ord>(values: &[T]) -> bool {
    values.windows(2).all(|pair| pair[0] < pair[1])
}

fn require(name: &'static str, holds: bool) -> Verdict {
    if holds { Ok(()) } else { Err(OutOfBounds(name)) }
}
