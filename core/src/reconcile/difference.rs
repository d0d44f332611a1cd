//! Two kept logs side by side: what one has and the other lacks, at the cost of that and not of what both have.
//!
//! A chain's common part ends where the walk down from its end meets an op that the other log has. What the logs show
//! of an entity together can differ from what each shows alone only where both have writes that the other lacks, or
//! bodies. Where the logs disagree about who has effect, or one has what the other waits for, both are judged anew
//! together.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::judge::ordered;
use super::log::{Log, Pair, named_once};
use super::union::Union;
use super::{Reconciled, Relation, in_place_order, names};
use crate::admit::intrinsic::Invalid;
use crate::log::graph::{Branch, Node};
use crate::log::row::StoredOp;
use crate::log::set::Bits;
use crate::merge::conflict::Conflict;
use crate::op::body::Content;
use crate::op::header::REPO_BRANCH;
use crate::op::id::OpId;
use crate::op::kind::Kind;
use crate::op::sign::{Ord40, Unverified};
use crate::ordered::Set;
use crate::view::deciding::deciding;
use crate::view::state::Said;

/// What two logs make together. Fields are as those of [`Reconciled`]; the rest of it is computed when it is asked for.
#[derive(Clone, Debug)]
pub struct Difference<'l> {
    /// How the logs relate.
    pub relation: Relation,
    /// The last of the common ops in order.
    pub fork_point: Option<OpId>,
    /// The common ops that no other common op names as parent or `prev`, in order.
    pub fork_heads: Vec<OpId>,
    /// Merged ops that only the local log has, in order.
    pub only_local: Vec<OpId>,
    /// Merged ops that only the remote log has, in order.
    pub only_remote: Vec<OpId>,
    /// The open conflicts of both together that are open in neither log alone.
    pub new_conflicts: Vec<Conflict>,
    /// Dependencies that neither log has, ascending.
    pub missing: Vec<OpId>,
    /// Invalid ops with the reason, ascending.
    pub invalid: Vec<(OpId, Invalid)>,
    /// How many inputs were no ops at all.
    pub malformed: usize,
    rest: Rest<'l>,
}

#[derive(Clone, Debug)]
enum Rest<'l> {
    /// Judged anew together.
    Whole {
        merged: Vec<OpId>,
        conflicts: Vec<Conflict>,
    },
    Kept(Kept<'l>),
}

/// What the rest is computed from.
#[derive(Clone, Debug)]
struct Kept<'l> {
    logs: Logs<'l>,
    only_remote: Vec<Node>,
    /// Where the remote log has writes that the local one lacks, ascending.
    gained_remote: Vec<Pair>,
    both: Vec<Both>,
    /// The open conflicts of `both`.
    conflicts: Vec<Conflict>,
}

#[derive(Clone, Copy, Debug)]
struct Logs<'l> {
    local: &'l Log,
    remote: &'l Log,
}

/// An entity in a branch's log as each of the logs numbers it, where it has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Both {
    local: Option<Pair>,
    remote: Option<Pair>,
}

/// A write of both logs: of the local one if that has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    ord: Ord40,
    node: Node,
    is_remote: bool,
}

impl Log {
    /// Compares with another log, and tells what both make together: what [`reconcile`](super::reconcile) says of their
    /// ops. Costs what one has and the other lacks, and the merge of entities that both have written since.
    pub fn reconcile<'l>(&'l self, remote: &'l Log) -> Difference<'l> {
        let logs = Logs { local: self, remote };
        if !logs.are_complete() {
            return logs.judged_anew();
        }
        let (ours, theirs) = (Tail::of(self, remote), Tail::of(remote, self));
        if ours.is_on_repo(self) || theirs.is_on_repo(remote) {
            logs.judged_anew()
        } else {
            logs.compared(&ours, &theirs)
        }
    }
}

