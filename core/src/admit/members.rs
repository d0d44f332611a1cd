//! Members: who may write with effect, as a function of the ops on the engine's own branch.
//!
//! The nearer somebody is to the repo's owner by appointments, the more their word weighs: acts are decided level by
//! level from the owner outwards, and an act that a nearer level has cut off has no effect. Among owners of one level,
//! removals that cut each other are decided by `ord`.
//!
//! A `put` whose body is not here might say anything, so nobody has a standing by it until it comes: it counts as a
//! removal that leaves nothing.
//!
//! When owners have spoken, members who may write let others in who show an owner's invitation (`invited`).

mod invited;

use alloc::string::String;
use alloc::vec::Vec;

use super::invitation::{Offers, offers};
use crate::log::graph::{Graph, Node};
use crate::log::set::Bits;
use crate::op::body::{Content, Leaf};
use crate::op::hex;
use crate::op::id::{Author, OpId, RepoId, SUCCESSOR_CONTEXT};
use crate::op::invitation::InvitationProof;
use crate::op::json::{Object, Value};
use crate::op::kind::Kind;
use crate::op::sign::{Signature, is_signed_message};
use crate::ordered::{Map, Set};
use crate::sort;

pub use self::invited::invited_body;

/// The collection of members.
pub const MEMBERS: &str = "_members";

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Everything.
    Owner,
    /// Write with effect.
    Writer,
    /// Read.
    Reader,
}

impl Role {
    /// The word in bodies and on the surface.
    pub fn name(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Writer => "writer",
            Role::Reader => "reader",
        }
    }

    /// The role with this word.
    pub fn parse(word: &str) -> Option<Role> {
        [Role::Owner, Role::Writer, Role::Reader].into_iter().find(|role| role.name() == word)
    }
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key.
    pub author: Author,
    /// The name.
    pub name: Option<String>,
    /// The role; none where the membership ended.
    pub role: Option<Role>,
    /// The older key of the same device, if this one succeeded it.
    pub predecessor: Option<Author>,
    /// The invitation that it joined by, if it did.
    pub joined: Option<Joined>,
}

/// How somebody joined by an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The invitation's public key.
    pub invitation: Author,
    /// Whether more had joined by it before than it has uses: several members let them in at once.
    pub is_extra: bool,
}

/// One `put` in `_members`.
#[derive(Clone, Debug)]
struct Act {
    node: Node,
    author: Author,
    subject: Author,
    says: Says,
    /// The invitation on whose proof it is written.
    proof: Option<InvitationProof>,
}

impl Act {
    fn removes(&self, author: &Author) -> bool {
        self.subject == *author && matches!(self.says, Says::Removal { .. })
    }
}

#[derive(Clone, Debug)]
enum Says {
    Grant { role: Role, name: Option<String> },
    Removal { accepted: Bits },
}

/// Where somebody stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The role, if the membership was granted.
    pub role: Option<Role>,
    /// The name, for people.
    pub name: Option<String>,
    /// After a removal: the ops that keep their effect.
    pub accepted: Option<Bits>,
    /// The older key that this one succeeded.
    pub predecessor: Option<Author>,
    /// The invitation on whose proof the membership was granted.
    pub invitation: Option<Author>,
}

impl Standing {
    /// Whether an op by this author has effect as one of a writer.
    pub fn covers(&self, node: Node) -> bool {
        matches!(self.role, Some(Role::Owner | Role::Writer)) && self.accepts(node)
    }

    fn accepts(&self, node: Node) -> bool {
        self.accepted.as_ref().is_none_or(|accepted| accepted.contains(node) || planted!(CutOffIgnored))
    }
}

/// Everybody's standing.
#[derive(Clone, Debug, Default)]
pub struct Members {
    /// Whether no owner has made members: then everybody may write.
    pub is_open: bool,
    /// By author; who is not here is no member.
    pub standings: Map<Author, Standing>,
    /// The acts that have effect, by node.
    pub effective: Bits,
    /// What owners wrote of invitations.
    pub offers: Offers,
    /// Who joined by each invitation, in the order of `ord`.
    pub joined: Map<Author, Vec<Author>>,
}

impl Members {
    /// Computes everybody's standing. `contents` is what ops on the engine's own branch say.
    pub fn of(graph: &Graph, contents: &Map<Node, Content>) -> Members {
        let Some(genesis) = graph.genesis() else { return Members { is_open: true, ..Members::default() } };
        let records = records(graph, contents);
        let successors = successors(graph, &records);
        let owner = graph.author(genesis);
        let readable = records.iter().filter_map(|(node, body)| act(graph, *node, body));
        let bodyless = bodyless(graph, contents);
        let acts: Vec<Act> = readable.chain(bodyless).filter(|act| !act.removes(&owner)).collect();
        let (effective, invited) = (Set::new(), Set::new());
        let mut council = Council { graph, acts: &acts, successors: &successors, effective, invited };
        let levels = council.levels(owner);
        council.decide(&levels);
        let offers = offers(graph, contents, |node| council.is_by_owner(node, &levels));
        council.let_in(&offers, &levels);
        council.members(owner, &levels, offers)
    }
}

