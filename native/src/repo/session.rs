//! Sessions: another branch is looked at as a plan before it is joined.

use trellis_core::input::{Choice, Command, Edit};
use trellis_core::merge::conflict::Conflict;
use trellis_core::output::Answer;
use trellis_core::view::plan::Plan;

use super::{Receipt, Repo, no_answer};
use crate::error::{Code, Result};

/// Where a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It has no plan yet.
    Created,
    /// A plan is being made.
    Planning,
    /// It has a plan.
    Previewed,
    /// The plan is being applied.
    Applying,
    /// The plan is applied, and no conflict that it opened is open.
    Completed,
    /// A conflict that it opened is open, or what it would do changed before it was applied.
    Conflicted,
    /// The last step failed.
    Failed,
}

impl Phase {
    /// The word in documents.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Created => "created",
            Phase::Planning => "planning",
            Phase::Previewed => "previewed",
            Phase::Applying => "applying",
            Phase::Completed => "completed",
            Phase::Conflicted => "conflicted",
            Phase::Failed => "failed",
        }
    }
}

/// A draft, then a plan, then ops. [`Repo::session`] gives one.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let notes = folder.path().join("notes");
/// # let body = async {
/// use trellis_sync::{Phase, Repo, Value};
///
/// let repo = Repo::open(&notes).await?;
/// repo.set("todo/1/title", Value::from("Buy milk")).await?;
/// let mut session = repo.session("draft").await?;
/// session.draft().set("todo/1/title", Value::from("Buy oats")).await?;
/// let plan = session.preview().await?; // changes nothing
/// assert_eq!(plan.items[0].key, "1");
/// session.apply(None).await?;
/// assert_eq!(session.phase(), Phase::Completed);
/// # trellis_sync::Result::Ok(())
/// # };
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(body).unwrap();
/// ```
#[derive(Debug)]
pub struct Session {
    repo: Repo,
    draft: Repo,
    phase: Phase,
    plan: Option<Plan>,
}

impl Repo {
    /// A draft of changes: another branch, begun from this one where it is not there yet.
    ///
    /// # Errors
    /// What the disk reports, and what keeps a branch from being begun.
    pub async fn session(&self, branch: &str) -> Result<Session> {
        let branches = self.branches().await?;
        let is_there = |name: &str| branches.iter().any(|branch| branch.name == name);
        if !is_there(branch) && is_there(self.branch()) {
            self.begin_branch(branch).await?;
        }
        Ok(Session { repo: self.clone(), draft: self.on_branch(branch), phase: Phase::Created, plan: None })
    }

    /// What joining another branch into this one would change, entity by entity. Changes nothing.
    ///
    /// # Errors
    /// `not_found` where there is no such branch.
    pub async fn plan(&self, source: &str) -> Result<Plan> {
        let command = Command::Plan { branch: self.branch().into(), source: source.into(), at: Vec::new() };
        match self.run(command, || format!("plan a merge of the branch {source}")).await? {
            Answer::Plan(plan) => Ok(plan),
            _ => Err(no_answer()),
        }
    }

    /// Joins a branch as a plan says.
    ///
    /// # Errors
    /// `conflict_moved` where that would do something else by now; nothing was changed then.
    pub async fn apply(&self, plan: &Plan, message: Option<&str>) -> Result<Receipt> {
        let edit = Edit::Merge {
            source: plan.source.clone(),
            at: plan.heads.clone(),
            plan: Some(plan.id),
            message: message.map(Into::into),
        };
        self.batch().edit(edit, format!("merge the branch {}", plan.source)).commit().await
    }
}

impl Session {
    /// The branch that would be joined. What is written here changes nothing of the other one.
    pub fn draft(&self) -> &Repo {
        &self.draft
    }

    /// Where it is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What `apply` would do; none before the first `preview`.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// What joining the draft would change, entity by entity. Changes nothing. The same ops give the same plan everywhere.
    ///
    /// # Errors
    /// `not_found` where nobody has written to the draft yet.
    pub async fn preview(&mut self) -> Result<&Plan> {
        self.phase = Phase::Planning;
        let plan = self.repo.plan(self.draft.branch()).await;
        self.phase = if plan.is_ok() { Phase::Previewed } else { Phase::Failed };
        Ok(self.plan.insert(plan?))
    }

    /// Does what the plan says, in one op; makes the plan first where there is none. What was written to the draft since
    /// then stays there for the next plan. The receipt has no ops where all of the draft had been joined.
    ///
    /// # Errors
    /// `conflict_moved` where the same would do something else by now. Nothing was changed then, and the plan is the new
    /// one.
    pub async fn apply(&mut self, message: Option<&str>) -> Result<Receipt> {
        let plan = match self.plan.take() {
            Some(plan) => plan,
            None => self.preview().await?.clone(),
        };
        self.phase = Phase::Applying;
        let applied = self.repo.apply(&plan, message).await;
        self.plan = Some(plan);
        match applied {
            Ok(receipt) => self.settle().await.map(|()| receipt),
            Err(error) => {
                self.phase = Phase::Failed;
                if error.code() == Code::ConflictMoved {
                    self.preview().await?;
                    self.phase = Phase::Conflicted;
                }
                Err(error)
            }
        }
    }

    /// The conflicts that the plan opened, and that are open still.
    ///
    /// # Errors
    /// What the disk reports.
    pub async fn conflicts(&self) -> Result<Vec<Conflict>> {
        let opened = self.plan.iter().flat_map(|plan| &plan.items).flat_map(|item| &item.conflicts);
        let opened: Vec<_> = opened.map(|conflict| conflict.id).collect();
        let mut open = self.repo.conflicts().await?;
        open.retain(|conflict| opened.contains(&conflict.id));
        Ok(open)
    }

    /// As [`Repo::resolve`]. With the last of its conflicts the session is completed.
    ///
    /// # Errors
    /// As there.
    pub async fn resolve(&mut self, conflict: &Conflict, choice: Choice) -> Result<Receipt> {
        let receipt = self.repo.resolve(conflict, choice).await?;
        self.settle().await?;
        Ok(receipt)
    }

    async fn settle(&mut self) -> Result<()> {
        self.phase = if self.conflicts().await?.is_empty() { Phase::Completed } else { Phase::Conflicted };
        Ok(())
    }
}
