//! Other engines that take in what is new in a story: the same writes by the same authors, in the same turns.

use std::time::Duration;

use anyhow::{Context, Result};
use automerge::transaction::Transactable;
use yrs::updates::decoder::Decode;
use yrs::{Map, ReadTxn, Transact};

use super::{Peer, Writes, actor, state_of, version, writes};
use crate::corpus::COLLECTION;
use crate::measure::worked;
use crate::story::{Run, Story};

/// A peer, and how long we may take at most in terms of its time.
pub(crate) type Rival = (Box<dyn Peer>, Option<f64>);

/// Every peer, fed with a story.
pub(crate) fn all(story: &Story) -> Result<Vec<Rival>> {
    let content = Content::of(story)?;
    let yrs = YrsTail::fed(&content)?;
    let automerge = AutomergeTail::fed(&content)?;
    Ok(vec![
        (Box::new(YrsApply { tail: yrs.clone(), update: Update::Merged }), Some(1.0)),
        (Box::new(YrsApply { tail: yrs, update: Update::Diff }), None),
        (Box::new(AutomergeApply { tail: automerge.clone(), way: Way::Changes }), Some(1.0 / 8.0)),
        (Box::new(AutomergeApply { tail: automerge, way: Way::Incremental }), None),
    ])
}

/// Writes of one author.
struct Turn<'a> {
    author: usize,
    writes: Writes<'a>,
}

struct Content<'a> {
    shared: Vec<Turn<'a>>,
    tail: Vec<Turn<'a>>,
}

impl<'a> Content<'a> {
    fn of(story: &'a Story) -> Result<Content<'a>> {
        let turns = |runs: &'a [Run]| -> Result<Vec<Turn<'a>>> {
            runs.iter().map(|run| Ok(Turn { author: run.author, writes: writes(&run.ops)? })).collect()
        };
        Ok(Content { shared: turns(&story.shared)?, tail: turns(&story.tail)? })
    }

    fn authors(&self) -> usize {
        self.shared.iter().chain(&self.tail).map(|turn| turn.author + 1).max().unwrap_or_default()
    }
}

/// A document with what is shared, and the tail in the two forms in which yrs sends it.
#[derive(Clone)]
struct YrsTail {
    base: Vec<u8>,
    diff: Vec<u8>,
    merged: Vec<u8>,
}

impl YrsTail {
    fn fed(content: &Content<'_>) -> Result<YrsTail> {
        let mut authors = YrsAuthors::new(content.authors());
        for turn in &content.shared {
            authors.write(turn)?;
        }
        let (base, known) =
            (state_of(authors.last(), &yrs::StateVector::default()), authors.last().transact().state_vector());
        let updates = content.tail.iter().map(|turn| authors.write(turn)).collect::<Result<Vec<_>>>()?;
        Ok(YrsTail { base, diff: state_of(authors.last(), &known), merged: yrs::merge_updates_v1(&updates)? })
    }
}

/// A document for each author, of which the last one that was written to has everything.
struct YrsAuthors {
    docs: Vec<yrs::Doc>,
    last: usize,
}

impl YrsAuthors {
    fn new(count: usize) -> YrsAuthors {
        YrsAuthors { docs: (1..=count as u64).map(yrs::Doc::with_client_id).collect(), last: 0 }
    }

    fn last(&self) -> &yrs::Doc {
        &self.docs[self.last]
    }

    /// Writes in one transaction, on top of everything; the update of it.
    fn write(&mut self, turn: &Turn<'_>) -> Result<Vec<u8>> {
        let doc = &self.docs[turn.author];
        if turn.author != self.last {
            let lacks = state_of(self.last(), &doc.transact().state_vector());
            doc.transact_mut().apply_update(yrs::Update::decode_v1(&lacks)?)?;
        }
        self.last = turn.author;
        let map = doc.get_or_insert_map(COLLECTION);
        let mut transaction = doc.transact_mut();
        for (key, text) in &turn.writes {
            map.insert(&mut transaction, *key, *text);
        }
        Ok(transaction.encode_update_v1())
    }
}

/// What is sent.
enum Update {
    /// What the other's state vector lacks, with every deletion that ever was.
    Diff,
    /// The updates of the transactions, merged.
    Merged,
}

struct YrsApply {
    tail: YrsTail,
    update: Update,
}

impl Peer for YrsApply {
    fn name(&self) -> String {
        let what = match self.update {
            Update::Diff => "diff",
            Update::Merged => "update",
        };
        format!("yrs {} apply {what}", version("yrs"))
    }

