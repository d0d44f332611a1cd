//! Reading: ops and their bodies come from the store, entities and conflicts are computed from them.
//!
//! A question names the ops that it needs, one `Load` asks for all of them, and the answer is computed when they have
//! come. Nothing of bodies is kept.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::files::Writes;
use super::plan::Join;
use super::receipts::Wanted;
use super::scope::Scope;
use super::since::Keeps;
use super::write::{Ground, Preparing, answer};
use super::{Machine, Outputs, Waiting, reply, since};
use crate::admit::authority;
use crate::error::CommandError;
use crate::input::{Command, EntityQuery, Request};
use crate::log::fork::{Fork, ForkProof, Side};
use crate::log::graph::{Branch, ChainFork, Entity, Node};
use crate::log::row::StoredOp;
use crate::merge::entity;
use crate::op::body::Content;
use crate::op::hex;
use crate::op::id::OpId;
use crate::op::kind::Kind;
use crate::ordered::Map;
use crate::output::{Answer, BranchView, ChainEnd, EntityView, OpView, Output, Query, Status};
use crate::sort;
use crate::time::Millis;
use crate::view::deciding::deciding;
use crate::view::files::FilePath;
use crate::view::state::Contents;

/// Ops that were asked for, and what they are for.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) nodes: Vec<Node>,
    purpose: Purpose,
}

#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// One entity.
    Entity(Request, Scope, Entity),
    /// Several; for whoever keeps them.
    Entries(Request, Scope, Vec<Entity>, Option<Keeps>),
    /// The conflicts of several.
    Conflicts(Request, Branch, Vec<Entity>),
    /// What joining a branch would change.
    Plan(Request, Join),
    /// The files among these entities.
    Files(Request, Scope, Vec<Entity>),
    /// The files that ever were at a path.
    FilesEver(Request, FilePath),
    /// The ops themselves.
    Ops(Request),
    /// The ops, as people read them.
    Show(Request),
    /// What vouches for the first of two ops of a fork, so many, and then what vouches for the other.
    ForkProof(Request, usize),
    /// Whether they are what was written.
    Verify(Request),
    /// What the engine's own branch says, at opening or for a refresh.
    RepoContents(Option<Request>),
    /// The blobs that ops name of which somebody wants to know when they are safe.
    Durable(Wanted),
    /// What a local write builds on.
    Write(Box<Preparing>),
}

impl Read {
    pub(super) fn into_request(self) -> Option<Request> {
        match self.purpose {
            Purpose::Entity(request, ..)
            | Purpose::Entries(request, ..)
            | Purpose::Conflicts(request, ..)
            | Purpose::Plan(request, _)
            | Purpose::Files(request, ..)
            | Purpose::FilesEver(request, _)
            | Purpose::Ops(request)
            | Purpose::Show(request)
            | Purpose::ForkProof(request, _)
            | Purpose::Verify(request) => Some(request),
            Purpose::RepoContents(request) => request,
            Purpose::Durable(wanted) => Some(wanted.request),
            Purpose::Write(preparing) => preparing.into_request(),
        }
    }
}

impl Machine {
    pub(super) fn on_query(&mut self, request: Request, query: Command, now: Millis, out: &mut Outputs) {
        match self.answer(request, query, now, out) {
            Ok(Some(answer)) => reply(out, request, Ok(answer)),
            Ok(None) => {}
            Err(error) => reply(out, request, Err(error)),
        }
    }

