//! Branch policies: what a branch asks of those who write to it.
//!
//! A policy is a function of two texts, the one of this device and the one of the repo, each of which may leave any field
//! open. What both state is joined to the stricter, so a repo can make a branch stricter than its device asked for
//! and never looser.

use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::NAME_BYTES_MAX;
use crate::op::header::{REPO_BRANCH, is_plain};
use crate::op::json::{Object, Value};
pub use crate::op::pattern::Pattern;
use crate::op::pointer::Pointer;

/// What holds for one branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchPolicy {
    /// Whether the branch is one line.
    pub linear: bool,
    /// Whether only ops of members take effect, and unsigned op objects are refused.
    pub require_signing: bool,
    /// Whose order of a linear branch counts: the name of a peer.
    pub serialiser: Option<String>,
}

impl Default for BranchPolicy {
    /// Concurrent ops side by side, written by members.
    fn default() -> BranchPolicy {
        BranchPolicy { linear: false, require_signing: true, serialiser: None }
    }
}

impl BranchPolicy {
    /// What holds for `branch` where this device and the repo say this.
    ///
    /// What this device leaves open has the default, and so a repo alone never lifts `requireSigning`; what the repo
    /// leaves open changes nothing. On the engine's own branch `requireSigning` always holds.
    pub fn of(branch: &str, device: &Policies, repo: &Policies) -> BranchPolicy {
        let mut device = device.stated(branch);
        device.require_signing.get_or_insert(true);
        let stated = match planted!(PolicyWeakened) {
            true => repo.stated(branch),
            false => device.strictest(&repo.stated(branch)),
        };
        BranchPolicy {
            linear: stated.linear.unwrap_or(false),
            require_signing: branch == REPO_BRANCH || stated.require_signing.unwrap_or(true),
            serialiser: stated.serialiser,
        }
    }
}

/// What one text states about a branch; none is left open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    /// See [`BranchPolicy::linear`]; true is stricter.
    pub linear: Option<bool>,
    /// See [`BranchPolicy::require_signing`]; true is stricter.
    pub require_signing: Option<bool>,
    /// See [`BranchPolicy::serialiser`]; of two names the smaller as bytes counts, so that all agree.
    pub serialiser: Option<String>,
}

impl Stated {
    /// The stricter of both, field by field. What one leaves open the other decides.
    pub fn strictest(&self, other: &Stated) -> Stated {
        let serialiser = match (&self.serialiser, &other.serialiser) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.as_ref().or(two.as_ref()),
        };
        Stated {
            linear: self.linear.max(other.linear),
            require_signing: self.require_signing.max(other.require_signing),
            serialiser: serialiser.cloned(),
        }
    }
}

/// The policies of one text, by pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    rules: Vec<(Pattern, Stated)>,
}

/// What is wrong with a text of policies, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}, at \"{at}\"")]
pub struct PolicyFlaw {
    /// The member that is wrong, seen from the object of all policies.
    pub at: Pointer,
    /// What is wrong.
    pub reason: PolicyReason,
}

/// What is wrong with a member of a text of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyReason {
    /// Something else than an object.
    #[error("an object is expected here")]
    NoObject,
    /// A name that is no pattern.
    #[error("a branch pattern has 1 to 255 bytes, no control characters and no more than two '*' in a row")]
    BadPattern,
    /// A field that no policy has.
    #[error("a policy has no such field; it may have linear, requireSigning and serialiser")]
    UnknownField,
    /// Something else than a truth value.
    #[error("true or false is expected here")]
    NoBool,
    /// Something else than a name.
    #[error("the name of a peer is expected here, of 1 to 255 bytes and without control characters")]
    NoName,
}

impl Policies {
    /// The same for every branch of a program.
    pub fn everywhere(stated: Stated) -> Policies {
        Policies { rules: alloc::vec![(Pattern::every(), stated)] }
    }

    /// Reads an object of patterns and policies, as in the member `branchPolicies` of a configuration file and in the
    /// body of `_repo/branch_policy`.
    ///
    /// # Errors
    /// [`PolicyFlaw`] for the first member that is wrong.
    pub fn read(value: &Value) -> Result<Policies, PolicyFlaw> {
        let root = Pointer::ROOT;
        let rules = object(value, &root)?.iter().map(|(name, policy)| {
            let at = root.child(name);
            let pattern =
                Pattern::parse(name).ok_or(PolicyFlaw { at: at.clone(), reason: PolicyReason::BadPattern })?;
            Ok((pattern, read_policy(policy, &at)?))
        });
        Ok(Policies { rules: rules.collect::<Result<_, _>>()? })
    }

    /// What the most precise pattern states about a branch; where two are equally precise, the stricter of both.
    pub fn stated(&self, branch: &str) -> Stated {
        let matching = || self.rules.iter().filter(|(pattern, _)| pattern.matches(branch));
        let greatest = matching().map(|(pattern, _)| pattern.precision()).max();
        matching()
            .filter(|(pattern, _)| Some(pattern.precision()) == greatest)
            .fold(Stated::default(), |stated, (_, other)| stated.strictest(other))
    }

    /// The patterns and what they state, ascending by pattern in JCS order.
    pub fn iter(&self) -> impl Iterator<Item = (&Pattern, &Stated)> {
        self.rules.iter().map(|(pattern, stated)| (pattern, stated))
    }
}

fn read_policy(value: &Value, at: &Pointer) -> Result<Stated, PolicyFlaw> {
    let mut stated = Stated::default();
    for (name, value) in object(value, at)?.iter() {
        let flaw = |reason| PolicyFlaw { at: at.child(name), reason };
        let truth = || value.as_bool().ok_or(flaw(PolicyReason::NoBool));
        match name {
            "linear" => stated.linear = Some(truth()?),
            "requireSigning" => stated.require_signing = Some(truth()?),
            "serialiser" => stated.serialiser = Some(peer_name(value).ok_or(flaw(PolicyReason::NoName))?),
            _ => return Err(flaw(PolicyReason::UnknownField)),
        }
    }
    Ok(stated)
}

fn peer_name(value: &Value) -> Option<String> {
    let fits = |name: &&str| (1..=NAME_BYTES_MAX).contains(&name.len()) && is_plain(name);
    value.as_str().filter(fits).map(Into::into)
}

fn object<'a>(value: &'a Value, at: &Pointer) -> Result<&'a Object, PolicyFlaw> {
    value.as_object().ok_or_else(|| PolicyFlaw { at: at.clone(), reason: PolicyReason::NoObject })
}