    fn merge(&mut self) -> Result<Duration> {
        let doc = yrs::Doc::with_client_id(u64::from(u32::MAX));
        doc.transact_mut().apply_update(yrs::Update::decode_v1(&self.tail.base)?)?;
        let update = match self.update {
            Update::Diff => &self.tail.diff,
            Update::Merged => &self.tail.merged,
        };
        let (time, applied) =
            worked(|| -> Result<()> { Ok(doc.transact_mut().apply_update(yrs::Update::decode_v1(update)?)?) });
        applied?;
        Ok(time)
    }
}

/// A document with what is shared, and the tail, a change for each turn.
#[derive(Clone)]
struct AutomergeTail {
    doc: automerge::AutoCommit,
    changes: Vec<Vec<u8>>,
    saved: Vec<u8>,
}

impl AutomergeTail {
    fn fed(content: &Content<'_>) -> Result<AutomergeTail> {
        let mut doc = automerge::AutoCommit::new().with_actor(actor(0));
        let map = doc.put_object(automerge::ROOT, COLLECTION, automerge::ObjType::Map)?;
        let write = |doc: &mut automerge::AutoCommit, turn: &Turn<'_>| -> Result<()> {
            doc.set_actor(actor(turn.author as u8 + 1));
            turn.writes.iter().try_for_each(|(key, text)| doc.put(&map, *key, *text))?;
            doc.commit().map(drop).context("a change that says something")
        };
        content.shared.iter().try_for_each(|turn| write(&mut doc, turn))?;
        let heads = doc.get_heads();
        let mut with_tail = doc.clone();
        content.tail.iter().try_for_each(|turn| write(&mut with_tail, turn))?;
        let changes = with_tail.get_changes(&heads).iter().map(|change| change.raw_bytes().to_vec()).collect();
        Ok(AutomergeTail { doc, changes, saved: with_tail.save_after(&heads) })
    }
}

/// How automerge takes what it receives.
enum Way {
    /// Changes, one after the other.
    Changes,
    /// An incremental save.
    Incremental,
}

struct AutomergeApply {
    tail: AutomergeTail,
    way: Way,
}

impl Peer for AutomergeApply {
    fn name(&self) -> String {
        let way = match self.way {
            Way::Changes => "apply changes",
            Way::Incremental => "load incremental",
        };
        format!("automerge {} {way}", version("automerge"))
    }

    fn merge(&mut self) -> Result<Duration> {
        let mut doc = self.tail.doc.clone();
        let (time, applied) = match self.way {
            Way::Changes => worked(|| -> Result<()> {
                let read = |bytes: &Vec<u8>| Ok(automerge::Change::try_from(bytes.as_slice())?);
                let changes = self.tail.changes.iter().map(read).collect::<Result<Vec<_>>>()?;
                Ok(doc.apply_changes(changes)?)
            }),
            Way::Incremental => worked(|| Ok(doc.load_incremental(&self.tail.saved).map(drop)?)),
        };
        applied?;
        Ok(time)
    }
}

/// The tail as loro exports it for somebody who has what is shared.
///
/// # Errors
/// What the engine reports.
pub(crate) fn loro_export(story: &Story) -> Result<Vec<u8>> {
    let content = Content::of(story)?;
    let docs: Vec<loro::LoroDoc> = (0..content.authors()).map(|_| loro::LoroDoc::new()).collect();
    for (doc, peer) in docs.iter().zip(1..) {
        doc.set_peer_id(peer)?;
    }
    let mut last = 0;
    let mut write = |turn: &Turn<'_>| -> Result<()> {
        let doc = &docs[turn.author];
        if turn.author != last {
            doc.import(&docs[last].export(loro::ExportMode::updates_owned(doc.oplog_vv()))?)?;
        }
        last = turn.author;
        super::write_loro(doc, &turn.writes)
    };
    content.shared.iter().try_for_each(&mut write)?;
    let known = content.shared.last().map(|turn| docs[turn.author].oplog_vv()).unwrap_or_default();
    content.tail.iter().try_for_each(&mut write)?;
    let all = content.tail.last().map_or(0, |turn| turn.author);
    Ok(docs[all].export(loro::ExportMode::updates_owned(known))?)
}
