//! Ops that went wrong: ops of a history with one field changed, most of them invalid, and ops that build on them.

use trellis_core::op::id::{OpId, RepoId};
use trellis_core::op::kind::{Format, Kind};
use trellis_core::time::Hlc;

use crate::dice::Dice;
use crate::history::History;
use crate::sealed::{Draft, SealedOp};

/// `count` spoiled ops of a history; later ones may build on earlier ones.
pub fn spoil(history: &History, dice: &mut Dice, count: usize) -> Vec<SealedOp> {
    let mut all = history.ops.clone();
    while all.len() < history.ops.len() + count {
        let mut draft = Draft::of(&all[dice.below(all.len())]);
        for _ in 0..1 + dice.below(2) {
            change(&mut draft, &all, dice);
        }
        let op = draft.seal();
        if draft.hlc.0 < 1 << 62 && !all.iter().any(|other| other.id == op.id) {
            all.push(op);
        }
    }
    all.split_off(history.ops.len())
}

fn change(draft: &mut Draft, all: &[SealedOp], dice: &mut Dice) {
    let any = all[dice.below(all.len())].clone();
    let header = any.header();
    match dice.below(14) {
        0 => draft.hlc = Hlc(draft.hlc.0.saturating_sub(1 + dice.below(100_000) as u64).max(1 << 16)),
        1 => draft.hlc = Hlc(draft.hlc.0 + 1 + dice.below(100_000) as u64),
        2 => draft.seq = draft.seq.saturating_add(1),
        3 => draft.seq = draft.seq.saturating_sub(1).max(1),
        4 => draft.prev = Some(any.id),
        5 => draft.parents = vec![any.id],
        6 => draft.parents.push(any.id),
        7 => draft.base = vec![any.id],
        8 => (draft.collection, draft.key) = (header.collection.into(), header.key.into()),
        9 => {
            draft.kind =
                *dice.pick(&[Kind::Put, Kind::Patch, Kind::Delete, Kind::Append, Kind::Merge, Kind::Unknown(9)])
        }
        10 => draft.body = Some((*dice.pick(&[Format::Bytes, Format::Json, Format::Unknown(8)]), b"{}".to_vec())),
        11 => draft.branch = header.branch.into(),
        12 if dice.chance(30) => draft.repo = Some(RepoId([dice.below(256) as u8; 32])),
        13 => draft.parents.push(OpId([dice.below(256) as u8; 32])),
        _ => draft.parents.truncate(1),
    }
    draft.parents.truncate(32);
}
