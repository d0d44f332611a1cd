//! Answers as plain data.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;

use super::govern::{Invitation, Manifest, Member};
use super::op::StoredOp;
use super::scalar::{Hex, Unreadable};
use super::shown::{Conflict, Entity, Plan};
use crate::error::{CommandError, UsageError};
use crate::op::id::OpId;
use crate::output;
use crate::time::Hlc;

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Answer {
    /// Nothing to tell.
    Done,
    /// The ops written, durable now, in order.
    Written {
        /// Their ids.
        ops: Vec<Hex<32>>,
    },
    /// What became of imported ops.
    Imported {
        /// By what it was.
        report: ImportReport,
    },
    /// Ops, dependencies first.
    Ops {
        /// The ops.
        ops: Vec<StoredOp>,
    },
    /// Chain ends.
    ChainEnds {
        /// The last op of each chain.
        ends: Vec<ChainEnd>,
    },
    /// One entity.
    Entity {
        /// As it is shown.
        entity: Entity,
    },
    /// Entities.
    Entries {
        /// As they are shown.
        entities: Vec<Entity>,
    },
    /// The entities of a collection, or those of them that may have changed.
    EntriesSince {
        /// What to ask with the next time.
        mark: Hex<12>,
        /// Whether these are all that there are, so that whatever the asker knew beside them is gone.
        is_whole: bool,
        /// As they are shown, ascending by key.
        entities: Vec<Entity>,
        /// The keys of those that may have been there, and are not.
        gone: Vec<String>,
    },
    /// Ops as people read them.
    Log {
        /// The ops.
        ops: Vec<Op>,
    },
    /// Ids.
    Ids {
        /// The ids.
        ids: Vec<Hex<32>>,
    },
    /// Conflicts.
    Conflicts {
        /// The conflicts.
        conflicts: Vec<Conflict>,
    },
    /// What joining a branch would change.
    Plan {
        /// The plan.
        plan: Plan,
    },
    /// The whole picture.
    Status {
        /// The picture.
        status: Status,
    },
    /// What verifying found.
    Verified {
        /// The report.
        report: VerifyReport,
    },
    /// The ops of a receipt are safe.
    Durable {
        /// Those that a peer gives no effect, and why.
        withheld: Vec<Withheld>,
    },
    /// Links.
    Links {
        /// Each as it stands.
        links: Vec<Link>,
    },
    /// Members.
    Members {
        /// The members.
        members: Vec<Member>,
    },
    /// Invitations.
    Invitations {
        /// The invitations.
        invitations: Vec<Invitation>,
    },
    /// What collections declare.
    Manifests {
        /// Each with the op that declares it.
        manifests: Vec<Manifest>,
    },
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The stable code.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
    /// The op that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op: Option<Hex<32>>,
}

/// What became of imported ops.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Those that entered the log.
    pub admitted: Vec<Hex<32>>,
    /// How many were here already.
    pub known: usize,
    /// Those that wait.
    pub held: Vec<Hex<32>>,
    /// Those that are invalid.
    pub refused: Vec<Refused>,
    /// Those that nothing vouches for.
    pub dropped: Vec<Hex<32>>,
    /// How many were no ops at all.
    pub malformed: usize,
}

/// An op that is invalid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Its id.
    pub op: Hex<32>,
    /// Why.
    pub reason: &'static str,
}

/// An op that a peer keeps and gives no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// Its id.
    pub op: Hex<32>,
    /// Why, as an error code.
    pub code: &'static str,
}

/// The last op of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainEnd {
    /// The branch.
    pub branch: String,
    /// The author.
    pub author: Hex<32>,
    /// Its place, from 1.
    pub seq: u32,
    /// Its id.
    pub id: Hex<32>,
}

/// An op as people read it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Op {
    /// Its id.
    pub id: Hex<32>,
    /// The branch.
    pub branch: String,
    /// The author.
    pub author: Hex<32>,
    /// Its place in its chain.
    pub seq: u32,
    /// The op before it on its chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev: Option<Hex<32>>,
    /// Its clock, in decimal digits.
    pub hlc: String,
    /// The heads that its author saw.
    pub parents: Vec<Hex<32>>,
    /// The collection.
    pub collection: String,
    /// The key.
    pub key: String,
    /// The writes that it replaces.
    pub base: Vec<Hex<32>>,
    /// What it does.
    pub kind: String,
    /// On whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Whether it is signed itself.
    pub is_signed: bool,
    /// Whether it has effect.
    pub is_effective: bool,
    /// The op itself, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<StoredOp>,
}

