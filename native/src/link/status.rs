//! How a link stands, as a program sees it.

use std::sync::Arc;

use trellis_core::input::LinkId;
use trellis_core::op::id::Author;
pub use trellis_core::output::Progress;

use super::pump::Ended;
use crate::driver::again;
use crate::error::{Code, TrellisError};

/// What state a link is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    /// The peer is being dialled, or is not known yet.
    #[default]
    Connecting,
    /// The peer is known, and both tell each other what they have.
    Connected,
    /// The peer cannot be reached; it is dialled again.
    Offline,
    /// The peer does not let this replica in.
    NeedsAuth,
    /// The peer cannot sync with this replica, whenever it is dialled.
    Rejected,
    /// It was ended.
    Closed,
}

impl LinkState {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            LinkState::Connecting => "connecting",
            LinkState::Connected => "connected",
            LinkState::Offline => "offline",
            LinkState::NeedsAuth => "needs-auth",
            LinkState::Rejected => "rejected",
            LinkState::Closed => "closed",
        }
    }
}

/// Why a link ended, or did not begin.
#[derive(Clone, Debug)]
pub struct Failure(Arc<TrellisError>);

impl Failure {
    /// The stable code.
    pub fn code(&self) -> Code {
        self.0.code()
    }

    /// What happened, for people.
    pub fn message(&self) -> &str {
        self.0.message()
    }

    pub(super) fn error(&self) -> TrellisError {
        again(&self.0)
    }
}

/// How a link stands.
#[derive(Clone, Debug, Default)]
pub struct LinkStatus {
    /// Its state.
    pub state: LinkState,
    /// What ended the last connection, or kept it from being made; nothing while there is one.
    pub failure: Option<Failure>,
    /// The peer's key, once it was known.
    pub peer: Option<Author>,
    /// Whether the peer stores and forwards for others.
    pub is_relay: bool,
    /// Whether both had the same when that was last looked at.
    pub is_in_sync: bool,
    pub(super) id: Option<LinkId>,
    /// What a relay's link had carried when its connection ended.
    pub(crate) carried: Progress,
}

impl LinkStatus {
    pub(super) fn dial(&mut self) {
        if self.failure.is_none() {
            self.state = LinkState::Connecting;
        }
    }

    pub(super) fn open(&mut self, peer: Author, is_relay: bool) {
        self.state = LinkState::Connected;
        (self.failure, self.peer, self.is_relay) = (None, Some(peer), is_relay);
    }

    pub(super) fn end(&mut self, ended: &Ended) {
        (self.is_in_sync, self.id) = (false, None);
        self.failure = ended.failure.as_ref().map(|failure| Failure(Arc::new(again(failure))));
        self.state = match ended.failure.as_ref().map(TrellisError::code) {
            None => LinkState::Closed,
            Some(Code::AuthFailed | Code::PermissionDenied) => LinkState::NeedsAuth,
            Some(Code::RepoMismatch | Code::VersionMismatch | Code::InvalidArgument) => LinkState::Rejected,
            Some(_) => LinkState::Offline,
        };
    }

    pub(super) fn close(&mut self) {
        (self.is_in_sync, self.id) = (false, None);
        if !matches!(self.state, LinkState::NeedsAuth | LinkState::Rejected) {
            self.state = LinkState::Closed;
        }
    }
}
