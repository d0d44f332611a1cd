//! How a link stands, as a program sees it.

use std::sync::{Arc, OnceLock};

use tokio::sync::{broadcast, watch};
use trellis_core::input::LinkId;
use trellis_core::op::id::{Author, OpId};
pub use trellis_core::output::Progress;
use trellis_core::output::{LinkEvent, Nack};

use super::Presence;
use super::presence::WAITING_MAX;
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

/// Ops that a peer refuses, or gives no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nacked {
    /// How many, since the link began.
    pub ops: u64,
    /// Why, for the last of them: `invalid_op`, `permission_denied` or `not_fast_forward`.
    pub code: Code,
    /// With `not_fast_forward`, the head of the line that they do not continue.
    pub head: Option<OpId>,
}

/// Where a link's task tells what happens to it.
#[derive(Debug)]
pub(super) struct Teller {
    pub(super) status: watch::Sender<LinkStatus>,
    /// Where presence goes, once somebody listens.
    presence: OnceLock<broadcast::Sender<Presence>>,
}

impl Teller {
    /// One that nobody has been told anything of yet, and what there is to see.
    pub(super) fn new() -> (Arc<Teller>, watch::Receiver<LinkStatus>) {
        let (status, seen) = watch::channel(LinkStatus::default());
        (Arc::new(Teller { status, presence: OnceLock::new() }), seen)
    }

    /// What the peer says from now on and nobody keeps.
    pub(super) fn listen(&self) -> broadcast::Receiver<Presence> {
        self.presence.get_or_init(|| broadcast::Sender::new(WAITING_MAX)).subscribe()
    }

    /// Tells what the core says of the link while it goes on.
    pub(super) fn tell(&self, event: LinkEvent) {
        match event {
            LinkEvent::Opened { peer, is_relay } => self.send_modify(|status| status.open(peer, is_relay)),
            LinkEvent::Joined { invitation } => self.send_modify(|status| status.joined_by = Some(invitation)),
            LinkEvent::InSync => self.send_modify(|status| status.is_in_sync = true),
            LinkEvent::Nacked(nack) => self.send_modify(|status| status.nack(&nack)),
            // Where nobody listens it is lost.
            LinkEvent::Presence { topic, bytes } => {
                let _ = self.presence.get().map(|presence| presence.send(Presence { topic, bytes }));
            }
            LinkEvent::Closed(_) => {}
        }
    }

    /// Says how the link stands now.
    pub(super) fn send_modify(&self, change: impl FnOnce(&mut LinkStatus)) {
        self.status.send_modify(change);
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
    /// What the peer last refused, or gave no effect.
    pub nacked: Option<Nacked>,
    /// The public key of the invitation by which the peer became a member on this link, if it did.
    pub joined_by: Option<Author>,
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

    /// The peer refuses ops, or gives them no effect.
    pub(super) fn nack(&mut self, nack: &Nack) {
        let Some((_, reason)) = nack.ops.first() else { return };
        let ops = self.nacked.as_ref().map_or(0, |before| before.ops) + nack.ops.len() as u64;
        self.nacked = Some(Nacked { ops, code: Code::of(*reason), head: nack.head });
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
