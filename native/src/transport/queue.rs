//! One direction of a connection: a queue that is bounded in frames and in bytes.
//!
//! A frame takes a place and its bytes' room before it enters and gives them back when it is taken out. What a session
//! says takes none: what waits of that is bounded by the session's credit. How the direction ended travels beside the
//! queue, so that an end never waits for room.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
#[cfg(feature = "ws")]
use std::sync::Weak;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::{Semaphore, oneshot};
use trellis_core::limits::FRAME_BYTES_MAX;

use super::{Frame, ensure_fits};
use crate::error::{Code, Result, TrellisError};

/// Frames that wait in one direction.
pub const QUEUE_FRAMES_MAX: usize = 16;
/// Bytes that wait in one direction.
pub const QUEUE_BYTES_MAX: usize = FRAME_BYTES_MAX;

/// Frames that an empty queue may keep memory for.
const FRAMES_KEPT: usize = 4;

const _: () = assert!(QUEUE_BYTES_MAX >= FRAME_BYTES_MAX, "any frame finds room");
const _: () = assert!(QUEUE_BYTES_MAX <= u32::MAX as usize, "any room can be asked for at once");

struct Queued {
    frame: Frame,
    /// Whether it has taken room.
    has_room: bool,
}

/// What both ends share. It has no memory for frames before one waits: most links are idle.
struct Shared {
    waiting: Mutex<Waiting>,
    /// What is left for frames to wait in.
    frames: Semaphore,
    bytes: Semaphore,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<Queued>,
    /// Whom to wake when that changes.
    reader: Option<Waker>,
    /// Whether no more will come, or nobody takes any more.
    is_over: bool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.waiting().frames.len()).finish_non_exhaustive()
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False where nobody takes it any more.
    fn push(&self, queued: Queued) -> bool {
        let mut waiting = self.waiting();
        if waiting.is_over {
            return false;
        }
        waiting.frames.push_back(queued);
        let reader = waiting.reader.take();
        drop(waiting);
        reader.into_iter().for_each(Waker::wake);
        true
    }

    /// What waits already, if anything does.
    fn pop(&self, waiting: &mut Waiting) -> Option<Frame> {
        let queued = waiting.frames.pop_front()?;
        if waiting.frames.is_empty() && waiting.frames.capacity() > FRAMES_KEPT {
            waiting.frames = VecDeque::new();
        }
        if queued.has_room {
            self.frames.add_permits(1);
            self.bytes.add_permits(queued.frame.len());
        }
        Some(queued.frame)
    }

    fn poll_pop(&self, context: &mut Context<'_>) -> Poll<Option<Frame>> {
        let mut waiting = self.waiting();
        match self.pop(&mut waiting) {
            Some(frame) => Poll::Ready(Some(frame)),
            None if waiting.is_over => Poll::Ready(None),
            None => {
                waiting.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// The way out of a connection.
///
/// Dropped, or closed, it sends what waits and then a clean end, and gives up after five seconds.
#[derive(Debug)]
pub struct FrameSender {
    queue: Arc<Shared>,
    end: Option<oneshot::Sender<TrellisError>>,
}

/// A way out of a connection that does not keep it open.
#[cfg(feature = "ws")]
#[derive(Debug)]
pub(crate) struct WeakFrameSender(Weak<Shared>);

/// The way into a connection.
#[derive(Debug)]
pub struct FrameReceiver {
    queue: Arc<Shared>,
    end: oneshot::Receiver<TrellisError>,
}

/// Resolves when nothing more will be sent.
#[cfg(feature = "ws")]
pub(super) type Closed = oneshot::Receiver<TrellisError>;

pub(super) fn queue() -> (FrameSender, FrameReceiver) {
    let (ended, end) = oneshot::channel();
    let queue = Arc::new(Shared {
        waiting: Mutex::default(),
        frames: Semaphore::new(QUEUE_FRAMES_MAX),
        bytes: Semaphore::new(QUEUE_BYTES_MAX),
    });
    (FrameSender { queue: Arc::clone(&queue), end: Some(ended) }, FrameReceiver { queue, end })
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
        let place = self.queue.frames.acquire().await.map_err(|_| gone())?;
        let room = self.queue.bytes.acquire_many(bytes).await.map_err(|_| gone())?;
        // Given back when the frame is taken out.
        place.forget();
        room.forget();
        if self.queue.push(Queued { frame, has_room: true }) { Ok(()) } else { Err(gone()) }
    }

    /// Hands a frame of a session over, whatever room there is. Whoever is gone gets nothing.
    pub(crate) fn say(&self, frame: Frame) {
        self.queue.push(Queued { frame, has_room: false });
    }

    /// A way out that does not keep the connection open.
    #[cfg(feature = "ws")]
    pub(crate) fn downgrade(&self) -> WeakFrameSender {
        WeakFrameSender(Arc::downgrade(&self.queue))
    }

    /// Ends the connection cleanly: what was sent goes out first. The receiver tells when the peer has done the same.
    pub fn close(self) {
        drop(self);
    }

    /// Ends it with a reason, which the receiver gets after what waits.
    #[cfg(feature = "ws")]
    pub(super) fn fail(mut self, reason: TrellisError) {
        // A receiver that is gone needs no reason.
        let _ = self.end.take().map(|end| end.send(reason));
    }
}

/// The receiver that finds the queue over finds out why, so the reason goes first.
impl Drop for FrameSender {
    fn drop(&mut self) {
        drop(self.end.take());
        let mut waiting = self.queue.waiting();
        waiting.is_over = true;
        let reader = waiting.reader.take();
        drop(waiting);
        reader.into_iter().for_each(Waker::wake);
    }
}

#[cfg(feature = "ws")]
impl WeakFrameSender {
    /// As [`FrameSender::say`].
    pub(crate) fn say(&self, frame: Frame) {
        if let Some(queue) = self.0.upgrade() {
            queue.push(Queued { frame, has_room: false });
        }
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
        match poll_fn(|context| self.queue.poll_pop(context)).await {
            Some(frame) => Some(Ok(frame)),
            None => self.end.try_recv().ok().map(Err),
        }
    }
}

#[cfg(feature = "ws")]
impl FrameReceiver {
    /// What waits already, if anything does.
    pub(super) fn next_waiting(&mut self) -> Option<Frame> {
        self.queue.pop(&mut self.queue.waiting())
    }

    /// Takes apart what is to be read and what tells that no more will come.
    pub(super) fn with_end(mut self) -> (FrameReceiver, Closed) {
        let (_, never) = oneshot::channel();
        let closed = mem::replace(&mut self.end, never);
        (self, closed)
    }
}

/// Whoever waits for room hears that nobody will make any.
impl Drop for FrameReceiver {
    fn drop(&mut self) {
        self.queue.frames.close();
        self.queue.bytes.close();
        let mut waiting = self.queue.waiting();
        waiting.is_over = true;
        let left = mem::take(&mut waiting.frames);
        drop(waiting);
        drop(left);
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
    #[cfg(feature = "ws")]
    fn what_a_session_says_needs_no_room_and_keeps_its_place() {
        block_on(async {
            let (sender, mut receiver) = queue();
            for _ in 0..QUEUE_FRAMES_MAX {
                sender.send(frame(0)).await.unwrap();
            }
            sender.say(frame(1));
            let weak = sender.downgrade();
            weak.say(frame(2));
            sender.close();
            weak.say(frame(3));
            let mut lens = Vec::new();
            while let Some(frame) = receiver.recv().await {
                lens.push(frame.unwrap().len());
            }
            assert_eq!(lens[QUEUE_FRAMES_MAX..], [1, 2]);
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
