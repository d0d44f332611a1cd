//! Other repos and references to what is in them, as plain data.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::plain::FromPlain;
use serde::Serialize;

use super::answer::hex;
use super::scalar::{Hex, Json, Unreadable};
use crate::federation::{self, Alias, ReferenceError, parse_entity, write_entity};
use crate::op::id::{OpId, RepoId};
use crate::op::place::Entity;

/// An entity of another repo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromPlain)]
#[serde(rename_all = "camelCase")]
pub struct CrossRepoRef {
    /// The short name of the repo.
    pub alias: String,
    /// The entity there, as `type:name`.
    pub entity: String,
    /// Its collection.
    #[serde(skip_deserializing)]
    pub collection: String,
    /// Its key.
    #[serde(skip_deserializing)]
    pub key: String,
    /// What it was when this op was its branch's head; left out for what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Hex<32>>,
}

/// Another repo that has a short name here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkedRepo {
    /// The name.
    pub alias: String,
    /// Where it is: a path.
    pub place: String,
    /// Its id.
    pub repo: Hex<32>,
    /// What it is, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// How an entity here stands to one of another repo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CrossRepoLink {
    /// The entity here, as `type:name`.
    pub from: String,
    /// How it stands to the other one.
    pub relation: String,
    /// The entity there.
    pub to: CrossRepoRef,
}

/// A record of a collection.
#[derive(Clone, Debug, PartialEq, FromPlain)]
pub struct Record {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Json,
}

/// The collections that say how repos stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Collections {
    /// Of linked repos, by alias.
    pub linked_repos: &'static str,
    /// Of links across repos.
    pub cross_repo_links: &'static str,
}

/// The names of the collections.
pub const COLLECTIONS: Collections =
    Collections { linked_repos: federation::LINKED_REPOS, cross_repo_links: federation::CROSS_REPO_LINKS };

/// Reads `@alias:type:name` or `@alias:type:name#<op id>`.
///
/// # Errors
/// [`Unreadable`] with what is wrong.
pub fn parse_reference(text: &str) -> Result<CrossRepoRef, Unreadable> {
    reference(text).map(Into::into)
}

/// Writes a reference.
///
/// # Errors
/// [`Unreadable`] for an alias or entity that is none.
pub fn format_reference(reference: CrossRepoRef) -> Result<String, Unreadable> {
    federation::CrossRepoRef::try_from(reference).map(|reference| reference.to_string())
}

/// The linked repos among the records of `linked-repos`.
pub fn linked_repos(records: Vec<Record>) -> Vec<LinkedRepo> {
    let read = |record: Record| federation::LinkedRepo::read(&record.key, &record.value.0);
    records.into_iter().filter_map(read).map(Into::into).collect()
}

/// Those of the records of `cross-repo-links` that lead to an entity of another repo, in any version.
///
/// # Errors
/// [`Unreadable`] for an alias or entity that is none.
pub fn links_to(records: Vec<Record>, alias: &str, entity: &str) -> Result<Vec<CrossRepoLink>, Unreadable> {
    let (alias, entity) = (alias_of(alias)?, entity_of("entity", entity)?);
    let links = federation::links_to(records.iter().map(|record| &record.value.0), &alias, &entity);
    Ok(links.into_iter().map(Into::into).collect())
}

impl From<federation::CrossRepoRef> for CrossRepoRef {
    fn from(reference: federation::CrossRepoRef) -> CrossRepoRef {
        CrossRepoRef {
            alias: reference.alias.to_string(),
            entity: write_entity(&reference.entity),
            collection: reference.entity.collection,
            key: reference.entity.key,
            version: reference.version.map(hex),
        }
    }
}

impl TryFrom<CrossRepoRef> for federation::CrossRepoRef {
    type Error = Unreadable;

    fn try_from(reference: CrossRepoRef) -> Result<federation::CrossRepoRef, Unreadable> {
        Ok(federation::CrossRepoRef {
            alias: alias_of(&reference.alias)?,
            entity: entity_of("entity", &reference.entity)?,
            version: reference.version.map(|version| OpId(version.0)),
        })
    }
}

impl From<federation::LinkedRepo> for LinkedRepo {
    fn from(linked: federation::LinkedRepo) -> LinkedRepo {
        let federation::LinkedRepo { alias, place, repo, description } = linked;
        LinkedRepo { alias: alias.to_string(), place, repo: Hex(repo.0), description }
    }
}

impl From<federation::CrossRepoLink> for CrossRepoLink {
    fn from(link: federation::CrossRepoLink) -> CrossRepoLink {
        CrossRepoLink { from: write_entity(&link.from), relation: link.relation, to: link.to.into() }
    }
}

pub(super) fn linked(
    alias: &str,
    place: String,
    repo: Hex<32>,
    description: Option<String>,
) -> Result<federation::LinkedRepo, Unreadable> {
    Ok(federation::LinkedRepo { alias: alias_of(alias)?, place, repo: RepoId(repo.0), description })
}

pub(super) fn link(from: &str, relation: &str, to: &str) -> Result<federation::CrossRepoLink, Unreadable> {
    let link = federation::CrossRepoLink::new(entity_of("from", from)?, relation, reference(to)?);
    link.map_err(|cause| Unreadable::new("relation", cause))
}

pub(super) fn alias_of(text: &str) -> Result<Alias, Unreadable> {
    text.parse().map_err(|cause| Unreadable::new("alias", cause))
}

fn entity_of(at: &'static str, text: &str) -> Result<Entity, Unreadable> {
    parse_entity(text).map_err(|cause: ReferenceError| Unreadable::new(at, cause))
}

fn reference(text: &str) -> Result<federation::CrossRepoRef, Unreadable> {
    text.parse().map_err(|cause: ReferenceError| Unreadable::new("reference", cause))
}
