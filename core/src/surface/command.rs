//! Commands as plain data.

use alloc::string::String;
use alloc::vec::Vec;

use super::plain::FromPlain;
use crate::sort;
use serde::Serialize;

use super::federation::{alias_of, link, linked};
use super::govern::{Terms, role_of};
use super::op::StoredOp;
use super::scalar::{Bytes, Hex, Json, Unreadable, exactly};
use crate::federation::LinkedRepo;
use crate::input::{self, Base, Tier};
use crate::op::id::OpId;
use crate::op::patch;
use crate::op::place::{Entity, Place};
use crate::op::pointer::Pointer;
use crate::ordered::Map;
use crate::time::Millis;

/// What a program asks of a repo. Random bytes and times are the runtime's.
#[derive(Clone, Debug, PartialEq, Serialize, FromPlain)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Command {
    /// Begin a repo.
    Create {
        /// What people call it.
        name: String,
        /// 32 random bytes; left out where the host draws them ([`Command::with_random`]).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nonce: Option<Bytes>,
    },
    /// Read what other processes have committed.
    Refresh,
    /// Write ops in one transaction.
    Write {
        /// The branch.
        branch: String,
        /// On whose behalf, if not the device's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        actor: Option<String>,
        /// What to write, in order.
        edits: Vec<Edit>,
        /// 32 random bytes, new for every transaction; left out where the host draws them ([`Command::with_random`]).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        random: Option<Bytes>,
    },
    /// Take ops from elsewhere.
    Import {
        /// The ops, in any order.
        ops: Vec<StoredOp>,
    },
    /// Every op that is not in the causal past of the known ones.
    Export {
        /// What the asker has.
        known: Vec<Hex<32>>,
    },
    /// The last op of every chain.
    ChainEnds,
    /// One entity.
    Get {
        /// The branch.
        branch: String,
        /// The collection.
        collection: String,
        /// The key.
        key: String,
        /// As it was when these ops were the heads; left out for now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        at: Vec<Hex<32>>,
    },
    /// Entities of a branch.
    Entries {
        /// The branch.
        branch: String,
        /// Only this collection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        collection: Option<String>,
        /// Only keys that begin with this.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        key_prefix: String,
        /// As they were when these ops were the heads; left out for now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        at: Vec<Hex<32>>,
    },
    /// The entities of a collection, and later those that changed. A branch that is not there has none.
    EntriesSince {
        /// The branch.
        branch: String,
        /// The collection.
        collection: String,
        /// The mark of the last answer; left out for all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Hex<12>>,
    },
    /// Ops of a branch's log, the greatest `ord` first.
    Log {
        /// The branch.
        branch: String,
        /// Only ops that write this entity, as `collection/key`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entity: Option<String>,
        /// At most so many.
        ops_max: u32,
    },
    /// Ops, whole and as people read them.
    Show {
        /// The ops.
        ops: Vec<Hex<32>>,
    },
    /// Ops whose id begins with these hex digits.
    FindOps {
        /// At most 16 digits.
        prefix: String,
    },
    /// Tell every peer something that nobody keeps.
    Announce {
        /// What it is about: at most 255 bytes.
        topic: String,
        /// What is said: at most 4,096 bytes.
        bytes: Bytes,
    },
    /// Every link, as it stands.
    Links,
    /// Answer when ops are safe.
    Durable {
        /// The ops.
        ops: Vec<Hex<32>>,
        /// `local`, `peer` or `relay`.
        tier: String,
        /// When to answer that they are not: milliseconds since 1970.
        until: u64,
    },
    /// Every open conflict of a branch.
    Conflicts {
        /// The branch.
        branch: String,
    },
    /// What joining another branch into one would change.
    Plan {
        /// The branch that would change. It need not be there yet.
        branch: String,
        /// The branch that would be joined.
        source: String,
        /// The ops of it that would be joined, with all that they reach; left out for its heads.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        at: Vec<Hex<32>>,
    },
    /// The whole picture.
    Status,
    /// Read and rehash everything.
    Verify,
    /// The members and their roles.
    Members,
    /// The invitations that owners made.
    Invitations,
    /// What collections declare.
    Manifests,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Serialize, FromPlain)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Edit {
    /// Give a place a value, `collection/key` or `collection/key/field...`.
    Set {
        /// The place.
        place: String,
        /// The value.
        value: Json,
        /// The writes that the writer was looking at; left out for what is shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<Vec<Hex<32>>>,
    },
    /// Remove an entity, or a place inside one.
    Delete {
        /// The place.
        place: String,
        /// The writes that the writer was looking at; left out for what is shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<Vec<Hex<32>>>,
    },
    /// Change an entity on top of what is shown, or of a base.
    Change {
        /// The collection.
        collection: String,
        /// The key.
        key: String,
        /// How.
        change: Change,
        /// The writes that the writer was looking at; left out for what is shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<Vec<Hex<32>>>,
    },
    /// Close a conflict.
    Resolve {
        /// Which.
        conflict: ConflictRef,
        /// What shall stand.
        choice: Choice,
    },
    /// Give back what the last write to the branch replaced.
    Undo,
    /// Join another branch into this one, or begin this one from it.
    Merge {
        /// The other branch.
        source: String,
        /// The ops of it that are joined, with all that they reach; left out for its heads.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        at: Vec<Hex<32>>,
        /// The id of a plan: where the merge would do something else by now, it is not made. Left out for whatever it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<Hex<32>>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// On a linear branch that diverged: write this device's ops anew on top of another line.
    Rebase {
        /// The head of the line that stays.
        onto: Hex<32>,
    },
    /// Make somebody a member, or change the role.
    AddMember {
        /// The key.
        author: Hex<32>,
        /// The name.
        name: String,
        /// `owner`, `writer` or `reader`.
        role: String,
    },
    /// End a membership.
    RemoveMember {
        /// The key.
        author: Hex<32>,
    },
    /// Let whoever holds a key join on these terms.
    Invite {
        /// The invitation's public key.
        key: Hex<32>,
        /// What it allows.
        terms: Terms,
    },
    /// End an invitation.
    Revoke {
        /// The invitation's public key.
        key: Hex<32>,
    },
    /// Say how a collection merges and who may see and change it.
    Declare {
        /// The collection.
        collection: String,
        /// The manifest.
        manifest: Json,
    },
    /// Give another repo a short name.
    LinkRepo {
        /// The name.
        alias: String,
        /// Where it is: a path.
        place: String,
        /// Its id.
        repo: Hex<32>,
        /// What it is, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
    },
    /// Take a short name of another repo back.
    UnlinkRepo {
        /// The name.
        alias: String,
    },
    /// Say how an entity here stands to one of another repo.
    LinkAcross {
        /// The entity here, as `type:name`.
        from: String,
        /// How it stands to the other one.
        relation: String,
        /// The entity there, as `@alias:type:name`.
        to: String,
    },
    /// Take that back.
    UnlinkAcross {
        /// The entity here.
        from: String,
        /// How it stood.
        relation: String,
        /// The entity there.
        to: String,
    },
    /// Take the content of ops, or places of patches, out of everybody's sight.
    Redact {
        /// The ops.
        ops: Vec<Hex<32>>,
        /// For patches, the places; left out for everything that the op set.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pointers: Vec<String>,
    },
}

/// How an entity changes.
#[expect(clippy::large_enum_variant, reason = "a command has one, so a box would save nothing")]
#[derive(Clone, Debug, PartialEq, Serialize, FromPlain)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Change {
    /// It becomes this value; written as the difference to what was shown.
    Put {
        /// The value.
        value: Json,
    },
    /// It becomes this value, and whatever else it held is gone.
    Replace {
        /// The value.
        value: Json,
    },
    /// It becomes these bytes.
    Bytes {
        /// The bytes.
        bytes: Bytes,
    },
    /// Places of it change.
    Patch {
        /// The changes.
        patch: Patch,
    },
    /// It is removed.
    Delete,
    /// A record is added that never changes.
    Append {
        /// The value.
        value: Json,
    },
}

