//! Plans: what joining another branch would change, entity by entity, before anything is changed.

use alloc::string::String;
use alloc::vec::Vec;

use crate::merge::conflict::Conflict;
use crate::merge::entity::{Entity, Shown};
use crate::merge::json_diff::diff;
use crate::merge::json_patch::JsonPatch;
use crate::op::cbor::Writer;
use crate::op::id::{ConflictId, OpId, PLAN_CONTEXT, PlanId};

/// What a merge of `source` into `branch` would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The hash of what it does ([`Plan::new`]): plans that do the same have the same.
    pub id: PlanId,
    /// The branch that would change.
    pub branch: String,
    /// The branch that would be joined.
    pub source: String,
    /// The ops of the source that the merge names, in `ord` order. None where all of it is here already.
    pub heads: Vec<OpId>,
    /// How many ops come in with them.
    pub ops: usize,
    /// The entities that would be shown differently, ascending by collection and key.
    pub items: Vec<PlanItem>,
}

/// What a plan does to one entity.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanItem {
    /// The collection.
    pub collection: String,
    /// The key.
    pub key: String,
    /// What is shown now.
    pub before: Shown,
    /// What would be shown.
    pub after: Shown,
    /// The edits that lead from one to the other, where both are JSON.
    pub patch: Option<JsonPatch>,
    /// The conflicts that would be open and are not now, ascending by path.
    pub conflicts: Vec<Conflict>,
    /// The conflicts that are open now and would not be, ascending by path.
    pub closed: Vec<ConflictId>,
}

impl Plan {
    /// A plan. Its id is BLAKE3 of [`PLAN_CONTEXT`] and the CBOR array `[branch, source, heads, items]`, each item `[collection,
    /// key, effect, [ids of conflicts], [ids closed]]`. The effect is what the item does and not what it does it to: the
    /// edits as RFC 6902 text, or what would be shown. So an entity that changed elsewhere leaves the id as it is.
    pub fn new(branch: &str, source: &str, heads: Vec<OpId>, ops: usize, items: Vec<PlanItem>) -> Plan {
        let mut record = Writer::new();
        record.array(4).text(branch).text(source);
        write_ids(&mut record, heads.iter().map(|head| head.0));
        record.array(items.len());
        items.iter().for_each(|item| item.write(&mut record));
        let mut hasher = blake3::Hasher::new();
        hasher.update(PLAN_CONTEXT);
        hasher.update(&record.finish());
        let id = PlanId(*hasher.finalize().as_bytes());
        Plan { id, branch: branch.into(), source: source.into(), heads, ops, items }
    }
}

impl PlanItem {
    /// What makes an entity another one; none where people would see no difference.
    pub fn between(collection: &str, key: &str, before: Entity, after: Entity) -> Option<PlanItem> {
        let is_open = |among: &[Conflict], conflict: &Conflict| among.iter().any(|other| other.id == conflict.id);
        let closed = before.conflicts.iter().filter(|conflict| !is_open(&after.conflicts, conflict));
        let closed: Vec<ConflictId> = closed.map(|conflict| conflict.id).collect();
        let mut conflicts = after.conflicts;
        conflicts.retain(|conflict| !is_open(&before.conflicts, conflict));
        if before.shown == after.shown && conflicts.is_empty() && closed.is_empty() {
            return None;
        }
        let patch = match (&before.shown, &after.shown) {
            (Shown::Json(before), Shown::Json(after)) => Some(diff(before, after)),
            _ => None,
        };
        let (collection, key) = (collection.into(), key.into());
        Some(PlanItem { collection, key, before: before.shown, after: after.shown, patch, conflicts, closed })
    }

    fn write(&self, record: &mut Writer) {
        record.array(5).text(&self.collection).text(&self.key);
        match (&self.patch, &self.after) {
            (Some(patch), _) => record.array(2).text("patch").bytes(&patch.encode().to_jcs()),
            (None, Shown::Json(value)) => record.array(2).text("json").bytes(&value.to_jcs()),
            (None, Shown::Bytes(bytes)) => record.array(2).text("bytes").bytes(bytes),
            (None, Shown::Absent) => record.array(1).text("absent"),
            (None, Shown::BodyMissing) => record.array(1).text("bodyMissing"),
        };
        write_ids(record, self.conflicts.iter().map(|conflict| conflict.id.0));
        write_ids(record, self.closed.iter().map(|closed| closed.0));
    }
}

fn write_ids(record: &mut Writer, ids: impl ExactSizeIterator<Item = [u8; 32]>) {
    record.array(ids.len());
    for id in ids {
        record.bytes(&id);
    }
}
