//! What a relay is compared with: axum's WebSocket, which sends each frame to everybody and reads what they answer.

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::broadcast::{self, Sender};

/// As in our own server.
const READ_BUFFER_BYTES: usize = 4 * 1024;
const WAITING_MAX: usize = 16;

/// The server.
pub(super) struct Bare {
    pub(super) url: String,
    frames: Sender<Bytes>,
}

impl Bare {
    pub(super) fn open(runtime: &Runtime) -> Result<Bare> {
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let url = format!("ws://{}", listener.local_addr()?);
        let frames = broadcast::channel(WAITING_MAX).0;
        let router = Router::new().route("/sync/v1/link", get(link)).with_state(frames.clone());
        // A socket that is gone needs no setting.
        let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Bare { url, frames })
    }

    /// Sends a frame to everybody.
    pub(super) fn send(&self, frame: Vec<u8>) -> Result<()> {
        self.frames.send(frame.into())?;
        Ok(())
    }
}

async fn link(upgrade: WebSocketUpgrade, State(frames): State<Sender<Bytes>>) -> Response {
    upgrade.read_buffer_size(READ_BUFFER_BYTES).on_upgrade(move |socket| serve(socket, frames))
}

async fn serve(socket: WebSocket, frames: Sender<Bytes>) {
    let mut waiting = frames.subscribe();
    let (mut sink, mut stream) = socket.split();
    let write = async {
        while let Ok(frame) = waiting.recv().await {
            if sink.send(Message::Binary(frame)).await.is_err() {
                break;
            }
        }
    };
    let read = async { while let Some(Ok(_)) = stream.next().await {} };
    tokio::select! {
        () = write => {}
        () = read => {}
    }
}