/// Changes to places of one entity, by RFC 6901 pointers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, FromPlain)]
#[serde(default, deny_unknown_fields)]
pub struct Patch {
    /// Places that get a value.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub set: Map<String, Json>,
    /// Places that lose theirs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// Counters that grow by an integer.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub add: Map<String, i64>,
    /// Sets that gain values.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub insert: Map<String, Vec<Json>>,
    /// Sets that lose values.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub discard: Map<String, Vec<Json>>,
}

/// A conflict as it was looked at. A whole conflict, as it was given, is one too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromPlain)]
pub struct ConflictRef {
    /// The collection of the entity.
    pub collection: String,
    /// Its key.
    pub key: String,
    /// The conflict, with its members.
    pub id: Hex<32>,
}

/// What shall stand in place of a conflict.
#[derive(Clone, Debug, PartialEq, Serialize, FromPlain)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Choice {
    /// The side that this op wrote.
    Side {
        /// The op.
        op: Hex<32>,
    },
    /// This value.
    Value {
        /// The value.
        value: Json,
    },
    /// Nothing.
    Absent,
}

impl Command {
    /// Gives the command 32 random bytes, where it takes some and has none.
    pub fn with_random(mut self, bytes: [u8; 32]) -> Command {
        if let Command::Create { nonce: random, .. } | Command::Write { random, .. } = &mut self {
            random.get_or_insert_with(|| Bytes(bytes.to_vec()));
        }
        self
    }
}