struct Council<'a> {
    graph: &'a Graph,
    acts: &'a [Act],
    /// New key to the key that it succeeded.
    successors: &'a Map<Author, (Author, Node)>,
    /// Indices of acts that have effect.
    effective: Set<usize>,
    /// Those of them that have it by an invitation alone.
    invited: Set<usize>,
}

impl Council<'_> {
    /// How many appointments lie between the owner and each author that was ever made an owner.
    fn levels(&self, owner: Author) -> Map<Author, usize> {
        let mut levels = Map::from([(owner, 0)]);
        let mut current = alloc::vec![owner];
        for level in 0.. {
            self.add_successors(&mut current, &mut levels, level);
            let appointed: Set<Author> = self
                .acts
                .iter()
                .filter(|act| {
                    current.contains(&act.author) && matches!(act.says, Says::Grant { role: Role::Owner, .. })
                })
                .map(|act| act.subject)
                .filter(|subject| !levels.contains_key(subject))
                .collect();
            if appointed.is_empty() {
                break;
            }
            levels.extend(appointed.iter().map(|author| (*author, level + 1)));
            current = appointed.into_iter().collect();
        }
        levels
    }

    fn add_successors(&self, current: &mut Vec<Author>, levels: &mut Map<Author, usize>, level: usize) {
        let mut at = 0;
        while let Some(old) = current.get(at).copied() {
            for (new, (predecessor, _)) in self.successors {
                if *predecessor == old && !levels.contains_key(new) {
                    levels.insert(*new, level);
                    current.push(*new);
                }
            }
            at += 1;
        }
    }

    fn decide(&mut self, levels: &Map<Author, usize>) {
        let last = levels.values().copied().max().unwrap_or(0);
        for level in 0..=last {
            let at_level = |author: &Author| levels.get(author) == Some(&level);
            let mut candidates: Vec<usize> = (0..self.acts.len())
                .filter(|at| at_level(&self.acts[*at].author) && self.may_act(&self.acts[*at], level))
                .collect();
            sort::by_key(&mut candidates, |at| self.graph.ord(self.acts[*at].node));
            let standing = self.standing_removals(&candidates);
            candidates.retain(|at| !standing.iter().any(|removal| self.cuts(*removal, *at)));
            self.effective.extend(candidates);
        }
    }

    /// Whether nearer levels let this act through.
    fn may_act(&self, act: &Act, level: usize) -> bool {
        level == 0 && !self.successors.contains_key(&act.author) || {
            let standing = self.standing(act.author, level == 0);
            standing.role == Some(Role::Owner) && standing.accepts(act.node)
        }
    }

    /// Which removals of one level stand: what a standing one cuts falls, what only fallen ones cut stands, and where
    /// they cut one another in a circle the smallest `ord` of those that nobody outside cuts stands.
    fn standing_removals(&self, candidates: &[usize]) -> Vec<usize> {
        let is_removal = |at: &usize| matches!(self.acts[*at].says, Says::Removal { .. });
        let mut open: Vec<usize> = candidates.iter().copied().filter(is_removal).collect();
        let mut standing: Vec<usize> = Vec::new();
        while !open.is_empty() {
            let cut = |at: usize, by: &[usize]| by.iter().any(|removal| *removal != at && self.cuts(*removal, at));
            let free = open.iter().copied().find(|at| !cut(*at, &open));
            let Some(next) = free.or_else(|| self.first_of_circle(&open)) else { break };
            standing.push(next);
            open.retain(|at| *at != next && !self.cuts(next, *at));
        }
        standing
    }

    /// Among removals that are all cut by others, the first whose every cutter it reaches by cutting.
    fn first_of_circle(&self, open: &[usize]) -> Option<usize> {
        let reach = |from: usize| {
            let mut reached = Set::from([from]);
            let mut queue = alloc::vec![from];
            while let Some(at) = queue.pop() {
                let next = open.iter().copied().filter(|to| self.cuts(at, *to));
                queue.extend(next.filter(|to| reached.insert(*to)).collect::<Vec<_>>());
            }
            reached
        };
        let is_source = |at: &usize| {
            let own = reach(*at);
            open.iter().all(|other| own.contains(other) || !reach(*other).contains(at))
        };
        open.iter().copied().find(is_source)
    }

    fn cuts(&self, removal: usize, act: usize) -> bool {
        let (removal, act) = (&self.acts[removal], &self.acts[act]);
        match &removal.says {
            Says::Removal { accepted } => removal.subject == act.author && !accepted.contains(act.node),
            Says::Grant { .. } => false,
        }
    }

    /// Where somebody stands by the acts decided so far: by those about this key, else by those about the key that it
    /// succeeded.
    fn standing(&self, author: Author, is_owner: bool) -> Standing {
        let about = self.about(author);
        let predecessor = self.successors.get(&author).map(|(predecessor, _)| *predecessor);
        if about.is_empty() {
            return self.inherited(predecessor, is_owner);
        }
        let replaced = |act: &Act, by: fn(&Says) -> bool| {
            about.iter().any(|(_, other)| by(&other.says) && self.has_seen(other.node, act.node))
        };
        let is_grant = |says: &Says| matches!(says, Says::Grant { .. });
        let mut standing = Standing { predecessor, ..Standing::default() };
        let mut latest = None;
        for (at, act) in &about {
            match &act.says {
                Says::Removal { accepted } if !replaced(act, is_grant) => standing.cut(accepted),
                Says::Grant { role, name } if !replaced(act, is_grant) => {
                    let weight = Some((!self.invited.contains(at), self.graph.ord(act.node)));
                    if weight > latest {
                        (latest, standing.role, standing.name) = (weight, Some(*role), name.clone());
                        standing.invitation = act.proof.map(|proof| proof.key);
                    }
                }
                _ => {}
            }
        }
        standing
    }

    /// The acts decided so far that are about this key.
    fn about(&self, author: Author) -> Vec<(usize, &Act)> {
        let acts = self.effective.iter().map(|at| (*at, &self.acts[*at]));
        acts.filter(|(_, act)| act.subject == author).collect()
    }

    fn inherited(&self, predecessor: Option<Author>, is_owner: bool) -> Standing {
        let Some(old) = predecessor else {
            return Standing { role: is_owner.then_some(Role::Owner), ..Standing::default() };
        };
        let mut inherited = Standing { predecessor, ..Standing::default() };
        let mut seen = Set::new();
        let mut at = Some(old);
        while let Some(old) = at.filter(|old| seen.insert(*old)) {
            let is_judged = self.effective.iter().any(|act| self.acts[*act].subject == old);
            let next = self.successors.get(&old).map(|(predecessor, _)| *predecessor);
            if is_judged || next.is_none() {
                let of_old = self.standing_alone(old, is_owner);
                inherited.role = of_old.role;
                inherited.name = of_old.name;
                inherited.accepted = of_old.accepted.map(|_| Bits::default());
            }
            at = next.filter(|_| !is_judged);
        }
        inherited
    }

    fn standing_alone(&self, author: Author, is_owner: bool) -> Standing {
        let is_judged = self.effective.iter().any(|act| self.acts[*act].subject == author);
        if is_judged { self.standing(author, is_owner) } else { self.inherited(None, is_owner) }
    }

    /// Whether `seen` is reached from `node` by `base`.
    fn has_seen(&self, node: Node, seen: Node) -> bool {
        let mut queue: Vec<Node> = self.graph.base(node).collect();
        let mut visited = Set::new();
        while let Some(at) = queue.pop() {
            if at == seen {
                return true;
            }
            if at > seen && visited.insert(at) {
                queue.extend(self.graph.base(at));
            }
        }
        false
    }

    fn members(&self, owner: Author, levels: &Map<Author, usize>, offers: Offers) -> Members {
        let is_of_owner = |author: &Author| levels.get(author) == Some(&0);
        let is_open = !self.effective.iter().any(|at| is_of_owner(&self.acts[*at].author));
        let subjects = self.acts.iter().map(|act| act.subject).chain(self.successors.keys().copied());
        let everybody: Set<Author> = subjects.chain([owner]).collect();
        let standing = |author: Author| {
            let mut standing = self.standing(author, is_of_owner(&author));
            if author == owner {
                (standing.role, standing.accepted) = (Some(Role::Owner), None);
            }
            (author, standing)
        };
        let standings = everybody.into_iter().map(standing).collect();
        let mut effective = Bits::default();
        self.effective.iter().for_each(|at| {
            effective.insert(self.acts[*at].node);
        });
        self.successors.values().for_each(|(_, node)| {
            effective.insert(*node);
        });
        Members { is_open, standings, effective, offers, joined: self.joined() }
    }
}

