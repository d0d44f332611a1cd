//! Connections that JavaScript carries, as links of the host.

use napi::bindgen_prelude::{Either, Uint8Array};
use napi_derive::napi;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use trellis_core::surface::Frame;
use trellis_sync::Repo;
use trellis_sync::link::Welcome;
use trellis_sync::transport::{self, Connection, memory};

use crate::link::Link;
use crate::port::Port;

/// A link over a connection of JavaScript's.
#[napi]
pub struct Wire {
    link: Option<Link>,
    /// Frames that came; nothing once the connection has ended.
    arrived: Option<UnboundedSender<transport::Frame>>,
}

impl Wire {
    /// Needs a tokio runtime. Of the listeners, the first hears how the link stands, the second what is to be sent.
    pub(crate) fn new(
        port: &Port,
        repo: &Repo,
        (origin, binding): (String, Vec<u8>),
        is_initiator: bool,
        (listener, frames): (u32, u32),
    ) -> Wire {
        let (ours, theirs) = memory::pair();
        let ours = Connection { origin, binding, ..ours };
        let link = if is_initiator { repo.connect(ours) } else { repo.accept(ours, Welcome::Anyone) };
        let Connection { sender, mut receiver, .. } = theirs;
        let (arrived, mut arrivals) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(frame) = arrivals.recv().await {
                // What is sent on a link that has ended is lost, as what is under way: the next link sends it again.
                let _ = sender.send(frame).await;
            }
        });
        let told = port.clone();
        tokio::spawn(async move {
            while let Some(Ok(frame)) = receiver.recv().await {
                told.tell(frames, &Frame(frame));
            }
            told.end(frames);
        });
        Wire { link: Some(Link::new(port.clone(), link, listener)), arrived: Some(arrived) }
    }
}

#[napi]
impl Wire {
    /// The link, once.
    #[napi]
    pub fn link(&mut self) -> Option<Link> {
        self.link.take()
    }

    /// A frame came.
    #[napi]
    pub fn frame(&self, frame: Either<String, Uint8Array>) {
        // A link that has ended takes no more.
        let _ = self.arrived.as_ref().map(|arrived| arrived.send(frame_of(frame)));
    }

    /// The connection has ended.
    #[napi]
    pub fn end(&mut self) {
        self.arrived = None;
    }
}

/// A frame of JavaScript's.
pub(crate) fn frame_of(frame: Either<String, Uint8Array>) -> transport::Frame {
    match frame {
        Either::A(text) => transport::Frame::Text(text),
        Either::B(bytes) => transport::Frame::Binary(bytes.to_vec()),
    }
}
