//! Errors: whose fault it was is the type, what went wrong is the code.
//!
//! [`UsageError`] is the host's, [`crate::admit::intrinsic::Invalid`] is a peer's, [`crate::log::row::CorruptRow`] is the
//! disk's, and [`CommandError`] is what a program hears when its command cannot be carried out.

use alloc::string::String;

use crate::op::id::{ConflictId, OpId};
use crate::op::pointer::Pointer;

/// A host that breaks the contract of `Machine::step`; never caused by a peer, a file or a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// An answer to a ticket that is not open, or of another kind than was asked for.
    #[error("the machine did not ask for this")]
    UnknownTicket,
    /// Input after `PersistFailed`.
    #[error("a write failed and this machine has ended; open a new one from the store")]
    Ended,
}

/// Why a command was not carried out. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The repo has no genesis yet.
    #[error("this repo has no ops yet; create it or join another first")]
    NoRepo,
    /// It has one already.
    #[error("this repo has been created already")]
    AlreadyCreated,
    /// A branch that no op stands on.
    #[error("there is no such branch")]
    NoBranch,
    /// An op that is not here.
    #[error("there is no op {0} here")]
    NoOp(OpId),
    /// Ops that do not share a place in a chain.
    #[error("ops {0} and {1} do not have one place in one author's chain")]
    NoFork(OpId, OpId),
    /// A fork of which more than a segment would have to be shown.
    #[error("one signature vouches for more of this chain than a proof may hold")]
    NoProof,
    /// A branch that has ops already.
    #[error("there is a branch of this name already")]
    BranchExists,
    /// Nothing to undo, or nothing there.
    #[error("there is nothing to undo")]
    NothingToUndo,
    /// The conflict is closed, or has other members by now.
    #[error("conflict {0} is closed or has new members; look at it again")]
    ConflictMoved(ConflictId),
    /// What a plan says is not what would happen by now.
    #[error("what this plan would change has changed since; look at the new plan, and apply that")]
    PlanMoved,
    /// A side that is none of the conflict's.
    #[error("op {0} is no side of this conflict")]
    NoSuchSide(OpId),
    /// The local clock is more than 300 s behind what was seen.
    #[error("the clock of this machine is more than 300 s behind the ops that are here; set it right")]
    ClockAhead,
    /// More than a transaction, a header or a body may hold.
    #[error("this is larger than one write may be; write less at once")]
    TooLarge,
    /// A name that no header may carry.
    #[error("a name is empty, too long or has control characters")]
    BadName,
    /// A patch whose places overlap.
    #[error("a patch may not name a place twice, nor a place inside another")]
    BadPatch,
    /// A body that is not its kind's.
    #[error("a put and an append have a body, a patch has one of JSON, and a delete has none")]
    BadBody,
    /// A collection of the engine's own, on a branch where it has no effect.
    #[error("this collection belongs to the engine")]
    Reserved,
    /// A member of a base that wrote another entity.
    #[error("op {0} did not write this entity")]
    BadBase(OpId),
    /// A declaration that is no manifest.
    #[error("the manifest at \"{at}\": {problem}")]
    BadManifest {
        /// The place in the manifest.
        at: Pointer,
        /// What is wrong there.
        problem: String,
    },
    /// A write that would have no effect: this device's key is not a member that may do it.
    #[error("this device may not do this here; an owner has to make it a member first")]
    NotPermitted,
    /// A membership that cannot end.
    #[error("the owner of a repo stays its owner")]
    OwnerStays,
    /// An author who is no member.
    #[error("{0} is no member")]
    NoMember(crate::op::id::Author),
    /// Terms that no invitation can have.
    #[error("an invitation lets 1 to 1,000 write or read, and a name in it has 1 to 255 bytes")]
    BadInvitation,
    /// A key that is no invitation's.
    #[error("there is no invitation {0}")]
    NoInvitation(crate::op::id::Author),
    /// A linear branch with more than one line.
    #[error("this linear branch has two lines, and nobody writes to it before one of them gives way")]
    Diverged,
    /// An author whose chain on a branch has two ends.
    #[error("the chain of {0} forked here, so nothing continues it; write under a new key")]
    ChainForked(crate::op::id::Author),
    /// An op of another repo.
    #[error("these ops belong to another repo")]
    RepoMismatch,
    /// The value at a place is not here to change.
    #[error("the value at {0} is not here")]
    BodyMissing(Pointer),
    /// A row of the store could not be read.
    #[error("op {0} cannot be read from the store")]
    Corrupt(OpId),
    /// A signature that the host gave does not hold under its key.
    #[error("the signature that was made does not hold under this device's key; check the identity")]
    BadSignature,
    /// A write to the store failed.
    #[error("the store did not take the write; nothing of it was kept")]
    WriteFailed,
    /// A row of the store is damaged.
    #[error("a row of the store is damaged, so nothing can be written; clone the repo again from a peer")]
    Damaged,
    /// Ops that did not become as safe as was asked for in time.
    #[error("the write is not yet as safe as was asked for; it stays here and goes on being sent")]
    NotYetSafe,
    /// An op that a peer refuses for good.
    #[error("a peer refuses op {0} as invalid")]
    Rejected(OpId),
    /// What this version does not do.
    #[error("this is not supported")]
    Unsupported,
}

impl CommandError {
    /// The op that it is about, if it is about one.
    pub fn op(&self) -> Option<OpId> {
        match self {
            CommandError::NoOp(op)
            | CommandError::NoFork(op, _)
            | CommandError::NoSuchSide(op)
            | CommandError::BadBase(op)
            | CommandError::Corrupt(op)
            | CommandError::Rejected(op) => Some(*op),
            _ => None,
        }
    }

    /// The stable code (api.md, "Errors").
    pub fn code(&self) -> &'static str {
        match self {
            CommandError::NoRepo | CommandError::NoBranch | CommandError::NoOp(_) => "not_found",
            CommandError::NothingToUndo | CommandError::NoSuchSide(_) | CommandError::NoFork(..) => "not_found",
            CommandError::AlreadyCreated | CommandError::BranchExists => "already_exists",
            CommandError::ConflictMoved(_) | CommandError::PlanMoved => "conflict_moved",
            CommandError::ClockAhead => "clock_ahead",
            CommandError::TooLarge | CommandError::NoProof => "payload_too_large",
            CommandError::BadName | CommandError::BadPatch | CommandError::BadBase(_) => "invalid_argument",
            CommandError::BadBody => "invalid_argument",
            CommandError::Reserved | CommandError::BadManifest { .. } => "invalid_argument",
            CommandError::BadInvitation => "invalid_argument",
            CommandError::NotPermitted => "permission_denied",
            CommandError::OwnerStays => "permission_denied",
            CommandError::NoMember(_) | CommandError::NoInvitation(_) => "not_found",
            CommandError::Diverged => "diverged",
            CommandError::ChainForked(_) => "chain_forked",
            CommandError::RepoMismatch => "repo_mismatch",
            CommandError::BodyMissing(_) => "body_missing",
            CommandError::Corrupt(_) => "storage_corrupt",
            CommandError::BadSignature => "auth_failed",
            CommandError::WriteFailed => "storage_full",
            CommandError::Damaged => "storage_corrupt",
            CommandError::NotYetSafe => "timeout",
            CommandError::Rejected(_) => "invalid_op",
            CommandError::Unsupported => "unsupported",
        }
    }
}
