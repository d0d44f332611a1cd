//! Where a repo lies: a folder, and in it `.trellis` with the store, the key and the settings.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Code, Result, TrellisError, from_io};
use crate::store::Store;
use crate::whole_file::sync_folder_of;

/// The name of the folder that a repo keeps itself in.
pub const NAME: &str = ".trellis";

/// What the name of a folder begins with in which a repo is made that is to appear whole.
const UNFINISHED: &str = ".trellis-new-";

/// Whether a name is that of a folder in which a repo was being made when its process was killed.
pub fn is_unfinished(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes())
}

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

    /// A folder in which a repo can be made before it appears in `root`, which is made if it is not there. What killed
    /// processes left of such folders goes.
    pub(crate) fn unfinished(root: &Path) -> Result<TempDir> {
        let failed = |cause| from_io("make a folder in", root, cause);
        fs::create_dir_all(root).map_err(failed)?;
        for entry in fs::read_dir(root).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if is_unfinished(&entry.file_name()) {
                fs::remove_dir_all(entry.path()).map_err(|cause| from_io("remove", &entry.path(), cause))?;
            }
        }
        tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(root).map_err(failed)
    }

    /// Moves the repo to `root`, durably.
    pub(crate) fn placed_at(self, root: &Path) -> Result<Folder> {
        let placed = Folder { root: absolute(root)? };
        if placed.is_repo() {
            return Err(already_a_repo(&placed.root));
        }
        let path = placed.path();
        let moved = fs::rename(self.path(), &path).and_then(|()| sync_folder_of(&path));
        moved.map_err(|cause| from_io("name the folder", &path, cause))?;
        Ok(placed)
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
