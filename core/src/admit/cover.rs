//! Admission of what arrives together: which ops may be appended, which wait, and which are refused.
//!
//! Ops are judged in `ord` order, which puts dependencies first. Then candidates are taken back that no verified
//! signature at or after them on their chain vouches for, and with them what names them and what only those vouched
//! for: whatever is left enters the graph in one transaction. Every op and every link is looked at a few times at most.

use alloc::vec::Vec;

use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};

use super::intrinsic::{self, Ancestry, Facts, Invalid};
use crate::log::graph::{Graph, Node};
use crate::log::hold::{Hold, Wait};
use crate::op::header::Header;
use crate::op::id::{OpId, RepoId};
use crate::op::kind::Kind;
use crate::op::sign::VerifiedOp;
use crate::time::Millis;

/// What is to become of one op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It enters the graph.
    Admit,
    /// It is in the graph already.
    Known,
    /// It waits outside the graph.
    Hold(Wait),
    /// It is refused for good, and so is whatever names it.
    Refuse(Invalid),
    /// Nothing vouches for it, and nothing that came with it might: it is dropped, and wanted again with signatures.
    Drop,
}

/// What admission looks at besides the ops themselves.
#[derive(Clone, Copy, Debug)]
pub struct Replica<'a> {
    /// The ops that are here.
    pub graph: &'a Graph,
    /// The ops that wait.
    pub hold: &'a Hold,
    /// Ops known to be invalid.
    pub refused: &'a HashMap<OpId, Invalid>,
    /// The local clock.
    pub now: Millis,
}

/// An op that is to be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Which of the ops it is.
    pub at: usize,
    /// The first of its bases, if that is in the graph already.
    pub base: Option<Node>,
}

/// The verdict on each of `ops`, in their order, and the order in which the admitted ones are to be appended.
///
/// `ops` may come in any order and more than once. Total: there is a verdict for whatever the ops say.
pub fn judge(ops: &[VerifiedOp<'_>], replica: Replica<'_>) -> (Vec<Verdict>, Vec<Admitted>) {
    let mut batch = Batch::new(ops, replica);
    let mut bases = alloc::vec![None; ops.len()];
    for at in batch.order.clone() {
        (batch.verdicts[at], bases[at]) = batch.judge_one(at);
    }
    batch.take_back_uncovered();
    batch.drop_unproven_ahead();
    let admitted = batch.order.iter().filter(|at| batch.verdicts[**at] == Verdict::Admit);
    let admitted = admitted.map(|at| Admitted { at: *at, base: bases[*at] }).collect();
    (batch.verdicts, admitted)
}

struct Batch<'a, 'b> {
    ops: &'a [VerifiedOp<'b>],
    replica: Replica<'a>,
    /// The repo of the graph, or of the genesis that came.
    repo: Option<RepoId>,
    order: Vec<usize>,
    /// The first of each id.
    index: HashTable<usize>,
    verdicts: Vec<Verdict>,
}

/// Where a dependency is.
#[derive(Clone, Copy)]
enum Found {
    InGraph(Node),
    InBatch(usize),
}