impl Standing {
    /// Several removals leave what every one of them leaves.
    fn cut(&mut self, accepted: &Bits) {
        let both = match &self.accepted {
            None => accepted.clone(),
            Some(before) => {
                let mut both = Bits::default();
                before.iter().filter(|node| accepted.contains(*node)).for_each(|node| {
                    both.insert(node);
                });
                both
            }
        };
        self.accepted = Some(both);
    }
}

/// The bodies of `put`s in `_members` on the engine's own branch.
fn records<'a>(graph: &Graph, contents: &'a Map<Node, Content>) -> Vec<(Node, &'a Object)> {
    let body = |(node, content): (&Node, &'a Content)| match content {
        Content::Put(Leaf::Json(Value::Object(body))) if is_member(graph, *node) => Some((*node, body)),
        _ => None,
    };
    contents.iter().filter_map(body).collect()
}

/// The `put`s in `_members` whose bodies are not here, as removals that leave nothing.
fn bodyless(graph: &Graph, contents: &Map<Node, Content>) -> impl Iterator<Item = Act> {
    let is_bodyless = |(node, content): &(&Node, &Content)| {
        matches!(content, Content::Missing(Kind::Put)) && is_member(graph, **node)
    };
    contents.iter().filter(is_bodyless).filter_map(|(node, _)| {
        let subject = Author::parse_hex(graph.entity_name(graph.entity(*node)).1)?;
        let says = Says::Removal { accepted: Bits::default() };
        Some(Act { node: *node, author: graph.author(*node), subject, says, proof: None })
    })
}

