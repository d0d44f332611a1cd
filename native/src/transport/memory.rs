//! Two ends in one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Connection, Dialling, FrameReceiver, FrameSender, Transport, Way, queue};
use crate::error::{Code, Result, TrellisError};

const NAME: &str = "memory";

/// Two connections of which each receives what the other sends, in order.
pub fn pair() -> (Connection, Connection) {
    let (to_second, from_first) = queue::queue();
    let (to_first, from_second) = queue::queue();
    (end(to_second, from_second), end(to_first, from_first))
}

fn end(sender: FrameSender, receiver: FrameReceiver) -> Connection {
    Connection { origin: NAME.to_owned(), binding: NAME.as_bytes().to_vec(), sender, receiver }
}

/// A peer among peers in one process. A clone is the same peer.
#[derive(Clone, Debug)]
pub struct MemoryTransport(Arc<Peer>);

#[derive(Debug)]
struct Peer {
    id: String,
    name: String,
    others: Mutex<HashMap<String, Weak<Peer>>>,
    /// Where connections go that others open; nowhere before anybody asked for them.
    door: Mutex<Option<UnboundedSender<Connection>>>,
}

impl MemoryTransport {
    /// A peer that no other one knows. `id` is what others dial, `name` what people call it.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> MemoryTransport {
        let (others, door) = (Mutex::default(), Mutex::default());
        MemoryTransport(Arc::new(Peer { id: id.into(), name: name.into(), others, door }))
    }

    /// Makes two peers known to each other.
    pub fn link(one: &MemoryTransport, other: &MemoryTransport) {
        for (from, to) in [(one, other), (other, one)] {
            lock(&from.0.others).insert(to.0.id.clone(), Arc::downgrade(&to.0));
        }
    }

    /// What others dial.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    fn open(&self, peer: &str) -> Result<Connection> {
        let Some(other) = lock(&self.0.others).get(peer).cloned() else { return Err(unknown()) };
        let (ours, theirs) = pair();
        let other = other.upgrade().ok_or_else(away)?;
        let door = lock(&other.door).clone().ok_or_else(away)?;
        door.send(theirs).map_err(|_| away())?;
        Ok(ours)
    }
}

impl Transport for MemoryTransport {
    fn dial<'a>(&'a self, peer: &'a str) -> Dialling<'a> {
        Box::pin(async move { self.open(peer).map(Way::Link) })
    }

    fn arrivals(&self) -> Option<UnboundedReceiver<Connection>> {
        let mut door = lock(&self.0.door);
        if door.as_ref().is_some_and(|door| !door.is_closed()) {
            return None;
        }
        let (sender, arrivals) = unbounded_channel();
        *door = Some(sender);
        Some(arrivals)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// There is no peer of that name.
pub(super) fn unknown() -> TrellisError {
    TrellisError::new(Code::NotFound, "No peer of this name is known here. Add it to the transport first.")
}

fn away() -> TrellisError {
    TrellisError::new(Code::Offline, "The peer is away: nothing answers for it in this process. Try again later.")
}
