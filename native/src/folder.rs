//! Where a repo lies: a folder, and in it `.trellis` with the store, the key and the settings.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Code, Result, TrellisError, from_io};
use crate::store::Store;

/// The name of the folder that a repo keeps itself in.
pub const NAME: &str = ".trellis";

/// The folder of a repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The repo at `root`, which has to be there.
    ///
    /// # Errors
    /// `not_a_repo`.
    pub fn at(root: impl AsRef<Path>) -> Result<Folder> {
        let folder = Folder { root: absolute(root.as_ref())? };
        match folder.is_repo() {
            true => Ok(folder),
            false => Err(not_a_repo(&folder.root)),
        }
    }

    /// The repo that `from` lies in: `from` itself or the nearest folder above it that has one.
    ///
    /// # Errors
    /// `not_a_repo`.
    pub fn find(from: impl AsRef<Path>) -> Result<Folder> {
        let from = absolute(from.as_ref())?;
        let found = from.ancestors().map(|root| Folder { root: root.to_owned() }).find(Folder::is_repo);
        found.ok_or_else(|| not_a_repo(&from))
    }

    /// Makes the folder of a new repo, with an empty store.
    ///
    /// # Errors
    /// `already_exists` where there is a repo; `permission_denied`, `storage_full` and the like.
    pub fn create(root: impl AsRef<Path>) -> Result<Folder> {
        let root = root.as_ref();
        fs::create_dir_all(root).map_err(|cause| from_io("make the folder", root, cause))?;
        let folder = Folder { root: absolute(root)? };
        if folder.is_repo() {
            return Err(already_a_repo(&folder.root));
        }
        let path = folder.path();
        match fs::create_dir(&path) {
            Err(cause) if cause.kind() != ErrorKind::AlreadyExists => {
                return Err(from_io("make the folder", &path, cause));
            }
            _ => {}
        }
        match Store::create(folder.store()) {
            Err(error) if error.code() == Code::AlreadyExists => Err(already_a_repo(&folder.root)),
            created => created.map(|_| folder),
        }
    }

    /// The folder that people see.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder that the repo keeps itself in.
    pub fn path(&self) -> PathBuf {
        self.root.join(NAME)
    }

    /// The store.
    pub fn store(&self) -> PathBuf {
        self.path().join("store.db")
    }

    /// The key of this device.
    pub fn identity(&self) -> PathBuf {
        self.path().join("identity")
    }

    /// The settings.
    pub fn config(&self) -> PathBuf {
        self.path().join("config.json")
    }

    /// The name of the folder, for a repo that was given none.
    pub fn name(&self) -> String {
        self.root.file_name().map_or("repo".into(), |name| name.to_string_lossy().into_owned())
    }

    fn is_repo(&self) -> bool {
        self.store().is_file()
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|cause| from_io("look at the folder", path, cause))
}

fn not_a_repo(path: &Path) -> TrellisError {
    let message = format!(
        "There is no repo in {} or above it. Make one with `trellis init`, or name its folder with -C.",
        path.display()
    );
    TrellisError::new(Code::NotARepo, message).at_path(path)
}

fn already_a_repo(path: &Path) -> TrellisError {
    let message = format!("There is a repo in {} already. Use it, or name another folder.", path.display());
    TrellisError::new(Code::AlreadyExists, message).at_path(path)
}
