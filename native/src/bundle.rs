//! Bundles as files: a repo carried by hand.
//!
//! A bundle proves itself, so a file is taken as a whole or not at all.

use std::fs;
use std::path::Path;

use trellis_core::link::bundle::{BundleWriter, Signatures, decode_bundle};
use trellis_core::log::row::StoredOp;
use trellis_core::op::id::OpId;
use trellis_core::output::ImportReport;

use crate::error::{Code, Result, TrellisError, from_io};
use crate::repo::Repo;
use crate::whole_file::{self, Readers};

impl Repo {
    /// Writes every op that is not in the causal past of the `known` ones to a new file. Returns how many. The content
    /// of blobs that they name is no part of it.
    ///
    /// # Errors
    /// `already_exists` where there is such a file; `not_found` for a repo without ops; `storage_full` and the like.
    pub async fn export_bundle(&self, path: impl AsRef<Path>, known: Vec<OpId>) -> Result<usize> {
        write_bundle(path, self.export(known).await?)
    }

    /// Takes the ops of a bundle. Into a repo without ops they bring the repo that they belong to.
    ///
    /// # Errors
    /// `not_found`; `invalid_argument` for a file that is no bundle or a damaged one; `repo_mismatch`.
    pub async fn import_bundle(&self, path: impl AsRef<Path>) -> Result<ImportReport> {
        self.import(read_bundle(path)?).await
    }
}

/// Writes ops to a new file, dependencies first. Returns how many.
///
/// # Errors
/// As [`Repo::export_bundle`].
pub fn write_bundle(path: impl AsRef<Path>, ops: Vec<StoredOp>) -> Result<usize> {
    let path = path.as_ref();
    if path.exists() {
        let message = format!("There is a file {} already. Name another one.", path.display());
        return Err(TrellisError::new(Code::AlreadyExists, message).at_path(path));
    }
    let count = ops.len();
    let bytes = bundle(ops)?;
    whole_file::create(path, &bytes, Readers::Usual).map_err(|cause| from_io("write the bundle", path, cause))?;
    Ok(count)
}

/// The ops of a bundle, which prove nothing yet.
///
/// # Errors
/// As [`Repo::import_bundle`].
pub fn read_bundle(path: impl AsRef<Path>) -> Result<Vec<StoredOp>> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(|cause| from_io("read the bundle", path, cause))?;
    decode_bundle(&bytes).map_err(|cause| {
        let message = format!("{} is no whole bundle: {cause}. Nothing of it was taken.", path.display());
        TrellisError::new(Code::InvalidArgument, message).at_path(path).caused_by(cause)
    })
}

fn bundle(ops: Vec<StoredOp>) -> Result<Vec<u8>> {
    let refused = |cause| {
        let message = "The ops of this repo cannot be put into a bundle; run `trellis verify`.";
        TrellisError::new(Code::StorageCorrupt, message).caused_by(cause)
    };
    let mut writer = BundleWriter::new(Signatures::All);
    let mut bytes = Vec::new();
    for op in ops {
        writer.push(op).map_err(refused)?;
        bytes.append(&mut writer.take());
    }
    bytes.append(&mut writer.finish().map_err(refused)?);
    Ok(bytes)
}