    /// The answer, or none where ops have to be read for it first.
    fn answer(
        &mut self,
        request: Request,
        query: Command,
        now: Millis,
        out: &mut Outputs,
    ) -> Result<Option<Answer>, CommandError> {
        match query {
            Command::ChainEnds => Ok(Some(Answer::ChainEnds(self.chain_ends()))),
            Command::Status => Ok(Some(Answer::Status(self.status(now)))),
            Command::Announce { topic, bytes } => {
                self.announce_presence(&topic, &bytes, out).map(|()| Some(Answer::Done))
            }
            Command::Links => Ok(Some(Answer::Links(self.link_views()))),
            Command::Link(id) => Ok(Some(Answer::Links(self.link_view(id).into_iter().collect()))),
            Command::Durable { ops, tier, until } => {
                self.await_durable(Wanted { request, tier, until }, &ops, out).map(|()| None)
            }
            Command::Members => Ok(Some(Answer::Members(self.state.authority.members()))),
            Command::Invitations => Ok(Some(Answer::Invitations(self.state.authority.invitations(&self.graph)))),
            Command::Manifests => Ok(Some(Answer::Manifests(self.manifests()))),
            Command::FindOps(prefix) => Ok(Some(Answer::Ids(self.find_ops(&prefix)))),
            Command::Log { branch, entity, ops_max } => {
                Ok(Some(Answer::Log(self.log_views(&branch, entity.as_ref(), ops_max)?)))
            }
            Command::Writes { collection, key_prefix } => Ok(Some(Answer::Log(self.writes(&collection, &key_prefix)))),
            Command::Show(ids) => {
                let find = |id: &OpId| self.graph.find(id).ok_or(CommandError::NoOp(*id));
                let nodes = ids.iter().map(find).collect::<Result<_, _>>()?;
                self.read(nodes, Purpose::Show(request), out);
                Ok(None)
            }
            Command::Export { known } => {
                self.read(self.unknown_to(&known), Purpose::Ops(request), out);
                Ok(None)
            }
            Command::ForkProof(ops) => {
                let [one, other] = self.fork(ops)?.map(|op| self.graph.covering(op));
                let purpose = Purpose::ForkProof(request, one.len());
                self.read([one, other].concat(), purpose, out);
                Ok(None)
            }
            Command::Verify => {
                self.read(self.graph.nodes().collect(), Purpose::Verify(request), out);
                Ok(None)
            }
            Command::Get(query) => self.get(request, &query, out),
            Command::Entries { branch, collection, key_prefix, at } => {
                let scope = self.scope(&branch, &at)?;
                let entities = self.entities(&scope, collection.as_deref(), &key_prefix);
                self.read(self.deciding_all(&scope, &entities), Purpose::Entries(request, scope, entities, None), out);
                Ok(None)
            }
            Command::EntriesSince { branch, collection, since } => {
                Ok(self.read_entries_since(request, (&branch, &collection), since, out))
            }
            Command::Conflicts { branch } => {
                let scope = self.scope(&branch, &[])?;
                let mut entities = self.entities(&scope, None, "");
                entities.retain(|entity| self.graph.is_contended(*entity));
                let nodes = self.deciding_all(&scope, &entities);
                self.read(nodes, Purpose::Conflicts(request, scope.branch, entities), out);
                Ok(None)
            }
            Command::Plan { branch, source, at } => {
                self.read_join(request, Join::new(&branch, &source, &at), out).map(|()| None)
            }
            Command::FilesEver { branch, path } => self.read_files_ever(request, &branch, path, out).map(|()| None),
            Command::Files { branch, at } => self.read_files(request, &branch, &at, out).map(|()| None),
            Command::Create { .. } | Command::Refresh | Command::Write(_) | Command::Import(_) => {
                Err(CommandError::Unsupported)
            }
        }
    }

    fn get(
        &mut self,
        request: Request,
        query: &EntityQuery,
        out: &mut Outputs,
    ) -> Result<Option<Answer>, CommandError> {
        let entity = self.graph.find_entity_named(&query.collection, &query.key);
        let (Ok(_), Some(entity)) = (self.branch(&query.branch), entity) else {
            return Ok(Some(Answer::Entity(EntityView::absent(&query.collection, &query.key))));
        };
        let scope = self.scope(&query.branch, &query.at)?;
        self.read(self.deciding_all(&scope, &[entity]), Purpose::Entity(request, scope, entity), out);
        Ok(None)
    }

    /// Asks for ops. Nothing is asked where there are none: what waits goes on at once.
    pub(super) fn read(&mut self, nodes: Vec<Node>, purpose: Purpose, out: &mut Outputs) {
        let query = Query::Ops(nodes.iter().map(|node| self.stored_at(*node)).collect());
        let ticket = self.tickets.open(Waiting::Read(Read { nodes, purpose }));
        out.push(Output::Load(ticket, query));
    }

    pub(super) fn read_repo_contents(&mut self, request: Option<Request>, out: &mut Outputs) {
        let is_unread =
            |node: &Node| self.graph.is_repo_branch(self.graph.branch(*node)) && !self.repo_contents.contains_key(node);
        let nodes = self.graph.nodes().filter(is_unread).collect();
        self.read(nodes, Purpose::RepoContents(request), out);
    }

