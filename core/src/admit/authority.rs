//! Effect: which ops of the graph count, by members, by the engine's own collections, and by branch policies.
//!
//! Authority is a view over the graph and never decides about the graph: an op gains effect when the op that allows it
//! arrives, and equal op sets under equal policies give equal effect.

use alloc::vec::Vec;

use super::invitation::{INVITATIONS, InvitationTerms};
use super::linear::Line;
use super::members::{Joined, MEMBERS, Member, Members, Role, Standing};
use super::policy::{BranchPolicy, Policies};
use super::redaction::{REVIEW, dropped};
use crate::log::graph::{Branch, Graph, Node};
use crate::op::body::{Content, Leaf};
use crate::op::header::REPO_BRANCH;
use crate::op::hex;
use crate::op::id::Author;
use crate::op::invitation::InvitationProof;
use crate::op::json::{Object, Value};
use crate::op::sign::Signature;
use crate::ordered::{Map, Set};
use crate::time::Millis;

/// The collection of the repo's manifests.
pub const MANIFESTS: &str = "_manifests";
/// The key, in `_repo`, of the repo's branch policies.
pub const BRANCH_POLICY_KEY: &str = "branch_policy";

/// Collections that are written on the branch `_repo` alone.
const ON_REPO_BRANCH: [&str; 5] = [REPO_BRANCH, MEMBERS, INVITATIONS, MANIFESTS, REVIEW];

/// Who may write what with effect.
#[derive(Clone, Debug, Default)]
pub struct Authority {
    members: Members,
    device: Policies,
    /// What the repo states; several where owners stated it at once.
    repo: Vec<Policies>,
    /// Ops of linear branches that the owner withdrew.
    dropped: Map<Branch, Set<Node>>,
    branches: Map<Branch, BranchState>,
}

#[derive(Clone, Debug)]
struct BranchState {
    policy: BranchPolicy,
    line: Option<Line>,
}

impl Authority {
    /// Computes the view. `contents` is what ops on the engine's own branch say, `device` this replica's own policies.
    pub fn of(graph: &Graph, contents: &Map<Node, Content>, device: &Policies) -> Authority {
        let members = Members::of(graph, contents);
        let mut authority = Authority { members, device: device.clone(), ..Authority::default() };
        authority.repo = authority.stated_by_repo(graph, contents);
        authority.dropped = dropped(graph, &authority, contents);
        for branch in graph.branches() {
            authority.judge_branch(graph, branch);
        }
        authority
    }

    /// Takes in ops that were appended since, none of them on the engine's own branch, in their order.
    pub fn extend(&mut self, graph: &Graph, nodes: &[Node]) {
        let mut stale = Set::new();
        for node in nodes {
            let branch = graph.branch(*node);
            let is_writer = self.is_by_allowed(graph, *node);
            match self.branches.get_mut(&branch) {
                None => self.judge_branch(graph, branch),
                Some(BranchState { line: Some(line), .. }) => {
                    if !is_writer || !line.extend(graph, *node) {
                        stale.insert(branch);
                    }
                }
                Some(_) => {}
            }
        }
        for branch in stale {
            self.judge_branch(graph, branch);
        }
    }

    fn judge_branch(&mut self, graph: &Graph, branch: Branch) {
        let name = graph.branch_name(branch);
        let policy = self.repo.iter().map(|repo| BranchPolicy::of(name, &self.device, repo)).fold(
            BranchPolicy::of(name, &self.device, &Policies::default()),
            |policy, other| BranchPolicy {
                linear: policy.linear || other.linear,
                require_signing: policy.require_signing || other.require_signing,
                serialiser: policy.serialiser.or(other.serialiser),
            },
        );
        let is_linear = policy.linear && name != REPO_BRANCH;
        self.branches.insert(branch, BranchState { policy, line: None });
        if is_linear {
            let none = Set::new();
            let dropped = self.dropped.get(&branch).unwrap_or(&none);
            let line = Line::of(graph, branch, dropped, |node| self.is_by_allowed(graph, node));
            if let Some(state) = self.branches.get_mut(&branch) {
                state.line = Some(line);
            }
        }
    }

