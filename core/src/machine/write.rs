//! Local writes: from what a program wants, over drafts on top of what it sees, to signed ops.
//!
//! One transaction is written at a time. What it builds on is read first, then its ops are sealed in one go, the last
//! one is signed, and from there they take the funnel that everybody's ops take.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::read::{Contents, Purpose};
use super::{KeyUse, Machine, Outputs, Waiting, reply};
use crate::admit::authority;
use crate::admit::members::{MEMBERS, successor_message};
use crate::error::CommandError;
use crate::input::{Base, Change, Edit, Request, Transaction};
use crate::limits::{LINKS_MAX, SEGMENT_BYTES_MAX, SEGMENT_OPS_MAX};
use crate::log::graph::{Branch, Entity, Node};
use crate::log::row::Origin;
use crate::merge::entity::Shown;
use crate::op::body::{BodyError, encode_json};
use crate::op::draft::{Draft, SealedOp, Spot};
use crate::op::header::{GENESIS_KEY, REPO_BRANCH};
use crate::op::hex;
use crate::op::id::{Author, OpId};
use crate::op::json::{Object, Value};
use crate::op::kind::{Format, Kind};
use crate::op::sign::Signature;
use crate::output::{Answer, Event, Output};
use crate::time::{Hlc, Millis};

/// A transaction on its way.
#[derive(Clone, Debug)]
pub(super) struct Writing {
    /// Who waits; none for the machine's own.
    request: Option<Request>,
    transaction: Transaction,
    /// An op that the machine itself writes, in front of the edits.
    own: Option<Draw>,
}

impl Writing {
    pub(super) fn of(request: Request, transaction: Transaction) -> Writing {
        Writing { request: Some(request), transaction, own: None }
    }

    pub(super) fn into_request(self) -> Option<Request> {
        self.request
    }
}

/// A transaction whose ground is being read.
#[derive(Clone, Debug)]
pub(super) struct Preparing {
    writing: Writing,
}

impl Preparing {
    pub(super) fn into_request(self) -> Option<Request> {
        self.writing.request
    }
}

/// Sealed ops that wait for their signature.
#[derive(Clone, Debug)]
pub(super) struct SealedTransaction {
    request: Option<Request>,
    ops: Vec<SealedOp>,
}

impl SealedTransaction {
    pub(super) fn into_request(self) -> Option<Request> {
        self.request
    }
}

