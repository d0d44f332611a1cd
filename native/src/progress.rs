//! How far long work is, for whoever waits.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Files of the folder are compared with what was recorded. Counted in files.
    Comparing,
    /// Contents go into the store. Counted in bytes, as the next three.
    Keeping,
    /// Contents go from the store into the folder.
    Writing,
    /// Contents go from one repo, or its bundle, to another.
    Carrying,
    /// Contents in the store are rehashed.
    Checking,
    /// The history of another system becomes ops. Counted in commits.
    Importing,
    /// Ops go to a peer and come from it. Counted in ops.
    Syncing,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What.
    pub work: Work,
    /// How much of it is done.
    pub done: u64,
    /// How much it is, as far as that can be told beforehand.
    pub total: u64,
}

/// Who is told, on whatever thread does the work; called often, so it is quick.
#[derive(Clone, Default)]
pub(crate) struct Watcher(Option<Arc<dyn Fn(Progress) + Send + Sync>>);

impl Watcher {
    pub(crate) fn new(watch: impl Fn(Progress) + Send + Sync + 'static) -> Watcher {
        Watcher(Some(Arc::new(watch)))
    }

    /// Begins to measure a piece of work.
    pub(crate) fn meter(&self, work: Work, total: u64) -> Meter {
        Meter { watcher: self.clone(), now: Progress { work, done: 0, total } }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watcher").field(&self.0.is_some()).finish()
    }
}

/// A piece of work that is being measured.
#[derive(Debug)]
pub(crate) struct Meter {
    watcher: Watcher,
    now: Progress,
}

impl Meter {
    /// So much more is done.
    pub(crate) fn add(&mut self, more: u64) {
        self.now.done += more;
        if let Some(watch) = &self.watcher.0 {
            watch(self.now);
        }
    }

    /// Counts what is read of `content`.
    pub(crate) fn reading<R: Read>(&mut self, content: R) -> Metered<'_, R> {
        Metered { meter: self, content }
    }
}

/// A reader whose bytes count as work.
#[derive(Debug)]
pub(crate) struct Metered<'m, R> {
    meter: &'m mut Meter,
    content: R,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.meter.add(count as u64);
        Ok(count)
    }
}
