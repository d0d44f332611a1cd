//! The proof of an invitation: its key vouches for the key of who joins, in one repo.
//!
//! Every replica can check it, whenever the op comes that carries it. On a link it proves nothing about who is there:
//! whoever joins proves its own key beside it.

use alloc::vec::Vec;

use super::id::{Author, RepoId};
use super::sign::{Signature, is_signed_message};

/// What stands before the repo's id and the joiner's key when an invitation's key signs them.
pub const INVITED_CONTEXT: &[u8] = b"trellis/invited/1\n";

/// An invitation, shown by who joins. Proves nothing until it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvitationProof {
    /// The public key of the invitation.
    pub key: Author,
    /// Its signature of [`invited_message`].
    pub signature: Signature,
}

impl InvitationProof {
    /// Whether the invitation's key vouches for this joiner in this repo.
    pub fn holds_for(&self, repo: &RepoId, joiner: &Author) -> bool {
        planted!(InvitationProofUnchecked)
            || is_signed_message(&self.key, &invited_message(repo, joiner), &self.signature)
    }
}

/// What an invitation's key signs.
pub fn invited_message(repo: &RepoId, joiner: &Author) -> Vec<u8> {
    [INVITED_CONTEXT, &repo.0, &joiner.0].concat()
}
