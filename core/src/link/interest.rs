//! Which branches a replica syncs: patterns of their names.

use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::INTEREST_MAX;
use crate::op::header::REPO_BRANCH;
use crate::op::pattern::Pattern;

/// The branches that somebody syncs: those that one of the patterns matches, and always the engine's own. Without
/// patterns it is every branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest(Vec<Pattern>);

impl Interest {
    /// The branches that these patterns match; none where one of them is no pattern, or where they are more than
    /// [`INTEREST_MAX`].
    pub fn parse<T: AsRef<str>>(patterns: &[T]) -> Option<Interest> {
        let patterns: Option<Vec<Pattern>> = patterns.iter().map(|text| Pattern::parse(text.as_ref())).collect();
        patterns.filter(|patterns| patterns.len() <= INTEREST_MAX).map(Interest)
    }

    /// Whether it is every branch.
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a branch is one of them.
    pub fn includes(&self, branch: &str) -> bool {
        self.is_all() || branch == REPO_BRANCH || self.0.iter().any(|pattern| pattern.matches(branch))
    }

    /// The patterns, as a message has them.
    pub fn patterns(&self) -> Vec<String> {
        self.0.iter().map(|pattern| pattern.as_str().into()).collect()
    }
}

/// What two peers sync: the branches that both do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// What this side syncs.
    pub own: Interest,
    /// What the peer does; every branch until it has said so.
    pub theirs: Interest,
}

impl Agreed {
    /// Whether it is every branch.
    pub fn is_all(&self) -> bool {
        self.own.is_all() && self.theirs.is_all()
    }

    /// Whether a branch is one of them.
    pub fn includes(&self, branch: &str) -> bool {
        self.own.includes(branch) && self.theirs.includes(branch)
    }
}