    /// The bodies of the repo's branch policies that no other of them has seen.
    fn stated_by_repo(&self, graph: &Graph, contents: &Map<Node, Content>) -> Vec<Policies> {
        let is_policy = |node: &Node| graph.entity_name(graph.entity(*node)) == (REPO_BRANCH, BRANCH_POLICY_KEY);
        let stated: Vec<(Node, Policies)> = contents
            .iter()
            .filter(|(node, _)| is_policy(node) && self.is_by_owner(graph, **node))
            .filter_map(|(node, content)| match content {
                Content::Put(Leaf::Json(body)) => Policies::read(body).ok().map(|policies| (*node, policies)),
                _ => None,
            })
            .collect();
        let seen: Set<Node> = stated.iter().flat_map(|(node, _)| graph.base(*node).collect::<Vec<_>>()).collect();
        stated.into_iter().filter(|(node, _)| !seen.contains(node)).map(|(_, policies)| policies).collect()
    }

    /// Whether an op has effect.
    pub fn is_effective(&self, graph: &Graph, node: Node) -> bool {
        let (collection, _) = graph.entity_name(graph.entity(node));
        let branch = graph.branch(node);
        if graph.is_repo_branch(branch) != ON_REPO_BRANCH.contains(&collection) {
            return false;
        }
        match collection {
            MEMBERS => self.members.effective.contains(node),
            REPO_BRANCH | INVITATIONS | MANIFESTS => graph.genesis() == Some(node) || self.is_by_owner(graph, node),
            _ => self.is_by_allowed(graph, node) && !self.is_withdrawn(branch, node),
        }
    }

    fn is_withdrawn(&self, branch: Branch, node: Node) -> bool {
        self.line(branch).is_some_and(|line| line.withdrawn.contains(node))
    }

    fn is_by_allowed(&self, graph: &Graph, node: Node) -> bool {
        let state = self.branches.get(&graph.branch(node));
        self.members.is_open
            || state.is_some_and(|state| !state.policy.require_signing)
            || self.is_by_writer(graph, node)
    }

    fn is_by_writer(&self, graph: &Graph, node: Node) -> bool {
        self.members.standings.get(&graph.author(node)).is_some_and(|standing| standing.covers(node))
    }

    fn is_by_owner(&self, graph: &Graph, node: Node) -> bool {
        self.is_by_writer(graph, node)
            && self
                .members
                .standings
                .get(&graph.author(node))
                .is_some_and(|standing| standing.role == Some(Role::Owner))
    }

    /// Whether an author was removed, so that which ops keep their effect has to be asked anew when more of them come.
    pub fn is_cut(&self, author: &Author) -> bool {
        self.members.standings.get(author).is_some_and(|standing| standing.accepted.is_some())
    }

    /// Whether an op's author, branch and collection decide about its effect, because nobody was removed and no branch
    /// is linear. Graphs with the same ops on the engine's own branch then agree about every op that they share.
    pub fn is_by_author(&self) -> bool {
        let is_uncut = |standing: &Standing| standing.accepted.is_none();
        self.members.standings.values().all(is_uncut) && self.branches.values().all(|state| state.line.is_none())
    }

    /// What is in force on a branch, where that is linear.
    pub fn line(&self, branch: Branch) -> Option<&Line> {
        self.branches.get(&branch)?.line.as_ref()
    }

    /// Whose order of a linear branch counts: a peer's name or key.
    pub fn serialiser(&self, branch: Branch) -> Option<&str> {
        self.branches.get(&branch)?.policy.serialiser.as_deref()
    }

    /// Whether a write by `author` to an ordinary collection of a branch would have effect.
    pub fn may_write(&self, author: &Author, branch: Option<Branch>) -> bool {
        let state = branch.and_then(|branch| self.branches.get(&branch));
        self.members.is_open
            || state.is_some_and(|state| !state.policy.require_signing)
            || self.has_role(author, Role::Owner)
            || self.has_role(author, Role::Writer)
    }

