//! Many clients of one server, in a process of their own: each proves a key of its own, and all say what one replica would.
//!
//! What a replica answers to a frame is worked out once, by a machine, and then said by every client that gets the same
//! frame. So a thousand clients cost little more than their sockets. Those of the bare server find their answers in the
//! same way, so that they are as fast.

use std::collections::HashMap;
use std::io::{BufRead, stdin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use ed25519_dalek::Signer;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use trellis_core::input::{self, Command, Guests, Input, Interest, LinkId, Side};
use trellis_core::link::frame::FrameKind;
use trellis_core::link::handshake::{Handshake, Next};
use trellis_core::link::message::{Form, Message, RepoTag};
use trellis_core::link::ops::decode_ops;
use trellis_core::machine::KeyUse;
use trellis_core::time::Millis;
use trellis_sync::transport::ws::{ConnectOptions, connect};
use trellis_sync::transport::{Connection, Frame};
use trellis_tests::host::{MemoryHost, author_of, test_key};

use super::crowd::allow_files;
use crate::pair::Pair;

/// Connections that are made at a time.
const AT_ONCE: usize = 16;
/// The first client's key, of test keys.
const FIRST_KEY: u64 = 10_000;

/// Connects, says so, and from then on says whenever all clients got a frame.
///
/// # Errors
/// What keeps the clients from the server, or arguments that mean nothing.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let [url, kind, detail, count, steps] = args else {
        bail!("clients need a URL, what they say, and how many they are")
    };
    let (count, steps): (usize, usize) = (count.parse()?, steps.parse()?);
    allow_files(2 * count as u64)?;
    let manners = match kind.as_str() {
        "repo" => Manners::Repo(Box::new(Model::open(detail)?)),
        _ => Manners::Bare(detail.parse()?),
    };
    let answers = Arc::new(Mutex::new(Answers { manners, known: HashMap::new() }));
    Builder::new_current_thread().enable_all().build()?.block_on(gather(url, answers, count, steps))
}

/// What clients say.
enum Manners {
    /// What a replica of the repo says.
    Repo(Box<Model>),
    /// So many bytes in answer to each frame.
    Bare(usize),
}

/// What all clients answer.
struct Answers {
    manners: Manners,
    /// To frames that came before.
    known: HashMap<Vec<u8>, Vec<Frame>>,
}

type SharedAnswers = Arc<Mutex<Answers>>;

fn lock(answers: &SharedAnswers) -> MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A frame that a client got: its bytes, and those of the answer.
type Heard = [usize; 2];

async fn gather(url: &str, answers: SharedAnswers, count: usize, steps: usize) -> Result<()> {
    let (heard, mut hearing) = unbounded_channel();
    let mut next = 0;
    for step in 1..=steps {
        let mut connecting = FuturesUnordered::new();
        while next < count / steps * step || !connecting.is_empty() {
            if next < count / steps * step && connecting.len() < AT_ONCE {
                connecting.push(client(url, Arc::clone(&answers), FIRST_KEY + next as u64, heard.clone()));
                next += 1;
            } else {
                connecting.next().await.transpose()?;
            }
        }
        println!("ready {next}");
        tokio::task::spawn_blocking(|| stdin().lock().read_line(&mut String::new())).await??;
    }
    loop {
        let mut last = [0, 0];
        for _ in 0..next {
            last = hearing.recv().await.context("all clients are gone")?;
        }
        println!("got {} {}", last[0], last[1]);
    }
}

/// Connects one client, which goes on by itself.
async fn client(url: &str, answers: SharedAnswers, key: u64, heard: UnboundedSender<Heard>) -> Result<()> {
    let mut connection = connect(url, &ConnectOptions::default()).await?;
    let begin = match &lock(&answers).manners {
        Manners::Repo(model) => Some((model.tag, model.first.clone())),
        Manners::Bare(_) => None,
    };
    if let Some((tag, first)) = begin {
        shake(&mut connection, key, tag).await?;
        for frame in first {
            connection.sender.send(frame).await?;
        }
        let frame = connection.receiver.recv().await.context("the server has gone")??;
        answer(&connection, &answers, frame, &heard).await?;
    }
    tokio::spawn(async move {
        while let Some(Ok(frame)) = connection.receiver.recv().await {
            if answer(&connection, &answers, frame, &heard).await.is_err() {
                break;
            }
        }
    });
    Ok(())
}

