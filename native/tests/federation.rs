//! Several repos together: what is linked, what refers to it, and where that leads.

use std::fs;

use tempfile::TempDir;
use trellis_sync::federation::{CrossRepoRef, MultiRepoManager};
use trellis_sync::{Code, Repo, Result, TrellisError, Value};

/// A repo that links another one, and the other one's folder.
struct World {
    repos: MultiRepoManager,
    backend: String,
    folder: TempDir,
}

impl World {
    async fn new() -> Result<World> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let backend = Repo::open(path("api")).await?;
        backend.set("lib/api-client/version", Value::from(3)).await?;
        backend.close().await?;
        let repos = MultiRepoManager::new(Repo::open(path("web")).await?);
        Ok(World { repos, backend: path("api"), folder })
    }

    async fn linked() -> Result<World> {
        let world = World::new().await?;
        world.repos.link_repo("backend", &world.backend, Some("Backend service")).await?;
        Ok(world)
    }

    async fn backend(&self) -> Result<Repo> {
        Repo::open(&self.backend).await
    }
}

fn run(work: impl Future<Output = Result<()>>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work).unwrap();
}

fn refused<T>(result: Result<T>) -> Code {
    result.err().as_ref().map(TrellisError::code).expect("it is refused")
}

fn version(number: i32) -> Option<Value> {
    Some(Value::object([("version", Value::from(number))]))
}

#[test]
fn a_reference_leads_to_what_is_there_and_a_pinned_one_to_what_was() {
    run(async {
        let world = World::linked().await?;
        let backend = world.backend().await?;
        let old = backend.log(None, 1).await?[0].id;
        backend.set("lib/api-client/version", Value::from(4)).await?;
        let now: CrossRepoRef = "@backend:lib:api-client".parse()?;
        assert_eq!(world.repos.follow(&now).await?.value, version(4));
        let then = CrossRepoRef { version: Some(old), ..now };
        assert_eq!(world.repos.follow(&then).await?.value, version(3));
        Ok(())
    });
}

#[test]
fn links_are_records_that_sync() {
    run(async {
        let world = World::linked().await?;
        let repos = &world.repos;
        repos.add_cross_repo_link("proj:frontend", "dependsOn", "backend", "lib:api-client").await?;
        repos.add_cross_repo_link("proj:frontend", "dependsOn", "backend", "lib:api-client").await?;
        repos.add_cross_repo_link("proj:admin", "uses", "backend", "lib:api-client").await?;
        repos.add_cross_repo_link("proj:admin", "uses", "backend", "lib:other").await?;

        let copy = Repo::open(world.folder.path().join("copy")).await?;
        copy.import(repos.repo().export(Vec::new()).await?).await?;
        let copies = MultiRepoManager::new(copy);
        for repos in [repos, &copies] {
            let links = repos.find_references_to("backend", "lib:api-client").await?;
            let mut from: Vec<&str> = links.iter().map(|link| link.from.key.as_str()).collect();
            from.sort_unstable();
            assert_eq!(from, ["admin", "frontend"]);
            assert_eq!(repos.follow(&links[0].to).await?.value, version(3));
            assert_eq!(repos.linked_repos().await?[0].description.as_deref(), Some("Backend service"));
        }
        copies.remove_cross_repo_link("proj:admin", "uses", "backend", "lib:api-client").await?;
        assert_eq!(copies.find_references_to("backend", "lib:api-client").await?.len(), 1);
        copies.unlink_repo("backend").await?;
        assert!(copies.linked_repos().await?.is_empty());
        Ok(())
    });
}

#[test]
fn what_cannot_be_linked_says_why() {
    run(async {
        let world = World::linked().await?;
        let (repos, nowhere) = (&world.repos, world.folder.path().join("nowhere"));
        assert_eq!(refused(repos.link_repo("../up", &world.backend, None).await), Code::InvalidArgument);
        assert_eq!(refused(repos.link_repo("far", "wss://relay.example", None).await), Code::Unsupported);
        assert_eq!(refused(repos.link_repo("far", nowhere.to_str().unwrap(), None).await), Code::NotFound);
        assert_eq!(refused(repos.add_cross_repo_link("proj:a", "uses", "far", "lib:x").await), Code::NotFound);
        assert_eq!(refused(repos.add_cross_repo_link("proj", "uses", "backend", "lib:x").await), Code::InvalidArgument);
        assert_eq!(refused(repos.add_cross_repo_link("proj:a", "", "backend", "lib:x").await), Code::InvalidArgument);
        assert_eq!(refused(repos.follow(&"@far:lib:x".parse()?).await), Code::NotFound);

        let empty = Repo::open(world.folder.path().join("empty")).await?;
        assert_eq!(
            refused(repos.link_repo("empty", empty.folder().root().to_str().unwrap(), None).await),
            Code::NotFound
        );
        Ok(())
    });
}

#[test]
fn another_repo_in_the_folder_is_not_taken_for_the_linked_one() {
    run(async {
        let world = World::linked().await?;
        fs::remove_dir_all(&world.backend).unwrap();
        assert_eq!(refused(world.repos.follow(&"@backend:lib:api-client".parse()?).await), Code::NotFound);
        world.backend().await?.set("lib/api-client/version", Value::from(9)).await?;
        assert_eq!(refused(world.repos.follow(&"@backend:lib:api-client".parse()?).await), Code::RepoMismatch);
        Ok(())
    });
}
