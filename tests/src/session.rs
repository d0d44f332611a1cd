//! Sync sessions that a seed chooses, between two machines wherever they run.
//!
//! The hosts, their stores and the wire are here; what differs is where a machine runs. Both sides write while they are
//! apart, link, lose the link, write on, begin anew from their stores, and link until nothing more is to be said.

mod edits;

use std::collections::BTreeSet;
use std::mem;

use serde_json::{Value, json};
use trellis_core::input::Frame;
use trellis_core::link::message::{Form, StateHash};
use trellis_core::op::hex;
use trellis_core::op::id::OpId;

use crate::dice::Dice;
use crate::plain_bytes::{marked, read};
use crate::plain_host::{PlainHost, marked_op};
use crate::plain_machine::{NotTaken, PlainMachine};
use crate::session::edits::{BRANCHES, Edits};

/// The keys of the two sides, and of somebody who writes for a while and is not there when they link.
const KEYS: [u64; 3] = [1, 2, 3];
/// How often the time goes on before two that do not come to have the same are given up.
const ROUNDS_MAX: usize = 40;
const STEP_MS: u64 = 600;
/// How far apart the clocks are, at most.
const SKEW_MS_MAX: usize = 3_000;

/// What a session came to.
#[derive(Debug, Default)]
pub struct Played {
    /// What each side's machine gave, in order.
    pub outputs: [Vec<Value>; 2],
    /// How many ops both have.
    pub ops: u64,
    /// How many conflicts are open.
    pub conflicts: usize,
    /// How many frames went over the link, either way.
    pub frames: usize,
}

/// Why a session is none that it should be.
pub type Flaw = String;

/// Plays the session of a seed with these machines, which are not open yet.
///
/// # Errors
/// [`Flaw`]: an input was not taken, something was refused, or the two do not come to have the same.
pub fn play(seed: u64, machines: [Box<dyn PlainMachine>; 2]) -> Result<Played, Flaw> {
    let mut dice = Dice::new(seed);
    let mut session = Session::new(&mut dice, machines)?;
    session.begin(&mut dice)?;
    for _ in 0..dice.below(3) {
        session.write_apart(&mut dice)?;
        session.link_and_cut(&mut dice)?;
        session.reopen_any(&mut dice)?;
    }
    session.write_apart(&mut dice)?;
    session.sync(&mut dice)?;
    session.compare()
}

/// What two playings of one session differ in; nothing if all that the machines gave is the same.
pub fn difference(wanted: &Played, played: &Played) -> Option<Flaw> {
    for (side, (wanted, played)) in wanted.outputs.iter().zip(&played.outputs).enumerate() {
        let pairs = wanted.iter().zip(played).enumerate();
        if let Some((at, (wanted, played))) = pairs.into_iter().find(|(_, (wanted, played))| wanted != played) {
            let what = if played["type"] == "send" { "frame" } else { "output" };
            return Some(format!("{what} {at} of side {side}: {}", apart(what, wanted, played)));
        }
        if wanted.len() != played.len() {
            return Some(format!("side {side} gives {} outputs, and not {}", played.len(), wanted.len()));
        }
    }
    None
}

struct Session {
    hosts: [PlainHost; 2],
    /// The number of the newest link.
    link: u64,
    /// Which side hears text, whatever the other says; none where both say bytes.
    hears_text: Option<usize>,
    /// How many events each side had before the newest link.
    events_before: [usize; 2],
    frames: usize,
}

fn taken<T>(outcome: Result<T, NotTaken>) -> Result<T, Flaw> {
    outcome.map_err(|why| format!("an input is not taken: {why:?}"))
}

/// Carries out a command that always has an answer.
fn ask(host: &mut PlainHost, command: Value) -> Result<Value, Flaw> {
    let reply = taken(host.run(command.clone()))?;
    match reply.get("problem") {
        Some(problem) => Err(format!("{command} is answered by {problem}")),
        None => Ok(reply["answer"].clone()),
    }
}

/// Brings all of a host's ops to another one.
fn bring(from: &mut PlainHost, to: &mut PlainHost) -> Result<(), Flaw> {
    let ops = ask(from, json!({ "type": "export", "known": [] }))?["ops"].take();
    let ops: Value = ops.as_array().expect("ops").iter().map(marked_op).collect();
    ask(to, json!({ "type": "import", "ops": ops })).map(|_| ())
}

fn has_repo(host: &mut PlainHost) -> Result<bool, Flaw> {
    Ok(ask(host, json!({ "type": "status" }))?["status"].get("repo").is_some())
}

impl Session {
    fn new(dice: &mut Dice, machines: [Box<dyn PlainMachine>; 2]) -> Result<Session, Flaw> {
        let [one, two] = machines;
        let mut hosts = [PlainHost::over(KEYS[0], one), PlainHost::over(KEYS[1], two)];
        for host in &mut hosts {
            host.kept = Some(Vec::new());
            host.now += dice.below(SKEW_MS_MAX) as u64;
            taken(host.open())?;
        }
        Ok(Session { hosts, link: 0, hears_text: None, events_before: [0; 2], frames: 0 })
    }

