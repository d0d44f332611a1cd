//! Letting others in: invitations are made, listed and revoked here, and joined by.

use std::path::Path;

use trellis_core::input::{Command, Edit, InvitationTerms};
use trellis_core::op::id::Author;
use trellis_core::output::{Answer, Invitation as Standing};
use trellis_core::time::Millis;

use super::{OpenOptions, Receipt, Repo, no_answer};
use crate::error::{Code, Result, TrellisError};
use crate::invitation::{Invitation, InviteOptions};

impl Repo {
    /// Makes an invitation: whoever has it may become a member, at any member who may write. Where everybody may write,
    /// that ends, as with the first member: the owner and all who have written become members. A repo that has not begun
    /// is begun.
    ///
    /// # Errors
    /// `permission_denied` for all but owners; `invalid_argument` for what no invitation allows.
    pub async fn invite(&self, options: InviteOptions) -> Result<Invitation> {
        let repo = match self.status().await?.repo {
            Some(repo) => Some(repo),
            None => {
                self.begin_if_needed().await?;
                self.status().await?.repo
            }
        };
        let InviteOptions { role, holds, uses, name } = options;
        let until = Millis(self.driver().now().0.saturating_add(u64::try_from(holds.as_millis()).unwrap_or(u64::MAX)));
        let until = Millis(until.0.min(trellis_core::limits::SAFE_INTEGER_MAX));
        let invitation = Invitation::new(repo.ok_or_else(no_answer)?, until)?;
        let terms = InvitationTerms { role, until, uses, name };
        let edit = Edit::Invite { key: invitation.key(), terms };
        self.batch().on_repo_branch().edit(edit, "invite somebody".into()).commit().await?;
        Ok(invitation)
    }

    /// The invitations that were made, ascending by public key.
    ///
    /// # Errors
    /// What the disk reports.
    pub async fn invitations(&self) -> Result<Vec<Standing>> {
        match self.run(Command::Invitations, || "list invitations".into()).await? {
            Answer::Invitations(invitations) => Ok(invitations),
            _ => Err(no_answer()),
        }
    }

    /// Ends an invitation. Who joined by it stays a member.
    ///
    /// # Errors
    /// `not_found` where there is none with this public key; `permission_denied` for all but owners.
    pub async fn revoke(&self, key: Author) -> Result<Receipt> {
        let edit = Edit::Revoke { key };
        self.batch().on_repo_branch().edit(edit, format!("revoke the invitation {}", key.short())).commit().await
    }

    /// Refuses a repo that is not the one of an invitation, or of which this device is no member: whoever was dialled
    /// did not make it one.
    ///
    /// # Errors
    /// `repo_mismatch`, `auth_failed`.
    pub async fn expect_joined(&self, invitation: &Invitation) -> Result<()> {
        let status = self.status().await?;
        if status.repo != Some(invitation.repo()) {
            return Err(invitation.is_elsewhere());
        }
        let is_own = |key: &Author| *key == status.author;
        match self.members().await?.iter().any(|member| is_own(&member.author) && member.role.is_some()) {
            true => Ok(()),
            false => Err(TrellisError::new(Code::AuthFailed, NOT_MADE).in_repo(invitation.repo())),
        }
    }
}

/// What is wrong where a peer has the repo and lets anybody in, but makes nobody a member.
const NOT_MADE: &str = "The peer has the repo but made this device no member: the invitation is used up or was revoked, \
                        or the peer may not let anybody in. Ask for a new invitation, or dial a member that may write.";

#[cfg(feature = "ws")]
impl OpenOptions {
    /// Joins a repo by an invitation, and opens it in the folder `path`: takes everything from the peer at `url`. The
    /// repo is there when it is whole and this device is a member; what fails before leaves nothing.
    ///
    /// # Errors
    /// `auth_failed` where the invitation has ended, is used up, or was revoked; `already_exists`; `offline` and the like.
    pub async fn join(self, path: impl AsRef<Path>, url: &str, invitation: &Invitation) -> Result<Repo> {
        let options = crate::link::LinkOptions { invitation: Some(invitation.clone()), ..Default::default() };
        crate::link::check(url, &options)?;
        let fill = async |repo: &Repo| {
            invitation.expect_open(repo.driver().now())?;
            let mut link = repo.sync_with(url, options)?;
            let reached = link.in_sync().await;
            link.close().await;
            reached?;
            repo.expect_joined(invitation).await
        };
        self.create_whole(path, fill).await.map(|(repo, ())| repo)
    }
}

#[cfg(feature = "ws")]
impl Repo {
    /// As [`OpenOptions::join`], opened as [`Repo::open`] does it.
    ///
    /// # Errors
    /// As [`OpenOptions::join`].
    pub async fn join(path: impl AsRef<Path>, url: &str, invitation: &Invitation) -> Result<Repo> {
        OpenOptions::new().join(path, url, invitation).await
    }
}
