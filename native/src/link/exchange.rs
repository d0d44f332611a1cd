//! A link without a connection: what the repo says goes in signed requests, and what the peer says comes in their answers.
//!
//! A request goes out as soon as there is something to say. In between the peer is asked whether it has news, with pauses
//! that grow. A peer that knows nothing of what went before says so, and the session begins anew.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use trellis_core::input::{Command, Form, Frame, Guests, Input, Interest, LinkId, Proof, RepoTag, Side};
use trellis_core::link::frame::FrameKind;
use trellis_core::op::id::Author;
use trellis_core::output::{Answer as Told, LinkEvent};

use super::explained;
use super::pump::{Ended, lost, trouble};
use super::status::Teller;
use super::tally::Tally;
use crate::driver::{Handle, LinkJob, Queues, random};
use crate::error::{Code, Result, TrellisError};
use crate::transport::exchange::signature::{Nonce, Params};
use crate::transport::exchange::{Answer, BODY_BYTES_MAX, BODY_FRAMES_MAX, Caller, room};

/// The first pause before a peer is asked for news, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// How long an answer is waited for once the link is to end.
const PARTING: Duration = Duration::from_secs(5);
/// How often in a row a session may begin anew.
const FORGOTTEN_MAX: u32 = 3;

/// What carries a link by requests.
pub(super) struct Exchange<'a> {
    pub(super) driver: &'a Handle,
    pub(super) caller: Caller,
    /// The key that has to answer, where it is known.
    pub(super) expected: Option<Author>,
    /// The branches that are synced.
    pub(super) interest: Interest,
    /// The key that answered before: what was remembered of it is of use if it answers again.
    pub(super) known: Option<Author>,
    pub(super) teller: &'a Teller,
    pub(super) stop: &'a CancellationToken,
    pub(super) tally: &'a Tally,
}

/// A session, as this side of it sees it.
struct Talk {
    id: LinkId,
    tag: Option<RepoTag>,
    peer: Option<Author>,
    frames: UnboundedReceiver<Frame>,
    news: UnboundedReceiver<LinkEvent>,
    /// What is to be said.
    waiting: VecDeque<Frame>,
    has_progress: bool,
}

/// How a session ended.
enum Over {
    /// On purpose.
    Done,
    /// For this reason.
    Failed(TrellisError),
    /// The peer does not know of it.
    Forgotten,
}