/// The whole picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The repo, once it has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repo: Option<Hex<32>>,
    /// The key that this device writes under.
    pub author: Hex<32>,
    /// How many ops are in the log.
    pub ops: usize,
    /// How many wait outside it.
    pub held: usize,
    /// What they wait for that is nowhere here.
    pub missing: Vec<Hex<32>>,
    /// Every branch.
    pub branches: Vec<Branch>,
    /// Whether everybody may write.
    pub is_open: bool,
    /// Where chains forked.
    pub forks: Vec<Fork>,
    /// How many milliseconds the greatest clock here is ahead of the local one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_behind: Option<u64>,
}

/// A branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// Its heads, in order.
    pub heads: Vec<Hex<32>>,
    /// How many ops stand on it.
    pub ops: usize,
    /// Whether it is linear and has no one line.
    pub is_diverged: bool,
}

/// Two ops with one place in an author's chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fork {
    /// The branch.
    pub branch: String,
    /// Whose chain.
    pub author: Hex<32>,
    /// The place that both have.
    pub seq: u32,
    /// The two.
    pub ops: [Hex<32>; 2],
}

/// What verifying found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyReport {
    /// How many ops were read and rehashed.
    pub ops: usize,
    /// How many signatures were checked.
    pub signatures: usize,
    /// How many bodies are not here.
    pub bodies_absent: usize,
    /// Ops whose bytes are not what was written.
    pub corrupt: Vec<Hex<32>>,
    /// Ops that no signature vouches for.
    pub uncovered: Vec<Hex<32>>,
}

/// A link, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Its number.
    pub link: u64,
    /// The peer's key, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<Hex<32>>,
    /// Whether the peer stores and forwards for others.
    pub is_relay: bool,
    /// How far it is, once the peer is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
}

/// How far a link is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Ops that wait to be sent.
    pub pending: u64,
    /// Ops that were sent and are not acknowledged.
    pub unacked: u64,
    /// Ops that the peer has at least and that are not here.
    pub behind_by: u64,
    /// When the last ack came: milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ack_at: Option<u64>,
    /// Ops that came.
    pub ops_in: u64,
    /// Ops that went out.
    pub ops_out: u64,
    /// Bytes of ops and contents that came.
    pub bytes_in: u64,
    /// Bytes of ops and contents that went out.
    pub bytes_out: u64,
}

impl TryFrom<output::Answer> for Answer {
    type Error = CommandError;