impl Difference<'_> {
    /// Whether there are no new conflicts.
    pub fn is_clean(&self) -> bool {
        self.new_conflicts.is_empty()
    }

    /// How many ops both logs have together.
    pub fn merged_len(&self) -> usize {
        match &self.rest {
            Rest::Whole { merged, .. } => merged.len(),
            Rest::Kept(kept) => kept.logs.local.len() + kept.only_remote.len(),
        }
    }

    /// Every valid op of both whose dependencies are there, in order.
    pub fn merged(&self) -> Box<dyn Iterator<Item = OpId> + '_> {
        match &self.rest {
            Rest::Whole { merged, .. } => Box::new(merged.iter().copied()),
            Rest::Kept(kept) => Box::new(kept.merged()),
        }
    }

    /// The open conflicts of both together, ascending by branch, collection, key and path.
    pub fn conflict_records(&self) -> Vec<Conflict> {
        match &self.rest {
            Rest::Whole { conflicts, .. } => conflicts.clone(),
            Rest::Kept(kept) => kept.conflict_records(),
        }
    }

    /// Everything at once.
    pub fn reconciled(self) -> Reconciled {
        let conflict_records = self.conflict_records();
        Reconciled {
            merged: self.merged().collect(),
            clean: self.is_clean(),
            fork_point: self.fork_point,
            fork_heads: self.fork_heads,
            only_local: self.only_local,
            only_remote: self.only_remote,
            conflicts: names(&conflict_records),
            conflict_records,
            new_conflicts: self.new_conflicts,
            relation: self.relation,
            missing: self.missing,
            invalid: self.invalid,
            malformed: self.malformed,
        }
    }
}

impl Kept<'_> {
    fn merged(&self) -> impl Iterator<Item = OpId> + '_ {
        let Logs { local, remote } = self.logs;
        let nodes = local.in_order();
        let ours = (0..local.len()).map(move |at| local.ord(nodes.as_ref().map_or(Node::at(at), |nodes| nodes[at])));
        let (mut ours, mut theirs) =
            (ours.peekable(), self.only_remote.iter().map(|node| remote.ord(*node)).peekable());
        core::iter::from_fn(move || match (ours.peek(), theirs.peek()) {
            (Some(our), Some(their)) if their < our => theirs.next(),
            (Some(_), _) => ours.next(),
            (None, _) => theirs.next(),
        })
        .map(|ord| ord.id)
    }

    fn conflict_records(&self) -> Vec<Conflict> {
        let Logs { local, remote } = self.logs;
        let merged_local: Set<Pair> = self.both.iter().filter_map(|both| both.local).collect();
        let merged_remote: Set<Pair> = self.both.iter().filter_map(|both| both.remote).collect();
        let is_gained = |pair: &Pair| self.gained_remote.binary_search(pair).is_ok();
        let is_ours = |pair: &Pair| {
            !merged_local.contains(pair) && !self.logs.to_remote(*pair).is_some_and(|pair| is_gained(&pair))
        };
        let ours = local.open.iter().filter(|(pair, _)| is_ours(pair));
        let theirs = remote.open.iter().filter(|(pair, _)| is_gained(pair) && !merged_remote.contains(*pair));
        let kept = ours.chain(theirs).flat_map(|(_, conflicts)| conflicts);
        in_place_order(kept.chain(&self.conflicts).cloned().collect())
    }
}

impl<'l> Logs<'l> {
    /// Whether the logs can be compared as they are: they are of one repo, nothing in one waits for what the other has,
    /// and what the engine's own branch says is equally known and decides by authors.
    fn are_complete(self) -> bool {
        let Logs { local, remote } = self;
        let is_on_repo = |log: &Log, node: Node| log.graph().is_repo_branch(log.graph().branch(node));
        let lacks_on_repo = |log: &Log| log.bodyless.iter().any(|node| is_on_repo(log, *node));
        local.repo() == remote.repo()
            && !local.missing().iter().any(|id| remote.has(id))
            && !remote.missing().iter().any(|id| local.has(id))
            && [local, remote].iter().all(|log| log.state.authority.is_by_author() && !lacks_on_repo(log))
    }

