//! Invitations: keys by which owners let other members make members.
//!
//! An owner puts the public half of a key in `_invitations`, with what it allows. A `put` in `_members` that shows the
//! key's proof is judged by what its author had seen of the invitation, so every replica judges it alike.

use alloc::string::String;
use alloc::vec::Vec;

use super::members::Role;
use crate::limits::{INVITATION_USES_MAX, NAME_BYTES_MAX};
use crate::log::graph::{Graph, Node};
use crate::op::body::{Content, Leaf};
use crate::op::id::Author;
use crate::op::json::{Number, Object, Value};
use crate::op::kind::Kind;
use crate::ordered::Map;
use crate::time::Millis;

/// The collection of invitations; the key of each is its public key in hex.
pub const INVITATIONS: &str = "_invitations";

/// What an invitation allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationTerms {
    /// What whoever joins by it may do: write or read.
    pub role: Role,
    /// The last moment at which somebody may be let in.
    pub until: Millis,
    /// How many may join by it: 1 to [`INVITATION_USES_MAX`].
    pub uses: u32,
    /// What people call whoever joins by it, if that was said.
    pub name: Option<String>,
}

impl InvitationTerms {
    /// Whether these are terms that an invitation can have.
    pub fn are_sound(&self) -> bool {
        let is_named = |name: &String| !name.is_empty() && name.len() <= NAME_BYTES_MAX;
        self.role != Role::Owner
            && (1..=INVITATION_USES_MAX).contains(&self.uses)
            && self.name.as_ref().is_none_or(is_named)
    }

    /// The body that states them.
    pub fn body(&self) -> Value {
        let number = |number: u64| Value::Number(Number::saturated(number.into()));
        let mut body = Object::new();
        if let Some(name) = &self.name {
            body.insert("name".into(), Value::String(name.clone()));
        }
        body.insert("role".into(), Value::String(self.role.name().into()));
        body.insert("until".into(), number(self.until.0));
        body.insert("uses".into(), number(self.uses.into()));
        Value::Object(body)
    }

    fn read(content: &Content) -> Option<InvitationTerms> {
        let Content::Put(Leaf::Json(Value::Object(body))) = content else { return None };
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let number = |name: &str| body.get(name).and_then(Value::as_integer);
        let terms = InvitationTerms {
            role: Role::parse(text("role")?)?,
            until: Millis(number("until")?.try_into().ok()?),
            uses: number("uses")?.try_into().ok()?,
            name: text("name").map(Into::into),
        };
        Some(terms).filter(InvitationTerms::are_sound)
    }

    /// Whether somebody may be let in with this role, at this moment.
    pub fn allow(&self, role: Role, at: Millis) -> bool {
        role >= self.role && (at <= self.until || planted!(InvitationExpiryUnchecked))
    }

    /// The narrower of both, in each respect.
    fn narrowed(self, other: &InvitationTerms) -> InvitationTerms {
        InvitationTerms {
            role: self.role.max(other.role),
            until: self.until.min(other.until),
            uses: self.uses.min(other.uses),
            name: self.name.or_else(|| other.name.clone()),
        }
    }
}

/// What owners wrote of one invitation, with effect.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// The ops that state it, in the order of arrival; no terms where they cannot be read.
    puts: Vec<(Node, Option<InvitationTerms>)>,
    /// The ops that revoke it.
    deletes: Vec<Node>,
}

impl Offer {
    /// What is allowed as far as these ops are seen: by all of several statements together. Nothing where none is seen,
    /// one cannot be read, or it is revoked.
    pub fn terms(&self, is_seen: impl Fn(Node) -> bool) -> Option<InvitationTerms> {
        if self.deletes.iter().any(|node| is_seen(*node)) {
            return None;
        }
        let mut seen = self.puts.iter().filter(|(node, _)| is_seen(*node)).map(|(_, terms)| terms.as_ref());
        let first = seen.next()??.clone();
        seen.try_fold(first, |all, terms| Some(all.narrowed(terms?)))
    }

    /// The ops that state or revoke it.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        self.puts.iter().map(|(node, _)| *node).chain(self.deletes.iter().copied())
    }

    /// What it was stated to allow, revoked or not, and the first op that states it.
    pub fn stated(&self) -> Option<(Node, InvitationTerms)> {
        let (node, _) = self.puts.first()?;
        let stated = Offer { puts: self.puts.clone(), deletes: Vec::new() };
        Some((*node, stated.terms(|_| true)?))
    }

    /// Whether it was revoked.
    pub fn is_revoked(&self) -> bool {
        !self.deletes.is_empty()
    }
}

/// Invitations, by public key.
pub type Offers = Map<Author, Offer>;

/// What owners wrote of invitations. `is_by_owner` tells which ops are theirs, with effect.
pub fn offers(graph: &Graph, contents: &Map<Node, Content>, is_by_owner: impl Fn(Node) -> bool) -> Offers {
    let mut offers = Offers::new();
    for (node, content) in contents {
        let (collection, key) = graph.entity_name(graph.entity(*node));
        let Some(key) = Author::parse_hex(key).filter(|_| collection == INVITATIONS && is_by_owner(*node)) else {
            continue;
        };
        match graph.kind(*node) {
            Kind::Put => offers.entry(key).or_default().puts.push((*node, InvitationTerms::read(content))),
            Kind::Delete => offers.entry(key).or_default().deletes.push(*node),
            _ => {}
        }
    }
    offers
}
