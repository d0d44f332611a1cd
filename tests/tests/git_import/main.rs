//! The history of git repositories in a repo: commit by commit the same files, whatever git was told to keep.

mod check;
mod git;
mod world;

use check::{check, import, notes, run};
use trellis_core::op::json::Value;
use trellis_sync::Repo;
use trellis_tests::dice::seeds;
use world::{AUTHORS, Dials, REFUSED, SUBMODULES, World};

/// Commits of a history in which much is odd.
const ODD_COMMITS: usize = 150;

/// A world with its git repository, and an empty repo.
struct Both {
    folder: tempfile::TempDir,
    world: World,
    repo: Repo,
}

impl Both {
    async fn new(seed: u64, dials: Dials, commits: usize) -> trellis_sync::Result<Both> {
        let folder = tempfile::tempdir().expect("a folder");
        let repo = Repo::create(folder.path().join("repo"), "imported").await?;
        std::fs::create_dir(folder.path().join("git")).expect("a folder");
        let mut both = Both { folder, world: World::new(seed, dials), repo };
        both.world.grow(commits);
        both.write();
        Ok(both)
    }

    fn write(&mut self) {
        self.world.write(&self.folder.path().join("git"));
    }

    async fn import(&self) -> trellis_sync::Result<trellis_sync::git::GitImport> {
        import(&self.repo, &self.folder.path().join("git")).await
    }
}

#[test]
fn every_commit_shows_what_git_has() {
    for seed in seeds(6) {
        run(async {
            println!("seed {seed}");
            let both = Both::new(seed, Dials::ODD, ODD_COMMITS).await?;
            let imported = both.import().await?;
            assert_eq!(imported.new_commits, both.world.reached().len());
            check(&both.repo, &both.world).await
        });
    }
}

#[test]
fn a_second_import_adds_what_is_new() {
    for seed in seeds(4) {
        run(async {
            println!("seed {seed}");
            let mut both = Both::new(seed, Dials::ODD, ODD_COMMITS / 3).await?;
            both.import().await?;
            for _ in 0..4 {
                let before = both.world.reached();
                both.world.grow(ODD_COMMITS / 6);
                both.write();
                let imported = both.import().await?;
                let reached = both.world.reached();
                assert_eq!((imported.commits, imported.new_commits), (reached.len(), reached.difference(&before).count()));
                let ops = both.repo.status().await?.ops;
                let again = both.import().await?;
                assert_eq!((again.new_commits, both.repo.status().await?.ops), (0, ops));
            }
            check(&both.repo, &both.world).await
        });
    }
}