    /// Answers about files of working folders have no plain form.
    fn try_from(answer: output::Answer) -> Result<Answer, CommandError> {
        Ok(match answer {
            output::Answer::Done => Answer::Done,
            output::Answer::Written(ops) => Answer::Written { ops: hexes(ops) },
            output::Answer::Imported(report) => Answer::Imported { report: report.into() },
            output::Answer::Ops(ops) => Answer::Ops { ops: all(ops) },
            output::Answer::ChainEnds(ends) => Answer::ChainEnds { ends: all(ends) },
            output::Answer::Entity(entity) => Answer::Entity { entity: entity.into() },
            output::Answer::Entries(entities) => Answer::Entries { entities: all(entities) },
            output::Answer::EntriesSince(output::EntriesSince { mark, is_whole, entities, gone }) => {
                Answer::EntriesSince { mark: Hex(mark.0), is_whole, entities: all(entities), gone }
            }
            output::Answer::Log(ops) => Answer::Log { ops: all(ops) },
            output::Answer::Ids(ids) => Answer::Ids { ids: hexes(ids) },
            output::Answer::Conflicts(conflicts) => Answer::Conflicts { conflicts: all(conflicts) },
            output::Answer::Plan(plan) => Answer::Plan { plan: plan.into() },
            output::Answer::Status(status) => Answer::Status { status: status.into() },
            output::Answer::Verified(report) => Answer::Verified { report: report.into() },
            output::Answer::Durable { withheld } => Answer::Durable { withheld: all(withheld) },
            output::Answer::Links(links) => Answer::Links { links: all(links) },
            output::Answer::Members(members) => Answer::Members { members: all(members) },
            output::Answer::Invitations(invitations) => Answer::Invitations { invitations: all(invitations) },
            output::Answer::Manifests(manifests) => Answer::Manifests { manifests: all(manifests) },
            output::Answer::Files(_) | output::Answer::FileKeys(_) | output::Answer::ForkProof(_) => {
                return Err(CommandError::Unsupported);
            }
        })
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Problem {
        Problem { code: error.code(), message: error.to_string(), op: error.op().map(hex) }
    }
}

impl From<Unreadable> for Problem {
    fn from(error: Unreadable) -> Problem {
        Problem::bad(error)
    }
}

impl From<UsageError> for Problem {
    fn from(error: UsageError) -> Problem {
        Problem { code: "aborted", message: error.to_string(), op: None }
    }
}

impl Problem {
    /// An argument that is none.
    pub fn bad(message: impl ToString) -> Problem {
        Problem { code: "invalid_argument", message: message.to_string(), op: None }
    }
}

impl From<output::ImportReport> for ImportReport {
    fn from(report: output::ImportReport) -> ImportReport {
        let refused = report.refused.into_iter();
        ImportReport {
            admitted: hexes(report.admitted),
            known: report.known,
            held: hexes(report.held),
            refused: refused.map(|(op, reason)| Refused { op: hex(op), reason: reason.code() }).collect(),
            dropped: hexes(report.dropped),
            malformed: report.malformed,
        }
    }
}

impl From<(OpId, output::Reason)> for Withheld {
    fn from((op, reason): (OpId, output::Reason)) -> Withheld {
        Withheld { op: hex(op), code: reason.code() }
    }
}

impl From<output::ChainEnd> for ChainEnd {
    fn from(end: output::ChainEnd) -> ChainEnd {
        ChainEnd { branch: end.branch, author: Hex(end.author.0), seq: end.seq, id: hex(end.id) }
    }
}

impl From<output::OpView> for Op {
    fn from(op: output::OpView) -> Op {
        Op {
            id: hex(op.id),
            branch: op.branch,
            author: Hex(op.author.0),
            seq: op.seq,
            prev: op.prev.map(hex),
            hlc: digits(op.hlc),
            parents: hexes(op.parents),
            collection: op.collection,
            key: op.key,
            base: hexes(op.base),
            kind: op.kind.word(),
            actor: op.actor,
            is_signed: op.is_signed,
            is_effective: op.is_effective,
            stored: op.stored.map(Into::into),
        }
    }
}

impl From<output::Status> for Status {
    fn from(status: output::Status) -> Status {
        Status {
            repo: status.repo.map(|repo| Hex(repo.0)),
            author: Hex(status.author.0),
            ops: status.ops,
            held: status.held,
            missing: hexes(status.missing),
            branches: all(status.branches),
            is_open: status.is_open,
            forks: all(status.forks),
            clock_behind: status.clock_behind.map(|behind| behind.0),
        }
    }
}

impl From<output::BranchView> for Branch {
    fn from(branch: output::BranchView) -> Branch {
        Branch { name: branch.name, heads: hexes(branch.heads), ops: branch.ops, is_diverged: branch.is_diverged }
    }
}

impl From<output::Fork> for Fork {
    fn from(fork: output::Fork) -> Fork {
        Fork { branch: fork.branch, author: Hex(fork.author.0), seq: fork.seq, ops: fork.ops.map(hex) }
    }
}

impl From<output::VerifyReport> for VerifyReport {
    fn from(report: output::VerifyReport) -> VerifyReport {
        VerifyReport {
            ops: report.ops,
            signatures: report.signatures,
            bodies_absent: report.bodies_absent,
            corrupt: hexes(report.corrupt),
            uncovered: hexes(report.uncovered),
        }
    }
}

impl From<output::LinkView> for Link {
    fn from(link: output::LinkView) -> Link {
        Link {
            link: link.link.0,
            peer: link.peer.map(|peer| Hex(peer.0)),
            is_relay: link.is_relay,
            progress: link.progress.map(Into::into),
        }
    }
}

impl From<output::Progress> for Progress {
    fn from(progress: output::Progress) -> Progress {
        Progress {
            pending: progress.pending,
            unacked: progress.unacked,
            behind_by: progress.behind_by,
            last_ack_at: progress.last_ack_at.map(|at| at.0),
            ops_in: progress.ops_in,
            ops_out: progress.ops_out,
            bytes_in: progress.bytes_in,
            bytes_out: progress.bytes_out,
        }
    }
}

pub(super) fn all<T, U: From<T>>(items: impl IntoIterator<Item = T>) -> Vec<U> {
    items.into_iter().map(Into::into).collect()
}

pub(super) fn hex(id: OpId) -> Hex<32> {
    Hex(id.0)
}

pub(super) fn hexes(ids: Vec<OpId>) -> Vec<Hex<32>> {
    ids.into_iter().map(hex).collect()
}

pub(super) fn digits(hlc: Hlc) -> String {
    hlc.0.to_string()
}
