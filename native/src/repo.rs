//! A repo as a program uses it.
//!
//! A [`Repo`] is a handle: cloning it is cheap, and all clones share one driver. Reads show what every process on this
//! device has committed; a write has been committed and synced to the disk when its receipt is there.

mod at;
#[cfg(feature = "surface")]
mod changes;
mod invite;
mod options;
#[cfg(feature = "surface")]
mod plain;
mod read;
mod session;
mod write;

use std::path::Path;
use std::sync::Arc;

use trellis_core::error::CommandError;
use trellis_core::input::Command;
use trellis_core::merge::conflict::Conflict;
use trellis_core::op::place::{Entity, Place};
use trellis_core::output::Answer;

use crate::driver::{Bulk, Failure, Handle};
use crate::error::{Code, Result, TrellisError};
use crate::folder::Folder;
use crate::progress::Watcher;

pub use at::RepoAt;
pub use options::{Missing, OpenOptions};
#[cfg(feature = "surface")]
pub(crate) use plain::unreadable;
pub use read::{Found, State, Verified};
pub use session::{Phase, Session};
pub(crate) use write::other_repo;
pub use write::{Batch, Receipt, Safe};

/// The branch that a program works on unless it says otherwise.
const MAIN: &str = "main";

/// A repo that is open.
#[derive(Clone, Debug)]
pub struct Repo {
    driver: Handle,
    folder: Folder,
    branch: Arc<str>,
    name: Arc<str>,
    watcher: Watcher,
    /// What people call whoever writes by this handle.
    author_name: Option<Arc<str>>,
}

impl Repo {
    /// Opens the repo in a folder, or makes one there. A new repo has no ops: the first write begins it, under the
    /// folder's name. Never waits for the network.
    ///
    /// # Errors
    /// `schema_newer`, `storage_corrupt`, `permission_denied`, `storage_full` and the like.
    pub async fn open(path: impl AsRef<Path>) -> Result<Repo> {
        OpenOptions::new().open(path).await
    }

    /// Makes a repo in a folder and begins it at once.
    ///
    /// # Errors
    /// `already_exists`, and as [`Repo::open`].
    pub async fn create(path: impl AsRef<Path>, name: &str) -> Result<Repo> {
        let repo = OpenOptions::new().missing(Missing::Create).name(name).create(path).await?;
        repo.begin().await?;
        Ok(repo)
    }

    /// How to open a repo otherwise.
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// The same repo, on another branch.
    pub fn on_branch(&self, branch: &str) -> Repo {
        Repo { branch: branch.into(), ..self.clone() }
    }

    /// The branch that this handle reads and writes.
    pub fn branch(&self) -> &str {
        &self.branch
    }

    /// The name that the repo gets if this handle begins it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder that the repo lies in.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Who is told how far long work is.
    pub(crate) fn watcher(&self) -> &Watcher {
        &self.watcher
    }

    /// Ends the repo's thread and closes its store. Clones of this handle fail with `aborted` from then on. Dropping
    /// the last handle does the same without telling how it went.
    ///
    /// # Errors
    /// What the disk reports; everything that has a receipt stays.
    pub async fn close(self) -> Result<()> {
        self.driver.close().await
    }

    /// Opens the repo once more, to write very much; begins it where that was not done.
    pub(crate) async fn bulk(&self) -> Result<Bulk> {
        if self.status().await?.repo.is_none() {
            self.begin_if_needed().await?;
        }
        self.driver.bulk().await
    }

    /// The way to its driver.
    pub(crate) fn driver(&self) -> &Handle {
        &self.driver
    }

    /// Has a command carried out. `what` says what was tried, as in "read notes/1".
    pub(crate) async fn run(&self, command: Command, what: impl FnOnce() -> String) -> Result<Answer> {
        self.driver.run(command).await.map_err(|failure| explain(failure, &what()))
    }
}

/// What to do about a linear branch with two lines.
const GIVE_WAY: &str = " Say whose line stays: `trellis sync reconcile --remote PATH --apply --keep local`, or \
                        `--keep remote`, with the other copy's folder.";

pub(crate) fn explain(failure: Failure, what: &str) -> TrellisError {
    match failure {
        Failure::Host(error) => error,
        Failure::Command(error) => {
            let advice = if matches!(error, CommandError::Diverged) { GIVE_WAY } else { "" };
            let told = TrellisError::new(code_of(&error), format!("Could not {what}: {error}.{advice}"));
            let told = match error.op() {
                Some(op) => told.about_op(op),
                None => told,
            };
            told.of_command(error)
        }
    }
}

fn code_of(error: &CommandError) -> Code {
    let named = Code::ALL.iter().find(|code| code.as_str() == error.code());
    *named.unwrap_or(&Code::Unsupported)
}

/// Where a conflict is.
pub fn conflict_place(conflict: &Conflict) -> Place {
    let entity = Entity { collection: conflict.collection.clone(), key: conflict.key.clone() };
    Place { entity, pointer: conflict.path.clone() }
}

/// An answer of another kind than the question has.
pub(crate) fn no_answer() -> TrellisError {
    TrellisError::new(Code::Unsupported, "The engine gave an answer to another question; this is a defect of it.")
}