/// Proves a key.
async fn shake(connection: &mut Connection, key: u64, tag: RepoTag) -> Result<()> {
    let key = test_key(key);
    let mut nonce = [1; 32];
    nonce[..8].copy_from_slice(&key.to_bytes()[..8]);
    let told = input::Connection {
        side: Side::Initiator,
        nonce,
        origin: connection.origin.clone(),
        binding: connection.binding.clone(),
        expected: None,
        guests: Guests::Anyone,
        is_relay: false,
        interest: Interest::default(),
        joining: None,
    };
    let mut handshake = Handshake::new(told, author_of(&key));
    let hello = handshake.hello(Some(tag)).context("an initiator speaks first")?;
    connection.sender.send(Frame::of(&Message::Hello(hello), Form::Binary)?).await?;
    let frame = connection.receiver.recv().await.context("the server has gone")??;
    let Message::Welcome(welcome) = frame.read()? else { bail!("a hello is answered by a welcome") };
    let Ok(Next::Sign(message)) = handshake.on_welcome(&welcome) else { bail!("the server proves its key") };
    let (auth, _) = handshake.auth(key.sign(&message).to_bytes()).context("there is something to prove")?;
    Ok(connection.sender.send(Frame::of(&Message::Auth(auth), Form::Binary)?).await?)
}

async fn answer(
    connection: &Connection,
    answers: &SharedAnswers,
    frame: Frame,
    heard: &UnboundedSender<Heard>,
) -> Result<()> {
    let bytes = frame.len();
    let (has_ops, answers) = lock(answers).answer(frame);
    if has_ops {
        heard.send([bytes, answers.iter().map(Frame::len).sum()])?;
    }
    for answer in answers {
        connection.sender.send(answer).await?;
    }
    Ok(())
}

/// A replica that has shaken hands.
struct Model {
    tag: RepoTag,
    /// What it says first.
    first: Vec<Frame>,
    host: MemoryHost,
    link: LinkId,
}

impl Model {
    /// One that has the ops of this file.
    fn open(path: &str) -> Result<Model> {
        let batch = decode_ops(&std::fs::read(path)?)?;
        let now = Millis(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64);
        let mut host = MemoryHost::open(FIRST_KEY - 1, Vec::new(), now, KeyUse::Own);
        host.run(Command::Import(batch.ops))?;
        let other = MemoryHost::open(FIRST_KEY - 2, host.rows.clone(), now, KeyUse::Own);
        let mut pair = Pair { sides: [host, other], links: 0 };
        pair.connect();
        let first = pair.run_until_said(FrameKind::Have);
        ensure!(!first.is_empty(), "a replica says what it has");
        let [host, _] = pair.sides;
        Ok(Model { tag: RepoTag::of(&batch.repo), first, host, link: LinkId(pair.links) })
    }

    /// What it answers.
    fn answer(&mut self, bytes: Vec<u8>) -> Vec<Frame> {
        self.host.give(Input::Received(self.link, Frame::Binary(bytes)));
        std::mem::take(&mut self.host.sent).into_iter().filter_map(|(_, frame)| frame).collect()
    }
}

impl Answers {
    /// What is answered, and whether the frame has ops.
    fn answer(&mut self, frame: Frame) -> (bool, Vec<Frame>) {
        let Frame::Binary(bytes) = frame else { return (false, Vec::new()) };
        let is_ops = bytes.first().is_some_and(|code| FrameKind::from_code(*code) == Some(FrameKind::Ops));
        let has_ops = is_ops || matches!(self.manners, Manners::Bare(_));
        if let Some(answers) = self.known.get(&bytes) {
            return (has_ops, answers.clone());
        }
        let answers = match &mut self.manners {
            Manners::Repo(model) => model.answer(bytes.clone()),
            Manners::Bare(len) => vec![Frame::Binary(vec![8; *len])],
        };
        self.known.insert(bytes, answers.clone());
        (has_ops, answers)
    }
}
