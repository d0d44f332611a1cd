//! Messages as no peer would send them, but within all bounds: every field, every form of a value.

use std::sync::LazyLock;

use trellis_core::limits::{BLOB_BYTES_MAX, SAFE_INTEGER_MAX};
use trellis_core::link::message::{
    Ack, Auth, Blob, BlobWant, Ephemeral, Have, Hello, Level, Message, Missing, Nack, Ops, Range, Reason, RepoTag,
    StateHalf, StateHash, Tip, TipId, Trouble, TroubleCode, Want, Welcome, Without,
};
use trellis_core::log::row::StoredOp;
use trellis_core::op::id::{Author, ContentHash, OpId};
use trellis_core::op::invitation::InvitationProof;
use trellis_core::op::sign::Signature;
use trellis_core::time::Millis;

use crate::dice::Dice;
use crate::history::{Dials, History, Signing, covered};

/// How many kinds of messages there are.
pub const KINDS: usize = 15;

/// Ops of small histories, each in the order in which they came, signed at the ends of transactions.
static HISTORIES: LazyLock<Vec<Vec<StoredOp>>> = LazyLock::new(|| {
    let dials = Dials { ops: 40, bodyless: 20, void: 10, signing: Signing::TransactionEnds, ..Dials::default() };
    let history = |seed| covered(&History::generate(seed, &dials).ops).iter().map(|op| op.stored()).collect();
    (1..=4).map(history).collect()
});

/// Any message.
pub fn any(dice: &mut Dice) -> Message {
    let kind = dice.below(KINDS);
    of_kind(kind, dice)
}

/// Any message of this kind, from 0 to [`KINDS`] - 1.
pub fn of_kind(kind: usize, dice: &mut Dice) -> Message {
    match kind {
        0 => Message::Hello(hello(dice)),
        1 => Message::Welcome(welcome(dice)),
        2 => Message::Auth(auth(dice)),
        3 => Message::Have(have(dice)),
        4 => Message::Want(want(dice)),
        5 => Message::Ops(ops(dice)),
        6 => Message::Blob(blob(dice)),
        7 => Message::Ack(ack(dice)),
        8 => Message::Nack(nack(dice)),
        9 => Message::Missing(Missing { ids: ids(dice), blobs: hashes(dice) }),
        10 => Message::Ephemeral(ephemeral(dice)),
        11 => Message::Error(trouble(dice)),
        12 => Message::Ping(number(dice)),
        13 => Message::Pong(number(dice)),
        _ => Message::Bye,
    }
}

fn hello(dice: &mut Dice) -> Hello {
    let count = 1 + dice.below(8);
    let versions = ascending((0..count).map(|_| number(dice)).collect());
    let tag = optional(dice, |dice| RepoTag(bytes(dice)));
    Hello { versions, nonce: bytes(dice), audience: text(dice, 0), capabilities: capabilities(dice), tag }
}

fn welcome(dice: &mut Dice) -> Welcome {
    Welcome {
        version: number(dice),
        nonce: bytes(dice),
        key: Author(bytes(dice)),
        capabilities: capabilities(dice),
        frame_bytes_max: if dice.chance(50) { 1024 * 1024 } else { number(dice) },
        time: Millis(number(dice)),
        signature: signature(dice),
    }
}

fn auth(dice: &mut Dice) -> Auth {
    let proof = |dice: &mut Dice| InvitationProof { key: Author(bytes(dice)), signature: signature(dice) };
    let invitation = optional(dice, proof);
    Auth { key: Author(bytes(dice)), signature: signature(dice), invitation }
}

fn have(dice: &mut Dice) -> Have {
    Have {
        interest: some(dice, |dice| text(dice, 1)),
        state: state(dice),
        heads: heads(dice),
        op_count: number(dice),
        tips: tips(dice),
        since: optional(dice, |dice| StateHalf(bytes(dice))),
        knows: optional(dice, |dice| StateHalf(bytes(dice))),
        without: without(dice),
        round: number(dice),
        more: dice.chance(50),
        sent: number(dice),
    }
}

fn heads(dice: &mut Dice) -> Vec<(String, Vec<OpId>)> {
    let branches = ascending(some(dice, |dice| text(dice, 1)));
    let of_branch = |branch| (branch, (0..*dice.pick(&[1, 1, 2, 30])).map(|_| OpId(bytes(dice))).collect());
    branches.into_iter().map(of_branch).collect()
}

fn want(dice: &mut Dice) -> Want {
    let range = |dice: &mut Dice| {
        let ends = [seq(dice), seq(dice)];
        let [from, to] = [ends[0].min(ends[1]), ends[0].max(ends[1])];
        Range { branch: text(dice, 1), author: author(dice), from, to }
    };
    let wanted = |dice: &mut Dice| {
        let from = *dice.pick(&[0, 0, 1, 262_144, BLOB_BYTES_MAX]);
        BlobWant { blob: ContentHash(bytes(dice)), from }
    };
    let ranges = some(dice, range);
    let (ids, bodies) = (ids(dice), self::ids(dice));
    Want { ranges, ids, bodies, blobs: some(dice, wanted), after: optional(dice, |dice| OpId(bytes(dice))) }
}