/// Ops of a transaction while they are sealed, one on top of the other.
struct Sealing<'a> {
    branch: &'a str,
    actor: Option<&'a str>,
    now: Millis,
    author: Author,
    prev: Option<(OpId, u32)>,
    parents: Vec<OpId>,
    /// The greatest clock of whatever the next op depends on, and of our own ops.
    clock: Option<Hlc>,
    /// Entities that this transaction wrote: what is shown now, and who wrote it.
    written: BTreeMap<(String, String), OpId>,
    ops: Vec<SealedOp>,
}

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
    /// Begins a repo.
    pub(super) fn create(&mut self, request: Request, name: &str, nonce: &[u8; 32], now: Millis, out: &mut Outputs) {
        if !self.graph.is_empty() {
            return reply(out, request, Err(CommandError::AlreadyCreated));
        }
        let sealed = self.seal_genesis(name, nonce, now);
        match sealed {
            Ok(op) => self.ask_signature(SealedTransaction { request: Some(request), ops: alloc::vec![op] }, out),
            Err(error) => reply(out, request, Err(error)),
        }
    }

    fn seal_genesis(&self, name: &str, nonce: &[u8; 32], now: Millis) -> Result<SealedOp, CommandError> {
        let mut body = Object::new();
        body.insert("name".into(), Value::String(name.into()));
        body.insert("nonce".into(), Value::String(crate::op::hex::encode(nonce)));
        let body = encode_json(&Value::Object(body))?;
        let draft = Draft {
            branch: REPO_BRANCH,
            collection: REPO_BRANCH,
            key: GENESIS_KEY,
            kind: Kind::Put,
            body: Some((Format::Json, &body)),
            base: &[],
            actor: None,
        };
        let hlc = Hlc::next(now, None);
        let spot = Spot { repo: None, author: self.author, prev: None, parents: &[], hlc };
        draft.seal(spot).map_err(|_| CommandError::BadName)
    }

    /// Starts the next transaction that waits, if none is under way.
    pub(super) fn start_write(&mut self, now: Millis, out: &mut Outputs) {
        while !self.is_writing {
            let Some(writing) = self.writes.pop_front() else { return };
            if self.key_use == KeyUse::Copied {
                self.writes.push_front(writing);
                return self.ask_key(out);
            }
            self.start(writing, now, out);
        }
    }

    fn start(&mut self, writing: Writing, now: Millis, out: &mut Outputs) {
        if self.graph.is_empty() {
            return answer(out, writing.request, Err(CommandError::NoRepo));
        }
        let nodes = self.ground(&writing.transaction);
        if nodes.is_empty() {
            return self.seal_and_ask(writing, &Contents::new(), now, out);
        }
        self.is_writing = true;
        self.read(nodes, Purpose::Write(Preparing { writing }), out);
    }

    /// The ops whose content a transaction's edits look at.
    fn ground(&self, transaction: &Transaction) -> Vec<Node> {
        let Ok(branch) = self.branch(&transaction.branch) else { return Vec::new() };
        let entities = transaction.edits.iter().filter_map(|edit| self.looked_at(branch, edit));
        let mut nodes: Vec<Node> = entities.flat_map(|entity| self.writes_in_log(branch, entity)).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    fn looked_at(&self, branch: Branch, edit: &Edit) -> Option<Entity> {
        match edit {
            Edit::Entity { collection, key, change: Change::Put(_), .. } | Edit::Resolve { collection, key, .. } => {
                self.graph.find_entity_named(collection, key)
            }
            Edit::Undo => self.last_own_write(branch).map(|node| self.graph.entity(node)),
            _ => None,
        }
    }

    pub(super) fn prepared(
        &mut self,
        preparing: Preparing,
        contents: Result<Contents, CommandError>,
        now: Millis,
        out: &mut Outputs,
    ) {
        self.is_writing = false;
        match contents {
            Ok(contents) => self.seal_and_ask(preparing.writing, &contents, now, out),
            Err(error) => answer(out, preparing.writing.request, Err(error)),
        }
    }

    fn seal_and_ask(&mut self, writing: Writing, contents: &Contents, now: Millis, out: &mut Outputs) {
        match self.seal(&writing, contents, now) {
            Ok(ops) if ops.is_empty() => answer(out, writing.request, Ok(Answer::Written(Vec::new()))),
            Ok(ops) => self.ask_signature(SealedTransaction { request: writing.request, ops }, out),
            Err(error) => answer(out, writing.request, Err(error)),
        }
    }

    fn ask_signature(&mut self, sealed: SealedTransaction, out: &mut Outputs) {
        let Some(last) = sealed.ops.last() else { return };
        let message = last.id.signed_message().to_vec();
        self.is_writing = true;
        let ticket = self.tickets.open(Waiting::Signature(sealed));
        out.push(Output::Sign { ticket, author: self.author, message });
    }

    pub(super) fn write_signed(
        &mut self,
        mut sealed: SealedTransaction,
        signature: Signature,
        now: Millis,
        out: &mut Outputs,
    ) {
        self.is_writing = false;
        if let Some(last) = sealed.ops.last_mut() {
            last.signature = Some(signature);
        }
        let ops: Vec<_> = sealed.ops.iter().map(SealedOp::unverified).collect();
        let (report, rows) = self.integrate(&ops, Origin::Local, now, out);
        if report.admitted.len() < ops.len() {
            return answer(out, sealed.request, Err(CommandError::BadSignature));
        }
        let written = sealed.ops.iter().map(|op| op.id).collect();
        self.persist(rows, sealed.request.map(|request| (request, Answer::Written(written))), out);
    }
}