    pub(super) fn on_read(&mut self, read: Read, ops: Vec<Option<StoredOp>>, now: Millis, out: &mut Outputs) {
        match read.purpose {
            Purpose::Ops(request) => reply(out, request, self.intact(&read.nodes, ops).map(Answer::Ops)),
            Purpose::Show(request) => reply(out, request, self.op_views(&read.nodes, ops)),
            Purpose::ForkProof(request, first_len) => {
                let ops = self.intact(&read.nodes, ops);
                reply(out, request, ops.and_then(|ops| fork_proof(ops, first_len)).map(Answer::ForkProof));
            }
            Purpose::Verify(request) => {
                let report = self.verify(&read.nodes, &ops);
                reply(out, request, Ok(Answer::Verified(report)));
            }
            purpose @ (Purpose::Entity(..) | Purpose::Entries(..) | Purpose::Conflicts(..)) => {
                self.on_writes_read(read.nodes, purpose, &ops, out);
            }
            Purpose::Plan(request, join) => self.on_join_read((request, join), read.nodes, &ops, out),
            Purpose::Files(request, scope, entities) => {
                let read = Writes { nodes: read.nodes, ops: &ops };
                self.on_files_read((request, scope, entities), read, out);
            }
            Purpose::FilesEver(request, path) => {
                reply(out, request, Ok(Answer::FileKeys(self.files_ever(&read.nodes, &ops, &path))));
            }
            Purpose::RepoContents(request) => {
                self.repo_contents.extend(self.readable(&read.nodes, &ops));
                self.is_state_stale = true;
                self.refresh_state();
                match request {
                    Some(request) => self.refreshed(request, out),
                    None => self.opened(now, out),
                }
            }
            Purpose::Durable(wanted) => self.begin_receipt(wanted, read.nodes, ops, out),
            Purpose::Write(preparing) => {
                let contents = self.contents(&read.nodes, &ops);
                let unread = contents.as_ref().map_or(Vec::new(), |contents| self.unread(&preparing, contents));
                if !unread.is_empty() {
                    return self.read([read.nodes, unread].concat(), Purpose::Write(preparing), out);
                }
                let ground = contents.map(|contents| {
                    let ops = read.nodes.into_iter().zip(ops).filter_map(|(node, op)| Some((node, op?)));
                    Ground { ops: ops.collect(), contents }
                });
                self.prepared(*preparing, ground, now, out);
            }
        }
    }

    /// Answers what is asked of entities whose writes were read. Where a write turned out to say nothing, those before it
    /// have to be read, too.
    fn on_writes_read(&mut self, nodes: Vec<Node>, purpose: Purpose, ops: &[Option<StoredOp>], out: &mut Outputs) {
        let contents = match self.contents(&nodes, ops) {
            Ok(contents) => contents,
            Err(error) => return answer(out, Read { nodes, purpose }.into_request(), Err(error)),
        };
        let writes = self.deciding_among(&nodes, &contents);
        let is_unread = |node: &Node| !contents.contains_key(node);
        let unread: Vec<Node> = writes.values().flatten().copied().filter(is_unread).collect();
        if !unread.is_empty() {
            return self.read([nodes, unread].concat(), purpose, out);
        }
        let none = Vec::new();
        let merged = |branch: Branch, entity: &Entity| {
            let branch = self.graph.branch_name(branch);
            self.merged_of(branch, *entity, writes.get(entity).unwrap_or(&none), &contents)
        };
        match purpose {
            Purpose::Entity(request, scope, entity) => {
                let view = self.view(entity, merged(scope.branch, &entity));
                reply(out, request, Ok(Answer::Entity(view)));
            }
            Purpose::Entries(request, scope, entities, keeps) => {
                let views = entities.iter().map(|entity| self.view(*entity, merged(scope.branch, entity))).collect();
                reply(out, request, Ok(since::answer(views, keeps)));
            }
            Purpose::Conflicts(request, branch, entities) => {
                let conflicts = entities.iter().flat_map(|entity| merged(branch, entity).conflicts);
                reply(out, request, Ok(Answer::Conflicts(conflicts.collect())));
            }
            _ => {}
        }
    }

