//! The first frame of a peer, which says what repo it means.

use std::time::Duration;

use tokio::time::timeout;
use trellis_core::limits::{AUTH_MS_MAX, UNPROVEN_FRAME_BYTES_MAX};
use trellis_core::link::message::{Form, Frame, Hello, Message, Trouble, TroubleCode};

use crate::transport::Connection;

/// How long a frame may take from a peer that has proved nothing.
const LIMIT: Duration = Duration::from_millis(AUTH_MS_MAX);

/// Reads a frame of a peer that has proved nothing yet; none where it is gone.
///
/// # Errors
/// The trouble to tell it: what came is too long, or did not come in time.
pub(super) async fn unproven(connection: &mut Connection) -> Result<Option<Frame>, TroubleCode> {
    match timeout(LIMIT, connection.receiver.recv()).await {
        Err(_) => Err(TroubleCode::Timeout),
        Ok(Some(Ok(frame))) if frame.len() > UNPROVEN_FRAME_BYTES_MAX => Err(TroubleCode::Malformed),
        Ok(Some(Ok(frame))) => Ok(Some(frame)),
        Ok(Some(Err(_)) | None) => Ok(None),
    }
}

/// What a first frame has to be.
///
/// # Errors
/// The trouble to tell the peer.
pub(super) fn hello(frame: &Frame) -> Result<Hello, TroubleCode> {
    match frame.read() {
        Ok(Message::Hello(hello)) => Ok(hello),
        _ => Err(TroubleCode::Malformed),
    }
}

/// Says a message to a peer that may be gone.
pub(super) async fn say(connection: &Connection, message: &Message, form: Form) {
    if let Ok(frame) = Frame::of(message, form) {
        // Whoever is gone gets nothing.
        let _ = connection.sender.send(frame).await;
    }
}

/// Turns a peer away.
pub(super) async fn refuse(connection: Connection, code: TroubleCode, form: Form) {
    say(&connection, &Message::Error(Trouble { code, retry_after: None }), form).await;
}
