//! Links.

use std::sync::Arc;

use napi_derive::napi;
use tokio::sync::Mutex;
use trellis_sync::surface::LinkFollower;
use trellis_sync::{TrellisError, link};

use crate::plain::{Given, give};
use crate::port::Port;

/// A link. It is closed by `close`, or when nothing refers to it any more.
#[napi]
pub struct Link {
    port: Port,
    seen: LinkFollower,
    /// Nothing once it is closed.
    link: Arc<Mutex<Option<link::Link>>>,
}

impl Link {
    /// Needs a tokio runtime. `listener` hears every change, until the link has ended.
    pub(crate) fn new(port: Port, link: link::Link, listener: u32) -> Link {
        let (seen, told) = (link.follow(), port.clone());
        let mut followed = link.follow();
        tokio::spawn(async move {
            while let Some(status) = followed.next().await {
                told.tell(listener, &status);
            }
            told.end(listener);
        });
        Link { port, seen, link: Arc::new(Mutex::new(Some(link))) }
    }
}

#[napi]
impl Link {
    /// How it stands.
    #[napi]
    pub fn status(&self) -> napi::Result<Given> {
        Ok(give(&self.seen.status())?)
    }

    /// How far it is; nothing while the peer is not known.
    #[napi]
    pub fn progress(&self, call: u32) -> napi::Result<()> {
        let link = Arc::clone(&self.link);
        let work = async move {
            match link.lock().await.as_ref() {
                Some(link) => link.plain_progress().await,
                None => Ok(None),
            }
        };
        Ok(self.port.answer(call, work)?)
    }

    /// Ends it, and tells the peer.
    #[napi]
    pub fn close(&self, call: u32) -> napi::Result<()> {
        let link = Arc::clone(&self.link);
        let work = async move {
            if let Some(link) = link.lock().await.take() {
                link.close().await;
            }
            Ok::<_, TrellisError>(())
        };
        Ok(self.port.answer(call, work)?)
    }
}