    /// The ops as read, each the one that was asked for.
    fn intact(&self, nodes: &[Node], ops: Vec<Option<StoredOp>>) -> Result<Vec<StoredOp>, CommandError> {
        let ops = nodes.iter().zip(ops.into_iter().chain(core::iter::repeat(None)));
        let checked = ops.map(|(node, op)| {
            let id = self.graph.id(*node);
            let mut op = op.filter(|op| op.rehash().is_ok_and(|op| op.id() == id)).ok_or(CommandError::Corrupt(id))?;
            op.signature = op.signature.or_else(|| self.graph.late_signature(*node).copied());
            Ok(op)
        });
        checked.collect()
    }

    pub(super) fn contents(&self, nodes: &[Node], ops: &[Option<StoredOp>]) -> Result<Contents, CommandError> {
        let contents = self.readable(nodes, ops);
        match nodes.iter().find(|node| !contents.contains_key(node)) {
            Some(node) => Err(CommandError::Corrupt(self.graph.id(*node))),
            None => Ok(contents),
        }
    }

    /// What those ops say that could be read.
    fn readable(&self, nodes: &[Node], ops: &[Option<StoredOp>]) -> Contents {
        let read = nodes.iter().zip(ops).filter_map(|(node, op)| {
            let op = op.as_ref()?.rehash().ok().filter(|op| op.id() == self.graph.id(*node))?;
            let format = op.header().body.map(|body| body.format);
            Some((*node, Content::decode(op.header().kind, format, op.body())))
        });
        read.collect()
    }
}

/// What is shown.
impl Machine {
    pub(super) fn branch(&self, name: &str) -> Result<Branch, CommandError> {
        self.graph.find_branch(name).ok_or(CommandError::NoBranch)
    }

    /// The writes to an entity that a branch's log has. A `merge` names a branch and writes nothing.
    pub(super) fn writes_in_log(&self, branch: Branch, entity: Entity) -> Vec<Node> {
        let is_write = |node: &Node| self.graph.kind(*node) != Kind::Merge && self.graph.is_in_log(*node, branch);
        self.graph.writes(entity).filter(is_write).collect()
    }

    pub(super) fn is_effective(&self, node: Node) -> bool {
        self.state.authority.is_effective(&self.graph, node)
    }

    pub(super) fn entities(&self, scope: &Scope, collection: Option<&str>, key_prefix: &str) -> Vec<Entity> {
        let is_asked = |entity: &Entity| {
            let (of, key) = self.graph.entity_name(*entity);
            (collection.is_some() || !authority::is_reserved(of))
                && key.starts_with(key_prefix)
                && !self.frontier_in_scope(scope, *entity).is_empty()
        };
        self.in_order(match collection {
            Some(collection) => self.graph.entities_in(collection).filter(is_asked).collect(),
            None => self.graph.entities().filter(is_asked).collect(),
        })
    }

    /// Entities ascending by collection and key, each once.
    pub(super) fn in_order(&self, mut entities: Vec<Entity>) -> Vec<Entity> {
        sort::by_key(&mut entities, |entity| self.graph.entity_name(*entity));
        entities.dedup();
        entities
    }

    /// The writes that decide what an entity is. Those that `contents` knows nothing of count as not void.
    pub(super) fn deciding(&self, branch: Branch, entity: Entity, contents: &Contents) -> Vec<Node> {
        self.deciding_from(self.graph.frontier(branch, entity), contents)
    }

    pub(super) fn deciding_from(&self, heads: Vec<Node>, contents: &Contents) -> Vec<Node> {
        let is_whole = |node: Node| {
            self.state.is_overwrite(&self.graph, node) && contents.get(&node).is_none_or(|said| *said != Content::Void)
        };
        deciding(heads, |node| self.graph.base(node), is_whole)
    }

    pub(super) fn deciding_all(&self, scope: &Scope, entities: &[Entity]) -> Vec<Node> {
        let heads = entities.iter().map(|entity| self.frontier_in_scope(scope, *entity));
        heads.flat_map(|heads| self.deciding_from(heads, &Contents::new())).collect()
    }

