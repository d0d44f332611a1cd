//! A repo by plain data: what bindings ask it, one command and one answer each.

use std::path::Path;
use std::time::Duration;

use trellis_core::error::CommandError;
use trellis_core::input::{Command, EntityQuery};
use trellis_core::op::id::OpId;
use trellis_core::op::place::Place;
use trellis_core::output::Answer;
use trellis_core::surface::{self as plain, Hex, Unreadable};

use super::read::narrowed;
use super::{MAIN, Receipt, Repo, explain, no_answer};
use crate::driver::{Failure, random};
use crate::error::{Code, Result, TrellisError};
use crate::range::Range;
use crate::surface::{BundleReport, Exported, Safe, Values, Verified};

impl Repo {
    /// Carries a command out as this type's verbs do it: a write begins a repo without ops and has the author's name, and
    /// `main` is there before anybody has written to it. Random bytes are drawn where the command has none.
    ///
    /// # Errors
    /// `invalid_argument` for what is no command, and what the verb fails with.
    pub async fn carry_out(&self, command: plain::Command) -> Result<plain::Answer> {
        let what = what(&command);
        let command = Command::try_from(command.with_random(random()?)).map_err(unreadable)?;
        let answer = match command {
            Command::Write(transaction) => Answer::Written(self.write(transaction, what).await?.ops().to_vec()),
            Command::Import(ops) => Answer::Imported(self.import(ops).await?),
            command => self.ask(command, what).await?,
        };
        plain::Answer::try_from(answer).map_err(|error| explain(Failure::Command(error), what))
    }

    async fn ask(&self, command: Command, what: &str) -> Result<Answer> {
        let nothing = nothing_yet(&command);
        match (self.driver.run(command).await, nothing) {
            (Err(Failure::Command(CommandError::NoBranch)), Some(nothing)) => Ok(nothing),
            (answer, _) => answer.map_err(|failure| explain(failure, what)),
        }
    }

    /// What stands at a place, as an entity that holds nothing else: now, or when the ops `at` were the branch's heads.
    ///
    /// # Errors
    /// `invalid_argument` for what is no place; `not_found` for a head that is not here.
    pub async fn find(&self, place: &str, at: Vec<Hex<32>>) -> Result<plain::Entity> {
        let Place { entity, pointer } = place.parse()?;
        let at = ids(at);
        let query = EntityQuery { branch: self.branch().into(), collection: entity.collection, key: entity.key, at };
        match self.run(Command::Get(query), || "read what stands there".into()).await? {
            Answer::Entity(view) => Ok(narrowed(&pointer, view).into()),
            _ => Err(no_answer()),
        }
    }

    /// What stands under the keys of a collection: now, or when the ops `at` were the branch's heads.
    ///
    /// # Errors
    /// `not_found` for a head that is not here; `body_missing` where a content is not on this device.
    pub async fn values(&self, collection: &str, at: Vec<Hex<32>>) -> Result<Values> {
        let range = Range { collection: Some(collection.into()), key_prefix: String::new() };
        Values::of(self.at(&ids(at)).entries(range).await?)
    }

    /// As [`Receipt::durable_within`], of ops that were written here.
    ///
    /// # Errors
    /// As there, and `invalid_argument` for a tier that there is not.
    pub async fn safe(&self, ops: Vec<Hex<32>>, tier: &str, limit: Duration) -> Result<Safe> {
        let tier = plain::tier_of(tier).map_err(unreadable)?;
        let receipt = Receipt { repo: self.clone(), ops: ids(ops) };
        receipt.durable_within(tier, limit).await.map(Into::into)
    }

    /// As [`Repo::export_bundle`], of everything.
    ///
    /// # Errors
    /// As there.
    pub async fn export_to(&self, path: impl AsRef<Path>) -> Result<Exported> {
        self.export_bundle(path, Vec::new()).await.map(Into::into)
    }

    /// As [`Repo::import_bundle`].
    ///
    /// # Errors
    /// As there.
    pub async fn import_from(&self, path: impl AsRef<Path>) -> Result<BundleReport> {
        let (report, carried) = self.import_bundle(path).await?;
        let missing = carried.missing.into_iter().map(|lacking| Hex(lacking.blob.0)).collect();
        Ok(BundleReport { report: report.into(), missing })
    }

    /// As [`Repo::begin_branch`]; returns the ops written.
    ///
    /// # Errors
    /// As there.
    pub async fn begin_plain_branch(&self, name: &str) -> Result<Vec<Hex<32>>> {
        Ok(self.begin_branch(name).await?.ops().iter().map(|op| Hex(op.0)).collect())
    }

    /// As [`Repo::verify`].
    ///
    /// # Errors
    /// As there.
    pub async fn verified(&self) -> Result<Verified> {
        self.verify().await.map(Into::into)
    }
}

/// A command that says what it is not.
pub(crate) fn unreadable(cause: Unreadable) -> TrellisError {
    TrellisError::new(Code::InvalidArgument, format!("This was not understood: {cause}.")).caused_by(cause)
}

fn ids(ids: Vec<Hex<32>>) -> Vec<OpId> {
    ids.into_iter().map(|id| OpId(id.0)).collect()
}

/// What `main` shows before anybody has written to it.
fn nothing_yet(command: &Command) -> Option<Answer> {
    match command {
        Command::Entries { branch, .. } if branch == MAIN => Some(Answer::Entries(Vec::new())),
        Command::Log { branch, .. } if branch == MAIN => Some(Answer::Log(Vec::new())),
        Command::Conflicts { branch } if branch == MAIN => Some(Answer::Conflicts(Vec::new())),
        _ => None,
    }
}

/// What was tried, in words that hold nothing of the user's.
fn what(command: &plain::Command) -> &'static str {
    use plain::Command::*;
    match command {
        Create { .. } => "begin the repo",
        Refresh => "read what others committed",
        Write { .. } => "write",
        Import { .. } => "import ops",
        Export { .. } => "export ops",
        ChainEnds => "read the chain ends",
        Get { .. } => "read an entity",
        Entries { .. } | EntriesSince { .. } => "list the entities of the branch",
        Log { .. } => "read the log of the branch",
        Show { .. } => "read ops",
        FindOps { .. } => "look for the op",
        Announce { .. } => "tell the peers",
        Links => "look at the links",
        Durable { .. } => "wait for a write to be safe",
        Conflicts { .. } => "list the conflicts of the branch",
        Plan { .. } => "plan a merge into the branch",
        Status => "read the status",
        Verify => "verify the repo",
        Members => "list members",
        Invitations => "list invitations",
        Manifests => "read the manifests",
    }
}
