//! `reconcile`: what two sets of ops make together, as a pure function.
//!
//! Structure is judged and signatures are not.

mod create;
mod difference;
mod judge;
mod log;
mod union;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub use self::create::{NewOp, create_genesis};
pub use self::difference::Difference;
pub use self::log::Log;
use self::union::Union;
use crate::admit::intrinsic::Invalid;
use crate::merge::conflict::Conflict;
use crate::op::id::OpId;
use crate::op::place;
use crate::op::pointer::Pointer;
use crate::op::sign::Unverified;
use crate::ordered::Set;
use crate::sort;
use crate::view::files::Tree;

/// How the two sides relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Both have the same ops.
    Equal,
    /// The remote side has all that the local one has, and more.
    Behind,
    /// The local side has all that the remote one has, and more.
    Ahead,
    /// Each has ops that the other lacks.
    Diverged,
}

impl Relation {
    /// The word for it on every surface.
    pub fn word(self) -> &'static str {
        match self {
            Relation::Equal => "equal",
            Relation::Behind => "behind",
            Relation::Ahead => "ahead",
            Relation::Diverged => "diverged",
        }
    }

    fn of(has_only_common: bool, has_remote_only_common: bool) -> Relation {
        match (has_only_common, has_remote_only_common) {
            (true, true) => Relation::Equal,
            (true, false) => Relation::Behind,
            (false, true) => Relation::Ahead,
            (false, false) => Relation::Diverged,
        }
    }
}

/// What two sets of ops make together.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconciled {
    /// Every valid op of both whose dependencies are there, in order.
    pub merged: Vec<OpId>,
    /// The last of the common ops in order.
    pub fork_point: Option<OpId>,
    /// The common ops that no other common op names as parent or `prev`, in order.
    pub fork_heads: Vec<OpId>,
    /// Merged ops that only the local side has, in order.
    pub only_local: Vec<OpId>,
    /// Merged ops that only the remote side has, in order.
    pub only_remote: Vec<OpId>,
    /// The entities of the conflicts, in text form, each once, ascending.
    pub conflicts: Vec<String>,
    /// The open conflicts of the union, ascending by branch, collection, key and path.
    pub conflict_records: Vec<Conflict>,
    /// Those of them that are open in neither side alone.
    pub new_conflicts: Vec<Conflict>,
    /// How the sides relate.
    pub relation: Relation,
    /// Whether there are no new conflicts.
    pub clean: bool,
    /// Dependencies that neither set has, ascending.
    pub missing: Vec<OpId>,
    /// Invalid ops with the reason, ascending; ops of another repo than that of the op first in order among them.
    pub invalid: Vec<(OpId, Invalid)>,
    /// How many inputs were no ops at all.
    pub malformed: usize,
}

/// Reconciles two sets of ops, given in any order and as often as one likes. Signatures are not looked at. A body that
/// is not the one that the header names is as good as none.
///
/// Total. Costs hashing every header, sorting, and the merge of entities where writes stood beside each other.
pub fn reconcile(local: &[Unverified<'_>], remote: &[Unverified<'_>]) -> Reconciled {
    Union::of(local, remote, None).report()
}

/// As [`reconcile`], and the files of a branch as both make them together.
pub fn reconcile_with_files(local: &[Unverified<'_>], remote: &[Unverified<'_>], branch: &str) -> (Reconciled, Tree) {
    let union = Union::of(local, remote, None);
    (union.report(), union.tree(branch))
}

/// Conflicts ascending by branch, collection, key and path.
fn in_place_order(mut conflicts: Vec<Conflict>) -> Vec<Conflict> {
    sort::by(&mut conflicts, |left, right| place_of(left).cmp(&place_of(right)));
    conflicts
}

fn place_of(conflict: &Conflict) -> (&str, &str, &str, &Pointer) {
    (&conflict.branch, &conflict.collection, &conflict.key, &conflict.path)
}

fn names(conflicts: &[Conflict]) -> Vec<String> {
    let name = |conflict: &Conflict| {
        place::Entity { collection: conflict.collection.clone(), key: conflict.key.clone() }.to_string()
    };
    conflicts.iter().map(name).collect::<Set<_>>().into_iter().collect()
}
