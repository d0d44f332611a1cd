//! A liar: an author who keeps to no rule. What it sends is no op at all, invalid, ahead of time, without what it
//! stands on, of another version, unsigned, or one of two that say that they are the same place in its chain.

use std::collections::BTreeSet;

use ed25519_dalek::SigningKey;
use trellis_core::log::row::StoredOp;
use trellis_core::op::header::{Header, HeaderError};
use trellis_core::op::id::{OpId, RepoId};
use trellis_core::time::{Hlc, Millis};
use trellis_tests::dice::Dice;
use trellis_tests::host::{author_of, test_key};
use trellis_tests::sealed::{Draft, SealedOp};

/// How far ahead of time a liar's ops are at most.
pub const AHEAD_MS_MAX: u64 = 3_600_000;

/// One liar, with everything that it ever made up.
#[derive(Debug)]
pub struct Liar {
    key: SigningKey,
    made: Vec<SealedOp>,
    /// Ops of other versions, which wait for a program that knows them.
    pub later_versions: BTreeSet<OpId>,
}

impl Liar {
    /// A liar with a key of its own.
    pub fn new() -> Liar {
        Liar { key: test_key(900), made: Vec::new(), later_versions: BTreeSet::new() }
    }

    /// Makes up ops on top of what a replica has.
    pub fn lie(&mut self, seen: &[SealedOp], now: Millis, dice: &mut Dice) -> Vec<StoredOp> {
        let honest = self.next(seen, now, dice);
        let mut drafts = vec![honest.clone()];
        match dice.below(9) {
            0 => drafts.push(Draft { key: "other".into(), ..honest }),
            1 => drafts[0].hlc = Hlc((now.0 + 300_001 + dice.below(AHEAD_MS_MAX as usize - 300_001) as u64) << 16),
            2 => drafts[0].hlc = Hlc(1 << 16),
            3 => drafts[0].parents.push(OpId([dice.below(256) as u8; 32])),
            4 => drafts[0].repo = Some(RepoId([dice.below(256) as u8; 32])),
            5 => drafts[0].seq += 1,
            6 => drafts[0].base = drafts[0].parents.clone(),
            _ => {}
        }
        let sealed: Vec<SealedOp> = drafts.iter().map(Draft::seal).collect();
        self.made.extend(sealed.clone());
        let lies: Vec<StoredOp> = sealed.into_iter().map(|op| spoiled(op.signed(&self.key).stored(), dice)).collect();
        let is_later = |op: &&StoredOp| matches!(Header::decode(&op.header), Err(HeaderError::Version(_)));
        self.later_versions.extend(lies.iter().filter(is_later).map(|op| OpId::of_header(&op.header)));
        lies
    }

    /// What an honest author would write next, after any op of its own and any op that it sees.
    fn next(&self, seen: &[SealedOp], now: Millis, dice: &mut Dice) -> Draft {
        let branch = "main";
        let genesis = &seen[0];
        let on_branch: Vec<&SealedOp> = seen.iter().filter(|op| op.header().branch == branch).collect();
        let parent = if on_branch.is_empty() { genesis } else { *dice.pick(&on_branch) };
        let prev = if self.made.is_empty() || dice.chance(20) { None } else { Some(dice.pick(&self.made)) };
        let after = prev.into_iter().chain([parent]).map(|op| op.header().hlc.0 + 1).max().unwrap_or(0);
        Draft {
            seq: prev.map_or(1, |prev| prev.header().seq + 1),
            prev: prev.map(|prev| prev.id),
            hlc: Hlc(after.max(now.0 << 16).min(Hlc::MAX.0)),
            key: dice.below(4).to_string(),
            body: Some((trellis_core::op::kind::Format::Json, dice.below(9).to_string().into_bytes())),
            ..Draft::first(RepoId::from(genesis.id), author_of(&self.key), branch, parent)
        }
    }
}

impl Default for Liar {
    fn default() -> Liar {
        Liar::new()
    }
}

/// The bytes of an op, some of them changed now and then.
fn spoiled(mut op: StoredOp, dice: &mut Dice) -> StoredOp {
    match dice.below(12) {
        0 => op.signature = None,
        1 => op.signature = Some([dice.below(256) as u8; 64]),
        2 => op.body = Some(b"null".to_vec()),
        3 => op.header.truncate(dice.below(op.header.len())),
        4 => op.header[2] = 2,
        5 => {
            let at = dice.below(op.header.len());
            op.header[at] ^= 1 << dice.below(8);
        }
        _ => {}
    }
    op
}