/// Whole transactions of a history, from anywhere in it.
fn ops(dice: &mut Dice) -> Ops {
    let history = dice.pick(&HISTORIES);
    let ends: Vec<usize> = (0..history.len()).filter(|at| history[*at].signature.is_some()).collect();
    let first = dice.below(ends.len());
    let last = (first + dice.below(8)).min(ends.len() - 1);
    let begin = if first == 0 { 0 } else { ends[first - 1] + 1 };
    let ops = history[begin..=ends[last]].to_vec();
    let repo = history[0].rehash().expect("an op of a history").id().into();
    Ops { batch: number(dice), more: dice.chance(50), sent: number(dice), repo, ops }
}

fn blob(dice: &mut Dice) -> Blob {
    let len = *dice.pick(&[0, 1, 300, 262_144, BLOB_BYTES_MAX]);
    let piece = len.min(*dice.pick(&[1, 2, 3, 300]));
    let offset = if dice.chance(50) { 0 } else { len - piece };
    let bytes = (0..piece).map(|_| dice.number() as u8).collect();
    Blob { blob: ContentHash(self::bytes(dice)), len, offset, bytes, sent: number(dice) }
}

fn ack(dice: &mut Dice) -> Ack {
    Ack {
        ends: tips(dice),
        without: without(dice),
        level: *dice.pick(&[Level::Memory, Level::Os, Level::Disk]),
        credit: number(dice),
        knows: optional(dice, |dice| StateHalf(bytes(dice))),
        state: state(dice),
        integrated: ids(dice),
    }
}

fn nack(dice: &mut Dice) -> Nack {
    let reasons = [Reason::Invalid, Reason::NotPermitted, Reason::NotFastForward];
    let ops = some(dice, |dice| (OpId(bytes(dice)), *dice.pick(&reasons)));
    Nack { ops, head: optional(dice, |dice| OpId(bytes(dice))) }
}

fn ephemeral(dice: &mut Dice) -> Ephemeral {
    let count = *dice.pick(&[0, 1, 2, 3, 4096]);
    let bytes = (0..count).map(|_| dice.number() as u8).collect();
    Ephemeral { topic: text(dice, 0), bytes, signature: signature(dice) }
}

fn trouble(dice: &mut Dice) -> Trouble {
    let codes = [
        TroubleCode::Malformed,
        TroubleCode::Version,
        TroubleCode::AuthFailed,
        TroubleCode::RepoMismatch,
        TroubleCode::NoProgress,
        TroubleCode::RateLimited,
        TroubleCode::QuotaExceeded,
        TroubleCode::StorageFull,
        TroubleCode::Timeout,
    ];
    Trouble { code: *dice.pick(&codes), retry_after: optional(dice, |dice| Millis(number(dice))) }
}

fn tips(dice: &mut Dice) -> Vec<Tip> {
    some(dice, |dice| {
        let id = if dice.chance(70) { TipId::Short(bytes(dice)) } else { TipId::Full(OpId(bytes(dice))) };
        Tip { branch: text(dice, 1), author: author(dice), seq: seq(dice), id }
    })
}

fn without(dice: &mut Dice) -> Without {
    Without { ops: ids(dice), blobs: hashes(dice) }
}

fn ids(dice: &mut Dice) -> Vec<OpId> {
    some(dice, |dice| OpId(bytes(dice)))
}

fn hashes(dice: &mut Dice) -> Vec<ContentHash> {
    some(dice, |dice| ContentHash(bytes(dice)))
}

fn state(dice: &mut Dice) -> Option<StateHash> {
    optional(dice, |dice| StateHash(bytes(dice)))
}

/// One of few, so that authors come more than once.
fn author(dice: &mut Dice) -> Author {
    Author([*dice.pick(&[1, 2, 3, 4]); 32])
}

fn seq(dice: &mut Dice) -> u32 {
    *dice.pick(&[1, 2, 23, 24, 256, 65_536, u32::MAX])
}

fn number(dice: &mut Dice) -> u64 {
    *dice.pick(&[0, 0, 1, 2, 23, 24, 255, 256, 65_535, 65_536, 1 << 32, SAFE_INTEGER_MAX])
}

/// A text of at least so many bytes, short, long or outside of ASCII. By UTF-16 units the last two stand in another order
/// than by bytes.
fn text(dice: &mut Dice, len_min: usize) -> String {
    let long = "long/".repeat(51);
    let texts = ["", "main", "a", "side/1", "\"\\/", "**", &long, "\u{ffff}", "\u{1f600}"];
    (*dice.pick(&texts[len_min..])).into()
}

fn capabilities(dice: &mut Dice) -> Vec<String> {
    let longest = "x".repeat(32);
    ascending(some(dice, |dice| (*dice.pick(&["zstd", "blobs", "a", longest.as_str(), "ü"])).into()))
}

fn ascending<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort();
    values.dedup();
    values
}

/// Few or many of something, or nothing.
fn some<T>(dice: &mut Dice, mut one: impl FnMut(&mut Dice) -> T) -> Vec<T> {
    (0..*dice.pick(&[0, 0, 1, 2, 5, 30])).map(|_| one(dice)).collect()
}

fn optional<T>(dice: &mut Dice, one: impl FnOnce(&mut Dice) -> T) -> Option<T> {
    dice.chance(50).then(|| one(dice))
}

fn signature(dice: &mut Dice) -> Signature {
    bytes(dice)
}

fn bytes<const N: usize>(dice: &mut Dice) -> [u8; N] {
    std::array::from_fn(|_| dice.number() as u8)
}
