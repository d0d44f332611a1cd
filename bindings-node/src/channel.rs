//! Connections that the host dials for JavaScript, whose machine has the link.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use napi::bindgen_prelude::{Either, Uint8Array};
use napi_derive::napi;
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use trellis_core::surface::{Bytes, Frame, FromPlain};
use trellis_sync::TrellisError;
use trellis_sync::transport::ws::{ConnectOptions, connect};
use trellis_sync::transport::{self, Connection, FrameReceiver};

use crate::plain::read;
use crate::port::Port;
use crate::wire::frame_of;

/// How a connection is dialled.
#[derive(FromPlain)]
#[serde(default, rename_all = "camelCase")]
struct Dialled {
    allow_plain: Vec<String>,
    /// Milliseconds.
    limit: u64,
}

impl Default for Dialled {
    fn default() -> Dialled {
        let ConnectOptions { allow_plain, limit, .. } = ConnectOptions::default();
        Dialled { allow_plain, limit: limit.as_millis() as u64 }
    }
}

/// What a handshake signs of a connection.
#[derive(Serialize)]
struct Ends {
    origin: String,
    binding: Bytes,
}

/// The two ways of a connection; nothing where it has none, or none any more.
#[derive(Default)]
struct Ways {
    out: Option<UnboundedSender<transport::Frame>>,
    into: Option<FrameReceiver>,
}

/// A connection, once `open` was answered.
#[napi]
pub struct Channel {
    port: Port,
    ways: Arc<Mutex<Ways>>,
}

#[napi]
impl Channel {
    /// One that was not dialled yet.
    #[napi(constructor)]
    pub fn new(port: &Port) -> Channel {
        Channel { port: port.clone(), ways: Arc::default() }
    }

    /// Dials a `ws://` or `wss://` URL.
    #[napi]
    pub fn open(&self, call: u32, url: String, options: String) -> napi::Result<()> {
        let Dialled { allow_plain, limit } = read(&options, None)?;
        let options = ConnectOptions { allow_plain, limit: Duration::from_millis(limit), ..ConnectOptions::default() };
        let ways = Arc::clone(&self.ways);
        let work = async move {
            let Connection { origin, binding, sender, receiver } = connect(&url, &options).await?;
            let (out, mut leaving) = unbounded_channel();
            tokio::spawn(async move {
                while let Some(frame) = leaving.recv().await {
                    // What is sent on a connection that closes is lost, as what is under way.
                    let _ = sender.send(frame).await;
                }
            });
            *ways.lock().unwrap_or_else(PoisonError::into_inner) = Ways { out: Some(out), into: Some(receiver) };
            Ok::<_, TrellisError>(Ends { origin, binding: Bytes(binding) })
        };
        Ok(self.port.answer(call, work)?)
    }

    /// Has a listener told of every frame that comes, until the connection has ended.
    #[napi]
    pub fn listen(&self, listener: u32) -> napi::Result<()> {
        let (port, into) = (self.port.clone(), self.ways().into.take());
        crate::port::runtime()?.spawn(async move {
            if let Some(mut into) = into {
                while let Some(Ok(frame)) = into.recv().await {
                    port.tell(listener, &Frame(frame));
                }
            }
            port.end(listener);
        });
        Ok(())
    }

    /// Sends a frame, after all before it.
    #[napi]
    pub fn frame(&self, frame: Either<String, Uint8Array>) {
        // A connection that has ended takes no more.
        let _ = self.ways().out.as_ref().map(|out| out.send(frame_of(frame)));
    }

    /// Ends it when everything was sent.
    #[napi]
    pub fn end(&self) {
        *self.ways() = Ways::default();
    }
}

impl Channel {
    fn ways(&self) -> std::sync::MutexGuard<'_, Ways> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
