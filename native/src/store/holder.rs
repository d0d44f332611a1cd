//! Who is writing: the process id of the lock's holder, for the message of those who wait in vain.
//!
//! SQLite's lock has no name on it. Its holder therefore also locks a file beside the store and writes its process id
//! there. The system releases that lock when the process ends, however it ends, so an id is believed only while the
//! lock stands: what a killed process left is never read. This lock is a name tag and protects nothing; where it
//! cannot be had, the name is missing and all else works.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The file that carries the name.
#[derive(Debug)]
pub(super) struct Holder {
    path: PathBuf,
    file: Option<File>,
}

impl Holder {
    /// The name tag of the store at `store`; nothing is opened yet.
    pub(super) fn of(store: &Path) -> Holder {
        let mut path = store.as_os_str().to_owned();
        path.push("-writer");
        Holder { path: path.into(), file: None }
    }

    /// Puts our name on it. Called with SQLite's lock held.
    pub(super) fn claim(&mut self) {
        if self.file.is_none() {
            self.file = self.open().ok();
        }
        if let Some(file) = &mut self.file
            && file.try_lock().is_ok()
        {
            let _ = write_id(file);
        }
    }

    /// Takes our name off.
    pub(super) fn release(&mut self) {
        if let Some(file) = &self.file {
            let _ = file.unlock();
        }
    }

    /// The process that is writing now, if it can be told.
    pub(super) fn id(&self) -> Option<u32> {
        let mut file = File::open(&self.path).ok()?;
        match file.try_lock_shared() {
            Ok(()) => None,
            Err(_) => read_id(&mut file),
        }
    }

    fn open(&self) -> std::io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path)
    }
}

/// One line of fixed width, so that it is replaced in one write.
fn write_id(file: &mut File) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    file.write_all(format!("{:<10}\n", std::process::id()).as_bytes())
}

fn read_id(file: &mut File) -> Option<u32> {
    let mut line = [0; 11];
    file.read_exact(&mut line).ok()?;
    std::str::from_utf8(&line).ok()?.trim_end().parse().ok()
}
