//! Sessions of peers that come by requests: each is kept for a while after its last request, so that a sync takes few.
//!
//! A session begins with a request whose first frame is the first `have` of one, and is forgotten when nothing came for a
//! while, when there are too many, or with the server. Then the peer is told so and begins anew: nothing is lost by it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::sleep;
use trellis_core::input::{Command, Guests, Input, Interest, LinkId, Proof, Side};
use trellis_core::link::frame::FrameKind;
use trellis_core::link::message::{Form, Frame, Message, RepoTag, Trouble};
use trellis_core::op::id::Author;
use trellis_core::op::sign::Signature;
use trellis_core::output::{Answer, LinkEvent, Progress};

use super::shelf::Lease;
use super::tally::Counted;
use super::visit::code_of;
use super::{Inner, short};
use crate::driver::{Handle, LinkJob, Port, ToSign};
use crate::error::{Code, TrellisError};
use crate::link::{Welcome, kind};
use crate::server::{Answered, Asked, Declined};

/// How long a session is kept after its last request.
const IDLE: Duration = Duration::from_secs(60);
/// Sessions at a time. With one more the one that waited longest is forgotten.
const SESSIONS_MAX: usize = 256;

/// Whose session it is, and by which path.
type Name = (Author, Option<RepoTag>);

/// The sessions of a hub.
#[derive(Debug, Default)]
pub(super) struct Exchanges(Mutex<BTreeMap<Name, Arc<Slot>>>);

/// The place of a session. Its requests take turns.
#[derive(Debug)]
struct Slot {
    used_at: Mutex<Instant>,
    session: tokio::sync::Mutex<Option<Session>>,
}

#[derive(Debug)]
struct Session {
    lease: Lease,
    link: LinkId,
    form: Form,
    frames: UnboundedReceiver<Frame>,
    news: UnboundedReceiver<LinkEvent>,
    seen: Progress,
}

impl Exchanges {
    fn slots(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<Slot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of a session; the one that has to go for it, if there are too many.
    fn slot(&self, name: Name) -> (Arc<Slot>, Option<Arc<Slot>>) {
        let mut slots = self.slots();
        let is_full = slots.len() >= SESSIONS_MAX && !slots.contains_key(&name);
        let gone = if is_full { longest_unused(&mut slots) } else { None };
        let slot = slots.entry(name).or_insert_with(|| Arc::new(Slot::new()));
        slot.touch();
        (Arc::clone(slot), gone)
    }

    /// Ends all sessions.
    pub(super) async fn close(&self, hub: &Inner) {
        let slots = std::mem::take(&mut *self.slots());
        for slot in slots.into_values() {
            slot.end(hub).await;
        }
    }

    /// Ends the session that waited longest; false where there is none.
    pub(super) async fn make_room(&self, hub: &Inner) -> bool {
        let gone = longest_unused(&mut self.slots());
        match gone {
            Some(slot) => slot.end(hub).await,
            None => return false,
        }
        true
    }
}

fn longest_unused(slots: &mut BTreeMap<Name, Arc<Slot>>) -> Option<Arc<Slot>> {
    let is_idle = |slot: &Arc<Slot>| slot.session.try_lock().is_ok();
    let idle = slots.iter().filter(|(_, slot)| is_idle(slot));
    let name = *idle.min_by_key(|(_, slot)| slot.used_at()).map(|(name, _)| name)?;
    slots.remove(&name)
}

impl Slot {
    fn new() -> Slot {
        Slot { used_at: Mutex::new(Instant::now()), session: tokio::sync::Mutex::default() }
    }