    fn judged_anew(self) -> Difference<'l> {
        let Logs { local, remote } = self;
        let ops = |log: &'l Log| log.ops().iter().map(StoredOp::unverified).collect::<Vec<Unverified<'_>>>();
        let repo = (local.repo() == remote.repo()).then_some(local.repo());
        let said = Union::of(&ops(local), &ops(remote), repo).report();
        Difference {
            relation: said.relation,
            fork_point: said.fork_point,
            fork_heads: said.fork_heads,
            only_local: said.only_local,
            only_remote: said.only_remote,
            new_conflicts: said.new_conflicts,
            missing: said.missing,
            invalid: said.invalid,
            malformed: local.malformed + remote.malformed,
            rest: Rest::Whole { merged: said.merged, conflicts: said.conflict_records },
        }
    }

    fn compared(self, ours: &Tail, theirs: &Tail) -> Difference<'l> {
        let Logs { local, remote } = self;
        let (only_local, only_remote) = (ours.in_order(local), theirs.in_order(remote));
        let ids = |log: &Log, nodes: &[Node]| nodes.iter().map(|node| log.graph().id(*node)).collect::<Vec<_>>();
        let gained_remote = theirs.gained(remote, local);
        let both = self.both(&ours.gained(local, remote), &gained_remote);
        let (mut conflicts, mut new_conflicts) = (Vec::new(), Vec::new());
        for both in &both {
            let open = self.conflicts(*both);
            new_conflicts.extend(open.iter().filter(|conflict| !self.is_known(*both, conflict)).cloned());
            conflicts.extend(open);
        }
        Difference {
            relation: Relation::of(only_local.is_empty(), only_remote.is_empty()),
            fork_point: ours.ends.iter().map(|node| local.ord(*node)).max().map(|ord| ord.id),
            fork_heads: ids(local, &ours.fork_heads(local)),
            only_local: ids(local, &only_local),
            only_remote: ids(remote, &only_remote),
            new_conflicts: in_place_order(new_conflicts),
            missing: united(local.missing(), remote.missing()),
            invalid: united(local.invalid(), remote.invalid()),
            malformed: local.malformed + remote.malformed,
            rest: Rest::Kept(Kept { logs: self, only_remote, gained_remote, both, conflicts }),
        }
    }

    /// Where the logs together may show what neither shows.
    fn both(self, gained_local: &[Pair], gained_remote: &[Pair]) -> Vec<Both> {
        let mut both: Vec<Both> = match gained_local.len() <= gained_remote.len() {
            true => {
                let pairs = gained_local.iter().map(|local| (Some(*local), self.to_remote(*local)));
                let pairs =
                    pairs.filter(|(_, remote)| remote.is_some_and(|pair| gained_remote.binary_search(&pair).is_ok()));
                pairs.map(|(local, remote)| Both { local, remote }).collect()
            }
            false => {
                let pairs = gained_remote.iter().map(|remote| (self.to_local(*remote), Some(*remote)));
                let pairs =
                    pairs.filter(|(local, _)| local.is_some_and(|pair| gained_local.binary_search(&pair).is_ok()));
                pairs.map(|(local, remote)| Both { local, remote }).collect()
            }
        };
        both.extend(
            lacked(self.local, self.remote).map(|pair| Both { local: Some(pair), remote: self.to_remote(pair) }),
        );
        both.extend(
            lacked(self.remote, self.local).map(|pair| Both { local: self.to_local(pair), remote: Some(pair) }),
        );
        both.sort_unstable();
        both.dedup();
        both
    }

    fn to_remote(self, pair: Pair) -> Option<Pair> {
        translated(self.local, self.remote, pair)
    }

    fn to_local(self, pair: Pair) -> Option<Pair> {
        translated(self.remote, self.local, pair)
    }

    /// The open conflicts of an entity with the writes of both logs.
    fn conflicts(self, both: Both) -> Vec<Conflict> {
        let heads = |log: &Log, pair: Option<Pair>| pair.map(|(branch, entity)| log.graph().frontier(branch, entity));
        let ours = heads(self.local, both.local).into_iter().flatten().map(|node| self.local_spot(node));
        let theirs = heads(self.remote, both.remote).into_iter().flatten().map(|node| self.remote_spot(node));
        let is_whole = |spot: Spot| {
            let log = self.log(spot);
            log.state.is_overwrite(log.graph(), spot.node) && self.content(spot) != Content::Void
        };
        let writes = deciding(ours.chain(theirs), |spot| self.base(spot), is_whole);
        let said = writes.iter().filter_map(|spot| self.said(*spot));
        let said: Vec<Said<'_>> = said.collect();
        match (both.local, both.remote) {
            _ if said.len() < 2 => Vec::new(),
            (Some(pair), _) => self.local.conflicts_said(pair, &said),
            (None, Some(pair)) => self.remote.conflicts_said(pair, &said),
            (None, None) => Vec::new(),
        }
    }

    /// Whether one of the logs shows a conflict of an entity alone.
    fn is_known(self, both: Both, conflict: &Conflict) -> bool {
        let opens = |log: &Log, pair: Option<Pair>| {
            let open = pair.and_then(|pair| log.open.get(&pair));
            open.is_some_and(|open| open.iter().any(|known| known.id == conflict.id))
        };
        opens(self.local, both.local) || opens(self.remote, both.remote)
    }

    fn log(self, spot: Spot) -> &'l Log {
        if spot.is_remote { self.remote } else { self.local }
    }

    fn local_spot(self, node: Node) -> Spot {
        Spot { ord: self.local.ord(node), node, is_remote: false }
    }

    fn remote_spot(self, node: Node) -> Spot {
        let ord = self.remote.ord(node);
        match self.local.graph().find(&ord.id) {
            Some(node) => Spot { ord, node, is_remote: false },
            None => Spot { ord, node, is_remote: true },
        }
    }

    fn base(self, spot: Spot) -> Vec<Spot> {
        let base = self.log(spot).graph().base(spot.node);
        base.map(|node| if spot.is_remote { self.remote_spot(node) } else { self.local_spot(node) }).collect()
    }

    fn said(self, spot: Spot) -> Option<Said<'static>> {
        let log = self.log(spot);
        log.state.said(log.graph(), spot.node, |_| Some(Cow::Owned(self.content(spot))))
    }

    /// What a write says, by the body that one of the logs has.
    fn content(self, spot: Spot) -> Content {
        let theirs = || self.remote.graph().find(&spot.ord.id);
        match spot.is_remote || !self.local.bodyless.contains(&spot.node) {
            true => self.log(spot).content(spot.node),
            false => theirs().map_or_else(|| self.local.content(spot.node), |node| self.remote.content(node)),
        }
    }
}

