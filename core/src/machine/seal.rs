//! Sealing: the edits of a transaction become ops, one on top of the other.

use alloc::string::String;
use alloc::vec::Vec;

use super::Machine;
use super::plan::Join;
use super::write::{Ground, Writing};
use crate::admit::authority;
use crate::error::CommandError;
use crate::input::{Base, Change, Edit, Note, Transaction};
use crate::limits::{LINKS_MAX, SEGMENT_BYTES_MAX, SEGMENT_OPS_MAX};
use crate::log::graph::Node;
use crate::merge::entity::Shown;
use crate::merge::patching::value_diff;
use crate::op::body::{BodyError, encode_json, salt, salted};
use crate::op::draft::{Draft, SealedOp, Spot};
use crate::op::header::REPO_BRANCH;
use crate::op::id::{Author, OpId};
use crate::op::json::{Number, Object, Value};
use crate::op::kind::{Format, Kind};
use crate::op::patch::PatchError;
use crate::ordered::Map;
use crate::sort;
use crate::time::{Hlc, Millis};

/// Ops of a transaction while they are sealed, one on top of the other.
pub(super) struct Sealing<'a> {
    pub(super) branch: &'a str,
    /// On whose behalf the next op is written.
    pub(super) actor: Option<String>,
    pub(super) now: Millis,
    pub(super) author: Author,
    prev: Option<(OpId, u32)>,
    pub(super) parents: Vec<OpId>,
    /// The greatest clock of whatever the next op depends on, and of our own ops.
    pub(super) clock: Option<Hlc>,
    /// Entities that this transaction wrote, each with its last write.
    pub(super) written: Map<(String, String), OpId>,
    pub(super) random: &'a [u8; 32],
    /// A note that an edit wants written, where the transaction has none of its own.
    pub(super) note: Option<Note>,
    ops: Vec<SealedOp>,
}

/// The collection of notes about records.
pub(super) const RECORDS: &str = "_records";

/// What an op is to say: its kind, and its body with the format.
pub(super) type Said = (Kind, Option<(Format, Vec<u8>)>);

/// One op of a transaction, decided.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    pub(super) collection: String,
    pub(super) key: String,
    pub(super) kind: Kind,
    pub(super) body: Option<(Format, Vec<u8>)>,
    pub(super) base: Vec<OpId>,
}

impl Machine {
    pub(super) fn seal(&self, writing: &Writing, ground: &Ground, now: Millis) -> Result<Vec<SealedOp>, CommandError> {
        let mut sealing = self.sealing(&writing.transaction, now)?;
        if let Some(draw) = &writing.own {
            self.push(draw.clone(), &mut sealing)?;
        }
        for edit in &writing.transaction.edits {
            self.seal_edit(edit, ground, &mut sealing)?;
        }
        let wanted = sealing.note.take();
        match writing.transaction.note.as_ref().or(wanted.as_ref()) {
            Some(note) => self.seal_note(note, &mut sealing)?,
            None if segment_ends(&sealing.ops).len() > 1 && !is_rebase(&writing.transaction) => {
                return Err(CommandError::TooLarge);
            }
            None => {}
        }
        Ok(sealing.ops)
    }

    /// Says of the ops before it that they are one record. Without any there is nothing to say, but of what happened
    /// elsewhere.
    fn seal_note(&self, note: &Note, sealing: &mut Sealing<'_>) -> Result<(), CommandError> {
        self.check_permitted(sealing)?;
        if sealing.ops.is_empty() && note.from.is_none() {
            return Ok(());
        }
        let text = |name: &str, text: &Option<String>| Some((String::from(name), Value::String(text.clone()?)));
        let from = note.from.as_ref().map(|(system, name)| Value::object([(system.as_str(), name.as_str())]));
        let ops = Number::saturated(sealing.ops.len() as i128);
        let members = [
            text("message", &note.message),
            text("time", &note.time),
            from.map(|from| ("from".into(), from)),
            Some(("ops".into(), ops.into())),
        ];
        let body = encode_json(&Value::Object(members.into_iter().flatten().collect::<Object>()))?;
        let draw = Draw {
            collection: RECORDS.into(),
            key: note.key.clone(),
            kind: Kind::Append,
            body: Some((Format::Json, body)),
            base: Vec::new(),
        };
        self.push(draw, sealing)
    }

