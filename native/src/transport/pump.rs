//! Moves frames between a WebSocket and the two queues of a connection.
//!
//! One task for each socket reads and writes at once, so that two peers who both send do not wait for each other. It
//! ends when the peer has closed, when the socket breaks, or a while after the host has closed.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use trellis_core::limits::FRAME_BYTES_MAX;

use super::queue::{self, Closed};
use super::traffic::Traffic;
use super::{Connection, Frame, FrameReceiver, FrameSender};
use crate::error::{Code, TrellisError};

/// How long a closing handshake may take, with what still waits to be sent.
const CLOSE: Duration = Duration::from_secs(5);
/// What is read at once. It is allocated for every link, so it is small.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// What is gathered before it is written, unless nothing more waits.
const WRITE_BUFFER_BYTES: usize = 64 * 1024;
/// What is read and thrown away, so that a peer that sent too much hears why before the socket is reset.
const DRAIN_BYTES_MAX: u64 = 4 * FRAME_BYTES_MAX as u64;

/// The settings of every WebSocket, in both roles.
pub(crate) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES + 2 * FRAME_BYTES_MAX)
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX))
}

/// A connection over this socket, and the work that keeps it going for as long as it is open.
pub(crate) fn open<S>(
    socket: WebSocketStream<S>,
    origin: String,
    binding: Vec<u8>,
    traffic: Arc<Traffic>,
) -> (Connection, impl Future<Output = ()> + Send)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (sender, outgoing) = queue::queue();
    let (incoming, receiver) = queue::queue();
    let connection = Connection { origin, binding, sender, receiver };
    (connection, run(socket, outgoing, incoming, traffic))
}

/// How a link came to its end.
#[derive(Debug)]
enum End {
    /// Both sides closed.
    Clean,
    /// Ours closed, and the other took too long.
    GivenUp,
    /// The peer closed and gave a reason.
    Refused(CloseCode),
    /// The socket broke.
    Cut(WsError),
    /// A message was longer than a frame may be.
    TooLong,
    /// What came is no WebSocket.
    Garbled(WsError),
}

async fn run<S>(socket: WebSocketStream<S>, outgoing: FrameReceiver, incoming: FrameSender, traffic: Arc<Traffic>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sink, mut stream) = socket.split();
    let (outgoing, closed) = outgoing.with_end();
    let end = exchange(&mut sink, &mut stream, (outgoing, closed), &incoming, &traffic).await;
    let last_word = last_word(&end);
    match reason(end) {
        Some(reason) => incoming.fail(reason),
        None => incoming.close(),
    }
    if let Ok(socket) = stream.reunite(sink) {
        // The peer may have gone; then there is nobody to say goodbye to.
        // In a box, so that a link that is open has no room for its end.
        let _ = timeout(CLOSE, Box::pin(part(socket, last_word))).await;
    }
}

/// Reads and writes until there is nothing more to do.
async fn exchange<S>(
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
    stream: &mut SplitStream<WebSocketStream<S>>,
    (outgoing, closed): (FrameReceiver, Closed),
    incoming: &FrameSender,
    traffic: &Traffic,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut reading = pin!(read(stream, incoming, traffic));
    let both = async {
        tokio::select! {
            end = &mut reading => end,
            written = write(sink, outgoing, traffic) => match written {
                Ok(()) => reading.await,
                // Why the peer is gone stands perhaps in what it sent before.
                Err(cause) => timeout(CLOSE, reading).await.unwrap_or(End::Cut(cause)),
            },
        }
    };
    tokio::select! {
        end = both => end,
        () = a_while_after(closed) => End::GivenUp,
    }
}

async fn a_while_after(closed: Closed) {
    // Either way nothing more will be sent.
    let _ = closed.await;
    sleep(CLOSE).await;
}

async fn read<S>(stream: &mut SplitStream<WebSocketStream<S>>, incoming: &FrameSender, traffic: &Traffic) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let frame = match stream.next().await {
            Some(Ok(Message::Binary(bytes))) => Frame::Binary(bytes.into()),
            Some(Ok(Message::Text(text))) => Frame::Text(text.as_str().to_owned()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Close(why))) => return closed_by(why),
            Some(Err(cause)) => return broken(cause),
            None => return End::Clean,
        };
        traffic.received.count(frame.len());
        // A host that no longer listens still waits for the peer to close.
        let _ = incoming.send(frame).await;
    }
}

