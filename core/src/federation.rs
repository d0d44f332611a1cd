//! Federation: other repos by short names, and references to what is in them.
//!
//! A linked repo and a link across repos are ordinary records of two collections, so they sync and merge like any other.
//! This is what stands in them, and the text form of a reference: `@alias:type:name`, or `@alias:type:name#<op id>` for what
//! the entity `type/name` was when that op was its branch's head. Inside a type or a name `~` is written `~0` and `#` as
//! `~3`, and inside a type `:` as `~2`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::input::{Base, Change, Edit};
use crate::limits::{ALIAS_BYTES_MAX, NAME_BYTES_MAX};
use crate::op::header::is_plain;
use crate::op::hex;
use crate::op::id::{OpId, RepoId};
use crate::op::json::{Object, Value};
use crate::op::place::{Entity, PlaceError};

/// The collection of linked repos, each under its alias.
pub const LINKED_REPOS: &str = "linked-repos";
/// The collection of links across repos.
pub const CROSS_REPO_LINKS: &str = "cross-repo-links";

/// What the key of a link across repos is a hash of, before its three texts.
const LINK_DOMAIN: &[u8] = b"trellis/cross-repo-link/1\n";
const LINK_KEY_BYTES: usize = 16;

/// Why something cannot be linked or referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It begins with something else than `@`, or has no `:` behind the alias.
    #[error("a reference is written as @alias:type:name, and may end in # and an op's id")]
    Shape,
    /// Something else than `[a-z0-9][a-z0-9-]{0,62}`.
    #[error("an alias has 1 to 63 of the characters a to z, 0 to 9 and '-', and does not begin with '-'")]
    Alias,
    /// There is no `:` between a type and a name.
    #[error("an entity of another repo is written as type:name")]
    Entity,
    /// A type or name that no entity may have.
    #[error(transparent)]
    Name(#[from] PlaceError),
    /// A `~` that is not `~0`, `~2` or `~3`.
    #[error("in a type or name '~' is written as '~0', ':' as '~2' and '#' as '~3'")]
    Escape,
    /// Something else than 64 lower-case hex digits behind the `#`.
    #[error("behind the '#' stands an op's id, 64 lower-case hex digits")]
    Version,
    /// Nothing, more than 255 bytes, or control characters.
    #[error("a relation has 1 to 255 bytes and no control characters")]
    Relation,
}

/// The short name of another repo.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alias(String);

impl Alias {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads `[a-z0-9][a-z0-9-]{0,62}`.
impl FromStr for Alias {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Alias, ReferenceError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_alias = (1..=ALIAS_BYTES_MAX).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-');
        if is_alias { Ok(Alias(text.into())) } else { Err(ReferenceError::Alias) }
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An entity of another repo.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrossRepoRef {
    /// The repo.
    pub alias: Alias,
    /// The entity there.
    pub entity: Entity,
    /// What it was when this op was its branch's head; none for what it is.
    pub version: Option<OpId>,
}

/// Reads `@alias:type:name` or `@alias:type:name#<op id>`.
impl FromStr for CrossRepoRef {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<CrossRepoRef, ReferenceError> {
        let (alias, rest) =
            text.strip_prefix('@').and_then(|rest| rest.split_once(':')).ok_or(ReferenceError::Shape)?;
        let (entity, version) = match rest.split_once('#') {
            None => (rest, None),
            Some((entity, id)) => (entity, Some(hex::parse(id).map(OpId).ok_or(ReferenceError::Version)?)),
        };
        Ok(CrossRepoRef { alias: alias.parse()?, entity: parse_entity(entity)?, version })
    }
}

impl fmt::Display for CrossRepoRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}:{}", self.alias, write_entity(&self.entity))?;
        self.version.map_or(Ok(()), |version| write!(f, "#{}", hex::encode(version.as_bytes())))
    }
}

/// Reads an entity as references name it, `type:name`.
///
/// # Errors
/// [`ReferenceError`] for what names none.
pub fn parse_entity(text: &str) -> Result<Entity, ReferenceError> {
    let (collection, key) = text.split_once(':').ok_or(ReferenceError::Entity)?;
    Ok(Entity::new(&unescape(collection)?, &unescape(key)?)?)
}

