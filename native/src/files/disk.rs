//! Reading and writing the folder, and never anything outside it.
//!
//! A path is walked one component at a time from the folder itself, and no link is followed on the way, so neither a
//! path in an op nor a link that somebody puts in place meanwhile leads out. A file is written under `.trellis/tmp` and
//! then moved, so whoever is killed at any moment leaves it old or new. Files are not synced one by one: what a power
//! cut takes of them is in the store, and `restore` gives it back.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use trellis_core::view::files::{FileMode, FilePath, PathError, System};

use super::stat::{Kind, Seen, is_absent};
use crate::error::{Code, Result, TrellisError, from_io};
use crate::folder::Folder;

/// Where files are written before they get their names, in the folder of the repo.
const TEMPORARY: &str = "tmp";

/// The bytes of a link's target, at most; what the usual systems allow.
const LINK_BYTES_MAX: u64 = 4095;

/// What names the disks of this system hold.
const SYSTEM: System = match () {
    () if cfg!(windows) => System::Windows,
    () if cfg!(target_os = "macos") => System::Mac,
    () => System::Unix,
};

/// The folder of a repo, open.
#[derive(Debug)]
pub(super) struct Disk {
    path: PathBuf,
    root: Dir,
    /// The folder of the repo.
    own: Dir,
    /// Where files are written first; opened with the first of them.
    temporary: Option<Dir>,
    next_temporary: u64,
}

impl AsFd for Disk {
    /// The folder's root.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}

impl Disk {
    /// Opens the folder.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn open(folder: &Folder) -> Result<Disk> {
        let path = folder.root().to_owned();
        let open = || {
            let own = Dir::open_ambient_dir(folder.path(), ambient_authority())?;
            Ok((Dir::open_ambient_dir(&path, ambient_authority())?, own))
        };
        let (root, own) = open().map_err(|cause| from_io("open the folder", &path, cause))?;
        Ok(Disk { path, root, own, temporary: None, next_temporary: 0 })
    }

    /// Where a file lies, for people.
    pub(super) fn path_of(&self, path: &FilePath) -> PathBuf {
        self.path.join(system_path(path))
    }

