//! Validity: eight rules over an op and the ops that it names, and nothing else.
//!
//! No signature, clock, configuration or order of arrival is looked at, so every replica gives the same verdict at any
//! time. Rules 1 and 2 (the one encoding; valid dependencies of the same repo) are met before these are asked: the
//! header was decoded, and only valid ops of this repo have [`Facts`].

use alloc::vec::Vec;

use crate::op::header::{BRANCH_COLLECTION, GENESIS_KEY, Header, REPO_BRANCH};
use crate::op::id::{Author, OpId};
use crate::op::kind::{Format, Kind};
use crate::time::Hlc;

/// What the rules may know of a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// Its id.
    pub id: OpId,
    /// Whether it began the repo, and so counts as being on every branch.
    pub is_genesis: bool,
    /// The branch that it stands on.
    pub branch: &'a str,
    /// Who wrote it.
    pub author: Author,
    /// Its place in its chain.
    pub seq: u32,
    /// Its clock.
    pub hlc: Hlc,
    /// The entity that it wrote; none for a `merge`.
    pub entity: Option<(&'a str, &'a str)>,
}

impl<'a> Facts<'a> {
    /// The facts of an op with this header.
    pub fn of(id: OpId, header: &Header<'a>) -> Facts<'a> {
        Facts {
            id,
            is_genesis: header.is_genesis(),
            branch: header.branch,
            author: header.author,
            seq: header.seq,
            hlc: header.hlc,
            entity: (header.kind != Kind::Merge).then_some(header.entity()),
        }
    }

    fn is_on(&self, branch: &str) -> bool {
        self.is_genesis || self.branch == branch
    }
}

/// The dependencies of one op, all of them present and valid.
#[derive(Clone, Debug, Default)]
pub struct Ancestry<'a> {
    /// The op at `seq - 1`.
    pub prev: Option<Facts<'a>>,
    /// The heads that the author saw.
    pub parents: FewFacts<'a>,
    /// The writes that the op replaces.
    pub base: FewFacts<'a>,
}

/// Facts of some ops, mostly of one, which then need no allocation.
#[derive(Clone, Debug, Default)]
pub enum FewFacts<'a> {
    /// Of none.
    #[default]
    None,
    /// Of one.
    One(Facts<'a>),
    /// Of any number.
    Many(Vec<Facts<'a>>),
}

impl<'a> FewFacts<'a> {
    fn iter(&self) -> core::slice::Iter<'_, Facts<'a>> {
        match self {
            FewFacts::None => [].iter(),
            FewFacts::One(only) => core::slice::from_ref(only).iter(),
            FewFacts::Many(many) => many.iter(),
        }
    }
}

impl<'a> FromIterator<Facts<'a>> for FewFacts<'a> {
    fn from_iter<I: IntoIterator<Item = Facts<'a>>>(facts: I) -> FewFacts<'a> {
        let mut facts = facts.into_iter();
        match (facts.next(), facts.next()) {
            (Some(first), Some(second)) => FewFacts::Many([first, second].into_iter().chain(facts).collect()),
            (Some(only), None) => FewFacts::One(only),
            (None, _) => FewFacts::None,
        }
    }
}

/// Why an op is invalid, for good and everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Invalid {
    /// Rule 1: not the one encoding, or beyond the limits.
    #[error("the header is not in its one encoding or is beyond the limits")]
    Encoding,
    /// Rule 1: the body is not the one that the header names.
    #[error("the body is not the one that the header names")]
    Body,
    /// Rule 2: a dependency is invalid.
    #[error("an op that it names is invalid")]
    Dependency,
    /// Rule 2: it belongs to another repo.
    #[error("it belongs to another repo")]
    RepoMismatch,
    /// Rule 3: `prev` is not the op before it on its chain.
    #[error("its prev is not the op before it on its author's chain")]
    Prev,
    /// Rule 4: a parent is on another branch.
    #[error("a parent is on a branch where it may not be")]
    ParentBranch,
    /// Rule 5: no parent on its own branch.
    #[error("it has no parent on its own branch")]
    NoParent,
    /// Rule 6: a member of `base` wrote another entity.
    #[error("a member of its base wrote another entity")]
    BaseEntity,
    /// Rule 7: the clock is not after that of every dependency.
    #[error("its clock is not after those of the ops that it names")]
    Clock,
    /// Rule 8: the fields are not of its kind's shape.
    #[error("its fields are not of its kind's shape")]
    Shape,
}

