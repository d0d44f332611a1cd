//! Ways to peers that have names.

use std::pin::Pin;

use tokio::sync::mpsc::UnboundedReceiver;

use super::Connection;
use crate::error::Result;

/// A peer being dialled.
pub type Dialling<'a> = Pin<Box<dyn Future<Output = Result<Way>> + Send + 'a>>;

/// Knows peers by the names that a program gave them, and opens ways to them.
pub trait Transport: Send + Sync + 'static {
    /// Opens a way to a peer.
    ///
    /// `not_found` where nobody has that name, `offline` where nobody answers.
    fn dial<'a>(&'a self, peer: &'a str) -> Dialling<'a>;

    /// Connections that peers open to this side, for whoever asks first; none where peers cannot.
    fn arrivals(&self) -> Option<UnboundedReceiver<Connection>> {
        None
    }
}

/// A way to a peer.
#[derive(Debug)]
pub enum Way {
    /// A connection that stays open.
    Link(Connection),
    /// Signed requests.
    #[cfg(feature = "http")]
    Exchange(super::Requests),
}