impl TryFrom<Command> for input::Command {
    type Error = Unreadable;

    fn try_from(command: Command) -> Result<input::Command, Unreadable> {
        Ok(match command {
            Command::Create { name, nonce } => input::Command::Create { name, nonce: random("nonce", nonce)? },
            Command::Refresh => input::Command::Refresh,
            Command::Write { branch, actor, edits, random } => input::Command::Write(input::Transaction {
                branch,
                actor,
                edits: edits.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
                note: None,
                random: self::random("random", random)?,
            }),
            Command::Import { ops } => {
                input::Command::Import(ops.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?)
            }
            Command::Export { known } => input::Command::Export { known: ids(known) },
            Command::ChainEnds => input::Command::ChainEnds,
            Command::Get { branch, collection, key, at } => {
                input::Command::Get(input::EntityQuery { branch, collection, key, at: ids(at) })
            }
            Command::Entries { branch, collection, key_prefix, at } => {
                input::Command::Entries { branch, collection, key_prefix, at: ids(at) }
            }
            Command::EntriesSince { branch, collection, since } => {
                input::Command::EntriesSince { branch, collection, since: since.map(|mark| input::Mark(mark.0)) }
            }
            Command::Log { branch, entity, ops_max } => {
                let entity = entity.map(|text| text.parse::<Entity>()).transpose();
                let entity = entity.map_err(|cause| Unreadable::new("entity", cause))?;
                let entity = entity.map(|entity| (entity.collection, entity.key));
                input::Command::Log { branch, entity, ops_max: ops_max as usize }
            }
            Command::Show { ops } => input::Command::Show(ids(ops)),
            Command::FindOps { prefix } => input::Command::FindOps(prefix),
            Command::Announce { topic, bytes } => input::Command::Announce { topic, bytes: bytes.0 },
            Command::Links => input::Command::Links,
            Command::Durable { ops, tier, until } => {
                input::Command::Durable { ops: ids(ops), tier: tier_of(&tier)?, until: Millis(until) }
            }
            Command::Conflicts { branch } => input::Command::Conflicts { branch },
            Command::Plan { branch, source, at } => input::Command::Plan { branch, source, at: ids(at) },
            Command::Status => input::Command::Status,
            Command::Verify => input::Command::Verify,
            Command::Members => input::Command::Members,
            Command::Invitations => input::Command::Invitations,
            Command::Manifests => input::Command::Manifests,
        })
    }
}

impl TryFrom<Edit> for input::Edit {
    type Error = Unreadable;

    fn try_from(edit: Edit) -> Result<input::Edit, Unreadable> {
        Ok(match edit {
            Edit::Set { place, value, base } => on_base(input::Edit::set(place_of(&place)?, value.0), base),
            Edit::Delete { place, base } => on_base(input::Edit::delete(place_of(&place)?), base),
            Edit::Change { collection, key, change, base } => {
                input::Edit::Entity { collection, key, change: change.try_into()?, base: base_of(base) }
            }
            Edit::Resolve { conflict: ConflictRef { collection, key, id }, choice } => {
                input::Edit::Resolve { collection, key, conflict: id.0.into(), choice: choice.into() }
            }
            Edit::Undo => input::Edit::Undo,
            Edit::Merge { source, at, plan, message } => {
                input::Edit::Merge { source, at: ids(at), plan: plan.map(|plan| plan.0.into()), message }
            }
            Edit::Rebase { onto } => input::Edit::Rebase { onto: onto.0.into() },
            Edit::AddMember { author, name, role } => {
                input::Edit::AddMember { author: author.0.into(), name, role: role_of(&role)? }
            }
            Edit::RemoveMember { author } => input::Edit::RemoveMember { author: author.0.into() },
            Edit::Invite { key, terms } => input::Edit::Invite { key: key.0.into(), terms: terms.try_into()? },
            Edit::Revoke { key } => input::Edit::Revoke { key: key.0.into() },
            Edit::Declare { collection, manifest } => input::Edit::Declare { collection, manifest: manifest.0 },
            Edit::LinkRepo { alias, place, repo, description } => linked(&alias, place, repo, description)?.edit(),
            Edit::UnlinkRepo { alias } => LinkedRepo::removal(&alias_of(&alias)?),
            Edit::LinkAcross { from, relation, to } => link(&from, &relation, &to)?.edit(),
            Edit::UnlinkAcross { from, relation, to } => link(&from, &relation, &to)?.removal(),
            Edit::Redact { ops, pointers } => input::Edit::Redact {
                ops: ids(ops),
                pointers: pointers.iter().map(|text| pointer_of(text)).collect::<Result<_, _>>()?,
            },
        })
    }
}