impl Invalid {
    /// The stable word for this reason.
    pub fn code(self) -> &'static str {
        match self {
            Invalid::Encoding => "encoding",
            Invalid::Body => "body",
            Invalid::Dependency => "dependency",
            Invalid::RepoMismatch => "repo_mismatch",
            Invalid::Prev => "prev",
            Invalid::ParentBranch => "parent_branch",
            Invalid::NoParent => "no_parent",
            Invalid::BaseEntity => "base_entity",
            Invalid::Clock => "clock",
            Invalid::Shape => "shape",
        }
    }
}

type Rule = fn(&Header<'_>, &Ancestry<'_>) -> bool;

/// Rules 3 to 8, in the order they are asked; the first that is broken names the reason.
const RULES: &[(Rule, Invalid)] = &[
    (is_next_of_prev, Invalid::Prev),
    (has_parents_on_branch, Invalid::ParentBranch),
    (has_parent, Invalid::NoParent),
    (has_base_of_entity, Invalid::BaseEntity),
    (is_after_dependencies, Invalid::Clock),
    (has_shape, Invalid::Shape),
];

/// Judges an op by rules 3 to 8.
///
/// # Errors
/// The reason of the first rule that the op breaks.
pub fn judge(header: &Header<'_>, ancestry: &Ancestry<'_>) -> Result<(), Invalid> {
    match RULES.iter().find(|(holds, _)| !holds(header, ancestry)) {
        Some((_, reason)) => Err(*reason),
        None => Ok(()),
    }
}

fn is_next_of_prev(header: &Header<'_>, ancestry: &Ancestry<'_>) -> bool {
    match &ancestry.prev {
        None => header.seq == 1 && header.prev.is_none(),
        Some(prev) => {
            prev.branch == header.branch && prev.author == header.author && Some(prev.seq) == header.seq.checked_sub(1)
        }
    }
}

fn has_parents_on_branch(header: &Header<'_>, ancestry: &Ancestry<'_>) -> bool {
    if header.kind == Kind::Merge {
        let is_allowed = |parent: &Facts<'_>| parent.is_on(header.branch) || parent.is_on(header.key);
        ancestry.parents.iter().all(is_allowed) && ancestry.parents.iter().any(|parent| parent.is_on(header.key))
    } else {
        ancestry.parents.iter().all(|parent| parent.is_on(header.branch))
    }
}

fn has_parent(header: &Header<'_>, ancestry: &Ancestry<'_>) -> bool {
    header.is_genesis() || header.kind == Kind::Merge || ancestry.parents.iter().next().is_some()
}

fn has_base_of_entity(header: &Header<'_>, ancestry: &Ancestry<'_>) -> bool {
    ancestry.base.iter().all(|member| member.entity == Some(header.entity()))
}

/// Sorting by clock is a causal order only because this holds for every op in the graph.
fn is_after_dependencies(header: &Header<'_>, ancestry: &Ancestry<'_>) -> bool {
    let mut dependencies = ancestry.parents.iter().chain(ancestry.base.iter()).chain(&ancestry.prev);
    planted!(ClockRuleDropped) || dependencies.all(|dependency| header.hlc > dependency.hlc)
}

fn has_shape(header: &Header<'_>, _: &Ancestry<'_>) -> bool {
    let format = header.body.map(|body| body.format);
    let is_of_kind = match header.kind {
        Kind::Put | Kind::Unknown(_) => format.is_some(),
        Kind::Patch => matches!(format, Some(Format::Json | Format::Sealed | Format::SaltedJson)),
        Kind::Delete => format.is_none(),
        Kind::Append => format.is_some() && header.base.is_empty(),
        Kind::Merge => {
            format == Some(Format::Json)
                && header.base.is_empty()
                && !header.parents.is_empty()
                && header.collection == BRANCH_COLLECTION
                && header.key.len() <= crate::limits::NAME_BYTES_MAX
        }
    };
    is_of_kind && (!header.is_genesis() || has_genesis_shape(header))
}

fn has_genesis_shape(header: &Header<'_>) -> bool {
    header.seq == 1
        && header.prev.is_none()
        && header.parents.is_empty()
        && header.base.is_empty()
        && header.branch == REPO_BRANCH
        && header.collection == REPO_BRANCH
        && header.key == GENESIS_KEY
        && header.kind == Kind::Put
}