    /// Whether `author` may make and remove members, and set policies.
    pub fn may_govern(&self, author: &Author) -> bool {
        self.has_role(author, Role::Owner)
    }

    /// Whether everybody may write, because no owner has made members.
    pub fn is_open(&self) -> bool {
        self.members.is_open
    }

    fn has_role(&self, author: &Author, role: Role) -> bool {
        let standing = self.members.standings.get(author);
        standing.is_some_and(|standing| standing.role == Some(role) && standing.accepted.is_none())
    }

    /// Everybody who is or was a member, ascending by key.
    pub fn members(&self) -> Vec<Member> {
        let member = |(author, standing): (&Author, &Standing)| Member {
            author: *author,
            name: standing.name.clone(),
            role: standing.role.filter(|_| standing.accepted.is_none()),
            predecessor: standing.predecessor,
            joined: standing.invitation.map(|invitation| self.joined(invitation, author)),
        };
        self.members.standings.iter().map(member).collect()
    }

    fn joined(&self, invitation: Author, author: &Author) -> Joined {
        let terms = self.members.offers.get(&invitation).and_then(|offer| offer.stated());
        let place = self.joined_by(&invitation).iter().position(|key| key == author);
        let uses = terms.map_or(usize::MAX, |(_, terms)| terms.uses as usize);
        Joined { invitation, is_extra: place.is_some_and(|place| place >= uses) }
    }

    fn joined_by(&self, invitation: &Author) -> &[Author] {
        self.members.joined.get(invitation).map_or(&[], Vec::as_slice)
    }

    /// What `guest` becomes if `host` lets it in at this moment, on this proof; nothing where that would have no effect,
    /// or the invitation is used up.
    pub fn admits(
        &self,
        graph: &Graph,
        (host, guest): (&Author, &Author),
        proof: &InvitationProof,
        at: Millis,
    ) -> Option<InvitationTerms> {
        let terms = self.members.offers.get(&proof.key)?.terms(|_| true)?;
        let is_new = self.members.standings.get(guest).is_none_or(|standing| !standing.is_judged());
        let has_uses = self.joined_by(&proof.key).len() < terms.uses as usize;
        let is_host = self.has_role(host, Role::Owner) || self.has_role(host, Role::Writer);
        let is_let_in = is_new && has_uses && is_host && terms.allow(terms.role, at);
        (is_let_in && proof.holds_for(&graph.repo()?, guest)).then_some(terms)
    }

    /// Every invitation that an owner made, ascending by public key.
    pub fn invitations(&self, graph: &Graph) -> Vec<Invitation> {
        let offers = self.members.offers.iter();
        let view = offers.filter_map(|(key, offer)| {
            let (op, terms) = offer.stated()?;
            let joined = self.joined_by(key).to_vec();
            Some(Invitation { key: *key, by: graph.author(op), terms, joined, is_revoked: offer.is_revoked() })
        });
        view.collect()
    }
}

/// An invitation, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its public key.
    pub key: Author,
    /// Who made it.
    pub by: Author,
    /// What it allows.
    pub terms: InvitationTerms,
    /// Who joined by it, the first one first; more than it has uses where several members let them in at once.
    pub joined: Vec<Author>,
    /// Whether an owner revoked it.
    pub is_revoked: bool,
}

/// Whether a collection is the engine's own.
pub fn is_reserved(collection: &str) -> bool {
    collection.starts_with('_')
}

/// The body by which a new key names the one that it succeeds.
pub fn successor_body(predecessor: &Author, proof: &Signature) -> Value {
    let mut body = Object::new();
    body.insert("predecessor".into(), Value::String(hex::encode(&predecessor.0)));
    body.insert("proof".into(), Value::String(hex::encode(proof)));
    Value::Object(body)
}
