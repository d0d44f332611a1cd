//! The sync protocols of other engines: automerge's with and without a state kept from the last time, and yrs's exchange
//! of state vectors.

use anyhow::{Context, Result};
use automerge::sync::{State, SyncDoc};
use automerge::transaction::Transactable;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Map, ReadTxn, Transact};

use super::{state_of, version, write_yrs, writes};
use crate::corpus::COLLECTION;
use crate::story::{Run, Story};
use crate::table::{Apart, Cost, Syncing};

/// Every engine, fed with the shared part of a story.
///
/// # Errors
/// What an engine reports.
pub(crate) fn all(story: &Story) -> Result<Vec<Box<dyn Syncing>>> {
    let automerge = Automerge::fed(story)?;
    Ok(vec![
        Box::new(Automerge { knows_the_other: false, ..automerge.clone() }),
        Box::new(automerge),
        Box::new(Yrs::fed(story)?),
    ])
}

/// The number of the device that writes on a side.
const DEVICES: [usize; 2] = [100_001, 100_002];

/// What each side writes when they come apart, and by which device.
fn tails(apart: Apart) -> [(usize, usize); 2] {
    match apart {
        Apart::Wrote([one, other]) => [(DEVICES[0], one), (DEVICES[1], other)],
        Apart::Late(count) => [(DEVICES[0], 0), (DEVICES[1], count)],
        Apart::Forked(count) => [(DEVICES[0], count), (DEVICES[0], count)],
    }
}

/// The key of a side's write with this number.
fn key(side: usize, number: usize) -> String {
    format!("{}-{number}", ["one", "other"][side])
}

fn half(story: &Story) -> &[Run] {
    &story.shared[..story.shared.len() / 2]
}

#[derive(Clone)]
struct Automerge {
    knows_the_other: bool,
    whole: automerge::AutoCommit,
    half: automerge::AutoCommit,
    map: automerge::ObjId,
}

impl Automerge {
    fn fed(story: &Story) -> Result<Automerge> {
        let mut whole = automerge::AutoCommit::new().with_actor(actor(0));
        let map = whole.put_object(automerge::ROOT, COLLECTION, automerge::ObjType::Map)?;
        let half = half(story).len();
        feed(&mut whole, &map, &story.shared[..half])?;
        let at_half = whole.clone();
        feed(&mut whole, &map, &story.shared[half..])?;
        Ok(Automerge { knows_the_other: true, whole, half: at_half, map })
    }

    fn together(&self, apart: Apart) -> [automerge::AutoCommit; 2] {
        match apart {
            Apart::Late(_) => [self.half.clone(), self.half.clone()],
            _ => [self.whole.clone(), self.whole.clone()],
        }
    }

    fn part(&self, docs: &mut [automerge::AutoCommit; 2], apart: Apart) -> Result<()> {
        for (side, (doc, (device, count))) in docs.iter_mut().zip(tails(apart)).enumerate() {
            doc.set_actor(actor(device));
            for number in 0..count {
                doc.put(&self.map, key(side, number), number as i64)?;
                doc.commit();
            }
        }
        if let Apart::Late(_) = apart {
            docs[0] = self.whole.clone();
        }
        Ok(())
    }
}

/// A change for each op.
fn feed(doc: &mut automerge::AutoCommit, map: &automerge::ObjId, runs: &[Run]) -> Result<()> {
    for run in runs {
        doc.set_actor(actor(run.author + 1));
        for (key, text) in writes(&run.ops)? {
            doc.put(map, key, text)?;
            doc.commit().context("a change that says something")?;
        }
    }
    Ok(())
}

fn actor(number: usize) -> automerge::ActorId {
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    automerge::ActorId::from(bytes.as_slice())
}

/// Sends messages until nobody has more to say.
fn exchange(docs: &mut [automerge::AutoCommit; 2], states: &mut [State; 2]) -> Result<Cost> {
    let (mut cost, mut from, mut idle) = (Cost::default(), 0, 0);
    while idle < 2 && cost.remark.is_none() {
        let message = docs[from].sync().generate_sync_message(&mut states[from]);
        let to = 1 - from;
        match message {
            None => idle += 1,
            Some(message) => {
                idle = 0;
                let ops: usize = message.changes.iter().map(<[u8]>::len).sum();
                let bytes = message.clone().encode();
                cost.flights += 1;
                cost.ops += ops;
                cost.talk += bytes.len().saturating_sub(ops);
                let message = automerge::sync::Message::decode(&bytes)?;
                let received = docs[to].sync().receive_sync_message(&mut states[to], message);
                cost.remark = received.err().map(|error| format!("fails: {error}"));
            }
        }
        from = to;
    }
    Ok(cost)
}

