//! Reading: every answer is what all processes on this device have committed so far.

use trellis_core::error::CommandError;
use trellis_core::input::Command;
use trellis_core::log::row::StoredOp;
use trellis_core::merge::conflict::Conflict;
use trellis_core::merge::entity::Shown;
use trellis_core::op::id::OpId;
use trellis_core::op::json::Value;
use trellis_core::op::place::{Entity, Place};
use trellis_core::op::pointer::Pointer;
use trellis_core::output::{
    Answer, BranchView, ChainEnd, EntityView, FilesView, Fork, ForkProof, ManifestView, Member, OpView, Status,
    VerifyReport,
};
use trellis_core::view::files::FilePath;

use super::{MAIN, Repo, explain, no_answer};
use crate::driver::Failure;
use crate::error::{Code, Result, TrellisError};
use crate::range::Range;

/// What stands at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The place.
    pub place: Place,
    /// Whether there is something.
    pub state: State,
    /// Its value, where that is JSON.
    pub value: Option<Value>,
    /// The writes that the entity is made of: the base for a later write.
    pub frontier: Vec<OpId>,
    /// The open conflicts of the entity that touch the place; the value is provisional while there are any.
    pub conflicts: Vec<Conflict>,
}

/// Whether there is something at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A JSON value.
    Value,
    /// Bytes that only a program understands.
    Bytes,
    /// Nothing.
    Absent,
    /// Something whose content is not on this device.
    BodyMissing,
}

impl State {
    /// The word in documents.
    pub fn name(self) -> &'static str {
        match self {
            State::Value => "value",
            State::Bytes => "bytes",
            State::Absent => "absent",
            State::BodyMissing => "body_missing",
        }
    }

    /// How an entity is shown.
    pub fn of(shown: &Shown) -> State {
        match shown {
            Shown::Json(_) => State::Value,
            Shown::Bytes(_) => State::Bytes,
            Shown::Absent => State::Absent,
            Shown::BodyMissing => State::BodyMissing,
        }
    }
}

/// What verifying found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What became of the ops.
    pub report: VerifyReport,
    /// Rows of the store that are not what was written, and whose ops therefore stand nowhere.
    pub corrupt_rows: Vec<u32>,
}

impl Verified {
    /// Whether everything is as it was written.
    pub fn is_sound(&self) -> bool {
        self.corrupt_rows.is_empty() && self.report.corrupt.is_empty() && self.report.uncovered.is_empty()
    }
}

/// Reads fail with `storage_corrupt` where the disk does not hold what was written to it, and with `not_found` for a
/// branch that nobody has written to; `main` is always there.
impl Repo {
    /// What stands at a place. That there is nothing is an answer, not a failure.
    ///
    /// # Errors
    /// `invalid_argument` for what is no place.
    pub async fn get(&self, place: &str) -> Result<Found> {
        self.at(&[]).get(place).await
    }

    /// The entities of a branch, or of a range of it, ascending by collection and key.
    ///
    /// # Errors
    /// See above.
    pub async fn entries(&self, range: Range) -> Result<Vec<EntityView>> {
        self.at(&[]).entries(range).await
    }

    /// Ops of the branch's log, or those that write one entity, newest first.
    ///
    /// # Errors
    /// See above.
    pub async fn log(&self, entity: Option<&Entity>, ops_max: usize) -> Result<Vec<OpView>> {
        let entity = entity.map(|entity| (entity.collection.clone(), entity.key.clone()));
        let command = Command::Log { branch: self.branch().into(), entity, ops_max };
        match self.run_on_branch(command, "read the log").await? {
            Answer::Log(ops) => Ok(ops),
            Answer::Done => Ok(Vec::new()),
            _ => Err(no_answer()),
        }
    }

    /// The ops of every branch that write to entities of a collection, those whose keys begin with `key_prefix`.
    ///
    /// # Errors
    /// What the disk reports.
    pub async fn writes(&self, collection: &str, key_prefix: &str) -> Result<Vec<OpView>> {
        let command = Command::Writes { collection: collection.into(), key_prefix: key_prefix.into() };
        match self.run(command, || format!("list the writes to {collection}")).await? {
            Answer::Log(ops) => Ok(ops),
            _ => Err(no_answer()),
        }
    }

