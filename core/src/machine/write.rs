//! Local writes: from what a program wants, over drafts on top of what it sees, to signed ops.
//!
//! One transaction is written at a time. What it builds on is read first, then its ops are sealed in one go, the last
//! one is signed, and from there they take the funnel that everybody's ops take.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::integrate::AfterPersist;
use super::plan::Join;
use super::read::Purpose;
use super::seal::{Draw, segment_ends};
use super::{KeyUse, Machine, Outputs, Waiting, reply};
use crate::error::CommandError;
use crate::input::{Change, Edit, InvitationProof, LinkId, Request, Transaction};
use crate::log::graph::{Branch, Node};
use crate::log::row::{Origin, StoredOp};
use crate::op::draft::{Draft, SealedOp, Spot, genesis_body};
use crate::op::header::REPO_BRANCH;
use crate::op::id::{Author, OpId};
use crate::op::kind::Kind;
use crate::op::sign::Signature;
use crate::ordered::Map;
use crate::output::{Answer, Output};
use crate::sort;
use crate::time::{Hlc, Millis};
use crate::view::state::Contents;

/// Who waits for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiter {
    /// Who asked for it.
    Request(Request),
    /// A peer that is let in by it, and the invitation that it showed.
    Guest(LinkId, Author),
    /// Nobody: it is the machine's own.
    Nobody,
}

impl Waiter {
    fn into_request(self) -> Option<Request> {
        match self {
            Waiter::Request(request) => Some(request),
            Waiter::Guest(..) | Waiter::Nobody => None,
        }
    }
}

/// A transaction on its way.
#[derive(Clone, Debug)]
pub(super) struct Writing {
    pub(super) waiter: Waiter,
    pub(super) transaction: Transaction,
    /// An op that the machine itself writes, in front of the edits.
    pub(super) own: Option<Draw>,
}

impl Writing {
    pub(super) fn of(request: Request, transaction: Transaction) -> Writing {
        Writing { waiter: Waiter::Request(request), transaction, own: None }
    }

    /// What makes a peer a member that showed an invitation.
    pub(super) fn letting_in(link: LinkId, guest: Author, proof: InvitationProof) -> Writing {
        let edits = alloc::vec![Edit::LetIn { guest, proof }];
        let transaction = Transaction { branch: REPO_BRANCH.into(), actor: None, edits, note: None, random: [0; 32] };
        Writing { waiter: Waiter::Guest(link, proof.key), transaction, own: None }
    }

    pub(super) fn into_request(self) -> Option<Request> {
        self.waiter.into_request()
    }
}

/// A transaction whose ground is being read.
#[derive(Clone, Debug)]
pub(super) struct Preparing {
    writing: Writing,
}

impl Preparing {
    pub(super) fn into_request(self) -> Option<Request> {
        self.writing.into_request()
    }
}

/// What a transaction's edits look at: ops as they are stored, and what they say.
#[derive(Debug, Default)]
pub(super) struct Ground {
    pub(super) ops: Map<Node, StoredOp>,
    pub(super) contents: Contents,
}

/// Sealed ops that wait for their signature.
#[derive(Clone, Debug)]
pub(super) struct SealedTransaction {
    waiter: Waiter,
    ops: Vec<SealedOp>,
    /// The ops that are still to be signed, the first of them last.
    unsigned: Vec<usize>,
}

impl SealedTransaction {
    fn new(waiter: Waiter, ops: Vec<SealedOp>) -> SealedTransaction {
        let mut unsigned = segment_ends(&ops);
        unsigned.reverse();
        SealedTransaction { waiter, ops, unsigned }
    }

    pub(super) fn into_request(self) -> Option<Request> {
        self.waiter.into_request()
    }
}

