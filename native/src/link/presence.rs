//! Presence: what programs tell each other over open links, and nobody keeps.

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use trellis_core::input::Command;

use super::Link;
use crate::error::Result;
use crate::repo::Repo;

/// How much of it waits for whoever listens; of more the oldest is lost.
pub(super) const WAITING_MAX: usize = 64;

/// Something that a peer said: where its user is, what is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// What it is about.
    pub topic: String,
    /// What is said, at most 4,096 bytes.
    pub bytes: Vec<u8>,
}

/// What the peer of a link says from now on.
#[derive(Debug)]
pub struct Heard(Option<Receiver<Presence>>);

impl Heard {
    /// The next; nothing once the link has ended. Whoever is slow misses what was said in between.
    pub async fn next(&mut self) -> Option<Presence> {
        let presence = self.0.as_mut()?;
        loop {
            match presence.recv().await {
                Ok(presence) => return Some(presence),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

impl Repo {
    /// Tells all peers whose links are open something that nobody keeps. It comes once, if at all, and goes no further.
    ///
    /// # Errors
    /// `payload_too_large` beyond 4,096 bytes, `invalid_argument` for a topic beyond 255 bytes or with control characters.
    pub async fn announce(&self, topic: &str, bytes: &[u8]) -> Result<()> {
        let command = Command::Announce { topic: topic.to_owned(), bytes: bytes.to_vec() };
        self.run(command, || "tell the peers".into()).await.map(drop)
    }
}

impl Link {
    /// Listens to what the peer says and nobody keeps.
    pub fn presence(&self) -> Heard {
        Heard(self.teller.upgrade().map(|teller| teller.listen()))
    }
}
