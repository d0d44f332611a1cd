//! A disk for tests: it records what SQLite writes, fails when it is told to, and says what a power cut could leave.
//!
//! Underneath works SQLite's own file layer on real files, with its real locks and shared memory; [`Disk`] stands
//! between the two and sees every write, sync and removal. From its record [`crash`] makes what a disk may
//! hold after a power cut: of everything that was not synced any part, down to the sector.

pub mod chance;
pub mod crash;
mod layer;
pub mod record;

use std::sync::{Arc, Mutex, MutexGuard};

use record::{Event, Fault, Record};

/// A file layer that is registered with SQLite, for the rest of the process.
#[derive(Clone, Debug)]
pub struct Disk {
    name: String,
    record: Arc<Mutex<Record>>,
}

impl Disk {
    /// Registers a new file layer; its name is for whoever opens a database.
    pub fn register(name: &str) -> Disk {
        let record = Arc::new(Mutex::new(Record::default()));
        layer::register(name, Arc::clone(&record));
        Disk { name: name.to_owned(), record }
    }

    /// The name that SQLite knows it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Notes in the record what the test has been promised by now.
    pub fn mark(&self, promise: u32) {
        lock(&self.record).note(Event::Mark(promise));
    }

    /// Lets calls fail from now on.
    pub fn fail(&self, fault: Fault) {
        lock(&self.record).fault = Some(fault);
    }

    /// Lets no more calls fail; says whether any did.
    pub fn heal(&self) -> bool {
        let mut record = lock(&self.record);
        record.fault = None;
        std::mem::take(&mut record.has_failed)
    }

    /// Everything that happened so far.
    pub fn events(&self) -> Vec<Event> {
        lock(&self.record).events.clone()
    }
}

/// A test that panicked elsewhere leaves a record that is as good as any.
fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