    /// One of them begins the repo. The other may have it before they first link, and somebody else may write in it.
    fn begin(&mut self, dice: &mut Dice) -> Result<(), Flaw> {
        let owner = dice.below(2);
        let nonce: Vec<u8> = (0..32).map(|_| dice.number() as u8).collect();
        ask(&mut self.hosts[owner], json!({ "type": "create", "name": "notes", "nonce": marked(&nonce) }))?;
        self.write(owner, 4, dice)?;
        if dice.chance(40) {
            let mut third = PlainHost::new(KEYS[2]);
            third.now += dice.below(SKEW_MS_MAX) as u64;
            bring(&mut self.hosts[owner], &mut third)?;
            let count = dice.below(6);
            Edits::new(dice).write(&mut third, count)?;
            let to = dice.below(2);
            bring(&mut third, &mut self.hosts[to])?;
        }
        if dice.chance(50) {
            let [one, two] = &mut self.hosts;
            let (from, to) = if owner == 0 { (one, two) } else { (two, one) };
            bring(from, to)?;
        }
        Ok(())
    }

    fn write_apart(&mut self, dice: &mut Dice) -> Result<(), Flaw> {
        for side in 0..2 {
            if has_repo(&mut self.hosts[side])? {
                self.write(side, 7, dice)?;
            }
        }
        Ok(())
    }

    /// Writes so often at most.
    fn write(&mut self, side: usize, count_max: usize, dice: &mut Dice) -> Result<(), Flaw> {
        let count = dice.below(count_max + 1);
        Edits::new(dice).write(&mut self.hosts[side], count)
    }

    /// Links the two; either dials.
    fn connect(&mut self, dice: &mut Dice) -> Result<(), Flaw> {
        self.link += 1;
        self.events_before = self.hosts.each_ref().map(|host| host.events.len());
        let dials = dice.below(2);
        // Who dials says bytes.
        self.hears_text = dice.chance(30).then_some(1 - dials);
        for side in [1 - dials, dials] {
            let nonce: Vec<u8> = (0..32).map(|_| dice.number() as u8).collect();
            let connection = json!({
                "isInitiator": side == dials, "nonce": marked(&nonce), "origin": "memory",
                "binding": marked(b"memory"), "isOpen": true,
            });
            let connected = json!({ "type": "connected", "link": self.link, "connection": connection });
            taken(self.hosts[side].give(connected))?;
        }
        Ok(())
    }

    /// Carries what both have sent, all of a side's at once; returns whether that was anything.
    fn carry(&mut self) -> Result<bool, Flaw> {
        let sent = self.hosts.each_mut().map(|host| mem::take(&mut host.sent));
        let is_any = sent.iter().any(|frames| !frames.is_empty());
        for (from, frames) in sent.into_iter().enumerate() {
            let to = 1 - from;
            let mut inputs = Vec::new();
            for (link, frame) in frames {
                if frame.is_null() {
                    return Err(format!("side {from} ends the link {link}: {:?}", self.hosts[from].events.last()));
                }
                self.frames += 1;
                inputs.push(json!({ "type": "received", "link": link, "frame": self.carried(to, &frame)? }));
            }
            if !inputs.is_empty() {
                taken(self.hosts[to].give_all(inputs))?;
            }
        }
        Ok(is_any)
    }

    /// A frame as a side hears it.
    fn carried(&self, to: usize, frame: &Value) -> Result<Value, Flaw> {
        let Some(hears_text) = self.hears_text else { return Ok(marked(&read(frame))) };
        let frame = match frame.as_str() {
            Some(text) => Frame::Text(text.into()),
            None => Frame::Binary(read(frame)),
        };
        let form = if to == hears_text { Form::Text } else { Form::Binary };
        let ids = self.hosts[1 - to].ids();
        let by_half = |half: &[u8; 16]| ids.iter().find(|id| id.0.starts_with(half)).copied();
        let message = frame.read_with(&by_half).map_err(|fault| format!("a frame is no message: {fault:?}"))?;
        Ok(match Frame::of(&message, form).map_err(|fault| format!("a message makes no frame: {fault:?}"))? {
            Frame::Text(text) => text.into(),
            Frame::Binary(bytes) => marked(&bytes),
        })
    }

    /// Links, carries some of what is said while both may write on, and loses the link with what is on its way.
    fn link_and_cut(&mut self, dice: &mut Dice) -> Result<(), Flaw> {
        self.connect(dice)?;
        for _ in 0..dice.below(8) {
            self.carry()?;
            let side = dice.below(2);
            if dice.chance(30) && has_repo(&mut self.hosts[side])? {
                self.write(side, 2, dice)?;
            }
        }
        self.cut()
    }

    fn cut(&mut self) -> Result<(), Flaw> {
        for host in &mut self.hosts {
            taken(host.give(json!({ "type": "disconnected", "link": self.link })))?;
            host.sent.clear();
        }
        Ok(())
    }