/// A pair of one log as another numbers it, if it knows it.
fn translated(from: &Log, to: &Log, (branch, entity): Pair) -> Option<Pair> {
    let (collection, key) = from.graph().entity_name(entity);
    let branch = to.graph().find_branch(from.graph().branch_name(branch))?;
    to.graph().find_entity_named(collection, key).map(|entity| (branch, entity))
}

/// Where a log lacks bodies that another has, and that may matter to conflicts.
fn lacked<'l>(log: &'l Log, other: &'l Log) -> impl Iterator<Item = Pair> + 'l {
    let is_lacked = |node: &&Node| {
        let there = other.graph().find(&log.graph().id(**node));
        log.graph().is_contended(log.graph().entity(**node))
            && there.is_some_and(|node| !other.bodyless.contains(&node))
    };
    let entities: Set<_> = log.bodyless.iter().filter(is_lacked).map(|node| log.graph().entity(*node)).collect();
    let pairs = |entity| log.graph().branches().map(move |branch| (branch, entity));
    entities.into_iter().flat_map(pairs).filter(|(branch, _)| log.graph().branch_name(*branch) != REPO_BRANCH)
}

/// Both lists, ascending and each item once.
fn united<T: Ord>(mut one: Vec<T>, other: Vec<T>) -> Vec<T> {
    one.extend(other);
    one.sort_unstable();
    one.dedup();
    one
}

