//! Writing a bundle's file.

use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use tempfile::NamedTempFile;
use trellis_core::limits::BLOB_CHUNK_BYTES;
use trellis_core::link::blob::BlobPiece;
use trellis_core::link::bundle::{BundleRefused, BundleWriter, Signatures};
use trellis_core::log::row::StoredOp;
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::{ContentHash, OpId};

use crate::error::{Code, Result, TrellisError, from_io};
use crate::files::named_blobs;
use crate::progress::{Meter, Work};
use crate::repo::Repo;
use crate::store::{BlobReader, OpenMode, Store};
use crate::whole_file::{self, Readers};

/// What a bundle was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// How many ops.
    pub ops: usize,
    /// How many blobs.
    pub blobs: usize,
    /// Blobs that the ops name and that are not here.
    pub missing: Vec<BlobRef>,
}

impl Repo {
    /// Writes every op that is not in the causal past of the `known` ones to a new file, and the blobs that they name.
    ///
    /// # Errors
    /// `already_exists` where there is such a file; `not_found` for a repo without ops; `storage_full` and the like.
    pub async fn export_bundle(&self, path: impl AsRef<Path>, known: Vec<OpId>) -> Result<Exported> {
        let path = path.as_ref();
        if path.exists() {
            let message = format!("There is a file {} already. Name another one.", path.display());
            return Err(TrellisError::new(Code::AlreadyExists, message).at_path(path));
        }
        let ops = self.export(known).await?;
        let failed = |cause| from_io("write the bundle", path, cause);
        let mut file = BundleFile::new(whole_file::beside(path, Readers::Usual).map_err(failed)?, path);
        let exported = file.fill(self, ops)?;
        file.end(path)?;
        Ok(exported)
    }
}

/// A bundle's file in the making.
struct BundleFile<'p> {
    writer: BundleWriter,
    file: BufWriter<NamedTempFile>,
    path: &'p Path,
}

impl<'p> BundleFile<'p> {
    fn new(file: NamedTempFile, path: &'p Path) -> BundleFile<'p> {
        BundleFile { writer: BundleWriter::new(Signatures::All), file: BufWriter::new(file), path }
    }

    fn fill(&mut self, repo: &Repo, ops: Vec<StoredOp>) -> Result<Exported> {
        let mut exported = Exported { ops: ops.len(), ..Exported::default() };
        let named = named_blobs(&ops);
        if !named.is_empty() {
            let store = Store::open(repo.folder().store(), OpenMode::ReadOnly)?;
            let mut meter = repo.watcher().meter(Work::Carrying, named.iter().map(|blob| blob.size).sum());
            for blob in named {
                match store.read_blob(&blob.blob) {
                    Ok(content) => self.push_blob(blob.blob, content, &mut meter)?,
                    Err(error) if error.code() == Code::BodyMissing => {
                        exported.missing.push(blob);
                        continue;
                    }
                    Err(error) => return Err(error),
                }
                exported.blobs += 1;
            }
        }
        for op in ops {
            self.writer.push(op).map_err(refused)?;
            self.flush()?;
        }
        Ok(exported)
    }

    fn push_blob(&mut self, blob: ContentHash, mut content: BlobReader<'_>, meter: &mut Meter) -> Result<()> {
        let mut piece = BlobPiece { blob, offset: 0, bytes: Vec::with_capacity(BLOB_CHUNK_BYTES) };
        loop {
            piece.bytes.clear();
            let read = (&mut content).take(BLOB_CHUNK_BYTES as u64).read_to_end(&mut piece.bytes);
            read.map_err(|cause| content.damaged().caused_by(cause))?;
            if piece.bytes.is_empty() && piece.offset > 0 {
                return Ok(());
            }
            self.writer.push_blob(&piece).map_err(refused)?;
            self.flush()?;
            meter.add(piece.bytes.len() as u64);
            piece.offset += piece.bytes.len() as u64;
            if piece.bytes.len() < BLOB_CHUNK_BYTES {
                return Ok(());
            }
        }
    }

    fn flush(&mut self) -> Result<()> {
        let bytes = self.writer.take();
        self.file.write_all(&bytes).map_err(|cause| self.failed(cause))
    }

    fn end(self, path: &Path) -> Result<()> {
        let BundleFile { writer, mut file, .. } = self;
        let failed = |cause| from_io("write the bundle", path, cause);
        file.write_all(&writer.finish().map_err(refused)?).map_err(failed)?;
        let file = file.into_inner().map_err(|refused| failed(refused.into_error()))?;
        whole_file::name_new(file, path).map_err(failed)
    }

    fn failed(&self, cause: io::Error) -> TrellisError {
        from_io("write the bundle", self.path, cause)
    }
}

fn refused(cause: BundleRefused) -> TrellisError {
    let message = "The ops of this repo cannot be put into a bundle; run `trellis verify`.";
    TrellisError::new(Code::StorageCorrupt, message).caused_by(cause)
}
