//! One direction of a connection: a queue that is bounded in frames and in bytes.
//!
//! A frame takes its bytes' room before it enters and gives it back when it is taken out. How the direction ended
//! travels beside the queue, so that an end never waits for room.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use trellis_core::limits::FRAME_BYTES_MAX;

use super::{Frame, ensure_fits};
use crate::error::{Code, Result, TrellisError};

/// Frames that wait in one direction.
pub const QUEUE_FRAMES_MAX: usize = 16;
/// Bytes that wait in one direction.
pub const QUEUE_BYTES_MAX: usize = FRAME_BYTES_MAX;

const _: () = assert!(QUEUE_BYTES_MAX >= FRAME_BYTES_MAX, "any frame finds room");
const _: () = assert!(QUEUE_BYTES_MAX <= u32::MAX as usize, "any room can be asked for at once");

struct Queued {
    frame: Frame,
    _room: OwnedSemaphorePermit,
}

/// The way out of a connection.
///
/// Dropped, or closed, it sends what waits and then a clean end, and gives up after five seconds.
#[derive(Debug)]
pub struct FrameSender {
    // Stands first and so goes first: the receiver that finds the queue over finds out why.
    end: oneshot::Sender<TrellisError>,
    frames: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
}

/// The way into a connection.
#[derive(Debug)]
pub struct FrameReceiver {
    frames: mpsc::Receiver<Queued>,
    room: Arc<Semaphore>,
    end: oneshot::Receiver<TrellisError>,
}

/// Resolves when nothing more will be sent.
#[cfg(feature = "ws")]
pub(super) type Closed = oneshot::Receiver<TrellisError>;

pub(super) fn queue() -> (FrameSender, FrameReceiver) {
    let (sender, receiver) = mpsc::channel(QUEUE_FRAMES_MAX);
    let (ended, end) = oneshot::channel();
    let room = Arc::new(Semaphore::new(QUEUE_BYTES_MAX));
    let out = FrameSender { end: ended, frames: sender, room: Arc::clone(&room) };
    (out, FrameReceiver { frames: receiver, room, end })
}

impl FrameSender {
    /// Hands a frame over, and waits as long as there is no room for it. Frames arrive in the order of these calls.
    ///
    /// Dropped before it is done, it has sent nothing.
    ///
    /// # Errors
    /// `payload_too_large` where the frame is longer than any frame may be: nothing is sent and the connection goes on.
    /// `offline` where the peer is gone; the receiver says why.
    pub async fn send(&self, frame: Frame) -> Result<()> {
        ensure_fits(&frame)?;
        let bytes = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await.map_err(|_| gone())?;
        self.frames.send(Queued { frame, _room: room }).await.map_err(|_| gone())
    }

    /// Ends the connection cleanly: what was sent goes out first. The receiver tells when the peer has done the same.
    pub fn close(self) {
        drop(self.end);
    }

    /// Ends it with a reason, which the receiver gets after what waits.
    #[cfg(feature = "ws")]
    pub(super) fn fail(self, reason: TrellisError) {
        // A receiver that is gone needs no reason.
        let _ = self.end.send(reason);
    }
}

impl FrameReceiver {
    /// The next frame; `None` after the last one, when the peer has closed.
    ///
    /// Dropped before it is done, it has taken nothing.
    ///
    /// # Errors
    /// Said once, and followed by `None`: `offline` where the connection broke, `payload_too_large` where a message was
    /// longer than a frame may be, `version_mismatch` where the peer does not speak WebSocket.
    pub async fn recv(&mut self) -> Option<Result<Frame>> {
        match self.frames.recv().await {
            Some(queued) => Some(Ok(queued.frame)),
            None => self.end.try_recv().ok().map(Err),
        }
    }
}

#[cfg(feature = "ws")]
impl FrameReceiver {
    /// What waits already, if anything does.
    pub(super) fn next_waiting(&mut self) -> Option<Frame> {
        self.frames.try_recv().ok().map(|queued| queued.frame)
    }

    /// Takes apart what is to be read and what tells that no more will come.
    pub(super) fn with_end(mut self) -> (FrameReceiver, Closed) {
        let (_, never) = oneshot::channel();
        let closed = std::mem::replace(&mut self.end, never);
        (self, closed)
    }
}

/// Whoever waits for room hears that nobody will make any.
impl Drop for FrameReceiver {
    fn drop(&mut self) {
        self.room.close();
    }
}

fn gone() -> TrellisError {
    TrellisError::new(Code::Offline, "The frame was not sent: the connection is closed. Connect again.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::runtime::Builder;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        Builder::new_current_thread().build().unwrap().block_on(work)
    }

    fn frame(bytes: usize) -> Frame {
        Frame::Binary(vec![0; bytes])
    }

    /// Polled once, so that whether it waits is known without a clock.
    async fn waits(send: impl Future<Output = Result<()>>) -> bool {
        let mut send = std::pin::pin!(send);
        std::future::poll_fn(|context| std::task::Poll::Ready(send.as_mut().poll(context).is_pending())).await
    }

    #[test]
    fn a_queue_is_full_by_frames_or_by_bytes() {
        block_on(async {
            let (sender, mut receiver) = queue();
            for _ in 0..QUEUE_FRAMES_MAX {
                sender.send(frame(0)).await.unwrap();
            }
            assert!(waits(sender.send(frame(0))).await);
            receiver.recv().await.unwrap().unwrap();
            assert!(!waits(sender.send(frame(0))).await);

            let (sender, mut receiver) = queue();
            sender.send(frame(QUEUE_BYTES_MAX - 1)).await.unwrap();
            sender.send(frame(1)).await.unwrap();
            assert!(waits(sender.send(frame(1))).await);
            receiver.recv().await.unwrap().unwrap();
            assert!(!waits(sender.send(frame(QUEUE_BYTES_MAX - 1))).await);
        });
    }

    #[test]
    fn whoever_waits_hears_that_the_other_side_is_gone() {
        block_on(async {
            let (sender, receiver) = queue();
            sender.send(frame(QUEUE_BYTES_MAX)).await.unwrap();
            let send = sender.send(frame(1));
            let ((), sent) = tokio::join!(async { drop(receiver) }, send);
            assert_eq!(sent.unwrap_err().code(), Code::Offline);
        });
    }

    #[test]
    #[cfg(feature = "ws")]
    fn a_reason_comes_after_what_waits_and_once() {
        block_on(async {
            let (sender, mut receiver) = queue();
            sender.send(frame(3)).await.unwrap();
            sender.fail(TrellisError::new(Code::Timeout, "Too late."));
            assert_eq!(receiver.recv().await.unwrap().unwrap(), frame(3));
            assert_eq!(receiver.recv().await.unwrap().unwrap_err().code(), Code::Timeout);
            assert!(receiver.recv().await.is_none());
        });
    }
}