impl Exchange<'_> {
    /// Carries the link to its end.
    pub(super) async fn run(mut self) -> Ended {
        let (mut has_progress, mut forgotten) = (false, 0);
        loop {
            let (over, progress) = match self.open().await {
                Ok(mut talk) => {
                    let over = self.carry(&mut talk).await.unwrap_or_else(Over::Failed);
                    let _ = self.tell(Input::Disconnected(talk.id));
                    (over, talk.has_progress)
                }
                Err(error) => (Over::Failed(error), false),
            };
            has_progress |= progress;
            forgotten = if progress { 0 } else { forgotten + 1 };
            let failure = match over {
                Over::Forgotten if forgotten < FORGOTTEN_MAX => continue,
                Over::Forgotten => Some(lost()),
                Over::Failed(error) => Some(error),
                Over::Done => None,
            };
            return Ended { failure, has_progress };
        }
    }

    async fn open(&self) -> Result<Talk> {
        let status = self.driver.run(Command::Status).await.map_err(explained)?;
        let tag = match status {
            Told::Status(status) => status.repo.map(|repo| RepoTag::of(&repo)),
            _ => None,
        };
        let (frames_to, frames) = unbounded_channel();
        let (events, news) = unbounded_channel();
        let peer = self.expected.or(self.known);
        let proof = Proof {
            side: Side::Initiator,
            peer,
            tag,
            guests: Guests::Anyone,
            form: Form::Binary,
            interest: self.interest.clone(),
        };
        let id = self.driver.prove(proof, Queues::new(frames_to, events))?;
        self.driver.settled().await?;
        self.teller.send_modify(|status| status.id = Some(id));
        Ok(Talk { id, tag, peer, frames, news, waiting: VecDeque::new(), has_progress: false })
    }

    async fn carry(&mut self, talk: &mut Talk) -> Result<Over> {
        let mut pause = PAUSE_MIN;
        loop {
            let stop = self.stop;
            let stopped = async move {
                stop.cancelled().await;
                sleep(PARTING).await;
            };
            tokio::select! {
                asked = self.ask(talk) => if let Some(over) = asked? { return Ok(over) },
                () = stopped => return Ok(Over::Done),
            }
            if let Some(over) = self.hear(talk) {
                return Ok(over);
            }
            if talk.has_more_to_say() {
                pause = PAUSE_MIN;
                continue;
            }
            self.caller.rest();
            tokio::select! {
                () = stop.cancelled() => return self.part(talk).await,
                frame = talk.frames.recv() => talk.waiting.extend(frame),
                () = sleep(pause) => {}
            }
            if let Some(over) = self.hear(talk) {
                return Ok(over);
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Says what waits, and takes what is answered.
    async fn ask(&mut self, talk: &mut Talk) -> Result<Option<Over>> {
        let frames = talk.take();
        self.tally.sent(frames.iter().map(room).sum());
        let draft = self.caller.draft(talk.tag, frames);
        let (head, created, nonce): (_, _, Nonce) = (draft.head.clone(), self.driver.now().0 / 1000, random()?);
        let params = move |key| Params { created, key, nonce: Some(nonce) };
        let message = move |key| head.unsigned(&params(key)).message();
        let (key, signature) = self.driver.sign(Box::new(message)).await?;
        match self.caller.send(draft, &params(key), &signature).await? {
            Answer::Forgotten => Ok(Some(Over::Forgotten)),
            Answer::Frames(key, frames) => self.take(talk, key, frames).await,
        }
    }

    async fn take(&mut self, talk: &mut Talk, key: Author, frames: Vec<Frame>) -> Result<Option<Over>> {
        match talk.peer {
            None => self.tell(Input::PeerKnown(talk.id, key))?,
            Some(peer) if peer == key => {}
            Some(_) if self.expected.is_some() => return Err(stranger()),
            Some(_) => {
                self.known = None;
                return Ok(Some(Over::Forgotten));
            }
        }
        (talk.peer, self.known) = (Some(key), Some(key));
        self.tally.received(frames.iter().map(room).sum());
        for frame in frames {
            self.tell(Input::Received(talk.id, frame))?;
        }
        self.driver.settled().await?;
        Ok(None)
    }

    /// Tells whoever looks at the link what the core says of it.
    fn hear(&self, talk: &mut Talk) -> Option<Over> {
        loop {
            match talk.news.try_recv() {
                Ok(LinkEvent::Closed(None)) => return Some(Over::Failed(lost())),
                Ok(LinkEvent::Closed(Some(code))) => return Some(Over::Failed(trouble(code))),
                Ok(event) => {
                    talk.has_progress |= event == LinkEvent::InSync;
                    self.teller.tell(event);
                }
                Err(tokio::sync::mpsc::error::TryRecvError::Empty) => return None,
                Err(_) => return Some(Over::Failed(lost())),
            }
        }
    }

    /// Says what is left to say, if that is more than a goodbye.
    async fn part(&mut self, talk: &mut Talk) -> Result<Over> {
        self.tell(Input::HangUp(talk.id))?;
        self.driver.settled().await?;
        if talk.has_more_to_say() {
            // What does not go out now goes out with the next link.
            let _ = tokio::time::timeout(PARTING, self.ask(talk)).await;
        }
        Ok(Over::Done)
    }

    fn tell(&self, input: Input) -> Result<()> {
        self.driver.tell_link(LinkJob { input, port: None, _room: None })
    }
}

impl Talk {
    /// Whether something waits that is worth a request of its own.
    fn has_more_to_say(&mut self) -> bool {
        self.gather();
        let is_idle_word =
            |frame: &Frame| matches!(frame.kind(), Some(FrameKind::Ping | FrameKind::Pong | FrameKind::Bye));
        self.waiting.iter().any(|frame| !is_idle_word(frame))
    }

    /// What goes into the next request.
    fn take(&mut self) -> Vec<Frame> {
        self.gather();
        let (mut frames, mut bytes) = (Vec::new(), 0);
        while let Some(frame) = self.waiting.pop_front() {
            bytes += room(&frame);
            if bytes > BODY_BYTES_MAX || frames.len() == BODY_FRAMES_MAX {
                self.waiting.push_front(frame);
                break;
            }
            frames.push(frame);
        }
        frames
    }

    fn gather(&mut self) {
        while let Ok(frame) = self.frames.try_recv() {
            self.waiting.push_back(frame);
        }
    }
}

fn stranger() -> TrellisError {
    TrellisError::new(Code::AuthFailed, "Another key than the expected one answered for the peer.")
}
