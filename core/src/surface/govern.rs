//! Members, invitations and what collections declare, as plain data.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::answer::hex;
use super::plain::FromPlain;
use super::scalar::{Hex, Json, Unreadable};
use crate::input::{self, Role};
use crate::output;
use crate::time::Millis;

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The key.
    pub author: Hex<32>,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The role; absent where the membership ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// The older key of the same device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<Hex<32>>,
    /// The invitation that it joined by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined: Option<Joined>,
}

/// How somebody joined by an invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    /// The invitation's public key.
    pub invitation: Hex<32>,
    /// Whether more had joined by it than it has uses.
    pub is_extra: bool,
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// Its public key.
    pub key: Hex<32>,
    /// Who made it.
    pub by: Hex<32>,
    /// `writer` or `reader`.
    pub role: &'static str,
    /// The last moment at which somebody may be let in: milliseconds since 1970.
    pub until: u64,
    /// How many may join by it.
    pub uses: u32,
    /// What people call whoever joins by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who joined by it.
    pub joined: Vec<Hex<32>>,
    /// Whether an owner revoked it.
    pub is_revoked: bool,
}

/// What a collection declares.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Manifest {
    /// The collection.
    pub collection: String,
    /// The op that declares it.
    pub op: Hex<32>,
    /// The manifest, as it was written.
    pub manifest: Json,
}

/// What an invitation allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromPlain)]
pub struct Terms {
    /// `writer` or `reader`.
    pub role: String,
    /// The last moment at which somebody may be let in: milliseconds since 1970.
    pub until: u64,
    /// How many may join by it.
    pub uses: u32,
    /// What people call whoever joins by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl From<output::Member> for Member {
    fn from(member: output::Member) -> Member {
        Member {
            author: Hex(member.author.0),
            name: member.name,
            role: member.role.map(|role| role.name()),
            predecessor: member.predecessor.map(|key| Hex(key.0)),
            joined: member
                .joined
                .map(|joined| Joined { invitation: Hex(joined.invitation.0), is_extra: joined.is_extra }),
        }
    }
}

impl From<output::Invitation> for Invitation {
    fn from(invitation: output::Invitation) -> Invitation {
        Invitation {
            key: Hex(invitation.key.0),
            by: Hex(invitation.by.0),
            role: invitation.terms.role.name(),
            until: invitation.terms.until.0,
            uses: invitation.terms.uses,
            name: invitation.terms.name,
            joined: invitation.joined.into_iter().map(|key| Hex(key.0)).collect(),
            is_revoked: invitation.is_revoked,
        }
    }
}

impl From<output::ManifestView> for Manifest {
    fn from(manifest: output::ManifestView) -> Manifest {
        Manifest { collection: manifest.collection, op: hex(manifest.op), manifest: Json(manifest.manifest) }
    }
}

impl TryFrom<Terms> for input::InvitationTerms {
    type Error = Unreadable;

    fn try_from(Terms { role, until, uses, name }: Terms) -> Result<input::InvitationTerms, Unreadable> {
        Ok(input::InvitationTerms { role: role_of(&role)?, until: Millis(until), uses, name })
    }
}

/// The role that a word names.
pub(super) fn role_of(word: &str) -> Result<Role, Unreadable> {
    Role::parse(word).ok_or_else(|| Unreadable::new("role", "is owner, writer or reader"))
}
