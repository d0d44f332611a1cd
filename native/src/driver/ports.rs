//! The links of a repo as its driver sees them: where frames go, and who hears of what happens.

use std::collections::HashMap;

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedSender;
use trellis_core::input::{Frame, Input, LinkId};
use trellis_core::output::LinkEvent;

/// Where a link's frames and news go. The core bounds by its credit what waits here.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) frames: UnboundedSender<Frame>,
    pub(crate) events: UnboundedSender<LinkEvent>,
}

/// Something that happened to a link.
#[derive(Debug)]
pub(crate) struct LinkJob {
    pub(crate) input: Input,
    /// With a connection its port.
    pub(crate) port: Option<(LinkId, Port)>,
    /// Given back when the job is done, so that no peer fills the driver's inbox.
    pub(crate) _room: Option<OwnedSemaphorePermit>,
}

/// The ports of open links. A port that is dropped ends its connection.
#[derive(Debug, Default)]
pub(super) struct Ports {
    open: HashMap<LinkId, Port>,
    /// Links that are closed and of which the last news is still to come.
    closed: HashMap<LinkId, UnboundedSender<LinkEvent>>,
}

impl Ports {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn add(&mut self, id: LinkId, port: Port) {
        self.open.insert(id, port);
    }

    /// Whoever is gone gets nothing.
    pub(super) fn send(&self, id: LinkId, frame: Frame) {
        if let Some(port) = self.open.get(&id) {
            let _ = port.frames.send(frame);
        }
    }

    pub(super) fn close(&mut self, id: LinkId) {
        if let Some(port) = self.open.remove(&id) {
            self.closed.insert(id, port.events);
        }
    }

    pub(super) fn tell(&mut self, id: LinkId, event: LinkEvent) {
        let is_last = matches!(event, LinkEvent::Closed(_));
        let events = self.open.get(&id).map(|port| &port.events).or_else(|| self.closed.get(&id));
        if let Some(events) = events {
            let _ = events.send(event);
        }
        if is_last {
            self.open.remove(&id);
            self.closed.remove(&id);
        }
    }

    /// A connection is gone.
    pub(super) fn forget(&mut self, id: LinkId) {
        self.open.remove(&id);
        self.closed.remove(&id);
    }
}
