//! The next op of a log: what its author wants said, on top of what the log shows.

use alloc::string::String;
use alloc::vec::Vec;

use super::Log;
use crate::admit::authority;
use crate::error::CommandError;
use crate::input::Base;
use crate::limits::{BODY_BYTES_MAX, LINKS_MAX};
use crate::log::graph::Node;
use crate::op::body::{Leaf, encode_json};
use crate::op::draft::{Draft, SealedOp, Spot, genesis_body};
use crate::op::header::REPO_BRANCH;
use crate::op::id::{Author, OpId};
use crate::op::kind::{Format, Kind};
use crate::op::patch::Patch;
use crate::sort;
use crate::time::{Hlc, Millis};

/// What an author wants an op to say.
#[derive(Clone, Debug, PartialEq)]
pub struct NewOp {
    /// The branch.
    pub branch: String,
    /// The collection.
    pub collection: String,
    /// The key.
    pub key: String,
    /// What it does; a `merge` is not made here.
    pub kind: Kind,
    /// The body; none in a `delete`.
    pub body: Option<Leaf>,
    /// The writes that it replaces.
    pub base: Base,
    /// On whose behalf, if not the author's own.
    pub actor: Option<String>,
}

/// Seals the op that begins a repo. It still lacks its signature.
///
/// # Errors
/// `payload_too_large` for a name that is.
pub fn create_genesis(name: &str, nonce: &[u8; 32], author: Author, now: Millis) -> Result<SealedOp, CommandError> {
    let body = genesis_body(name, nonce)?;
    let spot = Spot { repo: None, author, prev: None, parents: &[], hlc: clock(now, None)? };
    Draft::genesis(&body).seal(spot).map_err(|_| CommandError::BadName)
}

impl Log {
    /// Seals an op on top of this log: after its heads, on the author's chain, with a clock above both. It still lacks its
    /// signature, and is not in the log before it is taken in like any other.
    ///
    /// # Errors
    /// `not_found` in a log without a genesis; `permission_denied` for who may not write there; `chain_forked` where the
    /// author's chain has two ends; `clock_ahead`; `payload_too_large`; `invalid_argument` for names that no header may
    /// carry, a body that is not its kind's, a base that wrote another entity, and collections of the engine's own;
    /// `unsupported` for a `merge` or a kind of a later version.
    pub fn create_op(&self, op: &NewOp, author: Author, now: Millis) -> Result<SealedOp, CommandError> {
        let repo = self.graph().repo().ok_or(CommandError::NoRepo)?;
        if authority::is_reserved(&op.collection) || op.branch == REPO_BRANCH {
            return Err(CommandError::Reserved);
        }
        if !self.state.authority.may_write(&author, self.graph().find_branch(&op.branch)) {
            return Err(CommandError::NotPermitted);
        }
        let body = body(op.kind, op.body.as_ref())?;
        let base = self.base_of(op)?;
        let mut heads = self.graph().heads(&op.branch);
        sort::by_key(&mut heads, |head| self.ord(*head));
        heads.truncate(LINKS_MAX);
        let end = self.chain_end(&op.branch, &author)?;
        let named = base.iter().filter_map(|id| self.graph().find(id));
        let latest = named.chain(heads.iter().copied()).map(|node| self.graph().hlc(node)).max();
        let parents: Vec<OpId> = heads.iter().map(|head| self.graph().id(*head)).collect();
        let draft = Draft {
            branch: &op.branch,
            collection: &op.collection,
            key: &op.key,
            kind: op.kind,
            body: body.as_ref().map(|(format, body)| (*format, body.as_slice())),
            base: &base,
            actor: op.actor.as_deref(),
        };
        let prev = end.map(|end| (self.graph().id(end), self.graph().seq(end)));
        let hlc = clock(now, latest.max(self.own_clock(&author)))?;
        let spot = Spot { repo: Some(repo), author, prev, parents: &parents, hlc };
        draft.seal(spot).map_err(|_| CommandError::BadName)
    }

    fn base_of(&self, op: &NewOp) -> Result<Vec<OpId>, CommandError> {
        match &op.base {
            _ if op.kind == Kind::Append => Ok(Vec::new()),
            Base::Shown => Ok(self.state.shown_base(self.graph(), &op.branch, (&op.collection, &op.key))),
            Base::Ops(ids) => match ids.iter().find(|id| !self.wrote(id, &op.collection, &op.key)) {
                Some(id) => Err(CommandError::BadBase(*id)),
                None if ids.len() > LINKS_MAX => Err(CommandError::TooLarge),
                None => Ok(ids.clone()),
            },
        }
    }

    fn wrote(&self, id: &OpId, collection: &str, key: &str) -> bool {
        let entity = self.graph().find(id).map(|node| self.graph().entity(node));
        entity.is_some_and(|entity| self.graph().entity_name(entity) == (collection, key))
    }

    fn chain_end(&self, branch: &str, author: &Author) -> Result<Option<Node>, CommandError> {
        match self.graph().chain_ends(branch, author).as_slice() {
            [] => Ok(None),
            [end] => Ok(Some(*end)),
            _ => Err(CommandError::ChainForked(*author)),
        }
    }

    /// The greatest clock that an author has written.
    fn own_clock(&self, author: &Author) -> Option<Hlc> {
        let chains = self.graph().chains().filter(|(_, of, _)| of == author);
        chains.flat_map(|(.., ends)| ends).map(|end| self.graph().hlc(end)).max()
    }
}

/// The bytes of a body, in the one form that its kind reads.
fn body(kind: Kind, body: Option<&Leaf>) -> Result<Option<(Format, Vec<u8>)>, CommandError> {
    Ok(match (kind, body) {
        (Kind::Put | Kind::Append, Some(Leaf::Json(value))) => Some((Format::Json, encode_json(value)?)),
        (Kind::Put | Kind::Append, Some(Leaf::Bytes(bytes))) => Some((Format::Bytes, within_bounds(bytes)?)),
        (Kind::Patch, Some(Leaf::Json(value))) => {
            let patch = Patch::decode(value.clone()).ok_or(CommandError::BadPatch)?;
            Some((Format::Json, encode_json(&patch.encode()?)?))
        }
        (Kind::Delete, None) => None,
        (Kind::Merge | Kind::Unknown(_), _) => return Err(CommandError::Unsupported),
        (Kind::Put | Kind::Append | Kind::Patch | Kind::Delete, _) => return Err(CommandError::BadBody),
    })
}

fn within_bounds(bytes: &[u8]) -> Result<Vec<u8>, CommandError> {
    if bytes.len() > BODY_BYTES_MAX { Err(CommandError::TooLarge) } else { Ok(bytes.to_vec()) }
}

/// The clock of a write at `now` that must exceed `latest`.
fn clock(now: Millis, latest: Option<Hlc>) -> Result<Hlc, CommandError> {
    let hlc = Hlc::next(now, latest);
    if hlc.is_ahead(now) || hlc > Hlc::MAX { Err(CommandError::ClockAhead) } else { Ok(hlc) }
}
