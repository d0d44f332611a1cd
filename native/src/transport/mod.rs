//! Ways to a peer: frames in, frames out, and nothing of what they say.
//!
//! Whatever lies between two peers, each holds a [`Connection`]: a sender and a receiver of [`Frame`]s, and two facts
//! that a handshake signs, so that nobody can pass it on: the `origin` that was dialled, and the channel's `binding`.
//!
//! What a host does with one: it reads frames until there are no more, sends its own, and closes. Both directions hold
//! at most [`QUEUE_FRAMES_MAX`] frames and [`QUEUE_BYTES_MAX`] bytes. So a peer that reads slowly makes `send` wait, and
//! a host that reads slowly makes its peer wait; a host goes on reading while it waits to send. Pings, limits on
//! idleness and everything else that takes a meaning to decide belong to the session above.
//!
//! ```
//! # let talk = async {
//! use trellis_sync::transport::{Connection, Frame, memory};
//!
//! let (ours, mut theirs) = memory::pair();
//! let Connection { sender, mut receiver, .. } = ours;
//! sender.send(Frame::Text("{\"type\":\"ping\"}".to_owned())).await?;
//! sender.close();
//!
//! assert_eq!(theirs.receiver.recv().await.transpose()?.map(|frame| frame.len()), Some(15));
//! assert!(theirs.receiver.recv().await.is_none(), "the other side has closed");
//! drop(theirs);
//! assert!(receiver.recv().await.is_none(), "and now both have");
//! # trellis_sync::Result::Ok(())
//! # };
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(talk).unwrap();
//! ```

#[cfg(feature = "ws")]
mod address;
#[cfg(feature = "http")]
pub(crate) mod exchange;
#[cfg(feature = "http")]
mod http_peers;
pub mod memory;
mod named;
#[cfg(feature = "ws")]
mod pump;
mod queue;
#[cfg(feature = "ws")]
pub mod tls;
#[cfg(feature = "ws")]
mod traffic;
#[cfg(feature = "ws")]
pub mod ws;
#[cfg(feature = "ws")]
mod ws_peers;

use trellis_core::limits::FRAME_BYTES_MAX;
pub use trellis_core::link::message::Frame;

use crate::error::{Code, Result, TrellisError};

#[cfg(feature = "http")]
pub(crate) use address::{Speaks, authority, is_loopback_name, with_port};
#[cfg(feature = "http")]
pub use http_peers::{HttpSyncTransport, Requests};
pub use memory::MemoryTransport;
pub use named::{Dialling, Transport, Way};
#[cfg(feature = "http")]
pub(crate) use pump::{config, open};
#[cfg(feature = "ws")]
pub(crate) use queue::WeakFrameSender;
pub use queue::{FrameReceiver, FrameSender, QUEUE_BYTES_MAX, QUEUE_FRAMES_MAX};
#[cfg(feature = "http")]
pub(crate) use traffic::Traffic;
#[cfg(feature = "ws")]
pub use ws_peers::WebSocketSyncTransport;

/// # Errors
/// `payload_too_large` for what no frame may be.
fn ensure_fits(frame: &Frame) -> Result<()> {
    let len = frame.len();
    if len <= FRAME_BYTES_MAX {
        return Ok(());
    }
    let message =
        format!("A frame of {len} bytes was not sent: at most {FRAME_BYTES_MAX} fit; send its content in parts.");
    Err(TrellisError::new(Code::PayloadTooLarge, message))
}

/// An open way to one peer. Dropped, it closes cleanly.
#[derive(Debug)]
pub struct Connection {
    /// The origin that was dialled, as in `ws://127.0.0.1:4200`; on the server's side the one that the client named.
    /// `memory` in a process.
    pub origin: String,
    /// What both ends of this very channel know and no other channel has: 32 bytes that TLS exports under
    /// `EXPORTER-trellis-link-1`; without TLS the bytes of the origin; `memory` in a process.
    pub binding: Vec<u8>,
    /// The way out.
    pub sender: FrameSender,
    /// The way in.
    pub receiver: FrameReceiver,
}
