//! A working folder that is open: the repo, the files beside it, and the index between them.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use trellis_core::op::id::ContentHash;

use super::disk::Disk;
use super::index::Index;
use super::lease::BlobLease;
use super::scan::{Scan, scan};
use crate::error::{Code, Result, TrellisError, from_io};
use crate::folder::Folder;
use crate::repo::Repo;
use crate::store::{OpenMode, Store, WAIT};

/// How often the lock is asked for while another process has it.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// A working folder. While it is open to be written, no other process writes it.
#[derive(Debug)]
pub struct Workspace {
    pub(super) repo: Repo,
    pub(super) folder: Folder,
    pub(super) disk: Disk,
    pub(super) index: Index,
    pub(super) store: Store,
    /// Held, if this may write.
    _locks: Option<(File, BlobLease)>,
}

impl Workspace {
    /// Opens the folder of a repo to change files or record them.
    ///
    /// # Errors
    /// `locked` where another process writes the folder; what the system reports.
    pub fn open(repo: &Repo) -> Result<Workspace> {
        let locks = (lock(&lock_file(repo.folder()), WAIT)?, BlobLease::share(repo.folder())?);
        Workspace::new(repo, OpenMode::ReadWrite, Some(locks))
    }

    /// Opens the folder of a repo to look at it.
    ///
    /// # Errors
    /// What the system reports.
    pub fn look(repo: &Repo) -> Result<Workspace> {
        Workspace::new(repo, OpenMode::ReadOnly, None)
    }

    /// Opens the folder of a repo to read files as the branch of this handle has or had them, whatever the folder shows.
    ///
    /// # Errors
    /// What the system reports.
    pub fn look_back(repo: &Repo) -> Result<Workspace> {
        Ok(Workspace { repo: repo.clone(), ..Workspace::look(repo)? })
    }

    fn new(repo: &Repo, mode: OpenMode, locks: Option<(File, BlobLease)>) -> Result<Workspace> {
        let folder = repo.folder().clone();
        let index = Index::read(&index_file(&folder))?.unwrap_or_default();
        let disk = Disk::open(&folder)?;
        let store = Store::open(folder.store(), mode)?;
        let branch = index.branch.as_deref().unwrap_or(repo.branch()).to_owned();
        Ok(Workspace { repo: repo.on_branch(&branch), folder, disk, index, store, _locks: locks })
    }

    /// The repo, on the branch that the folder shows.
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// The branch that the folder shows.
    pub fn branch(&self) -> &str {
        self.repo.branch()
    }

    /// What is different in the folder from what was last written or recorded.
    pub(super) fn scan(&self) -> Result<Scan> {
        scan(&self.folder, &self.disk, &self.index, self.repo.watcher())
    }

    /// The content of a blob, whole.
    pub(super) fn blob(&self, blob: &ContentHash) -> Result<Vec<u8>> {
        self.store.read_blob(blob)?.into_bytes()
    }

    pub(super) fn write_index(&self) -> Result<()> {
        self.index.write(&index_file(&self.folder))
    }
}

/// The branch that the folder of a repo shows, if a command has ever written or recorded it.
///
/// # Errors
/// What the system reports.
pub(crate) fn shown_branch(folder: &Folder) -> Result<Option<String>> {
    Index::shown_branch(&index_file(folder))
}

fn index_file(folder: &Folder) -> PathBuf {
    folder.path().join("index")
}

fn lock_file(folder: &Folder) -> PathBuf {
    folder.path().join("index-writer")
}

/// Takes the lock of a folder, and leaves this process's id in its file.
fn lock(path: &Path, wait: Duration) -> Result<File> {
    let failed = |cause| from_io("lock the folder", path, cause);
    let mut file = File::options().create(true).truncate(false).read(true).write(true).open(path).map_err(failed)?;
    let until = Instant::now() + wait;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => return Err(locked(path, &mut file)),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
    }
    let note = || {
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())
    };
    let mut note = note;
    note().map_err(failed)?;
    Ok(file)
}

fn locked(path: &Path, file: &mut File) -> TrellisError {
    let mut holder = String::new();
    let _ = file.read_to_string(&mut holder);
    let holder = if holder.is_empty() { "another process".into() } else { format!("process {holder}") };
    let message = format!("{holder} is working on this folder. Try again when it is done, or end it.");
    TrellisError::new(Code::Locked, message).at_path(path)
}
