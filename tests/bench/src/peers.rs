//! Other engines on equal content: the same writes, in the same order, by the same three authors.
//!
//! An op of ours that puts JSON into an entity is, in each of them, one assignment of the same text to a key of one
//! map. A peer starts with both documents loaded and merges the remote one's tail into the local one.

pub(crate) mod story;
pub(crate) mod sync;

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use automerge::transaction::Transactable;
use trellis_core::op::draft::SealedOp;
use trellis_core::op::header::Header;
use yrs::updates::decoder::Decode;
use yrs::{Map, ReadTxn, Transact};

use crate::corpus::COLLECTION;
use crate::measure::worked;
use crate::merge::Fork;

/// Writes that a peer commits together.
const COMMIT_OPS: usize = 1000;

/// An engine with a local and a remote document.
pub(crate) trait Peer {
    /// Its name and version, and how it merges.
    fn name(&self) -> String;

    /// How long it takes to merge the remote tail into a copy of the local document.
    ///
    /// # Errors
    /// What the engine reports.
    fn merge(&mut self) -> Result<Duration>;
}

/// Every peer, fed with the content of `fork`.
pub(crate) fn all(fork: &Fork) -> Result<Vec<Box<dyn Peer>>> {
    let content = Content::of(fork)?;
    Ok(vec![Box::new(Automerge::fed(&content)?), Box::new(Yrs::fed(&content)?), Box::new(Loro::fed(&content)?)])
}

type Writes<'a> = Vec<(&'a str, &'a str)>;

struct Content<'a> {
    shared: Writes<'a>,
    tails: [Writes<'a>; 2],
}

impl<'a> Content<'a> {
    fn of(fork: &'a Fork) -> Result<Content<'a>> {
        let [local, remote] = &fork.tails;
        Ok(Content { shared: writes(&fork.shared[1..])?, tails: [writes(local)?, writes(remote)?] })
    }
}

fn writes(ops: &[SealedOp]) -> Result<Writes<'_>> {
    let write = |op| write_of(op).context("an op without a text");
    ops.iter().map(write).collect()
}

fn write_of(op: &SealedOp) -> Option<(&str, &str)> {
    let key = Header::decode(&op.header).ok()?.key;
    Some((key, std::str::from_utf8(op.body.as_ref()?).ok()?))
}

struct Automerge {
    docs: [automerge::AutoCommit; 2],
}

impl Automerge {
    fn fed(content: &Content<'_>) -> Result<Automerge> {
        let mut shared = automerge::AutoCommit::new().with_actor(actor(0));
        let map = shared.put_object(automerge::ROOT, COLLECTION, automerge::ObjType::Map)?;
        let write = |doc: &mut automerge::AutoCommit, writes: &Writes<'_>| -> Result<()> {
            for chunk in writes.chunks(COMMIT_OPS) {
                chunk.iter().try_for_each(|(key, text)| doc.put(&map, *key, *text))?;
                doc.commit();
            }
            Ok(())
        };
        write(&mut shared, &content.shared)?;
        let mut docs = [shared.fork().with_actor(actor(1)), shared.fork().with_actor(actor(2))];
        for (doc, tail) in docs.iter_mut().zip(&content.tails) {
            write(doc, tail)?;
        }
        Ok(Automerge { docs })
    }
}

fn actor(number: u8) -> automerge::ActorId {
    automerge::ActorId::from([number; 32].as_slice())
}

impl Peer for Automerge {
    fn name(&self) -> String {
        format!("automerge {} merge", version("automerge"))
    }

    fn merge(&mut self) -> Result<Duration> {
        let [mut local, mut remote] = self.docs.clone();
        let (time, merged) = worked(|| local.merge(&mut remote));
        merged?;
        Ok(time)
    }
}

struct Yrs {
    local: Vec<u8>,
    diff: Vec<u8>,
}