fn is_member(graph: &Graph, node: Node) -> bool {
    graph.entity_name(graph.entity(node)).0 == MEMBERS
}

fn act(graph: &Graph, node: Node, body: &Object) -> Option<Act> {
    let subject = Author::parse_hex(graph.entity_name(graph.entity(node)).1)?;
    let says = match text(body, "role")? {
        "removed" => Says::Removal { accepted: accepted(graph, subject, body) },
        role => Says::Grant { role: Role::parse(role)?, name: text(body, "name").map(Into::into) },
    };
    Some(Act { node, author: graph.author(node), subject, says, proof: invited::proof(body) })
}

/// The ops of `subject` that a removal's `cut` reaches by `prev`.
fn accepted(graph: &Graph, subject: Author, body: &Object) -> Bits {
    let mut accepted = Bits::default();
    let Some(Value::Object(cut)) = body.get("cut") else { return accepted };
    for (branch, id) in cut.iter() {
        let last = match id {
            Value::String(id) => OpId::parse_hex(id).and_then(|id| graph.find(&id)),
            _ => None,
        };
        let is_named = |node: &Node| graph.author(*node) == subject && graph.branch_name(graph.branch(*node)) == branch;
        let mut at = last.filter(is_named);
        while let Some(node) = at.filter(|node| accepted.insert(*node)) {
            at = graph.prev(node);
        }
    }
    accepted
}

/// New keys with a valid proof, each with the key that it succeeded and the op that says so; the smallest `ord` counts.
fn successors(graph: &Graph, records: &[(Node, &Object)]) -> Map<Author, (Author, Node)> {
    let mut records = records.to_vec();
    sort::by_key(&mut records, |(node, _)| graph.ord(*node));
    let mut successors = Map::new();
    for (node, body) in records {
        let new = graph.author(node);
        let is_own = graph.entity_name(graph.entity(node)).1 == hex::encode(&new.0);
        if let (true, Some(predecessor)) = (is_own, predecessor(graph.repo(), new, body)) {
            successors.entry(new).or_insert((predecessor, node));
        }
    }
    successors
}

fn predecessor(repo: Option<RepoId>, new: Author, body: &Object) -> Option<Author> {
    let predecessor = Author::parse_hex(text(body, "predecessor")?)?;
    let proof: Signature = hex::parse(text(body, "proof")?)?;
    is_signed_message(&predecessor, &successor_message(&repo?, &new), &proof).then_some(predecessor)
}

/// The body that makes somebody a member.
pub fn grant_body(role: Role, name: Option<&str>) -> Value {
    let mut body = Object::new();
    if let Some(name) = name {
        body.insert("name".into(), Value::String(name.into()));
    }
    body.insert("role".into(), Value::String(role.name().into()));
    Value::Object(body)
}

/// The body that ends a membership: of each branch's chain the last op that keeps its effect.
pub fn removal_body<'a>(cut: impl Iterator<Item = (&'a str, OpId)>) -> Value {
    let cut: Object = cut.map(|(branch, id)| (String::from(branch), Value::String(hex::encode(&id.0)))).collect();
    let mut body = Object::new();
    body.insert("role".into(), Value::String("removed".into()));
    body.insert("cut".into(), Value::Object(cut));
    Value::Object(body)
}

/// What an old key signs to name its successor.
pub fn successor_message(repo: &RepoId, new: &Author) -> Vec<u8> {
    [SUCCESSOR_CONTEXT, &repo.0, &new.0].concat()
}

fn text<'a>(body: &'a Object, name: &str) -> Option<&'a str> {
    match body.get(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
