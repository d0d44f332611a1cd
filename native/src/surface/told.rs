//! What verbs of this host tell when they are done, as plain data.

use serde::{Serialize, Serializer};
use trellis_core::merge::entity::Shown;
use trellis_core::output::EntityView;
use trellis_core::surface::{Bytes, Hex, ImportReport, Json, Op, VerifyReport, Withheld};

use super::Nacked;
use crate::error::{Code, Result, TrellisError};
use crate::{bundle, engine, repo};

/// What stands under the keys of a collection, ascending by key: an object of JSON values and bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Values(Vec<(String, Value)>);

/// What stands under a key: null where nothing does, while there is a conflict about that.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Value {
    Absent,
    Json(Json),
    Bytes(Bytes),
}

impl Values {
    /// # Errors
    /// `body_missing` where a content is not on this device.
    pub(crate) fn of(entities: Vec<EntityView>) -> Result<Values> {
        entities.into_iter().map(|entity| Ok((entity.key, Value::of(entity.shown)?))).collect::<Result<_>>().map(Values)
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl Value {
    fn of(shown: Shown) -> Result<Value> {
        match shown {
            Shown::Absent => Ok(Value::Absent),
            Shown::Json(value) => Ok(Value::Json(Json(value))),
            Shown::Bytes(bytes) => Ok(Value::Bytes(Bytes(bytes))),
            Shown::BodyMissing => {
                let message =
                    "Something stands there, and its content is not on this device. Sync with a peer that has it.";
                Err(TrellisError::new(Code::BodyMissing, message))
            }
        }
    }
}

/// What is known of a write that has become safe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Safe {
    /// Those of its ops that a peer gives no effect, and why.
    pub withheld: Vec<Withheld>,
}

impl From<repo::Safe> for Safe {
    fn from(safe: repo::Safe) -> Safe {
        let withheld = safe.withheld.into_iter();
        Safe { withheld: withheld.map(|(op, code)| Withheld { op: Hex(op.0), code: code.as_str() }).collect() }
    }
}

/// What verifying found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Whether everything is as it was written.
    pub is_sound: bool,
    /// What became of the ops.
    pub report: VerifyReport,
    /// Rows of the store that are not what was written.
    pub corrupt_rows: Vec<u32>,
}

impl From<repo::Verified> for Verified {
    fn from(verified: repo::Verified) -> Verified {
        let is_sound = verified.is_sound();
        Verified { is_sound, report: verified.report.into(), corrupt_rows: verified.corrupt_rows }
    }
}

/// A commit of the store, in the order in which this device took them in.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Its local sequence: 1, 2, 3, ...
    pub seq: u32,
    /// Whether its ops were written here.
    pub is_local: bool,
    /// Its ops that are in the log, as people read them.
    pub ops: Vec<Op>,
}

/// A commit of the store, by what it brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// Its local sequence: 1, 2, 3, ...
    pub seq: u32,
    /// Whether its ops were written here.
    pub is_local: bool,
    /// The ids of its ops.
    pub ops: Vec<Hex<32>>,
}

/// What a bundle was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// How many ops.
    pub ops: usize,
    /// How many blobs.
    pub blobs: usize,
    /// Blobs that the ops name and that are not here.
    pub missing: Vec<Hex<32>>,
}

impl From<bundle::Exported> for Exported {
    fn from(exported: bundle::Exported) -> Exported {
        let missing = exported.missing.into_iter().map(|lacking| Hex(lacking.blob.0)).collect();
        Exported { ops: exported.ops, blobs: exported.blobs, missing }
    }
}

/// What became of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BundleReport {
    /// What became of its ops.
    pub report: ImportReport,
    /// Blobs that it names and does not hold.
    pub missing: Vec<Hex<32>>,
}

/// What an engine's sync did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Synced {
    /// The peer's key.
    pub peer: Hex<32>,
    /// Ops that went to the peer.
    pub ops_sent: u64,
    /// Ops that came from it.
    pub ops_received: u64,
    /// How often this side spoke and was answered.
    pub rounds: u64,
    /// Bytes of all frames that went.
    pub bytes_sent: u64,
    /// Bytes of all frames that came.
    pub bytes_received: u64,
    /// What the peer refused, or gives no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nacked: Option<Nacked>,
    /// The linear branches that stand on several lines now, ascending.
    pub diverged: Vec<String>,
}

impl From<engine::Synced> for Synced {
    fn from(synced: engine::Synced) -> Synced {
        Synced {
            peer: Hex(synced.peer.0),
            ops_sent: synced.ops_sent,
            ops_received: synced.ops_received,
            rounds: synced.rounds,
            bytes_sent: synced.bytes_sent,
            bytes_received: synced.bytes_received,
            nacked: synced.nacked.map(Into::into),
            diverged: synced.diverged,
        }
    }
}