    fn sealing<'a>(&self, transaction: &'a Transaction, now: Millis) -> Result<Sealing<'a>, CommandError> {
        let ends = self.graph.chain_ends(&transaction.branch, &self.author);
        let prev = ends.first().map(|end| (self.graph.id(*end), self.graph.seq(*end)));
        let mut heads = self.write_heads(transaction)?;
        sort::by_key(&mut heads, |head| self.graph.ord(*head));
        heads.truncate(LINKS_MAX);
        let held = self.hold.iter().map(|(id, _)| *id).filter(|_| planted!(HeldParent));
        let clocks = heads.iter().chain(&ends).map(|node| self.graph.hlc(*node));
        Ok(Sealing {
            branch: &transaction.branch,
            actor: transaction.actor.clone(),
            now,
            author: self.author,
            prev,
            parents: heads.iter().map(|head| self.graph.id(*head)).chain(held).collect(),
            clock: clocks.chain(self.own_clock).max(),
            written: Map::new(),
            random: &transaction.random,
            note: None,
            ops: Vec::new(),
        })
    }

    /// What a local write names as parents: the heads, or the one head of a linear branch.
    fn write_heads(&self, transaction: &Transaction) -> Result<Vec<Node>, CommandError> {
        let branch = transaction.branch.as_str();
        if let [Edit::Rebase { onto }] = transaction.edits.as_slice() {
            return self.graph.find(onto).map(|onto| alloc::vec![onto]).ok_or(CommandError::NoOp(*onto));
        }
        match self.graph.find_branch(branch).and_then(|branch| self.state.authority.line(branch)) {
            None => Ok(self.graph.heads(branch)),
            Some(line) if line.is_diverged || line.heads.len() > 1 => Err(CommandError::Diverged),
            Some(line) => Ok(line.heads.clone()),
        }
    }

    fn seal_edit(&self, edit: &Edit, ground: &Ground, sealing: &mut Sealing<'_>) -> Result<(), CommandError> {
        match edit {
            Edit::Entity { collection, key, change, base } => {
                self.seal_change(collection, key, change, base, ground, sealing)
            }
            Edit::Resolve { collection, key, conflict, choice } => {
                self.seal_resolve((collection, key), *conflict, choice, ground, sealing)
            }
            Edit::Undo => self.seal_undo(ground, sealing),
            Edit::Merge { source, at, plan, message } => {
                let join = Join::new(sealing.branch, source, at);
                self.seal_merge(&join, *plan, message.as_deref(), ground, sealing)
            }
            Edit::Rebase { onto } => self.seal_rebase(*onto, ground, sealing),
            Edit::Drop { line, ops } => self.seal_drop(line, ops, sealing),
            Edit::AddMember { author, name, role } => self.seal_grant(*author, name, *role, sealing),
            Edit::RemoveMember { author } => self.seal_removal(*author, sealing),
            Edit::Invite { key, terms } => self.seal_invitation(*key, terms, sealing),
            Edit::Revoke { key } => self.seal_revocation(*key, sealing),
            Edit::LetIn { guest, proof } => self.seal_let_in(*guest, proof, sealing),
            Edit::Declare { collection, manifest } => self.seal_declaration(collection, manifest, sealing),
            Edit::Redact { ops, pointers } => self.seal_redaction(ops, pointers, ground, sealing),
        }
    }

    fn seal_change(
        &self,
        collection: &str,
        key: &str,
        change: &Change,
        base: &Base,
        ground: &Ground,
        sealing: &mut Sealing<'_>,
    ) -> Result<(), CommandError> {
        self.check_ordinary(collection, sealing)?;
        let Some((kind, body)) = self.drawn(collection, key, change, ground, sealing)? else { return Ok(()) };
        let base = if kind == Kind::Append { Vec::new() } else { self.base(collection, key, base, sealing)? };
        let draw = Draw { collection: collection.into(), key: key.into(), kind, body, base };
        self.push(draw, sealing)
    }

    /// Whether programs may write to a collection, here and by this device.
    pub(super) fn check_ordinary(&self, collection: &str, sealing: &Sealing<'_>) -> Result<(), CommandError> {
        if authority::is_reserved(collection) || sealing.branch == REPO_BRANCH {
            return Err(CommandError::Reserved);
        }
        self.check_permitted(sealing)
    }

    fn check_permitted(&self, sealing: &Sealing<'_>) -> Result<(), CommandError> {
        let branch = self.graph.find_branch(sealing.branch);
        if self.state.authority.may_write(&sealing.author, branch) { Ok(()) } else { Err(CommandError::NotPermitted) }
    }

    /// The op that a change makes; none where nothing would change.
    fn drawn(
        &self,
        collection: &str,
        key: &str,
        change: &Change,
        ground: &Ground,
        sealing: &Sealing<'_>,
    ) -> Result<Option<Said>, CommandError> {
        let json = |value: &Value| Ok::<_, CommandError>(Some((Format::Json, encode_json(value)?)));
        Ok(Some(match change {
            Change::Put(value) => match self.shown(collection, key, ground, sealing) {
                Some(old @ Value::Object(_)) if matches!(value, Value::Object(_)) => {
                    let patch = value_diff(&old, value);
                    if patch.is_empty() {
                        return Ok(None);
                    }
                    (Kind::Patch, json(&patch.encode()?)?)
                }
                Some(old) if old == *value => return Ok(None),
                _ => (Kind::Put, json(value)?),
            },
            Change::Replace(value) => (Kind::Put, json(value)?),
            Change::Bytes(bytes) => (Kind::Put, Some((Format::Bytes, bytes.clone()))),
            Change::Patch(patch) => (Kind::Patch, json(&patch.encode()?)?),
            Change::Delete => (Kind::Delete, None),
            Change::Append(value) => (Kind::Append, json(value)?),
        }))
    }

    /// What this replica shows of an entity, where that is JSON; what the transaction itself wrote is not looked at.
    fn shown(&self, collection: &str, key: &str, ground: &Ground, sealing: &Sealing<'_>) -> Option<Value> {
        let is_written = sealing.written.contains_key(&(collection.into(), key.into()));
        let branch = self.graph.find_branch(sealing.branch).filter(|_| !is_written)?;
        let entity = self.graph.find_entity_named(collection, key)?;
        match self.merged(branch, entity, &ground.contents).shown {
            Shown::Json(value) => Some(value),
            _ => None,
        }
    }

    fn base(&self, collection: &str, key: &str, base: &Base, sealing: &Sealing<'_>) -> Result<Vec<OpId>, CommandError> {
        match (sealing.written.get(&(collection.into(), key.into())), base) {
            (Some(own), _) => Ok(alloc::vec![*own]),
            (None, Base::Shown) => Ok(self.shown_base(collection, key, sealing.branch)),
            (None, Base::Ops(_)) if planted!(StaleBaseOverwrites) => self.base(collection, key, &Base::Shown, sealing),
            (None, Base::Ops(ids)) => {
                let wrote = |id: &OpId| {
                    let entity = self.graph.find(id).map(|node| self.graph.entity(node));
                    entity.is_some_and(|entity| self.graph.entity_name(entity) == (collection, key))
                };
                match ids.iter().find(|id| !wrote(id)) {
                    Some(id) => Err(CommandError::BadBase(*id)),
                    None if ids.len() > LINKS_MAX => Err(CommandError::TooLarge),
                    None => Ok(ids.clone()),
                }
            }
        }
    }

    /// What a writer names as base who looks at what this replica shows.
    pub(super) fn shown_base(&self, collection: &str, key: &str, branch: &str) -> Vec<OpId> {
        self.state.shown_base(&self.graph, branch, (collection, key))
    }

    /// Seals one op on top of the last.
    pub(super) fn push(&self, mut draw: Draw, sealing: &mut Sealing<'_>) -> Result<(), CommandError> {
        self.salt(&mut draw, sealing)?;
        let base_clock = draw.base.iter().filter_map(|id| self.graph.find(id)).map(|node| self.graph.hlc(node)).max();
        let hlc = Hlc::next(sealing.now, sealing.clock.max(base_clock));
        if hlc.is_ahead(sealing.now) || hlc > Hlc::MAX {
            return Err(CommandError::ClockAhead);
        }
        let draft = Draft {
            branch: sealing.branch,
            collection: &draw.collection,
            key: &draw.key,
            kind: draw.kind,
            body: draw.body.as_ref().map(|(format, body)| (*format, body.as_slice())),
            base: &draw.base,
            actor: sealing.actor.as_deref(),
        };
        let (author, prev, parents) = (sealing.author, sealing.prev, sealing.parents.as_slice());
        let op = draft.seal(Spot { repo: self.graph.repo(), author, prev, parents, hlc });
        let op = op.map_err(|_| CommandError::BadName)?;
        sealing.prev = Some((op.id, sealing.prev.map_or(1, |(_, seq)| seq + 1)));
        sealing.parents = alloc::vec![op.id];
        sealing.clock = Some(hlc);
        sealing.written.insert((draw.collection, draw.key), op.id);
        sealing.ops.push(op);
        Ok(())
    }

    /// Salts a JSON body where the collection wants that. The engine's own collections are read by all and never salted.
    fn salt(&self, draw: &mut Draw, sealing: &Sealing<'_>) -> Result<(), CommandError> {
        let is_content = matches!(draw.kind, Kind::Put | Kind::Patch | Kind::Append);
        let is_salted = !authority::is_reserved(&draw.collection) && self.state.manifest(&draw.collection).is_salted();
        if let (true, true, Some((format @ Format::Json, body))) = (is_content, is_salted, &mut draw.body) {
            *body = salted(salt(sealing.random, sealing.ops.len() as u32), body)?;
            *format = Format::SaltedJson;
        }
        Ok(())
    }
}

/// Whether a transaction only writes ops anew: as a record it may be of any length.
fn is_rebase(transaction: &Transaction) -> bool {
    matches!(transaction.edits.as_slice(), [Edit::Rebase { .. }])
}

/// Where the parts of a transaction end that one signature may vouch for each.
pub(super) fn segment_ends(ops: &[SealedOp]) -> Vec<usize> {
    let (mut ends, mut first, mut bytes) = (Vec::new(), 0, 0);
    for (at, op) in ops.iter().enumerate() {
        if at > first && (at - first >= SEGMENT_OPS_MAX || bytes + op.bytes() > SEGMENT_BYTES_MAX) {
            ends.push(at - 1);
            (first, bytes) = (at, 0);
        }
        bytes += op.bytes();
    }
    ends.extend(ops.len().checked_sub(1));
    ends
}

impl From<PatchError> for CommandError {
    fn from(_: PatchError) -> CommandError {
        CommandError::BadPatch
    }
}

impl From<BodyError> for CommandError {
    fn from(error: BodyError) -> CommandError {
        match error {
            BodyError::TooLong(_) | BodyError::TooDeep => CommandError::TooLarge,
            BodyError::Patch(_) => CommandError::BadPatch,
        }
    }
}
