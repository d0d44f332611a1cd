//! Logs of programs with a store of their own, by plain data: what two make together, and the next op of one.

use trellis_core::admit::policy::BranchPolicy;
use trellis_core::error::CommandError;
use trellis_core::log::row::StoredOp;
use trellis_core::op::id::{Author, RepoId};
use trellis_core::op::sign::Unverified;
use trellis_core::reconcile::{self, Log};
use trellis_core::surface::FromPlain;
use trellis_core::surface::{NewOp, Reconciled, SealedOp};
use trellis_core::time::Millis;

use crate::driver::{Clock, Failure, random};
use crate::error::{Result, TrellisError};
use crate::keys::Identity;
use crate::repo::{explain, unreadable};

/// What holds for every branch of an engine; everything may be left out.
#[derive(Clone, Debug, PartialEq, Eq, FromPlain)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct EnginePolicy {
    /// Whether a branch is one line.
    pub linear: bool,
    /// Whether only ops of members take effect.
    pub require_signing: bool,
    /// Whose order of a linear branch counts: the name of a peer.
    pub serialiser: Option<String>,
}

impl Default for EnginePolicy {
    fn default() -> EnginePolicy {
        let BranchPolicy { linear, require_signing, serialiser } = BranchPolicy::default();
        EnginePolicy { linear, require_signing, serialiser }
    }
}

impl From<EnginePolicy> for BranchPolicy {
    fn from(EnginePolicy { linear, require_signing, serialiser }: EnginePolicy) -> BranchPolicy {
        BranchPolicy { linear, require_signing, serialiser }
    }
}

/// What two sets of ops make together. Signatures are not looked at.
pub fn reconcile(local: &[StoredOp], remote: &[StoredOp]) -> Reconciled {
    reconcile::reconcile(&unverified(local), &unverified(remote)).into()
}

/// Makes and signs the op that begins a repo.
///
/// # Errors
/// `invalid_argument` for a name that no repo may have; `unsupported` where the system gives no random bytes.
pub fn create_repo(name: &str, identity: &Identity) -> Result<StoredOp> {
    let sealed = reconcile::create_genesis(name, &random()?, identity.author(), now());
    signed(sealed.map_err(refused)?.into(), identity)
}

/// Makes and signs one op on top of a log.
///
/// # Errors
/// `not_found` in a log without the op that begins a repo; `permission_denied` for who may not write there;
/// `chain_forked`, `clock_ahead`, `payload_too_large`; `invalid_argument` for what no op says.
pub fn create_op(op: NewOp, identity: &Identity, after: &[StoredOp]) -> Result<StoredOp> {
    let op = reconcile::NewOp::try_from(op).map_err(unreadable)?;
    let mut log = Log::new(repo_of(after).ok_or_else(|| refused(CommandError::NoRepo))?);
    log.extend(after.iter().cloned());
    signed(log.create_op(&op, identity.author(), now()).map_err(refused)?.into(), identity)
}

fn signed(sealed: SealedOp, identity: &Identity) -> Result<StoredOp> {
    let op = StoredOp::try_from(sealed.op).map_err(unreadable)?;
    Ok(StoredOp { signature: Some(identity.sign(&sealed.message.0)), ..op })
}

/// The repo of the first of these that is an op.
fn repo_of(ops: &[StoredOp]) -> Option<RepoId> {
    let op = ops.iter().find_map(|op| op.rehash().ok())?;
    Some(op.header().repo.unwrap_or(RepoId(op.id().0)))
}

/// Whether a signature of a message holds under a key.
pub fn is_signed(author: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    trellis_core::op::sign::is_signed_message(&Author(*author), message, signature)
}

fn refused(error: CommandError) -> TrellisError {
    explain(Failure::Command(error), "make the op")
}

fn unverified(ops: &[StoredOp]) -> Vec<Unverified<'_>> {
    ops.iter().map(StoredOp::unverified).collect()
}

fn now() -> Millis {
    Clock::default().now()
}
