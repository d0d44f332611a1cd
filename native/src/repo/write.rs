//! Writing: each verb is one transaction, and a batch is several edits in one.

use trellis_core::admit::intrinsic::Invalid;
use trellis_core::error::CommandError;
use trellis_core::input::{Base, Change, Choice, Command, Edit, Note, Role, Tier, Transaction};
use trellis_core::log::row::StoredOp;
use trellis_core::merge::conflict::Conflict;
use trellis_core::op::id::{Author, OpId};
use trellis_core::op::json::Value;
use trellis_core::op::patch::Patch;
use trellis_core::op::place::{Entity, Place};
use trellis_core::output::{Answer, ImportReport};
use trellis_core::time::Millis;

use std::time::Duration;

use super::{Repo, conflict_place, explain, no_answer};
use crate::driver::{Failure, random};
use crate::error::{Code, Result, TrellisError};

/// How long a receipt waits unless it is told otherwise.
const DURABLE_WAIT: Duration = Duration::from_secs(30);

/// What is known of a write that has become safe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Safe {
    /// Those of its ops that a peer gives no effect, and why: `permission_denied` where their author may not write there,
    /// `not_fast_forward` where they do not continue the line of a linear branch. They are kept all the same.
    pub withheld: Vec<(OpId, Code)>,
}

/// The promise for one write: its ops are on this device's disk.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub(super) repo: Repo,
    pub(super) ops: Vec<OpId>,
}

impl Receipt {
    /// The ops written, in order; none where nothing had to change.
    pub fn ops(&self) -> &[OpId] {
        &self.ops
    }

    /// Waits until the ops are as safe as `tier` says, for 30 seconds at most.
    ///
    /// # Errors
    /// As [`Receipt::durable_within`].
    pub async fn durable(&self, tier: Tier) -> Result<Safe> {
        self.durable_within(tier, DURABLE_WAIT).await
    }

    /// Waits until the ops are as safe as `tier` says, for as long as `limit` at most.
    ///
    /// # Errors
    /// `timeout`: they are not yet, and go on being sent. `invalid_op`: a peer refuses them for good.
    pub async fn durable_within(&self, tier: Tier, limit: Duration) -> Result<Safe> {
        let until = Millis(self.repo.driver().now().0.saturating_add(limit.as_millis() as u64));
        let command = Command::Durable { ops: self.ops.clone(), tier, until };
        match self.repo.run(command, || "wait for a write to be safe".into()).await? {
            Answer::Durable { withheld } => {
                Ok(Safe { withheld: withheld.into_iter().map(|(op, reason)| (op, Code::of(reason))).collect() })
            }
            _ => Err(no_answer()),
        }
    }
}

/// One op each, unless said otherwise. Every verb fails with `clock_ahead`, `locked`, `storage_full` and the like where
/// it cannot be carried out, and has then changed nothing.
impl Repo {
    /// Begins the repo: writes its genesis. Writes do this by themselves.
    ///
    /// # Errors
    /// `already_exists` where it has begun.
    pub async fn begin(&self) -> Result<()> {
        let command = Command::Create { name: self.name.to_string(), nonce: random()? };
        self.run(command, || "begin the repo".into()).await.map(drop)
    }

    /// Gives a place a value. A whole entity that exists becomes the value by the difference to what is shown, so
    /// fields that do not change are not written.
    ///
    /// # Errors
    /// `invalid_argument` for what is no place, `payload_too_large`.
    pub async fn set(&self, place: &str, value: Value) -> Result<Receipt> {
        self.batch().set(place, value)?.commit().await
    }

    /// As [`Repo::set`] for a whole entity.
    ///
    /// # Errors
    /// As [`Repo::set`].
    pub async fn put(&self, collection: &str, key: &str, value: Value) -> Result<Receipt> {
        let entity = Entity::new(collection, key)?;
        self.batch().change(&entity, Change::Put(value), Base::Shown).commit().await
    }

    /// Changes places of an entity.
    ///
    /// # Errors
    /// `invalid_argument` where places are named twice or inside one another.
    pub async fn patch(&self, collection: &str, key: &str, patch: Patch) -> Result<Receipt> {
        let entity = Entity::new(collection, key)?;
        self.batch().change(&entity, Change::Patch(patch), Base::Shown).commit().await
    }

    /// Removes an entity, or a place inside one.
    ///
    /// # Errors
    /// `invalid_argument` for what is no place.
    pub async fn delete(&self, place: &str) -> Result<Receipt> {
        self.batch().delete(place)?.commit().await
    }

    /// Adds a record that never changes.
    ///
    /// # Errors
    /// `payload_too_large`.
    pub async fn append(&self, collection: &str, key: &str, value: Value) -> Result<Receipt> {
        let entity = Entity::new(collection, key)?;
        self.batch().change(&entity, Change::Append(value), Base::Shown).commit().await
    }

