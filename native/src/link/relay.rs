//! Links of a relay: it has read a frame to know which repo is meant, and lets through what there is room for.

use trellis_core::input::Frame;
use trellis_core::output::TroubleCode;

/// What looks at frames before a repo does.
pub(crate) trait Gate: Send + Sync {
    /// Whether a frame may pass; otherwise what the peer is told, and the link ends.
    ///
    /// # Errors
    /// The trouble.
    fn pass(&self, frame: &Frame) -> Result<(), TroubleCode>;
}

#[cfg(feature = "http")]
pub(crate) use served::Entrance;

#[cfg(feature = "http")]
mod served {
    use std::sync::Arc;

    use trellis_core::input::Guests;

    use super::{Frame, Gate};
    use crate::link::{Link, Terms};
    use crate::repo::Repo;
    use crate::transport::Connection;

    /// How a peer comes in.
    pub(crate) struct Entrance {
        /// What it said already.
        pub(crate) first: Frame,
        pub(crate) guests: Guests,
        pub(crate) gate: Arc<dyn Gate>,
    }

    impl Repo {
        /// As [`Repo::accept`], by a peer that stores and forwards for others.
        pub(crate) fn relay(&self, connection: Connection, entrance: Entrance) -> Link {
            let Entrance { first, guests, gate } = entrance;
            let terms = Terms { is_relay: true, ..Terms::answering(guests) };
            self.link_through(connection, terms, Some(first), Some(gate))
        }
    }
}
