//! Sessions of peers that come by requests: each is kept for a while after its last request, so that a sync takes few.
//!
//! A session begins with a request whose first frame is the first `have` of one, and is forgotten when nothing came for a
//! while, when there are too many, or with the server. Then the peer is told so and begins anew: nothing is lost by it. Only
//! who is let in has one, so strangers take nobody's place.

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
use crate::driver::{Handle, LinkJob, Queues, ToSign};
use crate::error::{Code, TrellisError};
use crate::link::Welcome;
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

    /// The place of a session that there is, in use from now on.
    fn find(&self, name: &Name, now: Instant) -> Option<Arc<Slot>> {
        let slot = self.slots().get(name).cloned()?;
        slot.touch(now);
        Some(slot)
    }

    /// Takes the place of a session away.
    fn take(&self, name: &Name) -> Option<Arc<Slot>> {
        self.slots().remove(name)
    }

    /// Keeps a session that begins. Returns those that have to go for it: an earlier one of this name, and if there are too
    /// many the one that waited longest.
    fn put(&self, name: Name, slot: Arc<Slot>) -> Vec<Arc<Slot>> {
        let mut slots = self.slots();
        let earlier = slots.remove(&name);
        let longest = if slots.len() >= SESSIONS_MAX { longest_unused(&mut slots) } else { None };
        slots.insert(name, slot);
        earlier.into_iter().chain(longest).collect()
    }

    /// How much longer a session is kept if nothing comes. None where its time is over or another one has its place; then
    /// it has none any more.
    fn keep(&self, name: &Name, slot: &Arc<Slot>, now: Instant) -> Option<Duration> {
        let mut slots = self.slots();
        slots.get(name).filter(|known| Arc::ptr_eq(known, slot))?;
        let left = IDLE.saturating_sub(now.saturating_duration_since(slot.used_at()));
        if left.is_zero() {
            slots.remove(name);
        }
        Some(left).filter(|left| !left.is_zero())
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
    fn new(session: Option<Session>, now: Instant) -> Arc<Slot> {
        Arc::new(Slot { used_at: Mutex::new(now), session: tokio::sync::Mutex::new(session) })
    }

    fn touch(&self, now: Instant) {
        *self.used_at.lock().unwrap_or_else(PoisonError::into_inner) = now;
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
    let slot = match begins(&asked.frames) {
        true => begin(hub, name, &asked).await?,
        false => hub.exchanges.find(&name, Instant::now()).ok_or(Declined::Forgotten)?,
    };
    let mut place = slot.session.lock().await;
    let Some(mut session) = place.take().filter(|session| session.form == asked.form) else {
        return Err(Declined::Forgotten);
    };
    let (frames, end) = session.talk(hub, asked.frames).await.map_err(|error| declined(&error))?;
    let driver = session.lease.repo().driver().clone();
    slot.touch(Instant::now());
    let over = match end {
        None => {
            *place = Some(session);
            None
        }
        Some(code) => Some((Arc::clone(hub), session, code)),
    };
    Ok(Answered { frames, sign: Box::new(move |message| sign(driver, message, over).boxed()) })
}

/// Begins a session, in place of an earlier one of this peer.
async fn begin(hub: &Arc<Inner>, name: Name, asked: &Asked) -> Result<Arc<Slot>, Declined> {
    if let Some(earlier) = hub.exchanges.take(&name) {
        earlier.end(hub).await;
    }
    let slot = Slot::new(Some(Session::begin(hub, asked).await?), Instant::now());
    for gone in hub.exchanges.put(name, Arc::clone(&slot)) {
        gone.end(hub).await;
    }
    tokio::spawn(forget_unused(Arc::downgrade(hub), name, Arc::downgrade(&slot)));
    Ok(slot)
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
    let first = frames.first().filter(|frame| frame.kind() == Some(FrameKind::Have));
    matches!(first.map(Frame::read), Some(Ok(Message::Have(have))) if have.round <= 1)
}

/// Ends a session that nobody uses any more.
async fn forget_unused(hub: Weak<Inner>, name: Name, slot: Weak<Slot>) {
    while let (Some(hub), Some(slot)) = (hub.upgrade(), slot.upgrade()) {
        match hub.exchanges.keep(&name, &slot, Instant::now()) {
            Some(left) => {
                drop((hub, slot));
                sleep(left).await;
            }
            None => return slot.end(&hub).await,
        }
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
        let opened = driver.prove(proof, Queues::new(frames_to, events)).map_err(|error| declined(&error))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> Name {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&(number as u64).to_be_bytes());
        (Author(key), None)
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_session_is_kept_for_a_minute_after_its_last_request() {
        let (exchanges, start) = (Exchanges::default(), Instant::now());
        let slot = Slot::new(None, start);
        assert!(exchanges.put(name(1), Arc::clone(&slot)).is_empty());
        assert_eq!(exchanges.keep(&name(1), &slot, start + seconds(59)), Some(seconds(1)));
        assert!(exchanges.find(&name(1), start + seconds(59)).is_some());
        assert_eq!(exchanges.keep(&name(1), &slot, start + seconds(118)), Some(seconds(1)));
        assert_eq!(exchanges.keep(&name(1), &slot, start + seconds(119)), None);
        assert!(exchanges.find(&name(1), start + seconds(119)).is_none() && exchanges.slots().is_empty());
        // Another one that has begun meanwhile stays.
        let later = Slot::new(None, start + seconds(119));
        exchanges.put(name(1), Arc::clone(&later));
        assert_eq!(exchanges.keep(&name(1), &slot, start + seconds(500)), None);
        assert!(exchanges.find(&name(1), start + seconds(120)).is_some());
    }

    #[test]
    fn of_too_many_sessions_the_longest_unused_goes() {
        let (exchanges, start) = (Exchanges::default(), Instant::now());
        let at = |number: usize| start + Duration::from_millis(number as u64);
        for number in 0..SESSIONS_MAX {
            assert!(exchanges.put(name(number), Slot::new(None, at(number))).is_empty());
        }
        exchanges.find(&name(0), at(SESSIONS_MAX));
        let gone = exchanges.put(name(SESSIONS_MAX), Slot::new(None, at(SESSIONS_MAX)));
        assert_eq!(gone.iter().map(|slot| slot.used_at()).collect::<Vec<_>>(), [at(1)]);
        assert_eq!(exchanges.slots().len(), SESSIONS_MAX);
        assert!(exchanges.find(&name(0), at(0)).is_some() && exchanges.find(&name(1), at(0)).is_none());
        let again = exchanges.put(name(7), Slot::new(None, at(0)));
        assert_eq!((again.len(), exchanges.slots().len()), (1, SESSIONS_MAX), "it takes the place of its own");
    }

    #[test]
    fn who_only_asks_takes_no_place() {
        let exchanges = Exchanges::default();
        assert!(exchanges.find(&name(1), Instant::now()).is_none() && exchanges.slots().is_empty());
    }
}