    /// By entity the writes that decide what it was when `nodes` were asked for.
    pub(super) fn deciding_among(&self, nodes: &[Node], contents: &Contents) -> Map<Entity, Vec<Node>> {
        let mut writes: Map<Entity, Vec<Node>> = Map::new();
        for node in nodes {
            writes.entry(self.graph.entity(*node)).or_default().push(*node);
        }
        writes.into_iter().map(|(entity, nodes)| (entity, self.deciding_from(nodes, contents))).collect()
    }

    /// Computes an entity from what its writes say.
    pub(super) fn merged(&self, branch: Branch, entity: Entity, contents: &Contents) -> entity::Entity {
        let deciding = self.deciding(branch, entity, contents);
        self.merged_of(self.graph.branch_name(branch), entity, &deciding, contents)
    }

    /// Computes an entity from some of its writes.
    pub(super) fn merged_of(
        &self,
        branch: &str,
        entity: Entity,
        nodes: &[Node],
        contents: &Contents,
    ) -> entity::Entity {
        let content = |node: Node| contents.get(&node).map(Cow::Borrowed);
        self.state.merged(&self.graph, (branch, entity), nodes, content)
    }

    pub(super) fn ids(&self, nodes: impl Iterator<Item = Node>) -> Vec<OpId> {
        nodes.map(|node| self.graph.id(node)).collect()
    }

    fn view(&self, entity: Entity, merged: entity::Entity) -> EntityView {
        let (collection, key) = self.graph.entity_name(entity);
        EntityView {
            collection: collection.to_string(),
            key: key.to_string(),
            shown: merged.shown,
            frontier: merged.frontier,
            conflicts: merged.conflicts,
        }
    }

    fn chain_ends(&self) -> Vec<ChainEnd> {
        let ends = self.graph.chains().flat_map(|(branch, author, ends)| {
            ends.into_iter().map(move |end| ChainEnd {
                branch: self.graph.branch_name(branch).to_string(),
                author,
                seq: self.graph.seq(end),
                id: self.graph.id(end),
            })
        });
        let mut ends: Vec<ChainEnd> = ends.collect();
        sort::by(&mut ends, |left, right| {
            (&left.branch, left.author, left.id).cmp(&(&right.branch, right.author, right.id))
        });
        ends
    }

    fn status(&self, now: Millis) -> Status {
        let mut branches: Vec<_> = self.graph.branches().map(|branch| self.branch_view(branch)).collect();
        sort::by(&mut branches, |left, right| left.name.cmp(&right.name));
        let mut forks: Vec<_> = self.graph.forks().filter_map(|fork| self.show_fork(fork)).collect();
        sort::by(&mut forks, |left, right| left.ops.cmp(&right.ops));
        let latest = self.graph.latest().map_or(Millis(0), |hlc| hlc.millis());
        let behind = latest.0.saturating_sub(now.0);
        Status {
            repo: self.graph.repo(),
            author: self.author,
            ops: self.graph.len(),
            held: self.hold.len(),
            missing: self.hold.missing(),
            branches,
            is_open: self.state.authority.is_open(),
            forks,
            clock_behind: (behind > 60_000).then_some(Millis(behind)),
        }
    }

    fn show_fork(&self, ChainFork { first, second }: ChainFork) -> Option<Fork> {
        let mut ops = [first, second].map(|op| self.graph.id(op));
        sort::ascending(&mut ops);
        let branch = self.graph.branch_name(self.graph.branch(first)).to_string();
        let (author, seq) = (self.graph.author(first), self.graph.seq(first));
        self.graph.repo().map(|repo| Fork { repo, branch, author, seq, ops })
    }

    /// Two ops that have one place in a chain.
    fn fork(&self, [one, other]: [OpId; 2]) -> Result<[Node; 2], CommandError> {
        let find = |id: OpId| self.graph.find(&id).ok_or(CommandError::NoOp(id));
        let ops = [find(one)?, find(other)?];
        if self.graph.is_fork(ops[0], ops[1]) { Ok(ops) } else { Err(CommandError::NoFork(one, other)) }
    }

    fn branch_view(&self, branch: Branch) -> BranchView {
        let name = self.graph.branch_name(branch);
        let line = self.state.authority.line(branch);
        let mut heads = line.map_or_else(|| self.graph.heads(name), |line| line.heads.clone());
        sort::by_key(&mut heads, |head| self.graph.ord(*head));
        let ops = self.graph.ops_on(branch);
        BranchView {
            name: name.to_string(),
            heads: self.ids(heads.into_iter()),
            ops,
            is_diverged: line.is_some_and(|line| line.is_diverged),
        }
    }

