//! One connection of a link: frames from the peer go to the repo's driver, and what the repo says goes to the peer.

use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use trellis_core::input::{self, Command, Frame, Input, Joining, LinkId};
use trellis_core::link::frame::FrameKind;
use trellis_core::link::message::{Form, Message, Trouble};
use trellis_core::output::{Answer, TroubleCode};

use super::port::{Heard, LinkPort};
use super::status::Teller;
use super::tally::Tally;
use super::{Gate, Terms, explained, progress};
use crate::driver::{Handle, LinkJob, Port, random};
use crate::error::{Code, Result, TrellisError};
use crate::invitation::Invitation;
use crate::transport::{Connection, FrameReceiver, WeakFrameSender};

/// Frames of one link that wait for the driver: enough that it never waits, and a bound for whoever floods.
const WAITING_MAX: usize = 16;

/// What carries a connection.
pub(super) struct Pump<'a> {
    pub(super) driver: &'a Handle,
    pub(super) terms: Terms,
    pub(super) teller: &'a Arc<Teller>,
    /// What this side shows where it is no member yet.
    pub(super) invitation: Option<&'a Invitation>,
    pub(super) stop: &'a CancellationToken,
    /// What looks at frames before the repo does.
    pub(super) gate: Option<&'a dyn Gate>,
    /// Where what goes and comes is counted, if anybody asks.
    pub(super) tally: Option<&'a Arc<Tally>>,
}

/// How a connection ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// Why; nothing where it was closed on purpose.
    pub(super) failure: Option<TrellisError>,
    /// Whether the peers got as far as having the same.
    pub(super) has_progress: bool,
}

impl Ended {
    pub(super) fn failed(failure: TrellisError) -> Ended {
        Ended { failure: Some(failure), has_progress: false }
    }

    /// Whether dialling again is of no use.
    pub(super) fn is_final(&self) -> bool {
        let is_final = |code| {
            matches!(
                code,
                Code::AuthFailed
                    | Code::PermissionDenied
                    | Code::RepoMismatch
                    | Code::VersionMismatch
                    | Code::InvalidArgument
                    | Code::NotFound
            )
        };
        self.failure.as_ref().is_some_and(|failure| is_final(failure.code()))
    }

    /// Whether the peer did not let this side in.
    pub(super) fn is_refused(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.code() == Code::AuthFailed)
    }
}

impl Pump<'_> {
    /// Carries a connection to its end. `first` was read from it already.
    pub(super) async fn run(&self, connection: Connection, first: Option<Frame>) -> Ended {
        let Connection { origin, binding, sender, receiver } = connection;
        let back = sender.downgrade();
        let (end, ended) = oneshot::channel();
        let port = LinkPort {
            frames: Some(sender),
            teller: Arc::clone(self.teller),
            tally: self.tally.cloned(),
            is_told_once: self.gate.is_some(),
            heard: Heard::default(),
            end: Some(end),
        };
        // In a box, so that a link that is open has no room for its beginning.
        let begun = Box::pin(self.begin(origin, binding, Box::new(port))).await;
        let id = match begun {
            Ok(id) => id,
            Err(error) => return Ended::failed(error),
        };
        self.teller.send_modify(|status| status.id = Some(id));
        let work = async {
            let incoming = Incoming { first, receiver, back };
            let broken = self.read(id, incoming).await;
            ended.await.unwrap_or_default().ended(broken)
        };
        tokio::pin!(work);
        tokio::select! {
            ended = &mut work => self.explained(ended),
            () = self.stop.cancelled() => {
                let _ = self.tell(Input::HangUp(id));
                let ended = work.await;
                Ended { failure: None, ..ended }
            }
        }
    }

    /// Who showed an invitation is told that it was of no use.
    fn explained(&self, ended: Ended) -> Ended {
        match &ended.failure {
            Some(failure) if self.invitation.is_some() && failure.code() == Code::AuthFailed => {
                Ended::failed(not_taken())
            }
            _ => ended,
        }
    }

    async fn begin(&self, origin: String, binding: Vec<u8>, port: Box<dyn Port>) -> Result<LinkId> {
        let Terms { side, expected, guests, is_relay, interest } = self.terms.clone();
        let (nonce, joining) = (random()?, self.joining().await?);
        let connection =
            input::Connection { side, nonce, origin, binding, expected, guests, is_relay, interest, joining };
        self.driver.connect(connection, port)
    }

    /// The proof of the invitation, for the key that this replica has by now.
    async fn joining(&self) -> Result<Option<Joining>> {
        let Some(invitation) = self.invitation else { return Ok(None) };
        let status = match self.driver.run(Command::Status).await.map_err(explained)? {
            Answer::Status(status) => status,
            _ => return Ok(None),
        };
        match status.repo.is_some_and(|repo| repo != invitation.repo()) {
            true => Err(invitation.is_elsewhere()),
            false => Ok(Some(invitation.shown_by(&status.author))),
        }
    }

    fn tell(&self, input: Input) -> Result<()> {
        self.driver.tell_link(LinkJob { input, port: None, _room: None })
    }

    /// Gives the driver what comes; returns what broke the connection.
    async fn read(&self, id: LinkId, mut incoming: Incoming) -> Option<TrellisError> {
        let room = Arc::new(Semaphore::new(WAITING_MAX));
        let mut broken = None;
        while let Some(frame) = incoming.next().await {
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => {
                    broken = Some(error);
                    continue;
                }
            };
            if let Some(tally) = self.tally {
                tally.received(frame.len());
            }
            if let Err(code) = self.gate.map_or(Ok(()), |gate| gate.pass(&frame)) {
                incoming.refuse(code, frame.form());
                broken = Some(trouble(code));
                break;
            }
            if self.gate.is_some() && frame.kind() == Some(FrameKind::Bye) {
                self.take_stock(id, &room).await;
            }
            let room = Arc::clone(&room).acquire_owned().await.ok();
            let input = Input::Received(id, frame);
            if self.driver.tell_link(LinkJob { input, port: None, _room: room }).is_err() {
                break;
            }
        }
        self.take_stock(id, &room).await;
        let _ = self.tell(Input::Disconnected(id));
        broken
    }

    /// Notes what a relay's link has carried, once the driver has done all that came, for afterwards nobody knows.
    async fn take_stock(&self, id: LinkId, room: &Semaphore) {
        if self.gate.is_none() {
            return;
        }
        let _all = room.acquire_many(WAITING_MAX as u32).await;
        if let Ok(Some(progress)) = progress(self.driver, id).await {
            self.teller.send_modify(|status| status.carried = progress);
        }
    }
}