    fn touch(&self) {
        *self.used_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn used_at(&self) -> Instant {
        *self.used_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn end(&self, hub: &Inner) {
        if let Some(session) = self.session.lock().await.take() {
            session.end(hub, None).await;
        }
    }
}

/// Answers a request.
pub(super) async fn exchange(hub: &Arc<Inner>, asked: Asked) -> Result<Answered, Declined> {
    let name = (asked.peer, asked.tag);
    let (slot, gone) = hub.exchanges.slot(name);
    if let Some(gone) = gone {
        gone.end(hub).await;
    }
    let mut place = slot.session.lock().await;
    if begins(&asked.frames) {
        if let Some(old) = place.take() {
            old.end(hub, None).await;
        }
        *place = Some(Session::begin(hub, &asked).await?);
        tokio::spawn(forget_unused(Arc::downgrade(hub), name, Arc::downgrade(&slot)));
    }
    let Some(mut session) = place.take().filter(|session| session.form == asked.form) else {
        return Err(Declined::Forgotten);
    };
    let (frames, end) = session.talk(hub, asked.frames).await.map_err(|error| declined(&error))?;
    let driver = session.lease.repo().driver().clone();
    slot.touch();
    let over = match end {
        None => {
            *place = Some(session);
            None
        }
        Some(code) => Some((Arc::clone(hub), session, code)),
    };
    Ok(Answered { frames, sign: Box::new(move |message| sign(driver, message, over).boxed()) })
}

/// Signs an answer. Only then a session that is over lets go of its repo, which may be closed with that.
async fn sign(
    driver: Handle,
    message: ToSign,
    over: Option<(Arc<Inner>, Session, Option<Code>)>,
) -> Result<(Author, Signature), TrellisError> {
    let signed = driver.sign(message).await;
    if let Some((hub, session, code)) = over {
        session.end(&hub, code).await;
    }
    signed
}

/// Whether a session begins with these frames.
fn begins(frames: &[Frame]) -> bool {
    let first = frames.first().filter(|frame| kind(frame) == Some(FrameKind::Have));
    matches!(first.map(Frame::read), Some(Ok(Message::Have(have))) if have.round <= 1)
}

/// Ends a session that nobody uses any more.
async fn forget_unused(hub: Weak<Inner>, name: Name, slot: Weak<Slot>) {
    loop {
        let Some(used_at) = slot.upgrade().map(|slot| slot.used_at()) else { return };
        let left = IDLE.saturating_sub(used_at.elapsed());
        if !left.is_zero() {
            sleep(left).await;
            continue;
        }
        let (Some(hub), Some(slot)) = (hub.upgrade(), slot.upgrade()) else { return };
        let is_same = |known: &Arc<Slot>| Arc::ptr_eq(known, &slot);
        {
            let mut slots = hub.exchanges.slots();
            if slots.get(&name).is_some_and(is_same) {
                slots.remove(&name);
            }
        }
        return slot.end(&hub).await;
    }
}

impl Session {
    async fn begin(hub: &Inner, asked: &Asked) -> Result<Session, Declined> {
        let lease = match hub.take(asked.tag).await {
            Ok(Some(lease)) => lease,
            // What is not here looks like what is closed.
            Ok(None) => return Err(Declined::NotLetIn),
            Err(error) => return Err(declined(&error)),
        };
        let guests = match hub.welcome {
            Welcome::Members => Guests::Members,
            Welcome::Anyone => Guests::Anyone,
        };
        let (frames_to, frames) = unbounded_channel();
        let (events, news) = unbounded_channel();
        let (peer, tag, form) = (Some(asked.peer), asked.tag, asked.form);
        let proof = Proof { side: Side::Responder, peer, tag, guests, form, interest: Interest::default() };
        let driver = lease.repo().driver();
        let opened = driver.prove(proof, Port { frames: frames_to, events }).map_err(|error| declined(&error))?;
        driver.settled().await.map_err(|error| declined(&error))?;
        let mut session = Session { lease, link: opened, form, frames, news, seen: Progress::default() };
        match session.hear() {
            None => {
                tracing::info!(remote = %asked.remote, peer = asked.peer.short(), repo = short(tag), "peer asks");
                Ok(session)
            }
            Some(code) => {
                session.end(hub, code).await;
                Err(refused(code))
            }
        }
    }

    /// Gives the repo what came, and returns what it says and, where the session is over, why.
    async fn talk(
        &mut self,
        hub: &Inner,
        frames: Vec<Frame>,
    ) -> Result<(Vec<Frame>, Option<Option<Code>>), TrellisError> {
        let driver = self.lease.repo().driver().clone();
        let gate = self.lease.gate();
        let mut stopped = None;
        for frame in frames {
            if let Err(code) = gate.pass(&frame) {
                stopped = Some(code);
                break;
            }
            tell(&driver, Input::Received(self.link, frame))?;
        }
        driver.settled().await?;
        self.count(hub).await;
        self.lease.look().await;
        let mut said = Vec::new();
        while let Ok(frame) = self.frames.try_recv() {
            said.push(frame);
        }
        let over = match stopped {
            Some(code) => {
                said.extend(Frame::of(&Message::Error(Trouble { code, retry_after: None }), self.form));
                Some(Some(code_of(code)))
            }
            None => self.hear(),
        };
        Ok((said, over))
    }

    /// Why the session is over, if it is.
    fn hear(&mut self) -> Option<Option<Code>> {
        while let Ok(event) = self.news.try_recv() {
            if let LinkEvent::Closed(code) = event {
                return Some(code.map(code_of));
            }
        }
        // A driver that fails drops every port.
        self.news.is_closed().then_some(Some(Code::Aborted))
    }

    async fn count(&mut self, hub: &Inner) {
        let asked = self.lease.repo().driver().run(Command::Links).await;
        let Ok(Answer::Links(links)) = asked else { return };
        let progress = links.into_iter().find(|link| link.link == self.link).and_then(|link| link.progress);
        let mut counted = Counted::again(&hub.tally, self.seen);
        counted.add(progress.unwrap_or_default());
        self.seen = counted.seen();
    }

    async fn end(self, hub: &Inner, failure: Option<Code>) {
        // A driver that is gone has no links.
        let _ = tell(self.lease.repo().driver(), Input::Disconnected(self.link));
        hub.tally.end(failure);
        hub.shelf.put_back(self.lease).await;
    }
}

fn tell(driver: &Handle, input: Input) -> Result<(), TrellisError> {
    driver.tell_link(LinkJob { input, port: None, _room: None })
}

fn declined(error: &TrellisError) -> Declined {
    match error.code() {
        Code::QuotaExceeded => Declined::Full,
        Code::RateLimited => Declined::Busy,
        _ => Declined::Trouble,
    }
}

fn refused(code: Option<Code>) -> Declined {
    match code {
        Some(Code::AuthFailed) => Declined::NotLetIn,
        Some(Code::RepoMismatch) => Declined::OtherRepo,
        _ => Declined::Trouble,
    }
}