/// Sealing.
impl Machine {
    fn seal(&self, writing: &Writing, contents: &Contents, now: Millis) -> Result<Vec<SealedOp>, CommandError> {
        let mut sealing = self.sealing(&writing.transaction, now);
        if let Some(draw) = &writing.own {
            self.push(draw.clone(), &mut sealing)?;
        }
        for edit in &writing.transaction.edits {
            self.seal_edit(edit, contents, &mut sealing)?;
        }
        let bytes: usize = sealing.ops.iter().map(SealedOp::bytes).sum();
        if sealing.ops.len() > SEGMENT_OPS_MAX || bytes > SEGMENT_BYTES_MAX {
            return Err(CommandError::TooLarge);
        }
        Ok(sealing.ops)
    }

    fn sealing<'a>(&self, transaction: &'a Transaction, now: Millis) -> Sealing<'a> {
        let ends = self.graph.chain_ends(&transaction.branch, &self.author);
        let prev = ends.first().map(|end| (self.graph.id(*end), self.graph.seq(*end)));
        let mut heads = self.graph.heads(&transaction.branch);
        heads.sort_unstable_by_key(|head| self.graph.ord(*head));
        heads.truncate(LINKS_MAX);
        let clocks = heads.iter().chain(&ends).map(|node| self.graph.hlc(*node));
        Sealing {
            branch: &transaction.branch,
            actor: transaction.actor.as_deref(),
            now,
            author: self.author,
            prev,
            parents: heads.iter().map(|head| self.graph.id(*head)).collect(),
            clock: clocks.chain(self.own_clock).max(),
            written: BTreeMap::new(),
            ops: Vec::new(),
        }
    }

    fn seal_edit(&self, edit: &Edit, contents: &Contents, sealing: &mut Sealing<'_>) -> Result<(), CommandError> {
        match edit {
            Edit::Entity { collection, key, change, base } => {
                self.seal_change(collection, key, change, base, contents, sealing)
            }
            _ => Err(CommandError::Unsupported),
        }
    }

    fn seal_change(
        &self,
        collection: &str,
        key: &str,
        change: &Change,
        base: &Base,
        contents: &Contents,
        sealing: &mut Sealing<'_>,
    ) -> Result<(), CommandError> {
        if authority::is_reserved(collection) {
            return Err(CommandError::Reserved);
        }
        let Some((kind, body)) = self.drawn(collection, key, change, contents, sealing)? else { return Ok(()) };
        let base = if kind == Kind::Append { Vec::new() } else { self.base(collection, key, base, sealing)? };
        let draw = Draw { collection: collection.into(), key: key.into(), kind, body, base };
        self.push(draw, sealing)
    }

    /// The op that a change makes; none where nothing would change.
    fn drawn(
        &self,
        collection: &str,
        key: &str,
        change: &Change,
        contents: &Contents,
        sealing: &Sealing<'_>,
    ) -> Result<Option<(Kind, Option<(Format, Vec<u8>)>)>, CommandError> {
        let json = |value: &Value| Ok::<_, CommandError>(Some((Format::Json, encode_json(value)?)));
        Ok(Some(match change {
            Change::Put(value) => match self.shown(collection, key, contents, sealing) {
                Some(old @ Value::Object(_)) if matches!(value, Value::Object(_)) => {
                    let patch = crate::merge::json_patch::value_diff(&old, value);
                    if patch.is_empty() {
                        return Ok(None);
                    }
                    (Kind::Patch, json(&patch.encode())?)
                }
                Some(old) if old == *value => return Ok(None),
                _ => (Kind::Put, json(value)?),
            },
            Change::Replace(value) => (Kind::Put, json(value)?),
            Change::Bytes(bytes) => (Kind::Put, Some((Format::Bytes, bytes.clone()))),
            Change::Patch(patch) => (Kind::Patch, json(&patch.encode())?),
            Change::Delete => (Kind::Delete, None),
            Change::Append(value) => (Kind::Append, json(value)?),
        }))
    }

    /// What this replica shows of an entity, where that is JSON; what the transaction itself wrote is not looked at.
    fn shown(&self, collection: &str, key: &str, contents: &Contents, sealing: &Sealing<'_>) -> Option<Value> {
        let is_written = sealing.written.contains_key(&(collection.into(), key.into()));
        let branch = self.graph.find_branch(sealing.branch).filter(|_| !is_written)?;
        let entity = self.graph.find_entity_named(collection, key)?;
        match self.merged(branch, entity, contents).shown {
            Shown::Json(value) => Some(value),
            _ => None,
        }
    }

    fn base(
        &self,
        collection: &str,
        key: &str,
        base: &Base,
        sealing: &Sealing<'_>,
    ) -> Result<Vec<OpId>, CommandError> {
        match (sealing.written.get(&(collection.into(), key.into())), base) {
            (Some(own), _) => Ok(alloc::vec![*own]),
            (None, Base::Shown) => Ok(self.shown_base(collection, key, sealing.branch)),
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

    /// The frontier that this replica shows: the 32 of smallest `ord` if there are more.
    fn shown_base(&self, collection: &str, key: &str, branch: &str) -> Vec<OpId> {
        let branch = self.graph.find_branch(branch);
        let entity = self.graph.find_entity_named(collection, key);
        let (Some(branch), Some(entity)) = (branch, entity) else { return Vec::new() };
        let mut frontier = self.effective_frontier(branch, entity);
        frontier.sort_unstable_by_key(|node| self.graph.ord(*node));
        frontier.iter().take(LINKS_MAX).map(|node| self.graph.id(*node)).collect()
    }

    /// Seals one op on top of the last.
    fn push(&self, draw: Draw, sealing: &mut Sealing<'_>) -> Result<(), CommandError> {
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
            actor: sealing.actor,
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

    /// This device's last op on a branch that writes an entity.
    fn last_own_write(&self, branch: Branch) -> Option<Node> {
        let ends = self.graph.chain_ends(self.graph.branch_name(branch), &self.author);
        let mut at = ends.first().copied();
        while let Some(node) = at.filter(|node| self.graph.kind(*node) == Kind::Merge) {
            at = self.graph.prev(node);
        }
        at
    }
}

/// A new key, where the old one is in use elsewhere.
impl Machine {
    fn ask_key(&mut self, out: &mut Outputs) {
        self.is_writing = true;
        let ticket = self.tickets.open(Waiting::NewKey);
        out.push(Output::MakeKey { ticket });
    }

    pub(super) fn on_key_made(
        &mut self,
        ticket: crate::input::Ticket,
        author: Author,
        out: &mut Outputs,
    ) -> Result<(), crate::error::UsageError> {
        self.tickets.close(ticket, |waiting| match waiting {
            Waiting::NewKey => Ok(()),
            other => Err(other),
        })?;
        match self.graph.repo() {
            None => self.take_key(author, out),
            Some(repo) => {
                let message = successor_message(&repo, &author);
                let ticket = self.tickets.open(Waiting::SuccessorProof(author));
                out.push(Output::Sign { ticket, author: self.author, message });
            }
        }
        Ok(())
    }

    /// The old key has signed for the new one: from here on this device writes under the new one, and says so first.
    pub(super) fn succeed(&mut self, author: Author, proof: &Signature, out: &mut Outputs) {
        let body = authority::successor_body(&self.author, proof).to_jcs();
        let own = Some(Draw {
            collection: MEMBERS.into(),
            key: hex::encode(&author.0),
            kind: Kind::Put,
            body: Some((Format::Json, body)),
            base: Vec::new(),
        });
        let transaction = Transaction { branch: REPO_BRANCH.into(), actor: None, edits: Vec::new() };
        self.writes.push_front(Writing { request: None, transaction, own });
        self.take_key(author, out);
    }

    fn take_key(&mut self, author: Author, out: &mut Outputs) {
        let from = core::mem::replace(&mut self.author, author);
        (self.key_use, self.own_clock, self.is_writing) = (KeyUse::Own, None, false);
        out.push(Output::Emit(Event::KeyChanged { from, to: author }));
    }
}

fn answer(out: &mut Outputs, request: Option<Request>, result: Result<Answer, CommandError>) {
    if let Some(request) = request {
        reply(out, request, result);
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
