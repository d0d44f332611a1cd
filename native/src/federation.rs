//! Several repos together: other repos by short names, links to what is in them, and what such a link leads to.
//!
//! ```
//! # let folder = tempfile::tempdir().unwrap();
//! # let (web, api) = (folder.path().join("web"), folder.path().join("api"));
//! # let body = async {
//! use trellis_sync::federation::{CrossRepoRef, MultiRepoManager};
//! use trellis_sync::{Repo, Value};
//!
//! let backend = Repo::open(&api).await?;
//! backend.set("lib/api-client/version", Value::from(3)).await?;
//!
//! let repos = MultiRepoManager::new(Repo::open(&web).await?);
//! repos.link_repo("backend", api.to_str().unwrap(), Some("Backend service")).await?;
//! repos.add_cross_repo_link("proj:frontend", "dependsOn", "backend", "lib:api-client").await?;
//! let links = repos.find_references_to("backend", "lib:api-client").await?;
//! assert_eq!(links[0].to.to_string(), "@backend:lib:api-client");
//!
//! let found = repos.follow(&links[0].to).await?;
//! assert_eq!(found.value, Some(Value::object([("version", Value::from(3))])));
//! # trellis_sync::Result::Ok(())
//! # };
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(body).unwrap();
//! ```

use std::path::Path;

use trellis_core::federation::{self, CROSS_REPO_LINKS, LINKED_REPOS, links_to, parse_entity};
pub use trellis_core::federation::{Alias, CrossRepoLink, CrossRepoRef, LinkedRepo, ReferenceError};
use trellis_core::input::Edit;
use trellis_core::merge::entity::Shown;
use trellis_core::op::hex;
use trellis_core::op::id::RepoId;
use trellis_core::op::json::Value;
use trellis_core::output::EntityView;

use crate::driver::Access;
use crate::error::{Code, Result, TrellisError};
use crate::range::Range;
use crate::repo::{Found, Missing, Receipt, Repo};

/// A repo, and those that it links.
#[derive(Clone, Debug)]
pub struct MultiRepoManager {
    repo: Repo,
}

impl MultiRepoManager {
    /// Works with what a repo links on the branch of this handle.
    pub fn new(repo: Repo) -> MultiRepoManager {
        MultiRepoManager { repo }
    }

    /// The repo that links the others.
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// Gives the repo in a folder a short name. The link syncs like every record, so another device that follows it needs
    /// the folder at the same place.
    ///
    /// # Errors
    /// `invalid_argument` for what is no alias; `unsupported` for a URL; `not_found` for no folder, and for a repo that
    /// nobody has written to; `not_a_repo`.
    pub async fn link_repo(&self, alias: &str, path: &str, description: Option<&str>) -> Result<Receipt> {
        let alias: Alias = alias.parse()?;
        if path.contains("://") {
            return Err(remote(&alias));
        }
        let place = std::path::absolute(Path::new(path)).ok();
        let place = place.as_deref().and_then(Path::to_str).ok_or_else(|| no_path(&alias))?;
        let repo = id_of(&open(place).await?, &alias).await?;
        let linked = LinkedRepo { alias, place: place.into(), repo, description: description.map(Into::into) };
        self.write(linked.edit(), "link the repo").await
    }

    /// Takes a short name back. Links to the repo stay.
    ///
    /// # Errors
    /// `invalid_argument` for what is no alias.
    pub async fn unlink_repo(&self, alias: &str) -> Result<Receipt> {
        self.write(LinkedRepo::removal(&alias.parse()?), "unlink the repo").await
    }

    /// The linked repos, ascending by alias.
    ///
    /// # Errors
    /// What the disk reports.
    pub async fn linked_repos(&self) -> Result<Vec<LinkedRepo>> {
        let entities = self.records(LINKED_REPOS).await?;
        Ok(entities.iter().filter_map(|(key, value)| LinkedRepo::read(key, value)).collect())
    }

    /// Says how an entity here stands to one of a linked repo, both as `type:name`; the second may end in `#` and the id
    /// of an op, for what it was when that was its branch's head.
    ///
    /// # Errors
    /// `invalid_argument` for names that are none, `not_found` for an alias that links nothing.
    pub async fn add_cross_repo_link(&self, from: &str, relation: &str, alias: &str, entity: &str) -> Result<Receipt> {
        let link = link(from, relation, alias, entity)?;
        self.linked(&link.to.alias).await?;
        self.write(link.edit(), "link across repos").await
    }

