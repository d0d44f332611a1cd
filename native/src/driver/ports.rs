//! The links of a repo as its driver sees them: where frames go, and who hears of what happens.

use std::collections::HashMap;
use std::fmt;

use tokio::sync::OwnedSemaphorePermit;
#[cfg(feature = "http")]
use tokio::sync::mpsc::UnboundedSender;
use trellis_core::input::{Frame, Input, LinkId};
use trellis_core::output::LinkEvent;

/// Where a link's frames and news go. It is called on the driver's thread, and waits for nobody: the core bounds by its
/// credit what waits for a peer. Dropped, it ends the connection.
pub(crate) trait Port: fmt::Debug + Send {
    /// Takes a frame. Whoever is gone gets nothing.
    fn say(&mut self, frame: Frame);

    /// Nothing more will be said; the last news is still to come.
    fn close(&mut self);

    /// Takes news.
    fn tell(&mut self, event: LinkEvent);
}

/// Two queues, for whoever looks at them in their own time.
#[cfg(feature = "http")]
#[derive(Debug)]
pub(crate) struct Queues {
    frames: Option<UnboundedSender<Frame>>,
    events: UnboundedSender<LinkEvent>,
}

#[cfg(feature = "http")]
impl Queues {
    pub(crate) fn new(frames: UnboundedSender<Frame>, events: UnboundedSender<LinkEvent>) -> Box<Queues> {
        Box::new(Queues { frames: Some(frames), events })
    }
}

#[cfg(feature = "http")]
impl Port for Queues {
    fn say(&mut self, frame: Frame) {
        let _ = self.frames.as_ref().map(|frames| frames.send(frame));
    }

    fn close(&mut self) {
        self.frames = None;
    }

    fn tell(&mut self, event: LinkEvent) {
        let _ = self.events.send(event);
    }
}

/// Something that happened to a link.
#[derive(Debug)]
pub(crate) struct LinkJob {
    pub(crate) input: Input,
    /// With a connection its port.
    pub(crate) port: Option<(LinkId, Box<dyn Port>)>,
    /// Given back when the job is done, so that no peer fills the driver's inbox.
    pub(crate) _room: Option<OwnedSemaphorePermit>,
}

/// The ports of open links. A port that is dropped ends its connection.
#[derive(Debug, Default)]
pub(super) struct Ports {
    open: HashMap<LinkId, Box<dyn Port>>,
    /// Links that are closed and of which the last news is still to come.
    closed: HashMap<LinkId, Box<dyn Port>>,
}

impl Ports {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn add(&mut self, id: LinkId, port: Box<dyn Port>) {
        self.open.insert(id, port);
    }

    pub(super) fn send(&mut self, id: LinkId, frame: Frame) {
        if let Some(port) = self.open.get_mut(&id) {
            port.say(frame);
        }
    }

    pub(super) fn close(&mut self, id: LinkId) {
        if let Some(mut port) = self.open.remove(&id) {
            port.close();
            self.closed.insert(id, port);
        }
    }

    pub(super) fn tell(&mut self, id: LinkId, event: LinkEvent) {
        let is_last = matches!(event, LinkEvent::Closed(_));
        if let Some(port) = self.open.get_mut(&id).or_else(|| self.closed.get_mut(&id)) {
            port.tell(event);
        }
        if is_last {
            self.forget(id);
        }
    }

    /// A connection is gone.
    pub(super) fn forget(&mut self, id: LinkId) {
        self.open.remove(&id);
        self.closed.remove(&id);
    }
}