/// Sends what comes, all that waits in one go, and at the end of the queue the word that it is over.
async fn write<S>(
    sink: &mut SplitSink<WebSocketStream<S>, Message>,
    mut outgoing: FrameReceiver,
    traffic: &Traffic,
) -> Result<(), WsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(first)) = outgoing.recv().await {
        let mut next = Some(first);
        while let Some(frame) = next {
            traffic.sent.count(frame.len());
            sink.feed(message(frame)).await?;
            next = outgoing.next_waiting();
        }
        sink.flush().await?;
    }
    sink.send(Message::Close(Some(close_frame(CloseCode::Normal)))).await
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Binary(bytes) => Message::Binary(bytes.into()),
        Frame::Text(text) => Message::Text(text.into()),
    }
}

fn close_frame(code: CloseCode) -> CloseFrame {
    CloseFrame { code, reason: Default::default() }
}

fn closed_by(why: Option<CloseFrame>) -> End {
    match why.map(|frame| frame.code) {
        None | Some(CloseCode::Normal | CloseCode::Away | CloseCode::Status) => End::Clean,
        Some(code) => End::Refused(code),
    }
}

fn broken(cause: WsError) -> End {
    use tokio_tungstenite::tungstenite::error::ProtocolError;
    match cause {
        WsError::ConnectionClosed | WsError::AlreadyClosed => End::Clean,
        WsError::Capacity(_) => End::TooLong,
        WsError::Io(_) | WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Cut(cause),
        _ => End::Garbled(cause),
    }
}

/// What a peer is still told.
enum LastWord {
    /// The answer to its close, which is written already and waits to be sent.
    Answer,
    /// Why it is turned away.
    Close(CloseCode),
    /// Nothing, for it is not there.
    Nothing,
}

fn last_word(end: &End) -> LastWord {
    match end {
        End::Clean | End::Refused(_) => LastWord::Answer,
        End::TooLong => LastWord::Close(CloseCode::Size),
        End::Garbled(_) => LastWord::Close(CloseCode::Protocol),
        End::Cut(_) | End::GivenUp => LastWord::Nothing,
    }
}

/// Says the last word. Who is turned away in the middle of sending is read from until it has heard it, for a socket that
/// is closed with something unread is reset, and the word may be lost.
async fn part<S>(mut socket: WebSocketStream<S>, last_word: LastWord) -> Result<(), WsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match last_word {
        LastWord::Nothing => Ok(()),
        LastWord::Answer => {
            socket.flush().await?;
            Ok(socket.into_inner().shutdown().await?)
        }
        LastWord::Close(code) => {
            socket.close(Some(close_frame(code))).await?;
            let mut raw = socket.into_inner();
            raw.shutdown().await?;
            tokio::io::copy(&mut raw.take(DRAIN_BYTES_MAX), &mut tokio::io::sink()).await?;
            Ok(())
        }
    }
}

/// What the host hears, unless the end is clean.
fn reason(end: End) -> Option<TrellisError> {
    match end {
        End::Clean | End::GivenUp => None,
        End::TooLong => Some(too_long("The peer sent")),
        End::Refused(CloseCode::Size) => Some(too_long("The peer refused")),
        End::Refused(code) => Some(refused(code)),
        End::Cut(cause) => {
            let message = "The connection broke before the peer closed it. Connect again.";
            Some(TrellisError::new(Code::Offline, message).caused_by(cause))
        }
        End::Garbled(cause) => {
            let message = "The peer sent what is no WebSocket message; look at its version.";
            Some(TrellisError::new(Code::VersionMismatch, message).caused_by(cause))
        }
    }
}

fn too_long(who: &str) -> TrellisError {
    let message = format!("{who} a message that is longer than the {FRAME_BYTES_MAX} bytes of a frame.");
    TrellisError::new(Code::PayloadTooLarge, message)
}

fn refused(close: CloseCode) -> TrellisError {
    let code = match close {
        CloseCode::Policy => Code::PermissionDenied,
        CloseCode::Error | CloseCode::Restart | CloseCode::Again => Code::Offline,
        _ => Code::VersionMismatch,
    };
    TrellisError::new(code, format!("The peer closed the connection with code {}.", u16::from(close)))
}
