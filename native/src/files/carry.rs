//! Blobs on their way from one repo on this machine to another, ahead of the ops that name them.

use std::collections::BTreeMap;

use trellis_core::log::row::StoredOp;
use trellis_core::op::blob::{BEFORE_HASH, BlobRef};
use trellis_core::op::body::Leaf;
use trellis_core::op::id::ContentHash;
use trellis_core::op::json::Value;

use crate::error::Result;
use crate::progress::{Meter, Work};
use crate::repo::Repo;
use crate::store::{OpenMode, Store, WAIT};

/// What is carried before it is committed, in bytes of content.
const COMMIT_BYTES: u64 = 32 * 1024 * 1024;

/// What became of the blobs that ops name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Those that came.
    pub blobs: Vec<BlobRef>,
    /// Those that the other repo lacks itself, and that are not here either.
    pub missing: Vec<BlobRef>,
}

impl Carried {
    /// Both together.
    pub(crate) fn and(mut self, mut other: Carried) -> Carried {
        self.blobs.append(&mut other.blobs);
        self.missing.append(&mut other.missing);
        self.missing.sort();
        self.missing.dedup();
        self
    }
}

/// The blobs that ops name, each once.
pub fn named_blobs(ops: &[StoredOp]) -> Vec<BlobRef> {
    let named = ops.iter().filter_map(json_that_may_name).flat_map(|value| BlobRef::all_in(&value));
    named.map(|blob| (blob.blob, blob)).collect::<BTreeMap<ContentHash, BlobRef>>().into_values().collect()
}

/// An op's JSON, where it can be that it names a blob.
fn json_that_may_name(op: &StoredOp) -> Option<Value> {
    op.body.as_ref().filter(|body| body.windows(BEFORE_HASH.len()).any(|bytes| bytes == BEFORE_HASH))?;
    let op = op.rehash().ok()?;
    match Leaf::decode(op.header().body?.format, op.body()?)? {
        Leaf::Json(value) => Some(value),
        Leaf::Bytes(_) => None,
    }
}

impl Repo {
    /// Takes the blobs that these ops of another repo on this machine name. They are on the disk when this returns, so
    /// the ops may follow.
    ///
    /// # Errors
    /// `storage_corrupt` where the other repo does not hold what was written to it; `storage_full` and the like.
    pub fn carry_blobs(&self, from: &Repo, ops: &[StoredOp]) -> Result<Carried> {
        self.carry_named(from, named_blobs(ops))
    }

    pub(crate) fn carry_named(&self, from: &Repo, named: Vec<BlobRef>) -> Result<Carried> {
        if named.is_empty() {
            return Ok(Carried::default());
        }
        let source = Store::open(from.folder().store(), OpenMode::ReadOnly)?;
        let mut target = Store::open(self.folder().store(), OpenMode::ReadWrite)?;
        let meter = self.watcher().meter(Work::Carrying, named.iter().map(|blob| blob.size).sum());
        carry(&source, &mut target, named, meter)
    }
}

fn carry(source: &Store, target: &mut Store, named: Vec<BlobRef>, mut meter: Meter) -> Result<Carried> {
    let mut carried = Carried::default();
    let mut transaction = target.begin(WAIT)?;
    let mut bytes = 0;
    for blob in named {
        if transaction.has_blob(&blob.blob)? {
            meter.add(blob.size);
            continue;
        }
        let Some(size) = source.blob_size(&blob.blob)? else {
            carried.missing.push(blob);
            continue;
        };
        carried.blobs.push(transaction.put_blob(meter.reading(source.read_blob(&blob.blob)?), source.path())?);
        bytes += size;
        if bytes >= COMMIT_BYTES {
            transaction.commit()?;
            (transaction, bytes) = (target.begin(WAIT)?, 0);
        }
    }
    transaction.commit()?;
    Ok(carried)
}
