//! What stands directly in one folder. It is looked at from the open folder, so that the system does not walk the whole
//! path again for every file.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::stat::{Kind, Seen, is_absent};

/// A folder, open, and what it holds.
pub(super) struct Listing {
    dir: Dir,
    pub held: Vec<Held>,
}

/// One thing that a folder holds.
pub(super) struct Held {
    /// Its name, of a folder with a slash behind it: so the order of names is that of the paths below them.
    pub name: Vec<u8>,
    pub is_folder: bool,
}

impl Held {
    /// The name as the folder has it.
    pub(super) fn plain_name(&self) -> &[u8] {
        self.name.strip_suffix(b"/").unwrap_or(&self.name)
    }
}

impl Listing {
    /// Lists the folder at a path below `top`; the empty path is that of `top` itself. A link is no folder.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn read(top: impl AsFd, path: &[u8]) -> io::Result<Listing> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = if path.is_empty() { b"." } else { path };
        let dir = Dir::new(rustix::fs::openat(top, path, flags, Mode::empty())?)?;
        let mut listing = Listing { dir, held: Vec::new() };
        while let Some(entry) = listing.dir.read().transpose()? {
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                listing.add(name, entry.file_type())?;
            }
        }
        Ok(listing)
    }

    /// Whether something has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.held.iter().any(|held| held.plain_name() == name.as_bytes())
    }

    /// Some file systems do not list what kind of thing something is.
    fn add(&mut self, name: &[u8], kind: FileType) -> io::Result<()> {
        let is_folder = match kind {
            FileType::Directory => true,
            FileType::Unknown => self.look_at(name)?.is_some_and(|seen| seen.kind == Kind::Folder),
            _ => false,
        };
        let mut name = name.to_vec();
        if is_folder {
            name.push(b'/');
        }
        self.held.push(Held { name, is_folder });
        Ok(())
    }

    /// What has a name in the folder now, links not followed; none where nothing has it by now.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn look_at(&self, name: &[u8]) -> io::Result<Option<Seen>> {
        match rustix::fs::statat(self.dir.fd()?, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from) {
            Ok(stat) => Ok(Some(Seen::of_stat(&stat))),
            Err(cause) if is_absent(&cause) => Ok(None),
            Err(cause) => Err(cause),
        }
    }
}