    /// Takes such a link away.
    ///
    /// # Errors
    /// `invalid_argument` for names that are none.
    pub async fn remove_cross_repo_link(
        &self,
        from: &str,
        relation: &str,
        alias: &str,
        entity: &str,
    ) -> Result<Receipt> {
        self.write(link(from, relation, alias, entity)?.removal(), "remove the link across repos").await
    }

    /// The links that lead to an entity of another repo, in any version.
    ///
    /// # Errors
    /// `invalid_argument` for names that are none.
    pub async fn find_references_to(&self, alias: &str, entity: &str) -> Result<Vec<CrossRepoLink>> {
        let (alias, entity) = (alias.parse()?, parse_entity(entity)?);
        let records = self.records(CROSS_REPO_LINKS).await?;
        Ok(links_to(records.iter().map(|(_, value)| value), &alias, &entity))
    }

    /// What stands in the other repo where a reference leads, on the branch `main` there.
    ///
    /// # Errors
    /// `not_found` for an alias that links nothing, a folder that is gone, and a version that is not there; `not_a_repo` and
    /// `repo_mismatch` where the folder has no repo any more, or another one.
    pub async fn follow(&self, reference: &CrossRepoRef) -> Result<Found> {
        let linked = self.linked(&reference.alias).await?;
        let other = open(&linked.place).await?;
        if id_of(&other, &linked.alias).await? != linked.repo {
            return Err(another_repo(&linked));
        }
        let heads: Vec<_> = reference.version.into_iter().collect();
        let found = other.at(&heads).get(&reference.entity.to_string()).await;
        other.close().await?;
        found
    }

    async fn linked(&self, alias: &Alias) -> Result<LinkedRepo> {
        let found = self.repo.get(&format!("{LINKED_REPOS}/{alias}")).await?;
        let linked = found.value.and_then(|value| LinkedRepo::read(alias.as_str(), &value));
        linked.ok_or_else(|| {
            let message = format!("No repo is linked here as {alias}. Link it first: link_repo gives it the name.");
            TrellisError::new(Code::NotFound, message)
        })
    }

    async fn records(&self, collection: &str) -> Result<Vec<(String, Value)>> {
        let range = Range { collection: Some(collection.into()), key_prefix: String::new() };
        let record = |entity: EntityView| match entity.shown {
            Shown::Json(value) => Some((entity.key, value)),
            _ => None,
        };
        Ok(self.repo.entries(range).await?.into_iter().filter_map(record).collect())
    }

    async fn write(&self, edit: Edit, what: &str) -> Result<Receipt> {
        self.repo.batch().edit(edit, what.into()).commit().await
    }
}

fn link(from: &str, relation: &str, alias: &str, entity: &str) -> Result<CrossRepoLink> {
    let to: CrossRepoRef = format!("@{alias}:{entity}").parse()?;
    Ok(CrossRepoLink::new(parse_entity(from)?, relation, to)?)
}

async fn open(place: &str) -> Result<Repo> {
    Repo::options().missing(Missing::Refuse).access(Access::Read).open(place).await
}

async fn id_of(repo: &Repo, alias: &Alias) -> Result<RepoId> {
    repo.status().await?.repo.ok_or_else(|| {
        let message = format!("Nobody has written to the repo for {alias} yet, so it has no id. Write to it first.");
        TrellisError::new(Code::NotFound, message)
    })
}

fn remote(alias: &Alias) -> TrellisError {
    let message = format!(
        "A repo at a URL cannot be linked yet, as {alias} would be. Clone it, and link the folder of the clone."
    );
    TrellisError::new(Code::Unsupported, message)
}

fn no_path(alias: &Alias) -> TrellisError {
    TrellisError::new(Code::InvalidArgument, format!("The place of {alias} is no path that a text can hold."))
}

fn another_repo(linked: &LinkedRepo) -> TrellisError {
    let (alias, id) = (&linked.alias, hex::encode(linked.repo.as_bytes()));
    let message = format!("The folder of {alias} holds another repo than {id}, which was linked. Link it anew.");
    TrellisError::new(Code::RepoMismatch, message)
}

impl From<federation::ReferenceError> for TrellisError {
    fn from(cause: federation::ReferenceError) -> TrellisError {
        TrellisError::new(Code::InvalidArgument, format!("This names nothing in another repo: {cause}."))
            .caused_by(cause)
    }
}
