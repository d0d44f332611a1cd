//! How a repo is opened.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;
use trellis_core::admit::policy::Policies;
use trellis_core::output::Event;
use trellis_core::time::Millis;

use super::{MAIN, Repo};
use crate::config::{Config, Scope, user_file};
use crate::driver::{Access, Clock, Handle, Opening, Start, Whose};
use crate::error::{Code, Result};
use crate::files::shown_branch;
use crate::folder::Folder;
use crate::keys::Identity;
use crate::progress::{Progress, Watcher};

/// What to do where there is no repo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// Make one.
    #[default]
    Create,
    /// Fail with `not_a_repo`.
    Refuse,
}

/// How a repo is opened; [`OpenOptions::open`] opens it.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    missing: Missing,
    access: Access,
    branch: Option<String>,
    name: Option<String>,
    author_name: Option<String>,
    clock: Clock,
    events: Option<UnboundedSender<Event>>,
    opening: Opening,
    whose: Whose,
    policies: Option<Policies>,
    watcher: Watcher,
}

impl OpenOptions {
    /// As [`Repo::open`] does it.
    pub fn new() -> OpenOptions {
        OpenOptions::default()
    }

    /// What to do where there is no repo.
    pub fn missing(mut self, missing: Missing) -> OpenOptions {
        self.missing = missing;
        self
    }

    /// What the repo is opened for. To read, it has to be there, and nothing on the disk is changed.
    pub fn access(mut self, access: Access) -> OpenOptions {
        self.access = access;
        self
    }

    /// The branch to work on; if it is not said, the one that the folder shows, else what the settings name, and else
    /// `main`.
    pub fn branch(mut self, branch: &str) -> OpenOptions {
        self.branch = Some(branch.into());
        self
    }

    /// The name that a new repo gets; its folder's if it is not said.
    pub fn name(mut self, name: &str) -> OpenOptions {
        self.name = Some(name.into());
        self
    }

    /// What people call whoever writes: it stands as `actor` in every op that has no other. If it is not said, what the
    /// settings say, and else nothing.
    pub fn author_name(mut self, name: &str) -> OpenOptions {
        self.author_name = Some(name.into());
        self
    }

    /// The key that is written under, which the program keeps itself: the folder's key file is neither read nor made. Once
    /// it is seen that the key writes elsewhere, too, writes fail with `chain_forked`.
    pub fn identity(mut self, identity: Identity) -> OpenOptions {
        self.whose = Whose::Given(identity);
        self
    }

    /// What this device asks of branches, beside what the repo says; if it is not said, what the settings say.
    pub fn branch_policies(mut self, policies: Policies) -> OpenOptions {
        self.policies = Some(policies);
        self
    }

    /// Where the time comes from; the system if it is not said.
    pub fn clock(mut self, clock: impl Fn() -> Millis + Send + Sync + 'static) -> OpenOptions {
        self.clock = Clock(Arc::new(clock));
        self
    }

    /// Who hears of what nobody asked for: ops that came, forks, a new key, damage. Events of opening are among them.
    pub fn events(mut self, events: UnboundedSender<Event>) -> OpenOptions {
        self.events = Some(events);
        self
    }

    /// Who is told how far long work is: often, and by whatever thread does the work, so `watch` is quick.
    pub fn progress(mut self, watch: impl Fn(Progress) + Send + Sync + 'static) -> OpenOptions {
        self.watcher = Watcher::new(watch);
        self
    }

    /// Leaves the store alone until the first question or write; what opening fails with is then its answer.
    pub fn when_asked(mut self) -> OpenOptions {
        self.opening = Opening::WhenAsked;
        self
    }

    /// To look, in the name of this repo's device, at what a peer has: links prove its key, and nothing can be written.
    pub fn in_name_of(mut self, repo: &Repo) -> OpenOptions {
        self.whose = Whose::Borrowed(repo.folder().clone());
        self
    }

    /// Opens the repo in the folder `path`.
    ///
    /// # Errors
    /// As [`Repo::open`]; `not_a_repo` where none is to be made.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<Repo> {
        let folder = match (Folder::at(&path), self.missing, self.access) {
            (Err(_), Missing::Create, Access::Write) => made_or_found(path.as_ref())?,
            (found, ..) => found?,
        };
        self.open_folder(folder).await
    }

    /// Makes a repo without ops in the folder `path`, and opens it.
    ///
    /// # Errors
    /// `already_exists`, and as [`Repo::open`].
    pub async fn create(self, path: impl AsRef<Path>) -> Result<Repo> {
        self.open_folder(Folder::create(path)?).await
    }

    /// Makes a repo in the folder `path`, has it filled, and opens it. It is there when it is whole: what fails before, or is
    /// killed, leaves no repo.
    ///
    /// # Errors
    /// `already_exists`; what `fill` fails with; as [`Repo::open`].
    pub async fn create_whole<T>(
        self,
        path: impl AsRef<Path>,
        fill: impl AsyncFnOnce(&Repo) -> Result<T>,
    ) -> Result<(Repo, T)> {
        let path = path.as_ref();
        let unfinished = Folder::unfinished(path)?;
        let repo = self.clone().create(unfinished.path()).await?;
        let filled = fill(&repo).await?;
        let made = repo.folder().clone();
        repo.close().await?;
        let repo = self.open_folder(made.placed_at(path)?).await?;
        Ok((repo, filled))
    }

    async fn open_folder(self, folder: Folder) -> Result<Repo> {
        let OpenOptions { access, clock, events, opening, whose, watcher, .. } = self;
        let name = self.name.unwrap_or_else(|| folder.name());
        let config = Config::read(folder.config(), Scope::Repo)?.or(user_config()?);
        let author_name = self.author_name.or(config.author_name).map(Into::into);
        let branch = self.branch.or(shown_branch(&folder)?).or(config.branch).unwrap_or_else(|| MAIN.into());
        let policies = self.policies.unwrap_or(config.branch_policies);
        let driver =
            Handle::start(Start { folder: folder.clone(), access, policies, clock, events, opening, whose }).await?;
        Ok(Repo { driver, folder, branch: branch.into(), name: name.into(), watcher, author_name })
    }
}

fn user_config() -> Result<Config> {
    user_file().map_or_else(|| Ok(Config::default()), |path| Config::read(path, Scope::User))
}

/// Another process may make the repo at the same time.
fn made_or_found(path: &Path) -> Result<Folder> {
    match Folder::create(path) {
        Err(error) if error.code() == Code::AlreadyExists => Folder::at(path),
        made => made,
    }
}