    /// Several edits: one transaction, one signature, one receipt.
    pub fn batch(&self) -> Batch {
        let (repo, branch) = (self.clone(), self.branch().into());
        Batch { repo, branch, actor: None, edits: Vec::new(), note: None, what: String::new() }
    }

    /// Closes a conflict.
    ///
    /// # Errors
    /// `conflict_moved` where it is closed or has other members by now; `not_found` for a side that it does not have.
    pub async fn resolve(&self, conflict: &Conflict, choice: Choice) -> Result<Receipt> {
        let edit = Edit::Resolve {
            collection: conflict.collection.clone(),
            key: conflict.key.clone(),
            conflict: conflict.id,
            choice,
        };
        self.batch().edit(edit, format!("resolve the conflict at {}", conflict_place(conflict))).commit().await
    }

    /// Closes several conflicts in one record.
    ///
    /// # Errors
    /// As [`Repo::resolve`], and nothing is written then.
    pub(crate) async fn resolve_all(&self, choices: &[(&Conflict, Choice)], note: Note) -> Result<Receipt> {
        let edits = choices.iter().map(|(conflict, choice)| Edit::Resolve {
            collection: conflict.collection.clone(),
            key: conflict.key.clone(),
            conflict: conflict.id,
            choice: choice.clone(),
        });
        let batch = self.batch().note(note);
        edits.fold(batch, |batch, edit| batch.edit(edit, "merge files by lines".into())).commit().await
    }

    /// Gives back what this device's last write to the branch replaced. What the engine wrote itself, to merge contents by
    /// lines, is passed over.
    ///
    /// # Errors
    /// `not_found` where there is nothing to undo.
    pub async fn undo(&self) -> Result<Receipt> {
        self.batch().edit(Edit::Undo, "undo the last write".into()).commit().await
    }

    /// Begins another branch from this one.
    ///
    /// # Errors
    /// `already_exists` where there is one of this name; `not_found` where this one is not there.
    pub async fn begin_branch(&self, name: &str) -> Result<Receipt> {
        self.expect_new_branch(name).await?;
        self.on_branch(name).merge(self.branch(), None).await
    }

    /// Begins another branch from what there was at an op.
    ///
    /// # Errors
    /// As [`Repo::begin_branch`]; `not_found` for an op that is not here; `invalid_argument` for one of the engine's own
    /// branches.
    pub async fn begin_branch_at(&self, name: &str, op: OpId) -> Result<Receipt> {
        self.expect_new_branch(name).await?;
        let source = self.op(op).await?.branch;
        if source.starts_with('_') {
            let message =
                format!("The op {} is the engine's own, and no branch begins there. Name another.", op.short());
            return Err(TrellisError::new(Code::InvalidArgument, message).about_op(op));
        }
        let edit = Edit::Merge { source, at: vec![op], plan: None, message: None };
        self.on_branch(name).batch().edit(edit, format!("begin the branch {name}")).commit().await
    }

    async fn expect_new_branch(&self, name: &str) -> Result<()> {
        if self.branches().await?.iter().all(|branch| branch.name != name) {
            return Ok(());
        }
        let message = format!("There is a branch {name} already. Use it, or choose another name.");
        Err(TrellisError::new(Code::AlreadyExists, message))
    }

    /// Joins another branch into this one, or begins this one from it.
    ///
    /// # Errors
    /// `not_found` where there is no such branch.
    pub async fn merge(&self, source: &str, message: Option<&str>) -> Result<Receipt> {
        let edit = Edit::Merge { source: source.into(), at: Vec::new(), plan: None, message: message.map(Into::into) };
        self.batch().edit(edit, format!("merge the branch {source}")).commit().await
    }

    /// On a linear branch that diverged: writes this device's ops anew on top of the line that ends in `onto`.
    ///
    /// # Errors
    /// `not_found` for an op that is not here; `body_missing` where an op's content is not here to write again.
    pub async fn rebase(&self, onto: OpId) -> Result<Receipt> {
        let what = format!("rebase the branch {}", self.branch());
        self.batch().edit(Edit::Rebase { onto }, what).commit().await
    }

    /// Makes somebody a member, or changes the role.
    ///
    /// # Errors
    /// `permission_denied` for all but owners.
    pub async fn add_member(&self, author: Author, name: &str, role: Role) -> Result<Receipt> {
        let edit = Edit::AddMember { author, name: name.into(), role };
        self.batch().on_repo_branch().edit(edit, format!("add the member {}", author.short())).commit().await
    }

    /// Ends a membership. What the member has written so far keeps its effect.
    ///
    /// # Errors
    /// `permission_denied` for all but owners; `not_found` where there is no such member.
    pub async fn remove_member(&self, author: Author) -> Result<Receipt> {
        let edit = Edit::RemoveMember { author };
        self.batch().on_repo_branch().edit(edit, format!("remove the member {}", author.short())).commit().await
    }