    fn find_ops(&self, prefix: &str) -> Vec<OpId> {
        let starts = |id: &OpId| hex::starts_with(&id.0, prefix);
        let mut ids: Vec<OpId> = self.graph.nodes().map(|node| self.graph.id(node)).filter(starts).take(16).collect();
        sort::ascending(&mut ids);
        ids
    }

    fn log_views(
        &self,
        branch: &str,
        entity: Option<&(String, String)>,
        ops_max: usize,
    ) -> Result<Vec<OpView>, CommandError> {
        let branch = self.branch(branch)?;
        let mut nodes = match entity {
            None => self.graph.log(branch).collect(),
            Some((collection, key)) => {
                let entity = self.graph.find_entity_named(collection, key);
                entity.map_or_else(Vec::new, |entity| self.writes_in_log(branch, entity))
            }
        };
        let latest_first = |node: &Node| core::cmp::Reverse(self.graph.ord(*node));
        if ops_max < nodes.len() {
            nodes.select_nth_unstable_by_key(ops_max, latest_first);
            nodes.truncate(ops_max);
        }
        nodes.sort_unstable_by_key(latest_first);
        Ok(nodes.into_iter().map(|node| self.show(node)).collect())
    }

    /// The ops that write to entities of a collection, of every branch.
    fn writes(&self, collection: &str, key_prefix: &str) -> Vec<OpView> {
        let is_asked = |entity: &Entity| self.graph.entity_name(*entity).1.starts_with(key_prefix);
        let entities = self.graph.entities_in(collection).filter(is_asked);
        let of_entity = |entity: Entity| {
            let mut nodes: Vec<Node> = self.graph.writes(entity).collect();
            nodes.reverse();
            nodes
        };
        entities.flat_map(of_entity).map(|node| self.show(node)).collect()
    }

    fn op_views(&self, nodes: &[Node], ops: Vec<Option<StoredOp>>) -> Result<Answer, CommandError> {
        let ops = self.intact(nodes, ops)?;
        let views = nodes.iter().zip(ops).map(|(node, op)| {
            let actor = op.rehash().ok().and_then(|op| op.header().actor.map(ToString::to_string));
            OpView { actor, stored: Some(op), ..self.show(*node) }
        });
        Ok(Answer::Log(views.collect()))
    }

    fn show(&self, node: Node) -> OpView {
        let (collection, key) = self.graph.entity_name(self.graph.entity(node));
        OpView {
            id: self.graph.id(node),
            branch: self.graph.branch_name(self.graph.branch(node)).to_string(),
            author: self.graph.author(node),
            seq: self.graph.seq(node),
            prev: self.graph.prev(node).map(|prev| self.graph.id(prev)),
            hlc: self.graph.hlc(node),
            parents: self.ids(self.graph.parents(node)),
            collection: collection.to_string(),
            key: key.to_string(),
            base: self.ids(self.graph.base(node)),
            kind: self.graph.kind(node),
            actor: None,
            is_signed: self.graph.is_signed(node),
            is_effective: self.is_effective(node),
            stored: None,
        }
    }

    /// Everything that is not in the causal past of `known`, dependencies first.
    fn unknown_to(&self, known: &[OpId]) -> Vec<Node> {
        let past = self.graph.past(known.iter().filter_map(|id| self.graph.find(id)));
        self.graph.nodes().filter(|node| !past.contains(*node)).collect()
    }
}

/// The proof that ops make which vouch for the two of a fork; `first_len` of them are for the first.
fn fork_proof(mut ops: Vec<StoredOp>, first_len: usize) -> Result<ForkProof, CommandError> {
    let other = ops.split_off(first_len.min(ops.len()));
    ForkProof::new(side(ops)?, side(other)?).map_err(|_| CommandError::NoProof)
}

fn side(ops: Vec<StoredOp>) -> Result<Side, CommandError> {
    let signature = ops.last().and_then(|op| op.signature).ok_or(CommandError::NoProof)?;
    Ok(Side { headers: ops.into_iter().map(|op| op.header).collect(), signature })
}