/// The entity as references name it.
pub fn write_entity(entity: &Entity) -> String {
    let escape = |text: &str| text.replace('~', "~0").replace('#', "~3");
    let mut text = escape(&entity.collection).replace(':', "~2");
    text.push(':');
    text.push_str(&escape(&entity.key));
    text
}

fn unescape(text: &str) -> Result<String, ReferenceError> {
    if text.contains('#') {
        return Err(ReferenceError::Escape);
    }
    let mut parts = text.split('~');
    let mut plain = String::from(parts.next().unwrap_or_default());
    for part in parts {
        let (code, rest) = part.split_at_checked(1).ok_or(ReferenceError::Escape)?;
        plain.push(match code {
            "0" => '~',
            "2" => ':',
            "3" => '#',
            _ => return Err(ReferenceError::Escape),
        });
        plain.push_str(rest);
    }
    Ok(plain)
}

/// Another repo that has a short name here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedRepo {
    /// The name.
    pub alias: Alias,
    /// Where it is, as the host of whoever linked it says: a path.
    pub place: String,
    /// Which it is.
    pub repo: RepoId,
    /// What it is, for people.
    pub description: Option<String>,
}

impl LinkedRepo {
    /// Links it, or links another one under its alias.
    pub fn edit(&self) -> Edit {
        let mut value = Object::new();
        value.insert("place".into(), Value::String(self.place.clone()));
        value.insert("repo".into(), Value::String(hex::encode(self.repo.as_bytes())));
        if let Some(description) = &self.description {
            value.insert("description".into(), Value::String(description.clone()));
        }
        record(LINKED_REPOS, self.alias.to_string(), Change::Replace(Value::Object(value)))
    }

    /// Ends the link of an alias.
    pub fn removal(alias: &Alias) -> Edit {
        record(LINKED_REPOS, alias.to_string(), Change::Delete)
    }

    /// What a record of the collection says; none for one that is no linked repo.
    pub fn read(key: &str, value: &Value) -> Option<LinkedRepo> {
        Some(LinkedRepo {
            alias: key.parse().ok()?,
            place: text(value, "place")?,
            repo: RepoId::parse_hex(value.member("repo")?.as_str()?)?,
            description: text(value, "description"),
        })
    }
}

/// Says how an entity here stands to one of another repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrossRepoLink {
    /// The entity here.
    pub from: Entity,
    /// How it stands to the other one.
    pub relation: String,
    /// The entity there.
    pub to: CrossRepoRef,
}

impl CrossRepoLink {
    /// A link of these.
    ///
    /// # Errors
    /// [`ReferenceError::Relation`] for a relation that is none.
    pub fn new(from: Entity, relation: &str, to: CrossRepoRef) -> Result<CrossRepoLink, ReferenceError> {
        let is_relation = (1..=NAME_BYTES_MAX).contains(&relation.len()) && is_plain(relation);
        let link = CrossRepoLink { from, relation: relation.into(), to };
        if is_relation { Ok(link) } else { Err(ReferenceError::Relation) }
    }

    /// Writes it. Whoever says the same writes the same record.
    pub fn edit(&self) -> Edit {
        let [from, relation, to] = self.texts();
        let value = Value::object([("from", from), ("relation", relation), ("to", to)]);
        record(CROSS_REPO_LINKS, self.key(), Change::Replace(value))
    }

    /// Takes it away.
    pub fn removal(&self) -> Edit {
        record(CROSS_REPO_LINKS, self.key(), Change::Delete)
    }

    /// What a record of the collection says; none for one that is no link.
    pub fn read(value: &Value) -> Option<CrossRepoLink> {
        let from = parse_entity(&text(value, "from")?).ok()?;
        CrossRepoLink::new(from, &text(value, "relation")?, text(value, "to")?.parse().ok()?).ok()
    }

    /// Whether it leads to an entity of another repo, in any version.
    pub fn leads_to(&self, alias: &Alias, entity: &Entity) -> bool {
        (&self.to.alias, &self.to.entity) == (alias, entity)
    }