    /// What stands at a path; none where nothing does.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn seen(&self, path: &FilePath) -> Result<Option<Seen>> {
        let look = || {
            let (folder, name) = self.enter(path)?;
            folder.symlink_metadata(name).map(|metadata| Seen::of_entry(&metadata))
        };
        match look() {
            Ok(seen) => Ok(Some(seen)),
            Err(cause) if is_absent(&cause) || is_link_in_the_way(&cause) => Ok(None),
            Err(cause) => Err(self.failed("look at", path, cause)),
        }
    }

    /// Opens a file to read it.
    ///
    /// # Errors
    /// What the system reports; also for a link.
    pub(super) fn open_file(&self, path: &FilePath) -> Result<File> {
        let open = || {
            let (folder, name) = self.enter(path)?;
            let mut options = OpenOptions::new();
            options.read(true).follow(FollowSymlinks::No);
            folder.open_with(name, &options).map(cap_std::fs::File::into_std)
        };
        open().map_err(|cause| self.failed("read", path, cause))
    }

    /// The whole content of a file; none for a link.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn read(&self, path: &FilePath) -> Result<Option<Vec<u8>>> {
        if self.seen(path)?.is_none_or(|seen| seen.kind == Kind::Link) {
            return Ok(None);
        }
        let mut content = Vec::new();
        let read = self.open_file(path)?.read_to_end(&mut content);
        read.map_err(|cause| self.failed("read", path, cause))?;
        Ok(Some(content))
    }

    /// Every file and link below a folder, in whatever depth.
    ///
    /// # Errors
    /// What the system reports; `path_refused` for a name that no repo may hold.
    pub(super) fn files_below(&self, folder: &FilePath) -> Result<Vec<FilePath>> {
        let (mut files, mut open) = (Vec::new(), vec![folder.clone()]);
        while let Some(folder) = open.pop() {
            for (path, is_folder) in self.entries(&folder)? {
                if is_folder { open.push(path) } else { files.push(path) }
            }
        }
        Ok(files)
    }

    /// What stands directly in a folder, and whether it is a folder.
    fn entries(&self, folder: &FilePath) -> Result<Vec<(FilePath, bool)>> {
        let list = || {
            let (above, name) = self.enter(folder)?;
            let entries = above.open_dir_nofollow(name)?.entries()?;
            entries.map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?.is_dir())))).collect()
        };
        let listed: io::Result<Vec<(OsString, bool)>> = list();
        let listed = listed.map_err(|cause| self.failed("look into", folder, cause))?;
        let path = |name: &OsStr| FilePath::new([folder.as_bytes(), b"/", name.as_encoded_bytes()].concat());
        let named = listed.into_iter().map(|(name, is_folder)| match path(&name) {
            Ok(path) => Ok((path, is_folder)),
            Err(cause) => Err(no_path(&self.path_of(folder).join(&name), cause)),
        });
        named.collect()
    }

    /// The target of a link, as bytes.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn read_link(&self, path: &FilePath) -> Result<Vec<u8>> {
        let read = || {
            let (folder, name) = self.enter(path)?;
            folder.read_link_contents(name)
        };
        let target = read().map_err(|cause| self.failed("read the link", path, cause))?;
        Ok(target.into_os_string().into_encoded_bytes())
    }

    /// Puts a file in place of whatever file or link stands at a path; folders on the way are made.
    ///
    /// # Errors
    /// `path_refused` for a name that this system cannot hold; what the system reports. The old file then stays.
    pub(super) fn write(&mut self, path: &FilePath, mode: FileMode, content: impl Read) -> Result<Seen> {
        self.expect_held(path)?;
        let name = format!("{}", self.next_temporary);
        self.next_temporary += 1;
        let temporary = match self.temporary.take() {
            Some(temporary) => temporary,
            None => self.empty_temporary().map_err(|cause| self.failed("write", path, cause))?,
        };
        let written = write_temporary(&temporary, &name, mode, content);
        let placed = written.and_then(|()| self.place(&temporary, &name, path)).map_err(|cause| {
            let _ = temporary.remove_file(&name);
            match cause.kind() {
                ErrorKind::InvalidFilename => self.refused(path),
                _ => self.failed("write", path, cause),
            }
        });
        self.temporary = Some(temporary);
        placed
    }

    /// The folder where files are written first, without what a killed process left in it.
    fn empty_temporary(&self) -> io::Result<Dir> {
        self.own.create_dir_all(TEMPORARY)?;
        let temporary = self.own.open_dir_nofollow(TEMPORARY)?;
        for left in temporary.entries()? {
            temporary.remove_file(left?.file_name())?;
        }
        Ok(temporary)
    }

    /// Moves a file or a folder to where nothing is; folders on the way are made.
    ///
    /// # Errors
    /// `path_refused` for a name that this system cannot hold; what the system reports.
    pub(super) fn rename(&self, from: &FilePath, to: &FilePath) -> Result<()> {
        self.expect_held(to)?;
        let rename = || {
            let (folder, name) = self.enter(from)?;
            let (new_folder, new_name) = self.enter_made(to)?;
            folder.rename(name, &new_folder, new_name)
        };
        rename().map_err(|cause| self.failed("move", from, cause))
    }

    /// Removes a file, and the folders above it that are empty then.
    ///
    /// # Errors
    /// What the system reports; that it is gone already is none.
    pub(super) fn remove(&self, path: &FilePath) -> Result<()> {
        let remove = || {
            let (folder, name) = self.enter(path)?;
            folder.remove_file(name)
        };
        match remove() {
            Ok(()) => {}
            Err(cause) if is_absent(&cause) => {}
            Err(cause) => return Err(self.failed("remove", path, cause)),
        }
        for folder in path.ancestors() {
            let emptied = self.enter(&folder).and_then(|(above, name)| above.remove_dir(name));
            if emptied.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Removes a folder that has nothing but folders in it.
    ///
    /// # Errors
    /// What the system reports: also where a file is in it, which then stays.
    pub(super) fn remove_folders(&self, folder: &FilePath) -> Result<()> {
        for (path, _) in self.entries(folder)? {
            self.remove_folders(&path)?;
        }
        let removed = self.enter(folder).and_then(|(above, name)| above.remove_dir(name));
        removed.map_err(|cause| self.failed("remove", folder, cause))
    }

    /// Gives a written file its name. A folder is not replaced.
    fn place(&self, temporary: &Dir, written: &str, path: &FilePath) -> io::Result<Seen> {
        let (folder, name) = self.enter_made(path)?;
        temporary.rename(written, &folder, name)?;
        folder.symlink_metadata(name).map(|metadata| Seen::of_entry(&metadata))
    }

    /// The folder that a path lies in, opened step by step, and its last component.
    fn enter<'p>(&self, path: &'p FilePath) -> io::Result<(Dir, &'p OsStr)> {
        self.walk(path, |folder, name| folder.open_dir_nofollow(name))
    }

    /// The same; folders that are not there are made.
    fn enter_made<'p>(&self, path: &'p FilePath) -> io::Result<(Dir, &'p OsStr)> {
        self.walk(path, |folder, name| match folder.create_dir(name) {
            Err(cause) if cause.kind() != ErrorKind::AlreadyExists => Err(cause),
            _ => folder.open_dir_nofollow(name),
        })
    }

    fn walk<'p>(
        &self,
        path: &'p FilePath,
        step: impl Fn(&Dir, &OsStr) -> io::Result<Dir>,
    ) -> io::Result<(Dir, &'p OsStr)> {
        let mut components = path.components();
        let name = os_str(components.next_back().unwrap_or_default())?;
        let root = self.root.try_clone()?;
        let folder = components.try_fold(root, |folder, component| step(&folder, os_str(component)?))?;
        Ok((folder, name))
    }

    fn expect_held(&self, path: &FilePath) -> Result<()> {
        if path.is_held_by(SYSTEM) { Ok(()) } else { Err(self.refused(path)) }
    }

    fn refused(&self, path: &FilePath) -> TrellisError {
        let message = format!(
            "The file {path} has a name, or as a link a target, that this system cannot hold. It stays in the repo; give \
             it another one to have it here."
        );
        TrellisError::new(Code::PathRefused, message).at_path(self.path_of(path))
    }

    fn failed(&self, what: &str, path: &FilePath, cause: io::Error) -> TrellisError {
        from_io(what, &self.path_of(path), cause)
    }
}