impl Machine {
    /// Begins a repo.
    pub(super) fn create(&mut self, request: Request, name: &str, nonce: &[u8; 32], now: Millis, out: &mut Outputs) {
        if let Err(error) = self.may_write_at_all() {
            return reply(out, request, Err(error));
        }
        if !self.graph.is_empty() {
            return reply(out, request, Err(CommandError::AlreadyCreated));
        }
        let sealed = self.seal_genesis(name, nonce, now);
        match sealed {
            Ok(op) => self.ask_signature(SealedTransaction::new(Waiter::Request(request), alloc::vec![op]), out),
            Err(error) => reply(out, request, Err(error)),
        }
    }

    /// Nothing is written, and no key made, where the store is damaged or what it holds is out of the clock's sight.
    fn may_write_at_all(&self) -> Result<(), CommandError> {
        if !self.corrupt_rows.is_empty() {
            return Err(CommandError::Damaged);
        }
        if self.is_before_genesis() { Err(CommandError::ClockAhead) } else { Ok(()) }
    }

    fn seal_genesis(&self, name: &str, nonce: &[u8; 32], now: Millis) -> Result<SealedOp, CommandError> {
        let body = genesis_body(name, nonce)?;
        let hlc = Hlc::next(now, None);
        let spot = Spot { repo: None, author: self.author, prev: None, parents: &[], hlc };
        Draft::genesis(&body).seal(spot).map_err(|_| CommandError::BadName)
    }

    /// Starts the next transaction that waits, if none is under way.
    pub(super) fn start_write(&mut self, now: Millis, out: &mut Outputs) {
        while !self.is_writing {
            let Some(writing) = self.writes.pop_front() else { return };
            if self.key_use == KeyUse::Copied && self.may_write_at_all().is_ok() {
                self.writes.push_front(writing);
                return self.ask_key(out);
            }
            self.start(writing, now, out);
        }
    }

    fn start(&mut self, writing: Writing, now: Millis, out: &mut Outputs) {
        if let Err(error) = self.may_write_at_all() {
            return self.answer_waiter(writing.waiter, Err(error), out);
        }
        if self.graph.is_empty() {
            return self.answer_waiter(writing.waiter, Err(CommandError::NoRepo), out);
        }
        let nodes = self.unread_of(&writing.transaction, &Contents::new());
        if nodes.is_empty() {
            return self.seal_and_ask(writing, &Ground::default(), now, out);
        }
        self.is_writing = true;
        self.read(nodes, Purpose::Write(Box::new(Preparing { writing })), out);
    }

    /// The ops whose content a transaction's edits look at and that were not read: some that were turned out to say
    /// nothing, or others have come since.
    pub(super) fn unread(&self, preparing: &Preparing, contents: &Contents) -> Vec<Node> {
        self.unread_of(&preparing.writing.transaction, contents)
    }

    fn unread_of(&self, transaction: &Transaction, contents: &Contents) -> Vec<Node> {
        let mut nodes = self.planned(transaction, contents);
        if let Ok(branch) = self.branch(&transaction.branch) {
            nodes.extend(self.looked_at_all(branch, transaction, contents));
            nodes.extend(transaction.edits.iter().flat_map(redacted_ops).filter_map(|id| self.graph.find(id)));
            nodes.extend(transaction.edits.iter().flat_map(|edit| self.rebased(branch, edit)));
        }
        nodes.retain(|node| !contents.contains_key(node));
        sort::ascending(&mut nodes);
        nodes.dedup();
        nodes
    }

    /// The writes that decide whether planned merges still do what their plans say. A merge that cannot be made fails later.
    fn planned(&self, transaction: &Transaction, contents: &Contents) -> Vec<Node> {
        let looked_at = transaction.edits.iter().filter_map(|edit| match edit {
            Edit::Merge { source, at, plan: Some(_), .. } => {
                self.join_looks_at(&Join::new(&transaction.branch, source, at), contents).ok()
            }
            _ => None,
        });
        looked_at.flatten().collect()
    }

    fn looked_at_all(&self, branch: Branch, transaction: &Transaction, contents: &Contents) -> Vec<Node> {
        transaction.edits.iter().flat_map(|edit| self.looked_at(branch, edit, contents)).collect()
    }

