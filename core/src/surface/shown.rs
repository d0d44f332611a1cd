//! What people see of entities and their conflicts, and what merges would make of them, as plain data.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;

use super::answer::{all, digits, hex, hexes};
use super::scalar::{Bytes, Hex, Json};
use crate::merge::conflict::{self, SideValue};
use crate::merge::entity;
use crate::output;
use crate::view::plan;

/// What people see of an entity, or of a place in one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Shown {
    /// Nothing is there.
    Absent,
    /// A value.
    Json {
        /// The value.
        value: Json,
    },
    /// Bytes.
    Bytes {
        /// The bytes.
        bytes: Bytes,
    },
    /// The value cannot be known here.
    BodyMissing,
}

/// An entity as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entity {
    /// The collection.
    pub collection: String,
    /// The key.
    pub key: String,
    /// Its value; while conflicts are open, a provisional one.
    pub shown: Shown,
    /// The writes that it is made of.
    pub frontier: Vec<Hex<32>>,
    /// Its open conflicts.
    pub conflicts: Vec<Conflict>,
}

/// Writes of which none saw the other, with different values at one place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conflict {
    /// Its id, which changes with its members.
    pub id: Hex<32>,
    /// The branch.
    pub branch: String,
    /// The collection.
    pub collection: String,
    /// The key.
    pub key: String,
    /// The place in the entity, an RFC 6901 pointer.
    pub path: String,
    /// The writes.
    pub members: Vec<Hex<32>>,
    /// What all had seen there.
    pub base: Shown,
    /// Where what they had seen was in conflict itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beneath: Vec<Beneath>,
    /// What the members say.
    pub sides: Vec<Side>,
}

/// A conflict in what the members of another one had seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Beneath {
    /// What its members had seen.
    pub base: Shown,
    /// What they say.
    pub sides: Vec<Said>,
}

/// What one member of a conflict says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// The write.
    pub op: Hex<32>,
    /// Who wrote it.
    pub author: Hex<32>,
    /// Its clock, in decimal digits.
    pub hlc: String,
    /// What it makes of the place.
    pub value: Said,
}

/// What a write makes of a place.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Said {
    /// Nothing stands there.
    Absent,
    /// A value.
    Json {
        /// The value.
        value: Json,
    },
    /// Bytes.
    Bytes {
        /// The bytes.
        bytes: Bytes,
    },
    /// A counter grows.
    Add {
        /// By this.
        by: i64,
    },
    /// A set gains values.
    Insert {
        /// The values.
        values: Vec<Json>,
    },
}

/// What a merge of one branch into another would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The hash of what it does: plans that do the same have the same.
    pub id: Hex<32>,
    /// The branch that would change.
    pub branch: String,
    /// The branch that would be joined.
    pub source: String,
    /// The ops of the source that the merge names; none where all of it is here already.
    pub heads: Vec<Hex<32>>,
    /// How many ops come in with them.
    pub ops: usize,
    /// The entities that would be shown differently, ascending by collection and key.
    pub items: Vec<PlanItem>,
}

/// What a plan does to one entity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanItem {
    /// The collection.
    pub collection: String,
    /// The key.
    pub key: String,
    /// What is shown now.
    pub before: Shown,
    /// What would be shown.
    pub after: Shown,
    /// The edits that lead from one to the other as RFC 6902 has them, where both are JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<Json>,
    /// The conflicts that would be open and are not now.
    pub conflicts: Vec<Conflict>,
    /// The ids of conflicts that are open now and would not be.
    pub closed: Vec<Hex<32>>,
}

impl From<plan::Plan> for Plan {
    fn from(plan: plan::Plan) -> Plan {
        Plan {
            id: Hex(plan.id.0),
            branch: plan.branch,
            source: plan.source,
            heads: hexes(plan.heads),
            ops: plan.ops,
            items: all(plan.items),
        }
    }
}

impl From<plan::PlanItem> for PlanItem {
    fn from(item: plan::PlanItem) -> PlanItem {
        PlanItem {
            collection: item.collection,
            key: item.key,
            before: item.before.into(),
            after: item.after.into(),
            patch: item.patch.map(|patch| Json(patch.encode())),
            conflicts: all(item.conflicts),
            closed: item.closed.into_iter().map(|id| Hex(id.0)).collect(),
        }
    }
}

impl From<entity::Shown> for Shown {
    fn from(shown: entity::Shown) -> Shown {
        match shown {
            entity::Shown::Absent => Shown::Absent,
            entity::Shown::Json(value) => Shown::Json { value: Json(value) },
            entity::Shown::Bytes(bytes) => Shown::Bytes { bytes: Bytes(bytes) },
            entity::Shown::BodyMissing => Shown::BodyMissing,
        }
    }
}

impl From<output::EntityView> for Entity {
    fn from(entity: output::EntityView) -> Entity {
        Entity {
            collection: entity.collection,
            key: entity.key,
            shown: entity.shown.into(),
            frontier: hexes(entity.frontier),
            conflicts: all(entity.conflicts),
        }
    }
}

impl From<conflict::Conflict> for Conflict {
    fn from(conflict: conflict::Conflict) -> Conflict {
        Conflict {
            id: Hex(conflict.id.0),
            branch: conflict.branch,
            collection: conflict.collection,
            key: conflict.key,
            path: conflict.path.to_string(),
            members: hexes(conflict.members),
            base: conflict.base.into(),
            beneath: all(conflict.beneath),
            sides: all(conflict.sides),
        }
    }
}

impl From<conflict::Beneath> for Beneath {
    fn from(beneath: conflict::Beneath) -> Beneath {
        Beneath { base: beneath.base.into(), sides: all(beneath.sides) }
    }
}

impl From<conflict::Side> for Side {
    fn from(side: conflict::Side) -> Side {
        Side { op: hex(side.op), author: Hex(side.author.0), hlc: digits(side.hlc), value: side.value.into() }
    }
}

impl From<SideValue> for Said {
    fn from(value: SideValue) -> Said {
        match value {
            SideValue::Absent => Said::Absent,
            SideValue::Json(value) => Said::Json { value: Json(value) },
            SideValue::Bytes(bytes) => Said::Bytes { bytes: Bytes(bytes) },
            SideValue::Add(by) => Said::Add { by },
            SideValue::Insert(values) => Said::Insert { values: values.into_iter().map(Json).collect() },
        }
    }
}