/// What a log has and another lacks.
struct Tail {
    nodes: Bits,
    /// The last common ops of the log's chains.
    ends: Set<Node>,
}

impl Tail {
    fn of(log: &Log, other: &Log) -> Tail {
        let mut tail = Tail { nodes: Bits::default(), ends: Set::new() };
        for (branch, author, ends) in log.graph().chains() {
            let there = other.graph().chain_ends(log.graph().branch_name(branch), &author);
            let common_max = there.into_iter().map(|end| other.graph().seq(end)).max().unwrap_or(0);
            for end in ends {
                tail.walk(log, other, end, common_max);
            }
        }
        tail
    }

    /// Takes an op and those before it on its chain, down to one that the other log has, too.
    fn walk(&mut self, log: &Log, other: &Log, end: Node, common_max: u32) {
        let is_common =
            |node: Node| log.graph().seq(node) <= common_max && other.graph().find(&log.graph().id(node)).is_some();
        let mut at = Some(end);
        while let Some(node) = at {
            if is_common(node) {
                self.ends.insert(node);
                return;
            }
            let is_new = self.nodes.insert(node);
            at = log.graph().prev(node).filter(|_| is_new);
        }
    }

    fn in_order(&self, log: &Log) -> Vec<Node> {
        ordered(log.graph(), self.nodes.iter().collect())
    }

    fn is_on_repo(&self, log: &Log) -> bool {
        let graph = log.graph();
        graph.find_branch(REPO_BRANCH).is_some_and(|repo| self.nodes.iter().any(|node| graph.branch(node) == repo))
    }

    /// The common ops that only ops of the tail name as parent or `prev`, in order.
    fn fork_heads(&self, log: &Log) -> Vec<Node> {
        let mut named: HashMap<Node, u32> = self.ends.iter().map(|end| (*end, 0)).collect();
        for node in self.nodes.iter() {
            for parent in named_once(log.graph(), node).filter(|parent| !self.nodes.contains(*parent)) {
                named.entry(parent).and_modify(|count| *count += 1);
            }
        }
        let heads = named.into_iter().filter(|(node, count)| log.named(*node) == *count).map(|(node, _)| node);
        ordered(log.graph(), heads.collect())
    }

    /// Every entity in a branch's log with a write that the other log's branch lacks, ascending.
    fn gained(&self, log: &Log, other: &Log) -> Vec<Pair> {
        let graph = log.graph();
        let mut gained: Vec<Pair> = Vec::new();
        let mut joined: Set<(Branch, Node)> = Set::new();
        for node in self.nodes.iter() {
            let branch = graph.branch(node);
            gained.extend((graph.kind(node) != Kind::Merge).then(|| (branch, graph.entity(node))));
            let is_foreign = |named: &Node| graph.branch(*named) != branch && graph.genesis() != Some(*named);
            let mut open: Vec<Node> = graph.dependencies(node).filter(is_foreign).collect();
            while let Some(foreign) = open.pop() {
                if !is_in_log(log, other, foreign, branch) && joined.insert((branch, foreign)) {
                    gained.extend((graph.kind(foreign) != Kind::Merge).then(|| (branch, graph.entity(foreign))));
                    open.extend(graph.dependencies(foreign).filter(is_foreign));
                }
            }
        }
        gained.sort_unstable();
        gained.dedup();
        gained
    }
}

/// Whether another log has an op in a branch's log.
fn is_in_log(log: &Log, other: &Log, node: Node, branch: Branch) -> bool {
    let branch = other.graph().find_branch(log.graph().branch_name(branch));
    let node = other.graph().find(&log.graph().id(node));
    node.zip(branch).is_some_and(|(node, branch)| other.graph().is_in_log(node, branch))
}