    /// Says how a collection merges and who may see and change it, in place of what was said before. What `manifest`
    /// leaves out is as where nothing is declared. Writes nothing where the collection is declared so already.
    ///
    /// # Errors
    /// `invalid_argument` with the field that is wrong; `permission_denied` for all but owners.
    pub async fn declare(&self, collection: &str, manifest: Value) -> Result<Receipt> {
        let edit = Edit::Declare { collection: collection.into(), manifest };
        self.batch().on_repo_branch().edit(edit, format!("declare the collection {collection}")).commit().await
    }

    /// Takes ops from elsewhere, in any order. Into a repo without ops they bring the repo that they belong to.
    ///
    /// # Errors
    /// `repo_mismatch` for ops of another repo.
    pub async fn import(&self, ops: Vec<StoredOp>) -> Result<ImportReport> {
        match self.run(Command::Import(ops), || "import ops".into()).await? {
            Answer::Imported(report) if is_of_another_repo(&report) => Err(other_repo()),
            Answer::Imported(report) => Ok(report),
            _ => Err(no_answer()),
        }
    }

    pub(super) async fn write(&self, mut transaction: Transaction, what: &str) -> Result<Receipt> {
        transaction.actor = transaction.actor.or(self.author_name.as_deref().map(Into::into));
        let command = Command::Write(transaction);
        let answer = match self.driver.run(command.clone()).await {
            Err(Failure::Command(CommandError::NoRepo)) => {
                self.begin_if_needed().await?;
                self.driver.run(command).await
            }
            answer => answer,
        };
        match answer.map_err(|failure| explain(failure, what))? {
            Answer::Written(ops) => Ok(Receipt { repo: self.clone(), ops }),
            _ => Err(no_answer()),
        }
    }

    /// Another process may begin the repo at the same time.
    pub(crate) async fn begin_if_needed(&self) -> Result<()> {
        match self.begin().await {
            Err(error) if error.code() == Code::AlreadyExists => Ok(()),
            begun => begun,
        }
    }
}

fn is_of_another_repo(report: &ImportReport) -> bool {
    let mut refused = report.refused.iter();
    !report.refused.is_empty() && report.admitted.is_empty() && refused.all(|(_, why)| *why == Invalid::RepoMismatch)
}

pub(crate) fn other_repo() -> TrellisError {
    let message = "These ops belong to another repo, and two repos never merge. Take them into a folder of their own: \
                   clone the file or the folder that they come from.";
    TrellisError::new(Code::RepoMismatch, message)
}

/// Edits on their way into one transaction.
#[derive(Clone, Debug)]
pub struct Batch {
    repo: Repo,
    branch: String,
    actor: Option<String>,
    edits: Vec<Edit>,
    note: Option<Note>,
    what: String,
}

impl Batch {
    /// As [`Repo::set`].
    ///
    /// # Errors
    /// `invalid_argument` for what is no place.
    pub fn set(self, place: &str, value: Value) -> Result<Batch> {
        let place = place.parse::<Place>()?;
        let what = format!("write {}", place.entity);
        Ok(self.edit(Edit::set(place, value), what))
    }

    /// As [`Repo::delete`].
    ///
    /// # Errors
    /// `invalid_argument` for what is no place.
    pub fn delete(self, place: &str) -> Result<Batch> {
        let place = place.parse::<Place>()?;
        let what = format!("write {}", place.entity);
        Ok(self.edit(Edit::delete(place), what))
    }

    /// Any change of an entity, on top of any base.
    pub fn change(self, entity: &Entity, change: Change, base: Base) -> Batch {
        let what = format!("write {entity}");
        let (collection, key) = (entity.collection.clone(), entity.key.clone());
        self.edit(Edit::Entity { collection, key, change, base }, what)
    }

    /// Says on whose behalf this is written, if not the device's own.
    pub fn actor(mut self, actor: &str) -> Batch {
        self.actor = Some(actor.into());
        self
    }

    /// Makes this a record: people read the note about it, and it may be of any length.
    pub fn note(mut self, note: Note) -> Batch {
        self.note = Some(note);
        self
    }

    /// Writes everything; nothing is written where an edit cannot be.
    ///
    /// # Errors
    /// `payload_too_large` beyond 1,024 ops or 512 KiB, and whatever an edit's verb fails with.
    pub async fn commit(self) -> Result<Receipt> {
        let Batch { repo, branch, actor, edits, note, what } = self;
        if edits.is_empty() {
            return Err(TrellisError::new(Code::InvalidArgument, "There is nothing in this batch to write."));
        }
        repo.write(Transaction { branch, actor, edits, note, random: random()? }, &what).await
    }

    pub(crate) fn edit(mut self, edit: Edit, what: String) -> Batch {
        self.edits.push(edit);
        self.what = match (&self.note, self.what.is_empty()) {
            (Some(_), _) => "write the record".into(),
            (None, true) => what,
            (None, false) => "write the batch".into(),
        };
        self
    }

    pub(super) fn on_repo_branch(mut self) -> Batch {
        self.branch = "_repo".into();
        self
    }
}
