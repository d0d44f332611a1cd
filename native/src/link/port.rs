//! What a driver says of a link and to its peer, on its way to both.

use std::sync::Arc;

use tokio::sync::oneshot;
use trellis_core::input::Frame;
use trellis_core::output::{LinkEvent, TroubleCode};

use super::pump::Ended;
use super::status::Teller;
use super::tally::Tally;
use crate::driver::Port;
use crate::error::TrellisError;
use crate::transport::FrameSender;

/// The port of a link over a connection.
#[derive(Debug)]
pub(super) struct LinkPort {
    pub(super) frames: Option<FrameSender>,
    pub(super) teller: Arc<Teller>,
    pub(super) tally: Option<Arc<Tally>>,
    /// Whether nobody waits to hear again that both have the same, as on a relay.
    pub(super) is_told_once: bool,
    pub(super) heard: Heard,
    /// Whom to tell, when the port goes, what was heard.
    pub(super) end: Option<oneshot::Sender<Heard>>,
}

impl Port for LinkPort {
    fn say(&mut self, frame: Frame) {
        let Some(frames) = &self.frames else { return };
        if let Some(tally) = &self.tally {
            tally.sent(frame.len());
        }
        frames.say(frame);
    }

    fn close(&mut self) {
        self.frames = None;
    }

    fn tell(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Closed(code) => self.heard.end = Some(code),
            LinkEvent::InSync if self.heard.has_progress && self.is_told_once => {}
            event => {
                self.heard.has_progress |= event == LinkEvent::InSync;
                self.teller.tell(event);
            }
        }
    }
}

impl Drop for LinkPort {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            // A link that is not looked after any more needs no end.
            let _ = end.send(std::mem::take(&mut self.heard));
        }
    }
}

/// What the core said of a link.
#[derive(Debug, Default)]
pub(super) struct Heard {
    has_progress: bool,
    /// Its end, and the trouble if there was any; nothing where the connection was gone before.
    end: Option<Option<TroubleCode>>,
}

impl Heard {
    /// How it ended. `broken` is what broke the connection.
    pub(super) fn ended(self, broken: Option<TrellisError>) -> Ended {
        let failure = match self.end {
            Some(code) => code.map(super::pump::trouble),
            None => Some(broken.unwrap_or_else(super::pump::lost)),
        };
        Ended { failure, has_progress: self.has_progress }
    }
}