/// What comes from the peer, and the way to tell it that something may not pass.
struct Incoming {
    /// What was read before.
    first: Option<Frame>,
    receiver: FrameReceiver,
    /// Does not keep the way out open.
    back: WeakFrameSender,
}

impl Incoming {
    async fn next(&mut self) -> Option<Result<Frame>> {
        match self.first.take() {
            Some(frame) => Some(Ok(frame)),
            None => self.receiver.recv().await,
        }
    }

    fn refuse(&self, code: TroubleCode, form: Form) {
        let message = Message::Error(Trouble { code, retry_after: None });
        if let Ok(frame) = Frame::of(&message, form) {
            self.back.say(frame);
        }
    }
}

pub(super) fn lost() -> TrellisError {
    TrellisError::new(Code::Offline, "The connection to the peer was lost.")
}

fn not_taken() -> TrellisError {
    let message = "The peer does not take this invitation: it is used up, revoked or expired, or the peer does not have the \
                   repo or may not let anybody in. Ask for a new one, or dial another member.";
    TrellisError::new(Code::AuthFailed, message)
}

/// What a peer, or this replica, ended a link for.
pub(super) fn trouble(code: TroubleCode) -> TrellisError {
    let (code, message) = match code {
        TroubleCode::Malformed => (Code::InvalidOp, "The peer sent what is no message of the protocol."),
        TroubleCode::Version => {
            (Code::VersionMismatch, "The peer speaks no version of the protocol that is known here.")
        }
        TroubleCode::AuthFailed => (
            Code::AuthFailed,
            "The peer does not let this device in. Ask an owner of the repo to make it a member, or to invite it.",
        ),
        TroubleCode::RepoMismatch => (
            Code::RepoMismatch,
            "The peer has another repo, and two repos never merge. Clone its repo into a new folder instead.",
        ),
        TroubleCode::NoProgress => (Code::NoProgress, "The two replicas do not become equal, whatever they exchange."),
        TroubleCode::RateLimited => (Code::RateLimited, "The peer takes no more for now."),
        TroubleCode::QuotaExceeded => (Code::QuotaExceeded, "The repo has no more room at the peer."),
        TroubleCode::StorageFull => (Code::StorageFull, "The peer's disk is full, or fails."),
        TroubleCode::Timeout => (Code::Timeout, "The peer did not answer in time."),
    };
    TrellisError::new(code, message)
}
