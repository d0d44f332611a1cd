//! What happened on the disk, in order, and which calls fail.

use std::path::{Path, PathBuf};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A file was there when it was first opened, with this content, all of which is on the disk.
    Found(PathBuf, Vec<u8>),
    /// A file was made.
    Made(PathBuf),
    /// Bytes were written at an offset.
    Written(PathBuf, u64, Vec<u8>),
    /// A file got another length.
    Cut(PathBuf, u64),
    /// A file was synced, and with a new file its folder.
    Synced(PathBuf),
    /// Syncing a file failed: what was written before may be lost, and no later sync brings it back.
    SyncFailed(PathBuf),
    /// A file was removed; its folder was not synced.
    Removed(PathBuf),
    /// The test was promised something.
    Mark(u32),
}

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Writing bytes.
    Write,
    /// Syncing a file.
    Sync,
    /// Reading bytes.
    Read,
    /// Setting a length.
    Cut,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The disk is full. Of a write, half may be done.
    Full,
    /// The device reports an error. Of a write, half may be done.
    Device,
}

/// Which calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind of call.
    pub call: Call,
    /// How many of them succeed before.
    pub after: usize,
    /// How many fail then.
    pub times: usize,
    /// How they fail.
    pub failure: Failure,
}

#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) events: Vec<Event>,
    pub(crate) fault: Option<Fault>,
    pub(crate) has_failed: bool,
}

impl Record {
    pub(crate) fn note(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Whether there is such a file, as far as the record tells.
    pub(crate) fn knows(&self, path: &Path) -> bool {
        let last = self.events.iter().rev().find_map(|event| match event {
            Event::Found(known, _) | Event::Made(known) if known == path => Some(true),
            Event::Removed(known) if known == path => Some(false),
            _ => None,
        });
        last.unwrap_or(false)
    }

    /// Whether this call shall fail, and how.
    pub(crate) fn failure(&mut self, call: Call) -> Option<Failure> {
        let fault = self.fault.as_mut().filter(|fault| fault.call == call)?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.times = fault.times.checked_sub(1)?;
        self.has_failed = true;
        Some(fault.failure)
    }
}
