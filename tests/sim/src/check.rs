//! What must hold: after every move, and of all replicas once everything has been exchanged.

use std::collections::{BTreeMap, BTreeSet};

use trellis_core::input::Command;
use trellis_core::merge::conflict::Conflict;
use trellis_core::op::id::{Author, OpId};
use trellis_core::output::{Answer, BranchView, EntityView, ManifestView, Member, Status};
use trellis_core::time::Millis;
use trellis_tests::dice::Dice;

use crate::disk::ChainPlace;
use crate::replica::Replica;
use crate::{Reached, Violation};

/// Every place in an honest author's chain, and the op that stands there.
#[derive(Debug, Default)]
pub struct Chains {
    places: BTreeMap<ChainPlace, OpId>,
    /// Authors whose chains may fork: their disk was restored from a backup.
    pub forgiven: BTreeSet<Author>,
}

impl Chains {
    /// No place is used twice.
    ///
    /// # Errors
    /// The place that is.
    pub fn check(&mut self, replica: &Replica) -> Result<(), Violation> {
        let authors: BTreeSet<Author> = replica.authors().filter(|author| !self.forgiven.contains(author)).collect();
        let own = replica.disk.durable().iter().filter(|(_, kept)| authors.contains(&kept.place.1));
        for (id, kept) in own {
            let before = *self.places.entry(kept.place.clone()).or_insert(*id);
            if before != *id {
                let (branch, _, seq) = &kept.place;
                return Err(format!("replica {} used seq {seq} of {branch} twice", replica.number));
            }
        }
        Ok(())
    }
}

/// Whatever was told to be durable is there after a restart, unless its time is still to come. A machine that was not told
/// the time since it came is told.
///
/// # Errors
/// What is not there.
pub fn kept(replica: &mut Replica, world: Millis, dice: &mut Dice) -> Result<(), Violation> {
    let now = replica.now(world);
    let is_ahead = replica.disk.durable().values().any(|kept| kept.hlc.is_ahead(now));
    replica.tick(world)?;
    let here = ops(replica, world, dice)?;
    match replica.acked.iter().find(|id| !here.contains(*id)) {
        Some(id) if !is_ahead => Err(format!("replica {} lost {} in a restart", replica.number, id.short())),
        _ => Ok(()),
    }
}

/// The ops in a replica's graph.
///
/// # Errors
/// What the machine may not do.
pub fn ops(replica: &mut Replica, world: Millis, dice: &mut Dice) -> Result<BTreeSet<OpId>, Violation> {
    match replica.ask(Command::Export { known: Vec::new() }, world, dice)? {
        Ok(Answer::Ops(ops)) => Ok(ops.iter().map(|op| OpId::of_header(&op.header)).collect()),
        other => Err(format!("replica {}: no ops but {other:?}", replica.number)),
    }
}

/// What a replica shows.
#[derive(Debug, PartialEq)]
struct Picture {
    ops: BTreeSet<OpId>,
    forked: BTreeSet<OpId>,
    heads: BTreeMap<String, BranchView>,
    entities: BTreeMap<String, Vec<EntityView>>,
    conflicts: BTreeMap<String, Vec<Conflict>>,
    members: Vec<Member>,
    manifests: Vec<ManifestView>,
}

/// Asks, and expects one kind of answer.
macro_rules! answer {
    ($replica:expr, $command:expr, $world:expr, $dice:expr, $kind:path) => {
        match $replica.ask($command, $world, $dice)? {
            Ok($kind(answer)) => answer,
            other => return Err(format!("replica {}: {other:?} is no answer", $replica.number)),
        }
    };
}

impl Picture {
    fn of(replica: &mut Replica, world: Millis, dice: &mut Dice) -> Result<Picture, Violation> {
        let status = status(replica, world, dice)?;
        let (mut entities, mut conflicts) = (BTreeMap::new(), BTreeMap::new());
        for branch in status.branches.iter().map(|branch| branch.name.clone()) {
            let all = Command::Entries {
                branch: branch.clone(),
                collection: None,
                key_prefix: String::new(),
                at: Vec::new(),
            };
            entities.insert(branch.clone(), answer!(replica, all, world, dice, Answer::Entries));
            let open = Command::Conflicts { branch: branch.clone() };
            conflicts.insert(branch, answer!(replica, open, world, dice, Answer::Conflicts));
        }
        Ok(Picture {
            ops: ops(replica, world, dice)?,
            forked: status.forks.into_iter().flat_map(|fork| fork.ops).collect(),
            heads: status.branches.into_iter().map(|branch| (branch.name.clone(), branch)).collect(),
            entities,
            conflicts,
            members: answer!(replica, Command::Members, world, dice, Answer::Members),
            manifests: answer!(replica, Command::Manifests, world, dice, Answer::Manifests),
        })
    }

    fn reached(&self) -> Reached {
        Reached {
            ops: self.ops.len(),
            conflicts: self.conflicts.values().map(Vec::len).sum(),
            declared: self.manifests.len(),
            diverged: self.heads.values().filter(|branch| branch.is_diverged).count(),
            forked: self.forked.len(),
        }
    }

    /// In which respect two pictures differ first.
    fn difference(&self, other: &Picture) -> Option<&'static str> {
        let same = [
            ("ops", self.ops == other.ops),
            ("forks", self.forked == other.forked),
            ("heads", self.heads == other.heads),
            ("values", self.entities == other.entities),
            ("conflicts", self.conflicts == other.conflicts),
            ("members", self.members == other.members),
            ("manifests", self.manifests == other.manifests),
        ];
        same.into_iter().find(|(_, is_same)| !is_same).map(|(what, _)| what)
    }
}

fn status(replica: &mut Replica, world: Millis, dice: &mut Dice) -> Result<Status, Violation> {
    Ok(answer!(replica, Command::Status, world, dice, Answer::Status))
}

/// All replicas have the same graph, heads, values, conflicts and members, and nothing waits for what another one has.
/// `later_versions` ops may wait for ever. Returns what the replicas have.
///
/// # Errors
/// The first difference.
pub fn converged(
    replicas: &mut [Replica],
    later_versions: usize,
    world: Millis,
    dice: &mut Dice,
) -> Result<Reached, Violation> {
    let first = Picture::of(&mut replicas[0], world, dice)?;
    for replica in replicas {
        let picture = Picture::of(replica, world, dice)?;
        if let Some(what) = first.difference(&picture) {
            return Err(format!(
                "replicas 0 and {} have different {what} after everything was exchanged",
                replica.number
            ));
        }
        let status = status(replica, world, dice)?;
        if status.held > later_versions && status.missing.is_empty() {
            return Err(format!("replica {} holds {} ops for nothing", replica.number, status.held));
        }
        if let Some(id) = status.missing.iter().find(|id| first.ops.contains(*id)) {
            return Err(format!("replica {} waits for {}, which is there", replica.number, id.short()));
        }
        if let Some(id) = replica.acked.iter().find(|id| !first.ops.contains(*id)) {
            return Err(format!("{}, which replica {} had confirmed, is gone", id.short(), replica.number));
        }
    }
    Ok(first.reached())
}
