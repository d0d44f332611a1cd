//! The repo as it was: what a branch showed when some ops were its heads.

use trellis_core::input::{Command, EntityQuery};
use trellis_core::op::id::OpId;
use trellis_core::op::place::Place;
use trellis_core::output::{Answer, EntityView, FilesView};

use super::read::found;
use super::{Found, Repo, no_answer};
use crate::error::{Code, Result, TrellisError};
use crate::range::Range;

/// The repo as it was when some ops were the branch's heads: a value, and not a mode that the repo is in. Ops that
/// arrive later change nothing of what it shows; who may write, what is redacted and what collections declare counts as
/// it does now.
#[derive(Clone, Debug)]
pub struct RepoAt {
    repo: Repo,
    heads: Vec<OpId>,
}

impl Repo {
    /// The repo as it was when these ops were the branch's heads. Without any it is what the branch shows whenever it is
    /// asked.
    pub fn at(&self, heads: &[OpId]) -> RepoAt {
        RepoAt { repo: self.clone(), heads: heads.to_vec() }
    }

    /// The ops that a name stands for: the one whose id begins with these hex digits, or the heads of the branch that has
    /// this name.
    ///
    /// # Errors
    /// `not_found`; `invalid_argument` where several ops, or an op and a branch, may be meant.
    pub async fn find_heads(&self, name: &str) -> Result<Vec<OpId>> {
        let branch = self.branches().await?.into_iter().find(|branch| branch.name == name);
        match (self.find_op(name).await, branch) {
            (Ok(op), None) => Ok(vec![op]),
            (Err(error), None) if is_hex(name) => Err(error),
            (Err(_), None) => {
                let message =
                    format!("There is no branch {name}, and an op is named by hex digits, at least four of its id.");
                Err(TrellisError::new(Code::InvalidArgument, message))
            }
            (Ok(_), Some(_)) => {
                let message =
                    format!("{name} is a branch, and an op's id begins so. Give more digits, or the branch's head.");
                Err(TrellisError::new(Code::InvalidArgument, message))
            }
            (Err(_), Some(branch)) => Ok(branch.heads),
        }
    }
}

fn is_hex(name: &str) -> bool {
    name.bytes().all(|digit| b"0123456789abcdef".contains(&digit))
}

/// Reads fail as those of [`Repo`] do, and with `not_found` where one of the heads is not here.
impl RepoAt {
    /// The heads.
    pub fn heads(&self) -> &[OpId] {
        &self.heads
    }

    /// What stood at a place. That there was nothing is an answer, not a failure.
    ///
    /// # Errors
    /// `invalid_argument` for what is no place.
    pub async fn get(&self, place: &str) -> Result<Found> {
        let place: Place = place.parse()?;
        let (branch, entity) = (self.repo.branch().into(), place.entity.clone());
        let query = EntityQuery { branch, collection: entity.collection, key: entity.key, at: self.heads.clone() };
        match self.repo.run(Command::Get(query), || format!("read {}", place.entity)).await? {
            Answer::Entity(view) => Ok(found(place, view)),
            _ => Err(no_answer()),
        }
    }

    /// The entities that there were, or those of a range, ascending by collection and key.
    ///
    /// # Errors
    /// See above.
    pub async fn entries(&self, range: Range) -> Result<Vec<EntityView>> {
        let Range { collection, key_prefix } = range;
        let (branch, at) = (self.repo.branch().into(), self.heads.clone());
        let command = Command::Entries { branch, collection, key_prefix, at };
        match self.repo.run_on_branch(command, "list the entities").await? {
            Answer::Entries(entries) => Ok(entries),
            Answer::Done => Ok(Vec::new()),
            _ => Err(no_answer()),
        }
    }

    /// The files that there were, as a tree.
    ///
    /// # Errors
    /// See above.
    pub async fn files(&self) -> Result<FilesView> {
        self.repo.files(&self.heads).await
    }
}