impl TryFrom<Change> for input::Change {
    type Error = Unreadable;

    fn try_from(change: Change) -> Result<input::Change, Unreadable> {
        Ok(match change {
            Change::Put { value } => input::Change::Put(value.0),
            Change::Replace { value } => input::Change::Replace(value.0),
            Change::Bytes { bytes } => input::Change::Bytes(bytes.0),
            Change::Patch { patch } => input::Change::Patch(patch.try_into()?),
            Change::Delete => input::Change::Delete,
            Change::Append { value } => input::Change::Append(value.0),
        })
    }
}

impl TryFrom<Patch> for patch::Patch {
    type Error = Unreadable;

    fn try_from(patch: Patch) -> Result<patch::Patch, Unreadable> {
        let Patch { set, remove, add, insert, discard } = patch;
        Ok(patch::Patch {
            set: by_pointer(set, |value| value.0)?,
            remove: remove.iter().map(|text| pointer_of(text)).collect::<Result<_, _>>()?,
            add: by_pointer(add, |by| by)?,
            insert: by_pointer(insert, values)?,
            discard: by_pointer(discard, values)?,
        })
    }
}

impl From<Choice> for input::Choice {
    fn from(choice: Choice) -> input::Choice {
        match choice {
            Choice::Side { op } => input::Choice::Side(op.0.into()),
            Choice::Value { value } => input::Choice::Value(value.0),
            Choice::Absent => input::Choice::Absent,
        }
    }
}

fn random(at: &'static str, bytes: Option<Bytes>) -> Result<[u8; 32], Unreadable> {
    exactly(at, &bytes.ok_or_else(|| Unreadable::new(at, "is absent"))?)
}

pub(super) fn ids(ids: Vec<Hex<32>>) -> Vec<OpId> {
    ids.into_iter().map(|id| OpId(id.0)).collect()
}

fn base_of(seen: Option<Vec<Hex<32>>>) -> Base {
    seen.map_or(Base::Shown, |seen| Base::Ops(ids(seen)))
}

/// An edit of an entity, by a writer who was looking at these writes.
fn on_base(mut edit: input::Edit, seen: Option<Vec<Hex<32>>>) -> input::Edit {
    if let input::Edit::Entity { base, .. } = &mut edit {
        *base = base_of(seen);
    }
    edit
}

fn place_of(text: &str) -> Result<Place, Unreadable> {
    text.parse().map_err(|cause| Unreadable::new("place", cause))
}

fn pointer_of(text: &str) -> Result<Pointer, Unreadable> {
    Pointer::parse(text).map_err(|cause| Unreadable::new("pointer", cause))
}

/// The tier that a word names.
///
/// # Errors
/// The word is none of `local`, `peer` and `relay`.
pub fn tier_of(word: &str) -> Result<Tier, Unreadable> {
    match word {
        "local" => Ok(Tier::Local),
        "peer" => Ok(Tier::Peer),
        "relay" => Ok(Tier::Relay),
        _ => Err(Unreadable::new("tier", "is local, peer or relay")),
    }
}

fn by_pointer<T, V>(places: Map<String, T>, value: impl Fn(T) -> V) -> Result<Vec<(Pointer, V)>, Unreadable> {
    let mut list = Vec::with_capacity(places.len());
    for (place, at) in places {
        list.push((pointer_of(&place)?, value(at)));
    }
    sort::by(&mut list, |one, other| one.0.cmp(&other.0));
    Ok(list)
}

fn values(values: Vec<Json>) -> Vec<crate::op::json::Value> {
    values.into_iter().map(|value| value.0).collect()
}
