//! The short names that messages have for a repo and for a set of ops.

use super::{RepoTag, StateHash};
use crate::op::id::{OpId, RepoId};

/// What stands before a repo's id when its tag is hashed.
const TAG_CONTEXT: &[u8] = b"trellis/tag/1\n";
/// What stands before the ids of chain ends when a state is hashed.
const STATE_CONTEXT: &[u8] = b"trellis/state/1\n";

impl RepoTag {
    /// The tag of a repo. Whoever does not know the repo's id learns nothing of it from the tag.
    pub fn of(repo: &RepoId) -> RepoTag {
        let mut hasher = blake3::Hasher::new();
        hasher.update(TAG_CONTEXT).update(&repo.0);
        let mut tag = [0; 16];
        hasher.finalize_xof().fill(&mut tag);
        RepoTag(tag)
    }
}

impl StateHash {
    /// The state of a set of ops that has these chain ends, which ascend. Without an end it is that of no ops.
    pub fn of(ends: impl IntoIterator<Item = OpId>) -> StateHash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(STATE_CONTEXT);
        let mut last = None;
        for end in ends {
            debug_assert!(last.replace(end) < Some(end), "chain ends ascend");
            hasher.update(&end.0);
        }
        StateHash(*hasher.finalize().as_bytes())
    }
}