fn write_temporary(temporary: &Dir, name: &str, mode: FileMode, mut content: impl Read) -> io::Result<()> {
    if mode == FileMode::Link {
        let mut target = Vec::new();
        content.take(LINK_BYTES_MAX + 1).read_to_end(&mut target)?;
        if target.is_empty() || target.contains(&0) || target.len() as u64 > LINK_BYTES_MAX {
            return Err(ErrorKind::InvalidFilename.into());
        }
        return temporary.symlink_contents(os_str(&target)?, name);
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::mode(&mut options, if mode == FileMode::Exec { 0o777 } else { 0o666 });
    let mut file = temporary.open_with(name, &options)?;
    io::copy(&mut content, &mut file).map(drop)
}

/// Whether a folder of a path turned out to be a link, so that there is nothing behind it that is ours.
pub(super) fn is_link_in_the_way(cause: &io::Error) -> bool {
    cause.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

fn no_path(path: &Path, cause: PathError) -> TrellisError {
    let message = format!("{} has a name that no repo holds: {cause}.", path.display());
    TrellisError::new(Code::PathRefused, message).at_path(path).caused_by(cause)
}

/// A path of a repo as one of this system.
pub fn system_path(path: &FilePath) -> PathBuf {
    path.components().map(|component| os_str(component).unwrap_or_default()).collect::<PathBuf>()
}

/// A path of this system, below the folder, as one of a repo; none where no repo may hold it.
pub fn repo_path(path: &Path) -> Option<FilePath> {
    let components: Vec<&[u8]> = path.iter().map(OsStr::as_encoded_bytes).collect();
    FilePath::new(components.join(&b'/')).ok()
}

#[cfg(unix)]
fn os_str(bytes: &[u8]) -> io::Result<&OsStr> {
    Ok(std::os::unix::ffi::OsStrExt::from_bytes(bytes))
}

#[cfg(not(unix))]
fn os_str(bytes: &[u8]) -> io::Result<&OsStr> {
    std::str::from_utf8(bytes).map(OsStr::new).map_err(|_| ErrorKind::InvalidInput.into())
}
