//! One link of a hub, from its first frame to its last.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use trellis_core::input::Guests;
use trellis_core::link::message::{Form, Frame, Hello, RepoTag, TroubleCode};

use super::shelf::Lease;
use super::tally::Counted;
use super::{Inner, first, short};
use crate::error::{Code, TrellisError};
use crate::link::{Entrance, Link, Welcome};
use crate::server::{Arrived, Newcomer};
use crate::transport::Connection;

/// How often what a link has carried is counted, beside when both sides first have the same.
const COUNT: Duration = Duration::from_secs(5);

/// Handles a connection.
pub(super) async fn run(hub: &Inner, arrived: Arrived) {
    // In a box that goes when the peer is in: a link that is open has no room for what came before it.
    let entered = Box::pin(receive(hub, arrived)).await;
    if let Some(Entered { visit, link, lease, newcomer }) = entered {
        visit.link(link, lease, newcomer).await;
    }
}

/// Hears what a peer wants; none where that is no repo of this hub.
async fn receive(hub: &Inner, arrived: Arrived) -> Option<Entered<'_>> {
    let Arrived { mut connection, tag: named, remote, newcomer, stop } = arrived;
    let counted = Counted::new(&hub.tally);
    let read = stop.run_until_cancelled(first::unproven(&mut connection)).await?;
    let asked = match read {
        Ok(Some(frame)) => first::hello(&frame).map(|hello| (hello, frame)),
        Ok(None) => {
            hub.tally.end(Some(Code::Offline));
            return None;
        }
        Err(code) => Err(code),
    };
    let visit = Visit { hub, remote, named, stop, counted };
    match asked {
        Ok((hello, frame)) => visit.enter(connection, hello, frame, newcomer).await,
        Err(code) => visit.refuse(connection, code, Form::Binary).await,
    }
}

/// A link to a repo that is here.
struct Entered<'a> {
    visit: Visit<'a>,
    link: Link,
    lease: Lease,
    newcomer: Newcomer,
}

/// What is known of a link from the start.
struct Visit<'a> {
    hub: &'a Inner,
    remote: SocketAddr,
    /// The repo that the URL names.
    named: Option<RepoTag>,
    stop: CancellationToken,
    counted: Counted<'a>,
}

impl<'a> Visit<'a> {
    async fn enter(
        self,
        connection: Connection,
        hello: Hello,
        first: Frame,
        newcomer: Newcomer,
    ) -> Option<Entered<'a>> {
        let is_one = self.named.is_none() || hello.tag.is_none() || self.named == hello.tag;
        let tag = hello.tag.or(self.named);
        let found = if is_one { self.hub.take(tag).await } else { Ok(None) };
        match found {
            Ok(Some(lease)) => {
                let entrance = Entrance { first, guests: self.guests(), gate: lease.gate() };
                let link = lease.repo().relay(connection, entrance);
                Some(Entered { visit: self, link, lease, newcomer })
            }
            Ok(None) => {
                tracing::info!(remote = %self.remote, repo = short(tag), code = "auth_failed", "no such repo");
                self.hub.tally.end(Some(Code::AuthFailed));
                let meeting = self.hub.door.meet(connection, tag, &hello, first.form());
                let _ = self.stop.run_until_cancelled(meeting).await;
                None
            }
            Err(error) => {
                tracing::warn!(remote = %self.remote, repo = short(tag), %error, "the repo is not served");
                self.refuse(connection, trouble_of(&error), first.form()).await
            }
        }
    }

    fn guests(&self) -> Guests {
        match self.hub.welcome {
            Welcome::Members => Guests::Members,
            Welcome::Anyone => Guests::Anyone,
        }
    }

    async fn refuse(self, connection: Connection, code: TroubleCode, form: Form) -> Option<Entered<'a>> {
        let word = code_of(code);
        tracing::info!(remote = %self.remote, code = word.as_str(), "turned away");
        self.hub.tally.end(Some(word));
        first::refuse(connection, code, form).await;
        None
    }

    async fn link(mut self, mut link: Link, lease: Lease, newcomer: Newcomer) {
        self.attend(&mut link, &lease, newcomer).await;
        let status = link.status();
        self.counted.add(status.carried);
        let failure = status.failure.as_ref().map(|failure| failure.code());
        self.hub.tally.end(failure);
        let (peer, seen) = (status.peer.map_or_else(String::new, |peer| peer.short()), self.counted.seen());
        tracing::info!(
            remote = %self.remote, %peer, repo = lease.short(), code = failure.map_or("none", Code::as_str),
            bytes_in = seen.bytes_in, bytes_out = seen.bytes_out, ops_in = seen.ops_in, ops_out = seen.ops_out,
            "link ended"
        );
        // In a box: few links have a repo that is closed with them.
        Box::pin(self.hub.shelf.put_back(lease)).await;
    }

    /// Looks after a link until it is over, or the server stops.
    async fn attend(&mut self, link: &mut Link, lease: &Lease, newcomer: Newcomer) {
        let (mut newcomer, mut is_joining) = (Some(newcomer), true);
        let mut beat = interval(COUNT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.stop.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    self.look(link, lease).await;
                    return link.end().await;
                }
                is_more = link.heard() => if !is_more { return },
                _ = beat.tick() => {}
            }
            if let Some(peer) = link.status().peer.filter(|_| newcomer.is_some()) {
                newcomer = None;
                self.counted.open();
                tracing::info!(remote = %self.remote, peer = peer.short(), repo = lease.short(), "peer connected");
            }
            if let Some(invitation) = link.status().joined_by.filter(|_| is_joining) {
                is_joining = false;
                tracing::info!(remote = %self.remote, invitation = invitation.short(), repo = lease.short(), "peer joined");
            }
            self.look(link, lease).await;
        }
    }

    async fn look(&mut self, link: &Link, lease: &Lease) {
        // A repo that does not answer ends its links, which says so.
        if let Ok(Some(progress)) = link.progress().await {
            self.counted.add(progress);
        }
        lease.look().await;
    }
}

/// What a peer is told where its repo cannot be had.
fn trouble_of(error: &TrellisError) -> TroubleCode {
    match error.code() {
        Code::QuotaExceeded => TroubleCode::QuotaExceeded,
        Code::RateLimited => TroubleCode::RateLimited,
        _ => TroubleCode::StorageFull,
    }
}

pub(super) fn code_of(trouble: TroubleCode) -> Code {
    match trouble {
        TroubleCode::RepoMismatch => Code::RepoMismatch,
        TroubleCode::NoProgress => Code::NoProgress,
        TroubleCode::QuotaExceeded => Code::QuotaExceeded,
        TroubleCode::RateLimited => Code::RateLimited,
        TroubleCode::StorageFull => Code::StorageFull,
        TroubleCode::Timeout => Code::Timeout,
        TroubleCode::AuthFailed => Code::AuthFailed,
        _ => Code::InvalidOp,
    }
}
