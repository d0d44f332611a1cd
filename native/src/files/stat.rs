//! What the system says of a file without reading it: enough to tell that it has not changed.

use std::fs::Metadata;
use std::io;
use std::path::Path;

use rustix::fs::FileType;
use serde::{Deserialize, Serialize};

/// A file's time stamps, size and place. Two that are equal, and old enough, are of a file that was not written between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stat {
    /// When its content changed last, in nanoseconds since 1970.
    pub modified: i64,
    /// When anything of it changed last, in nanoseconds since 1970; 0 where the system does not say.
    pub changed: i64,
    /// Its length in bytes.
    pub size: u64,
    /// Its number in its file system; 0 where the system does not say.
    pub inode: u64,
}

/// The kinds of things that a folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file.
    File,
    /// A file that its owner may execute.
    Exec,
    /// A symbolic link.
    Link,
    /// A folder.
    Folder,
    /// A socket, a pipe, a device.
    Other,
}

/// One thing of a folder as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// What it is.
    pub kind: Kind,
    /// Its stamps.
    pub stat: Stat,
}

impl Seen {
    /// What these metadata say.
    pub(super) fn of(metadata: &Metadata) -> Seen {
        of_file(metadata)
    }

    /// What the metadata of something in an open folder say.
    pub(super) fn of_entry(metadata: &cap_std::fs::Metadata) -> Seen {
        of_entry(metadata)
    }

    /// What the system's own record of something says.
    pub(super) fn of_stat(stat: &rustix::fs::Stat) -> Seen {
        of_stat(stat)
    }

    /// What stands at a path, links not followed; none where there is nothing.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn at(path: &Path) -> io::Result<Option<Seen>> {
        match path.symlink_metadata() {
            Ok(metadata) => Ok(Some(Seen::of(&metadata))),
            Err(cause) if is_absent(&cause) => Ok(None),
            Err(cause) => Err(cause),
        }
    }
}

/// Whether an error says that there is nothing of this name: also where a folder of the path is a file.
pub(super) fn is_absent(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Reads the same from the metadata of two libraries, which name everything alike.
macro_rules! seen {
    ($metadata:expr) => {{
        let (metadata, kind) = ($metadata, $metadata.file_type());
        let is_executable = metadata.mode() & 0o100 != 0;
        let kind = match () {
            () if kind.is_symlink() => Kind::Link,
            () if kind.is_dir() => Kind::Folder,
            () if kind.is_file() && is_executable => Kind::Exec,
            () if kind.is_file() => Kind::File,
            () => Kind::Other,
        };
        let stat = Stat {
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            size: metadata.size(),
            inode: metadata.ino(),
        };
        Seen { kind, stat }
    }};
}

fn of_file(metadata: &Metadata) -> Seen {
    use std::os::unix::fs::MetadataExt;
    seen!(metadata)
}

fn of_entry(metadata: &cap_std::fs::Metadata) -> Seen {
    use cap_std::fs::MetadataExt;
    seen!(metadata)
}

fn of_stat(stat: &rustix::fs::Stat) -> Seen {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => Kind::Link,
        FileType::Directory => Kind::Folder,
        FileType::RegularFile if stat.st_mode & 0o100 != 0 => Kind::Exec,
        FileType::RegularFile => Kind::File,
        _ => Kind::Other,
    };
    let stat = Stat {
        modified: nanoseconds(stat.st_mtime, stat.st_mtime_nsec as i64),
        changed: nanoseconds(stat.st_ctime, stat.st_ctime_nsec as i64),
        size: stat.st_size as u64,
        inode: stat.st_ino,
    };
    Seen { kind, stat }
}

fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}