    /// A side may end and begin anew from its store.
    fn reopen_any(&mut self, dice: &mut Dice) -> Result<(), Flaw> {
        for host in &mut self.hosts {
            if dice.chance(25) {
                taken(host.open())?;
            }
        }
        Ok(())
    }

    /// Links, and lets time pass where nothing moves, until both say that they have the same.
    fn sync(&mut self, dice: &mut Dice) -> Result<(), Flaw> {
        self.connect(dice)?;
        for _ in 0..ROUNDS_MAX {
            while self.carry()? {}
            if (0..2).all(|side| self.is_in_sync(side)) {
                return Ok(());
            }
            for host in &mut self.hosts {
                host.now += STEP_MS;
                taken(host.give(json!({ "type": "tick" })))?;
            }
        }
        Err(format!("they do not come to have the same: {:?}", self.hosts.each_ref().map(|host| &host.events)))
    }

    /// Whether the last that a side told of the link is that both have the same.
    fn is_in_sync(&self, side: usize) -> bool {
        let told = self.hosts[side].events[self.events_before[side]..].iter();
        told.rev().find(|event| event["link"] == self.link).is_some_and(|event| event["type"] == "linkInSync")
    }

    /// Both have the same, and nothing was refused.
    fn compare(mut self) -> Result<Played, Flaw> {
        for host in &self.hosts {
            if let Some(event) =
                host.events.iter().find(|event| TROUBLE.contains(&event["type"].as_str().unwrap_or("")))
            {
                return Err(format!("there is trouble: {event}"));
            }
        }
        let [one, two] = &mut self.hosts;
        let (ours, theirs) = (picture(one)?, picture(two)?);
        if ours != theirs {
            return Err(format!("they show different things: {}", apart("", &ours, &theirs)));
        }
        let conflicts = BRANCHES.iter().map(|branch| ours[*branch]["conflicts"].as_array().map_or(0, Vec::len)).sum();
        let ops = ours["status"]["ops"].as_u64().expect("a number");
        let outputs = self.hosts.map(|host| host.kept.expect("it is to be kept"));
        Ok(Played { outputs, ops, conflicts, frames: self.frames })
    }
}

/// Events that tell of trouble.
const TROUBLE: [&str; 4] = ["linkNacked", "chainForked", "keyChanged", "corrupt"];

/// Everything that two who have the same answer alike.
fn picture(host: &mut PlainHost) -> Result<Value, Flaw> {
    let mut status = ask(host, json!({ "type": "status" }))?["status"].take();
    for own in ["author", "clockBehind"] {
        status.as_object_mut().expect("a status").remove(own);
    }
    let verified = ask(host, json!({ "type": "verify" }))?["report"]["corrupt"].take();
    if verified != json!([]) {
        return Err(format!("{verified} is corrupt"));
    }
    let ends = ask(host, json!({ "type": "chainEnds" }))?["ends"].as_array().expect("ends").clone();
    let ids = ends.iter().map(|end| OpId(hex::parse(end["id"].as_str().expect("an id")).expect("an id")));
    let state = hex::encode(&StateHash::of(ids.collect::<BTreeSet<_>>()).0);
    if let Some(remembered) = host.remembered.as_ref().filter(|remembered| remembered["ops"] == status["ops"])
        && remembered["state"] != *state
    {
        return Err(format!("the state {remembered} was remembered, and is {state}"));
    }
    let mut all = json!({ "state": state, "status": status, "ends": ends });
    let branches = all["status"]["branches"].as_array().expect("branches").clone();
    for branch in branches.iter().map(|branch| branch["name"].as_str().expect("a name")) {
        let entries = ask(host, json!({ "type": "entries", "branch": branch }))?["entities"].take();
        let conflicts = ask(host, json!({ "type": "conflicts", "branch": branch }))?["conflicts"].take();
        all[branch] = json!({ "entries": entries, "conflicts": conflicts });
    }
    let [branch, source] = BRANCHES;
    if all.get(source).is_some() {
        all["plan"] = ask(host, json!({ "type": "plan", "branch": branch, "source": source }))?["plan"].take();
    }
    Ok(all)
}

/// The first place in which two values differ, and what each has there.
fn apart(path: &str, one: &Value, two: &Value) -> String {
    let none = Value::Null;
    let inner = match (one, two) {
        (Value::Object(one), Value::Object(two)) => one
            .keys()
            .chain(two.keys())
            .map(|name| (name.clone(), one.get(name).unwrap_or(&none), two.get(name).unwrap_or(&none)))
            .find(|(_, one, two)| one != two),
        (Value::Array(one), Value::Array(two)) if one.len() == two.len() => {
            let pairs = one.iter().zip(two).enumerate();
            pairs.map(|(at, (one, two))| (at.to_string(), one, two)).find(|(_, one, two)| one != two)
        }
        _ => None,
    };
    match inner {
        Some((name, one, two)) => apart(&format!("{path}/{name}"), one, two),
        None => format!("{path} is {one} and {two}"),
    }
}
