//! Opening a repo as plain data says.

use std::path::Path;

use trellis_core::admit::policy::Policies;
use trellis_core::surface::{FromPlain, Json, Unreadable};
use trellis_core::time::Millis;

use super::LinkOptions;
use crate::driver::Access;
use crate::error::{Code, Result, TrellisError};
use crate::folder::Folder;
use crate::invitation::Invitation;
use crate::link;
use crate::repo::{self, Missing, Repo, unreadable};

/// How a repo is opened; everything may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromPlain)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenOptions {
    /// The branch to work on.
    pub branch: Option<String>,
    /// The name that a new repo gets.
    pub name: Option<String>,
    /// What people call whoever writes.
    pub author_name: Option<String>,
    /// Whether it is opened to be read alone: it has to be there, and nothing on the disk is changed.
    pub is_read_only: bool,
    /// Whether it has to be there.
    pub must_exist: bool,
    /// What this device asks of branches, by pattern, as `branchPolicies` in the settings has it.
    pub branch_policies: Option<Json>,
    /// Where there is no repo yet: whose it is to be.
    pub join: Option<Joining>,
}

/// A peer whose repo a new one is to be.
#[derive(Clone, Debug, PartialEq, Eq, FromPlain)]
pub struct Joining {
    /// The peer.
    pub url: String,
    /// How it is dialled.
    #[serde(default)]
    pub link: LinkOptions,
}

impl OpenOptions {
    /// Opens the repo in the folder `path`. `options` say what is no plain data: the clock, the key, who hears of events.
    ///
    /// Where it is to join and there is no repo, everything is taken from the peer first. The repo is there when it is
    /// whole; what fails before leaves nothing.
    ///
    /// # Errors
    /// As [`repo::OpenOptions::open`]; `invalid_argument` for what are no policies; where it joins, what the link ends with, and `not_found` for a peer without a repo.
    pub async fn open(self, path: impl AsRef<Path>, options: repo::OpenOptions) -> Result<Repo> {
        let path = path.as_ref();
        let options = self.said_in(options)?;
        match self.join {
            Some(joining) if Folder::at(path).is_err() => joining.fill(options, path).await,
            _ => options.open(path).await,
        }
    }

    fn said_in(&self, mut options: repo::OpenOptions) -> Result<repo::OpenOptions> {
        if let Some(branch) = &self.branch {
            options = options.branch(branch);
        }
        if let Some(name) = &self.name {
            options = options.name(name);
        }
        if let Some(name) = &self.author_name {
            options = options.author_name(name);
        }
        if self.is_read_only {
            options = options.access(Access::Read);
        }
        if let Some(Json(policies)) = &self.branch_policies {
            let policies = Policies::read(policies);
            let policies = policies.map_err(|flaw| unreadable(Unreadable::new("branchPolicies", flaw)))?;
            options = options.branch_policies(policies);
        }
        Ok(if self.must_exist { options.missing(Missing::Refuse) } else { options })
    }
}

impl Joining {
    async fn fill(self, options: repo::OpenOptions, path: &Path) -> Result<Repo> {
        let link = link::LinkOptions::try_from(self.link)?;
        link::check(&self.url, &link)?;
        let invitation = link.invitation.clone();
        let fill = async |repo: &Repo| {
            if let Some(invitation) = &invitation {
                invitation.expect_open(now(repo))?;
            }
            let mut link = repo.sync_with(&self.url, link)?;
            let reached = link.in_sync().await;
            link.close().await;
            reached?;
            expect_whole(repo, invitation.as_ref()).await
        };
        options.create_whole(path, fill).await.map(|(repo, ())| repo)
    }
}

fn now(repo: &Repo) -> Millis {
    repo.driver().now()
}

/// # Errors
/// As [`Repo::expect_joined`]; `not_found` where the peer had nothing.
async fn expect_whole(repo: &Repo, invitation: Option<&Invitation>) -> Result<()> {
    if let Some(invitation) = invitation {
        return repo.expect_joined(invitation).await;
    }
    match repo.status().await?.repo {
        Some(_) => Ok(()),
        None => Err(TrellisError::new(Code::NotFound, "The peer has no repo yet. Write something there first.")),
    }
}