    fn texts(&self) -> [String; 3] {
        [write_entity(&self.from), self.relation.clone(), self.to.to_string()]
    }

    /// The first half of BLAKE3 of a domain and the three texts, each behind its length in 8 bytes, big-endian; in hex.
    fn key(&self) -> String {
        let mut hash = blake3::Hasher::new();
        hash.update(LINK_DOMAIN);
        for text in self.texts() {
            hash.update(&(text.len() as u64).to_be_bytes()).update(text.as_bytes());
        }
        hex::encode(&hash.finalize().as_bytes()[..LINK_KEY_BYTES])
    }
}

fn record(collection: &str, key: String, change: Change) -> Edit {
    Edit::Entity { collection: collection.into(), key, change, base: Base::Shown }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.member(name)?.as_str().map(Into::into)
}

/// The links of these records that lead to an entity of another repo.
pub fn links_to<'a>(
    records: impl IntoIterator<Item = &'a Value>,
    alias: &Alias,
    entity: &Entity,
) -> Vec<CrossRepoLink> {
    let links = records.into_iter().filter_map(CrossRepoLink::read);
    links.filter(|link| link.leads_to(alias, entity)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(collection: &str, key: &str) -> Entity {
        Entity::new(collection, key).expect("the test's own names")
    }

    #[test]
    fn a_reference_comes_back_from_its_text() {
        let version = Some(OpId([0xab; 32]));
        for (entity, version, text) in [
            (entity("lib", "api-client"), None, "@backend:lib:api-client".to_string()),
            (entity("lib", "a:b/c"), None, "@backend:lib:a:b/c".into()),
            (entity("a:b", "~#"), None, "@backend:a~2b:~0~3".into()),
            (entity("lib", "x"), version, alloc::format!("@backend:lib:x#{}", "ab".repeat(32))),
        ] {
            let reference = CrossRepoRef { alias: "backend".parse().expect("an alias"), entity, version };
            assert_eq!(reference.to_string(), text);
            assert_eq!(text.parse(), Ok(reference));
        }
    }

    #[test]
    fn what_is_no_reference_says_why() {
        for (text, why) in [
            ("backend:lib:x", ReferenceError::Shape),
            ("@backend", ReferenceError::Shape),
            ("@:lib:x", ReferenceError::Alias),
            ("@../up:lib:x", ReferenceError::Alias),
            ("@-a:lib:x", ReferenceError::Alias),
            ("@A:lib:x", ReferenceError::Alias),
            ("@b:lib", ReferenceError::Entity),
            ("@b::x", ReferenceError::Name(PlaceError::CollectionLength)),
            ("@b:lib:", ReferenceError::Name(PlaceError::KeyLength)),
            ("@b:lib:~1", ReferenceError::Escape),
            ("@b:lib:~", ReferenceError::Escape),
            ("@b:lib:~é", ReferenceError::Escape),
            ("@b:lib:x#12", ReferenceError::Version),
            ("@b:lib:x#", ReferenceError::Version),
        ] {
            assert_eq!(text.parse::<CrossRepoRef>(), Err(why), "{text}");
        }
        assert_eq!("a".repeat(64).parse::<Alias>(), Err(ReferenceError::Alias));
        assert!("a".repeat(63).parse::<Alias>().is_ok());
    }

    #[test]
    fn what_a_record_says_is_what_was_written() {
        let to: CrossRepoRef = "@b:lib:x".parse().expect("a reference");
        let link = CrossRepoLink::new(entity("proj", "web"), "dependsOn", to.clone()).expect("a link");
        let Edit::Entity { change: Change::Replace(value), key, .. } = link.edit() else { panic!("no record") };
        assert_eq!(CrossRepoLink::read(&value), Some(link.clone()));
        assert!(link.leads_to(&to.alias, &to.entity) && !link.leads_to(&to.alias, &entity("lib", "y")));
        let Edit::Entity { key: other, .. } = CrossRepoLink { relation: "uses".into(), ..link }.edit() else {
            panic!("no record")
        };
        assert_ne!(key, other);
        assert_eq!(CrossRepoLink::new(entity("proj", "web"), "", to), Err(ReferenceError::Relation));
    }
}