    /// The writes that decide about what an edit builds on. What was before a write is asked of all of them.
    fn looked_at(&self, branch: Branch, edit: &Edit, contents: &Contents) -> Vec<Node> {
        match edit {
            Edit::Entity { collection, key, change: Change::Put(_), .. } | Edit::Resolve { collection, key, .. } => {
                let entity = self.graph.find_entity_named(collection, key);
                entity.map_or_else(Vec::new, |entity| self.deciding(branch, entity, contents))
            }
            Edit::Undo => self.undo_looks_at(branch, contents),
            _ => Vec::new(),
        }
    }

    pub(super) fn prepared(
        &mut self,
        preparing: Preparing,
        ground: Result<Ground, CommandError>,
        now: Millis,
        out: &mut Outputs,
    ) {
        self.is_writing = false;
        match ground {
            Ok(ground) => self.seal_and_ask(preparing.writing, &ground, now, out),
            Err(error) => self.answer_waiter(preparing.writing.waiter, Err(error), out),
        }
    }

    fn seal_and_ask(&mut self, writing: Writing, ground: &Ground, now: Millis, out: &mut Outputs) {
        match self.seal(&writing, ground, now) {
            Ok(ops) if ops.is_empty() => self.answer_waiter(writing.waiter, Ok(Answer::Written(Vec::new())), out),
            Ok(ops) => self.ask_signature(SealedTransaction::new(writing.waiter, ops), out),
            Err(error) => self.answer_waiter(writing.waiter, Err(error), out),
        }
    }

    fn ask_signature(&mut self, sealed: SealedTransaction, out: &mut Outputs) {
        let Some(next) = sealed.unsigned.last().and_then(|at| sealed.ops.get(*at)) else { return };
        let message = next.id.signed_message().to_vec();
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
        if let Some(op) = sealed.unsigned.pop().and_then(|at| sealed.ops.get_mut(at)) {
            op.signature = Some(signature);
        }
        if !sealed.unsigned.is_empty() {
            return self.ask_signature(sealed, out);
        }
        let ops: Vec<_> = sealed.ops.iter().map(SealedOp::unverified).collect();
        let (report, rows) = self.integrate(&ops, Origin::Local, now, out);
        if report.admitted.len() < ops.len() {
            report.held.iter().for_each(|id| drop(self.hold.take(id)));
            let error = if report.held.is_empty() { CommandError::BadSignature } else { CommandError::ClockAhead };
            return self.answer_waiter(sealed.waiter, Err(error), out);
        }
        let written = sealed.ops.iter().map(|op| op.id).collect();
        let then = match sealed.waiter {
            Waiter::Request(request) => AfterPersist::Reply(request, Answer::Written(written)),
            Waiter::Guest(link, invitation) => AfterPersist::Joined(link, invitation),
            Waiter::Nobody => AfterPersist::Nothing,
        };
        self.persist_then(rows, then, out);
    }

    /// A guest whose membership cannot be written is not let in.
    fn answer_waiter(&mut self, waiter: Waiter, result: Result<Answer, CommandError>, out: &mut Outputs) {
        match waiter {
            Waiter::Request(request) => reply(out, request, result),
            Waiter::Guest(link, _) if result.is_err() => self.turn_away(link, out),
            Waiter::Guest(..) | Waiter::Nobody => {}
        }
    }

    /// This device's last op on a branch that writes an entity.
    pub(super) fn last_own_write(&self, branch: Branch) -> Option<Node> {
        let ends = self.graph.chain_ends(self.graph.branch_name(branch), &self.author);
        let mut at = ends.first().copied();
        while let Some(node) = at.filter(|node| self.graph.kind(*node) == Kind::Merge) {
            at = self.graph.prev(node);
        }
        at
    }
}

fn redacted_ops(edit: &Edit) -> &[OpId] {
    match edit {
        Edit::Redact { ops, .. } => ops,
        _ => &[],
    }
}

pub(super) fn answer(out: &mut Outputs, request: Option<Request>, result: Result<Answer, CommandError>) {
    if let Some(request) = request {
        reply(out, request, result);
    }
}
