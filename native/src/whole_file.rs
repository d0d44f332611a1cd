//! Files that are old or new, and never half: written under another name, synced, then given their own.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner alone, from the moment that it exists.
    Owner,
    /// Whoever may read any new file, or could read the one that is replaced.
    Usual,
}

/// A new file under a name that nobody uses, in the folder of `path`. It is gone when it is dropped.
pub(crate) fn beside(path: &Path, readers: Readers) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".new-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(match readers {
        Readers::Owner => 0o600,
        Readers::Usual => 0o666,
    }));
    #[cfg(not(unix))]
    let _ = readers;
    builder.tempfile_in(folder_of(path))
}

/// Gives a finished file its name, durably.
///
/// # Errors
/// `AlreadyExists` if the name is taken, and what the system reports.
pub(crate) fn name_new(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|refused| refused.error)?;
    sync_folder_of(path)
}

/// Makes a file with this content.
///
/// # Errors
/// As [`name_new`]; there is then no file of this name that was not there before.
pub(crate) fn create(path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    let mut file = beside(path, readers)?;
    file.write_all(content)?;
    name_new(file, path)
}

/// Puts this content in place of a file's, or makes the file. A link is followed.
///
/// # Errors
/// What the system reports; the file then has its old content, or the new one if only the folder could not be synced.
pub(crate) fn replace(path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut file = beside(path, readers)?;
    if readers == Readers::Usual
        && let Ok(old) = fs::metadata(path)
    {
        file.as_file().set_permissions(old.permissions())?;
    }
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|refused| refused.error)?;
    sync_folder_of(path)
}

/// As [`replace`], for a file that only the holder of a lock writes. The unfinished file always has the same name, so what
/// a killed process leaves of it is gone with the next.
///
/// # Errors
/// As [`replace`].
pub(crate) fn replace_alone(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    sync_folder_of(path)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a name in a folder durable. Only Unix has folders that can be synced; elsewhere a rename is as durable as it
/// gets.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder_of(path))?.sync_all(),
        false => Ok(()),
    }
}