    /// One op, whole.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn op(&self, id: OpId) -> Result<OpView> {
        self.ops(&[id]).await?.into_iter().next().ok_or_else(no_answer)
    }

    /// Several ops, whole, in this order.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn ops(&self, ids: &[OpId]) -> Result<Vec<OpView>> {
        match self.run(Command::Show(ids.to_vec()), || "read ops".into()).await? {
            Answer::Log(ops) => Ok(ops),
            _ => Err(no_answer()),
        }
    }

    /// The op whose id begins with these hex digits.
    ///
    /// # Errors
    /// `not_found`; `invalid_argument` for other text, and where several ids begin so.
    pub async fn find_op(&self, prefix: &str) -> Result<OpId> {
        if prefix.len() < 4 || prefix.len() > 64 || !prefix.bytes().all(|digit| b"0123456789abcdef".contains(&digit)) {
            let message = "An op is named by its id or the first digits of it, at least four: lower-case hex.";
            return Err(TrellisError::new(Code::InvalidArgument, message));
        }
        let ids = match self.run(Command::FindOps(prefix.into()), || "look for the op".into()).await? {
            Answer::Ids(ids) => ids,
            _ => return Err(no_answer()),
        };
        match ids.as_slice() {
            [id] => Ok(*id),
            [] => Err(TrellisError::new(Code::NotFound, format!("There is no op {prefix} here."))),
            _ => Err(TrellisError::new(
                Code::InvalidArgument,
                format!("Several ops have ids that begin with {prefix}; give more digits."),
            )),
        }
    }

    /// The open conflicts of the branch, ascending by collection, key and path.
    ///
    /// # Errors
    /// See above.
    pub async fn conflicts(&self) -> Result<Vec<Conflict>> {
        let command = Command::Conflicts { branch: self.branch().into() };
        match self.run_on_branch(command, "list the conflicts").await? {
            Answer::Conflicts(conflicts) => Ok(conflicts),
            Answer::Done => Ok(Vec::new()),
            _ => Err(no_answer()),
        }
    }

    /// The whole picture, without a look at bodies.
    ///
    /// # Errors
    /// What the disk reports.
    pub async fn status(&self) -> Result<Status> {
        match self.run(Command::Status, || "read the status".into()).await? {
            Answer::Status(status) => Ok(status),
            _ => Err(no_answer()),
        }
    }

    /// Every branch.
    ///
    /// # Errors
    /// What the disk reports.
    pub async fn branches(&self) -> Result<Vec<BranchView>> {
        self.status().await.map(|status| status.branches)
    }

    /// The members and their roles; nobody where everybody may write.
    ///
    /// # Errors
    /// What the disk reports.
    pub async fn members(&self) -> Result<Vec<Member>> {
        match self.run(Command::Members, || "list members".into()).await? {
            Answer::Members(members) => Ok(members),
            _ => Err(no_answer()),
        }
    }

    /// What collections declare, ascending by collection; the others merge by `graph_merge`.
    ///
    /// # Errors
    /// What the disk reports.
    pub async fn manifests(&self) -> Result<Vec<ManifestView>> {
        match self.run(Command::Manifests, || "read the manifests".into()).await? {
            Answer::Manifests(manifests) => Ok(manifests),
            _ => Err(no_answer()),
        }
    }

    /// What a collection declares, if it does.
    ///
    /// # Errors
    /// What the disk reports.
    pub async fn manifest(&self, collection: &str) -> Result<Option<ManifestView>> {
        Ok(self.manifests().await?.into_iter().find(|view| view.collection == collection))
    }

    /// Where chains forked: a key was used in two places, or somebody lies.
    ///
    /// # Errors
    /// What the disk reports.
    pub async fn forks(&self) -> Result<Vec<Fork>> {
        self.status().await.map(|status| status.forks)
    }

    /// What shows others, who need none of the ops, that these two have one place in an author's chain.
    ///
    /// # Errors
    /// `not_found` for ops that are not here, or not such two; `payload_too_large` where more ops than a proof may hold
    /// stand between one of them and a signature.
    pub async fn fork_proof(&self, ops: [OpId; 2]) -> Result<ForkProof> {
        match self.run(Command::ForkProof(ops), || "prove the fork".into()).await? {
            Answer::ForkProof(proof) => Ok(proof),
            _ => Err(no_answer()),
        }
    }

    /// Reads everything: looks at the store's file, rehashes every row and op, and checks every signature. What does not
    /// hold is in the report.
    ///
    /// # Errors
    /// `storage_corrupt` for a file that is not sound as such; what the disk reports.
    pub async fn verify(&self) -> Result<Verified> {
        let corrupt_rows = self.driver.check().await?;
        match self.run(Command::Verify, || "verify the repo".into()).await? {
            Answer::Verified(report) => Ok(Verified { report, corrupt_rows }),
            _ => Err(no_answer()),
        }
    }

    /// Every op that is not in the causal past of the `known` ones, dependencies first.
    ///
    /// # Errors
    /// See above.
    pub async fn export(&self, known: Vec<OpId>) -> Result<Vec<StoredOp>> {
        match self.run(Command::Export { known }, || "export ops".into()).await? {
            Answer::Ops(ops) => Ok(ops),
            _ => Err(no_answer()),
        }
    }

    /// The files of the branch, as a tree: now, or as they were when the ops `at` were its heads.
    ///
    /// # Errors
    /// `not_found` for a branch or an op that is not here.
    pub async fn files(&self, at: &[OpId]) -> Result<FilesView> {
        let command = Command::Files { branch: self.branch().into(), at: at.to_vec() };
        match self.run_on_branch(command, "read the files").await? {
            Answer::Files(files) => Ok(files),
            _ => Ok(FilesView::default()),
        }
    }

    /// The keys of the files of the branch's log that ever were at a path or below it, those that are gone included.
    ///
    /// # Errors
    /// See above.
    pub async fn files_ever(&self, path: &FilePath) -> Result<Vec<String>> {
        let command = Command::FilesEver { branch: self.branch().into(), path: path.clone() };
        match self.run_on_branch(command, "look for files").await? {
            Answer::FileKeys(keys) => Ok(keys),
            _ => Ok(Vec::new()),
        }
    }

    /// The last op of every chain: what this replica has, in short.
    ///
    /// # Errors
    /// What the disk reports.
    pub async fn chain_ends(&self) -> Result<Vec<ChainEnd>> {
        match self.run(Command::ChainEnds, || "read the chain ends".into()).await? {
            Answer::ChainEnds(ends) => Ok(ends),
            _ => Err(no_answer()),
        }
    }

    /// `main` is there from the start, even if nobody has written to it; any other branch that is not there is a mistake.
    pub(super) async fn run_on_branch(&self, command: Command, what: &str) -> Result<Answer> {
        match self.driver.run(command).await {
            Err(Failure::Command(CommandError::NoBranch)) if self.branch() == MAIN => Ok(Answer::Done),
            answer => answer.map_err(|failure| explain(failure, &format!("{what} of the branch {}", self.branch()))),
        }
    }
}

pub(super) fn found(place: Place, view: EntityView) -> Found {
    let EntityView { shown, frontier, conflicts, .. } = narrowed(&place.pointer, view);
    let state = State::of(&shown);
    let value = if let Shown::Json(value) = shown { Some(value) } else { None };
    Found { place, state, value, frontier, conflicts }
}

/// What an entity shows at a place in it, and the conflicts that touch the place.
pub(super) fn narrowed(place: &Pointer, mut view: EntityView) -> EntityView {
    view.conflicts.retain(|conflict| conflict.path.is_prefix_of(place) || place.is_prefix_of(&conflict.path));
    view.shown = match view.shown {
        Shown::Json(value) => value_at(value, place).map_or(Shown::Absent, Shown::Json),
        Shown::Bytes(_) if !place.is_root() => Shown::Absent,
        shown => shown,
    };
    view
}

/// Pointers step through objects only.
fn value_at(value: Value, pointer: &Pointer) -> Option<Value> {
    pointer.0.iter().try_fold(value, |value, name| match value {
        Value::Object(mut object) => object.remove(name),
        _ => None,
    })
}