impl<'a, 'b> Batch<'a, 'b> {
    fn new(ops: &'a [VerifiedOp<'b>], replica: Replica<'a>) -> Batch<'a, 'b> {
        let mut order: Vec<usize> = (0..ops.len()).collect();
        order.sort_unstable_by_key(|at| (ops[*at].header().hlc, ops[*at].id(), *at));
        let mut verdicts = alloc::vec![Verdict::Drop; ops.len()];
        let hash = |at: &usize| replica.graph.id_hash(&ops[*at].id());
        let mut index = HashTable::with_capacity(ops.len());
        for at in &order {
            match index.entry(hash(at), |first: &usize| ops[*first].id() == ops[*at].id(), hash) {
                Entry::Occupied(_) => verdicts[*at] = Verdict::Known,
                Entry::Vacant(place) => drop(place.insert(*at)),
            }
        }
        let genesis = || ops.iter().find(|op| op.header().is_genesis()).map(|op| op.id().into());
        let repo = replica.graph.repo().or_else(genesis);
        Batch { ops, replica, repo, order, index, verdicts }
    }

    /// The verdict, and the first base, if that was looked up in the graph.
    fn judge_one(&self, at: usize) -> (Verdict, Option<Node>) {
        let op = &self.ops[at];
        if self.verdicts[at] == Verdict::Known || self.replica.graph.find(&op.id()).is_some() {
            return (Verdict::Known, None);
        }
        if !self.is_of_repo(op) {
            return (Verdict::Refuse(Invalid::RepoMismatch), None);
        }
        match self.ancestry(op) {
            Err(verdict) => (verdict, None),
            Ok((ancestry, base)) => match intrinsic::judge(op.header(), &ancestry) {
                Err(reason) => (Verdict::Refuse(reason), None),
                Ok(()) if op.header().hlc.is_ahead(self.replica.now) => {
                    (Verdict::Hold(Wait::Time(op.header().hlc)), None)
                }
                Ok(()) => (Verdict::Admit, base),
            },
        }
    }

    fn is_of_repo(&self, op: &VerifiedOp<'_>) -> bool {
        let own = op.header().repo.unwrap_or_else(|| op.id().into());
        self.repo.is_none_or(|repo| repo == own)
    }

    /// The dependencies, with the first base if it is in the graph, or the verdict where one is not to be had. An invalid one
    /// weighs more than a missing one.
    fn ancestry(&self, op: &VerifiedOp<'b>) -> Result<(Ancestry<'_>, Option<Node>), Verdict> {
        let (mut missing, mut first_base) = (None, None);
        let base = op.header().base.iter().next();
        let mut facts = |id: OpId| match self.find(&id) {
            Ok(Found::InGraph(node)) => {
                if base == Some(id) {
                    first_base = Some(node);
                }
                Ok(Some(graph_facts(self.replica.graph, node)))
            }
            Ok(Found::InBatch(at)) => Ok(Some(Facts::of(id, self.ops[at].header()))),
            Err(Verdict::Refuse(_)) => Err(Verdict::Refuse(Invalid::Dependency)),
            Err(verdict) => {
                missing = missing.or(Some(verdict));
                Ok(None)
            }
        };
        let header = op.header();
        let prev = header.prev.map(&mut facts).transpose()?.flatten();
        let parents = header.parents.iter().filter_map(|id| facts(id).transpose()).collect::<Result<_, _>>()?;
        let base = header.base.iter().filter_map(|id| facts(id).transpose()).collect::<Result<_, _>>()?;
        missing.map_or(Ok((Ancestry { prev, parents, base }, first_base)), Err)
    }

    /// Where an op is, if it is in the graph or about to be; else what that means for an op that names it.
    fn find(&self, id: &OpId) -> Result<Found, Verdict> {
        let own = self.in_batch(id);
        match own.map(|at| (at, self.verdicts[at])) {
            Some((at, Verdict::Admit)) => return Ok(Found::InBatch(at)),
            Some((_, Verdict::Refuse(reason))) => return Err(Verdict::Refuse(reason)),
            _ => {}
        }
        if let Some(node) = self.replica.graph.find(id) {
            return Ok(Found::InGraph(node));
        }
        match self.replica.refused.get(id) {
            Some(reason) if own.is_none() => Err(Verdict::Refuse(*reason)),
            _ => Err(Verdict::Hold(Wait::Op(*id))),
        }
    }

    fn in_batch(&self, id: &OpId) -> Option<usize> {
        self.index.find(self.replica.graph.id_hash(id), |at| self.ops[*at].id() == *id).copied()
    }

    /// Takes back candidates that nothing vouches for, and whatever stands only with them.
    fn take_back_uncovered(&mut self) {
        let mut vouchers = self.vouchers();
        let is_bare = |at: &usize| self.verdicts[*at] == Verdict::Admit && vouchers[*at] == 0;
        let bare: Vec<usize> = self.order.iter().rev().copied().filter(is_bare).collect();
        if bare.is_empty() {
            return;
        }
        let named_by = self.named_by();
        for at in &bare {
            self.verdicts[*at] = self.fate(*at, &named_by[*at]);
        }
        let mut taken = bare;
        while let Some(at) = taken.pop() {
            for by in named_by[at].iter().copied() {
                if self.verdicts[by] == Verdict::Admit {
                    self.verdicts[by] = Verdict::Hold(Wait::Op(self.ops[at].id()));
                    taken.push(by);
                    self.take_back_chain(by, &mut vouchers, &mut taken);
                }
            }
        }
    }

    /// An op of a chain waits now: what only it vouched for waits with it.
    fn take_back_chain(&mut self, held: usize, vouchers: &mut [u32], taken: &mut Vec<usize>) {
        let mut last = held;
        while let Some(prev) = self.prev_in_batch(last).filter(|prev| self.verdicts[*prev] == Verdict::Admit) {
            vouchers[prev] -= 1;
            if vouchers[prev] > 0 {
                return;
            }
            self.verdicts[prev] = Verdict::Hold(Wait::Op(self.ops[last].id()));
            taken.push(prev);
            last = prev;
        }
    }

    /// By op: how many vouch for it, of its own signature and the covered candidates right behind it on its chain.
    fn vouchers(&self) -> Vec<u32> {
        let mut vouchers = alloc::vec![0; self.ops.len()];
        for &at in self.order.iter().rev().filter(|at| self.verdicts[**at] == Verdict::Admit) {
            vouchers[at] += u32::from(self.ops[at].signature().is_some() || planted!(UnsignedRunAdmitted));
            if let Some(prev) = self.prev_in_batch(at).filter(|_| vouchers[at] > 0) {
                vouchers[prev] += 1;
            }
        }
        vouchers
    }

    /// By op: which of the batch name it, in order.
    fn named_by(&self) -> Vec<Vec<usize>> {
        let mut named_by = alloc::vec![Vec::new(); self.ops.len()];
        for &at in &self.order {
            for named in self.ops[at].header().dependencies().filter_map(|id| self.in_batch(&id)) {
                named_by[named].push(at);
            }
        }
        named_by
    }

    /// A candidate without cover waits with the held op that would cover it; without one it is dropped. Whatever comes
    /// behind it on its chain has its own verdict by now. One that waits for the candidate although it was judged with it
    /// has a clock before the candidate's, so it is invalid and covers nothing.
    fn fate(&self, at: usize, named_by: &[usize]) -> Verdict {
        let id = self.ops[at].id();
        let is_next = |by: &&usize| self.ops[**by].header().prev == Some(id);
        let is_held = |by: &&usize| match self.verdicts[**by] {
            Verdict::Hold(wait) => wait != Wait::Op(id),
            _ => false,
        };
        let next = named_by.iter().filter(is_next).find(is_held);
        next.map_or(Verdict::Drop, |next| Verdict::Hold(Wait::Op(self.ops[*next].id())))
    }

    /// An op ahead of time waits only with a signature, its own or that of an op behind it on its chain that waits too:
    /// without one anybody may have made it up, and nothing would come of it when its time has come.
    fn drop_unproven_ahead(&mut self) {
        let mut is_backed = alloc::vec![false; self.ops.len()];
        for &at in self.order.iter().rev() {
            let Verdict::Hold(wait) = self.verdicts[at] else { continue };
            let is_proven = is_backed[at] || self.ops[at].signature().is_some();
            match (is_proven, wait) {
                (true, _) => self.prev_in_batch(at).into_iter().for_each(|prev| is_backed[prev] = true),
                (false, Wait::Time(_)) => self.verdicts[at] = Verdict::Drop,
                (false, _) => {}
            }
        }
    }

    fn prev_in_batch(&self, at: usize) -> Option<usize> {
        self.ops[at].header().prev.and_then(|prev| self.in_batch(&prev))
    }
}

/// The dependencies of a header in a graph.
///
/// # Errors
/// The first dependency that is not there.
pub fn ancestry_in<'a>(graph: &'a Graph, header: &Header<'_>) -> Result<Ancestry<'a>, OpId> {
    let facts = |id: OpId| graph.find(&id).map(|node| graph_facts(graph, node)).ok_or(id);
    Ok(Ancestry {
        prev: header.prev.map(facts).transpose()?,
        parents: header.parents.iter().map(facts).collect::<Result<_, _>>()?,
        base: header.base.iter().map(facts).collect::<Result<_, _>>()?,
    })
}

fn graph_facts(graph: &Graph, node: Node) -> Facts<'_> {
    Facts {
        id: graph.id(node),
        is_genesis: graph.genesis() == Some(node),
        branch: graph.branch_name(graph.branch(node)),
        author: graph.author(node),
        seq: graph.seq(node),
        hlc: graph.hlc(node),
        entity: (graph.kind(node) != Kind::Merge).then(|| graph.entity_name(graph.entity(node))),
    }
}
