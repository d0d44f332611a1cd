//! Fork proofs as files: what shows others that a key wrote two ops into one place.

use std::fs;
use std::path::Path;

use trellis_core::op::id::OpId;
use trellis_core::output::{Fork, ForkProof};

use crate::error::{Code, Result, TrellisError, from_io};
use crate::repo::Repo;
use crate::whole_file::{self, Readers};

impl Repo {
    /// Writes the proof of a fork to a new file.
    ///
    /// # Errors
    /// `already_exists` where there is such a file; as [`Repo::fork_proof`]; `storage_full` and the like.
    pub async fn export_fork_proof(&self, path: impl AsRef<Path>, ops: [OpId; 2]) -> Result<()> {
        let path = path.as_ref();
        let proof = self.fork_proof(ops).await?;
        whole_file::create(path, &proof.encode(), Readers::Usual)
            .map_err(|cause| from_io("write the proof", path, cause))
    }
}

/// Reads the proof of a fork from a file, and checks all of it. No repo is needed.
///
/// # Errors
/// `not_found`; `invalid_argument` for a file that proves no fork.
pub fn read_fork_proof(path: impl AsRef<Path>) -> Result<(Fork, ForkProof)> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(|cause| from_io("read the proof", path, cause))?;
    let proven = ForkProof::decode(&bytes).and_then(|proof| Ok((proof.verify()?, proof)));
    proven.map_err(|cause| {
        let message = format!("{} proves no fork: {cause}.", path.display());
        TrellisError::new(Code::InvalidArgument, message).at_path(path).caused_by(cause)
    })
}