impl Yrs {
    fn fed(content: &Content<'_>) -> Result<Yrs> {
        let shared = yrs::Doc::with_client_id(1);
        write_yrs(&shared, &content.shared);
        let base = state_of(&shared, &yrs::StateVector::default());
        let docs = [yrs::Doc::with_client_id(2), yrs::Doc::with_client_id(3)];
        for (doc, tail) in docs.iter().zip(&content.tails) {
            doc.transact_mut().apply_update(yrs::Update::decode_v1(&base)?)?;
            write_yrs(doc, tail);
        }
        let local_has = docs[0].transact().state_vector();
        Ok(Yrs { local: state_of(&docs[0], &yrs::StateVector::default()), diff: state_of(&docs[1], &local_has) })
    }
}

fn write_yrs(doc: &yrs::Doc, writes: &Writes<'_>) {
    let map = doc.get_or_insert_map(COLLECTION);
    for chunk in writes.chunks(COMMIT_OPS) {
        let mut transaction = doc.transact_mut();
        for (key, text) in chunk {
            map.insert(&mut transaction, *key, *text);
        }
    }
}

fn state_of(doc: &yrs::Doc, known: &yrs::StateVector) -> Vec<u8> {
    doc.transact().encode_diff_v1(known)
}

impl Peer for Yrs {
    fn name(&self) -> String {
        format!("yrs {} apply diff", version("yrs"))
    }

    fn merge(&mut self) -> Result<Duration> {
        let local = yrs::Doc::with_client_id(2);
        local.transact_mut().apply_update(yrs::Update::decode_v1(&self.local)?)?;
        let (time, applied) =
            worked(|| -> Result<()> { Ok(local.transact_mut().apply_update(yrs::Update::decode_v1(&self.diff)?)?) });
        applied?;
        Ok(time)
    }
}

struct Loro {
    local: Vec<u8>,
    updates: Vec<u8>,
}

impl Loro {
    fn fed(content: &Content<'_>) -> Result<Loro> {
        let shared = loro::LoroDoc::new();
        shared.set_peer_id(1)?;
        write_loro(&shared, &content.shared)?;
        let docs = [shared.fork(), shared.fork()];
        for ((doc, tail), peer) in docs.iter().zip(&content.tails).zip([2, 3]) {
            doc.set_peer_id(peer)?;
            write_loro(doc, tail)?;
        }
        let local = docs[0].export(loro::ExportMode::Snapshot).map_err(|cause| anyhow!("{cause}"))?;
        let updates = loro::ExportMode::updates_owned(docs[0].oplog_vv());
        Ok(Loro { local, updates: docs[1].export(updates).map_err(|cause| anyhow!("{cause}"))? })
    }
}

fn write_loro(doc: &loro::LoroDoc, writes: &Writes<'_>) -> Result<()> {
    let map = doc.get_map(COLLECTION);
    for chunk in writes.chunks(COMMIT_OPS) {
        chunk.iter().try_for_each(|(key, text)| map.insert(key, *text))?;
        doc.commit();
    }
    Ok(())
}

impl Peer for Loro {
    fn name(&self) -> String {
        format!("loro {} import", version("loro"))
    }

    fn merge(&mut self) -> Result<Duration> {
        let local = loro::LoroDoc::from_snapshot(&self.local)?;
        // What a snapshot holds is decoded when it is first asked for, which is no part of a merge.
        let known = local.get_map(COLLECTION).len();
        let (time, imported) = worked(|| local.import(&self.updates));
        imported?;
        anyhow::ensure!(local.get_map(COLLECTION).len() >= known, "loro lost entries");
        Ok(time)
    }
}

/// The version of a package in the lock file that this program was built with.
pub(crate) fn version(package: &str) -> &'static str {
    let lock = include_str!("../../../Cargo.lock");
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    lines.next().and_then(|line| line.strip_prefix("version = ")).map_or("", |version| version.trim_matches('"'))
}