impl Syncing for Automerge {
    fn name(&self) -> String {
        let meeting = if self.knows_the_other { "again" } else { "first contact" };
        format!("automerge {}, {meeting}", version("automerge"))
    }

    fn sync(&mut self, apart: Apart) -> Result<Cost> {
        let mut docs = self.together(apart);
        let mut states = [State::new(), State::new()];
        if self.knows_the_other {
            exchange(&mut docs, &mut states)?;
            for state in &mut states {
                *state = State::decode(&state.encode())?;
            }
        }
        self.part(&mut docs, apart)?;
        let mut cost = exchange(&mut docs, &mut states)?;
        let [one, other] = &mut docs;
        if cost.remark.is_none() && one.get_heads() != other.get_heads() {
            cost.remark = Some("not equal".into());
        }
        Ok(cost)
    }
}

struct Yrs {
    whole: Vec<u8>,
    half: Vec<u8>,
}

impl Yrs {
    fn fed(story: &Story) -> Result<Yrs> {
        Ok(Yrs { whole: written(&story.shared)?, half: written(half(story))? })
    }
}

/// What all authors write, each in a document of its own, as one update: who saw whom changes no state vector.
fn written(runs: &[Run]) -> Result<Vec<u8>> {
    let authors = runs.iter().map(|run| run.author + 1).max().unwrap_or_default();
    let docs: Vec<yrs::Doc> = (1..=authors as u64).map(yrs::Doc::with_client_id).collect();
    for run in runs {
        write_yrs(&docs[run.author], &writes(&run.ops)?);
    }
    let updates: Vec<Vec<u8>> = docs.iter().map(|doc| state_of(doc, &yrs::StateVector::default())).collect();
    Ok(state_of(&loaded(&yrs::merge_updates_v1(&updates)?, 0)?, &yrs::StateVector::default()))
}

fn loaded(update: &[u8], device: usize) -> Result<yrs::Doc> {
    let doc = yrs::Doc::with_client_id(device as u64);
    apply(&doc, update)?;
    Ok(doc)
}

fn apply(doc: &yrs::Doc, update: &[u8]) -> Result<()> {
    Ok(doc.transact_mut().apply_update(yrs::Update::decode_v1(update)?)?)
}

impl Syncing for Yrs {
    fn name(&self) -> String {
        format!("yrs {}, state vectors", version("yrs"))
    }

    fn sync(&mut self, apart: Apart) -> Result<Cost> {
        let [first, other] = match apart {
            Apart::Late(_) => [&self.whole, &self.half],
            _ => [&self.whole, &self.whole],
        };
        let tails = tails(apart);
        let docs = [loaded(first, tails[0].0)?, loaded(other, tails[1].0)?];
        for (side, (doc, (_, count))) in docs.iter().zip(tails).enumerate() {
            let map = doc.get_or_insert_map(COLLECTION);
            for number in 0..count {
                map.insert(&mut doc.transact_mut(), key(side, number), number as i64);
            }
        }
        let vectors = docs.each_ref().map(|doc| doc.transact().state_vector());
        let diffs = [state_of(&docs[0], &vectors[1]), state_of(&docs[1], &vectors[0])];
        let talk = vectors.iter().map(|vector| vector.encode_v1().len()).sum();
        apply(&docs[0], &diffs[1])?;
        apply(&docs[1], &diffs[0])?;
        let lens = docs.each_ref().map(|doc| doc.get_or_insert_map(COLLECTION).len(&doc.transact()));
        let all = docs.iter().enumerate().map(|(at, doc)| lost(doc, 1 - at, tails[1 - at].1)).sum::<usize>();
        let remark = (all > 0 || lens[0] != lens[1]).then(|| format!("{all} writes lost"));
        Ok(Cost { flights: 3, talk, ops: diffs.iter().map(Vec::len).sum(), remark })
    }
}

/// How many of the other side's writes did not come.
fn lost(doc: &yrs::Doc, side: usize, count: usize) -> usize {
    let map = doc.get_or_insert_map(COLLECTION);
    let transaction = doc.transact();
    (0..count).filter(|number| map.get(&transaction, &key(side, *number)).is_none()).count()
}
