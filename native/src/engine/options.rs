//! What an engine is made of.

use std::fmt;
use std::sync::Arc;

use trellis_core::admit::policy::{BranchPolicy, Policies, Stated};
use trellis_core::log::row::StoredOp;

use super::log::OpLog;
use crate::error::Result;
use crate::keys::Identity;
use crate::transport::Transport;

/// Takes ops that a peer had and that are new here: each once, behind those that it depends on. One whose body comes
/// later comes again with it.
///
/// When this returns the ops count as safe, and the peer is told so. Where it fails none of them are, the link ends, and
/// they come again with the next sync.
pub type OnOps = Box<dyn FnMut(Vec<StoredOp>) -> Result<()> + Send>;

/// How an engine is made.
pub struct SyncEngineOptions {
    /// What this side calls itself, for people. Peers know it by its key.
    pub local_peer_id: String,
    /// The way to its peers.
    pub transport: Arc<dyn Transport>,
    /// The ops that are here.
    pub get_local_ops: Box<dyn OpLog>,
    /// Takes those that come.
    pub on_ops_received: OnOps,
    /// What holds for every branch, beside what the repo says of it.
    pub branch_policy: BranchPolicy,
    /// The key that it proves to peers; a new one where none is given. Give it the author's, for peers that let in
    /// members alone.
    pub identity: Option<Identity>,
}

impl SyncEngineOptions {
    /// An engine over these ops that throws away what comes: say what is to become of that by `on_ops_received`.
    pub fn new(
        local_peer_id: impl Into<String>,
        transport: impl Transport,
        get_local_ops: impl OpLog,
    ) -> SyncEngineOptions {
        SyncEngineOptions {
            local_peer_id: local_peer_id.into(),
            transport: Arc::new(transport),
            get_local_ops: Box::new(get_local_ops),
            on_ops_received: Box::new(|_| Ok(())),
            branch_policy: BranchPolicy::default(),
            identity: None,
        }
    }
}

impl fmt::Debug for SyncEngineOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncEngineOptions")
            .field("branch_policy", &self.branch_policy)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// One policy for every branch.
pub(super) fn policies(policy: &BranchPolicy) -> Policies {
    let BranchPolicy { linear, require_signing, serialiser } = policy.clone();
    Policies::everywhere(Stated { linear: Some(linear), require_signing: Some(require_signing), serialiser })
}
