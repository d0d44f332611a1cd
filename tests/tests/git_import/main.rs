//! The history of git repositories in a repo: commit by commit the same files, whatever git was told to keep.

mod check;
mod git;
mod own;
mod world;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use check::{check, found, import, notes, run};
use own::{Hashes, commits_of, own_history};
use trellis_core::op::json::{Value, parse};
use trellis_sync::git::import_git;
use trellis_sync::{Progress, Repo, Work};
use trellis_tests::dice::{Dice, more, seeds};
use trellis_tests::program::trellis;
use trellis_tests::seed;
use world::{AUTHORS, Dials, REFUSED, SUBMODULES, World};

/// Commits of a history in which much is odd.
const ODD_COMMITS: usize = 150;

/// Commits of a long history.
const LONG_COMMITS: usize = 2_000;
/// How often an import is killed.
const KILLS: usize = 6;

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
                assert_eq!(
                    (imported.commits, imported.new_commits),
                    (reached.len(), reached.difference(&before).count())
                );
                let ops = both.repo.status().await?.ops;
                let again = both.import().await?;
                assert_eq!((again.new_commits, both.repo.status().await?.ops), (0, ops));
            }
            check(&both.repo, &both.world).await
        });
    }
}

/// `TRELLIS_MORE` makes the history as many times longer.
#[test]
fn a_long_history_comes_whole() {
    run(async {
        let both = Both::new(seed!(), Dials::USUAL, LONG_COMMITS * more()).await?;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&heard);
        let watched = Repo::options().progress(move |progress| listener.lock().expect("a list").push(progress));
        let watched = watched.open(both.repo.folder().root()).await?;
        let imported = import_git(&watched, &both.folder.path().join("git")).await?;
        let all = both.world.reached().len();
        assert_eq!((imported.commits, imported.new_commits), (all, all));
        let (heard, total) = (heard.lock().expect("a list").clone(), all as u64);
        let told = (1..=total).map(|done| Progress { work: Work::Importing, done, total });
        assert_eq!(heard, told.collect::<Vec<_>>());
        check(&both.repo, &both.world).await
    });
}

#[test]
fn a_record_says_what_the_commit_said() {
    run(async {
        let both = Both::new(seed!(), Dials::ODD, ODD_COMMITS).await?;
        both.import().await?;
        let notes = notes(&both.repo).await?;
        for at in both.world.reached() {
            let commit = &both.world.commits[at];
            let note = both.repo.op(notes[&commit.id][0].id).await?;
            assert_eq!(note.actor.as_deref(), Some(AUTHORS[at % 3]), "the commit {at}");
            let body = note.stored.and_then(|op| op.body).expect("a note has a body");
            let said = parse(&body).expect("a note is JSON");
            let text = |name: &str| said.member(name).and_then(Value::as_str);
            assert_eq!(text("message"), Some(commit.message.trim_end()).filter(|message| !message.is_empty()));
            assert!(text("time").is_some_and(|time| time.starts_with("20") && time.ends_with("-08:00")));
            assert_eq!(said.member("from"), Some(&Value::object([("git", commit.id.as_str())])));
        }
        Ok(())
    });
}

#[test]
fn what_no_repo_holds_is_left_out_and_named() {
    run(async {
        let both = Both::new(seed!(), Dials { oddity: 50, ..Dials::ODD }, ODD_COMMITS).await?;
        let imported = both.import().await?;
        let texts = |paths: [&[u8]; 2]| paths.map(|path| String::from_utf8_lossy(path).into_owned()).into();
        assert!(imported.refused.is_superset(&texts(REFUSED)) && imported.submodules.is_superset(&texts(SUBMODULES)));
        check(&both.repo, &both.world).await
    });
}

#[test]
fn heads_that_were_set_elsewhere_are_followed() {
    for seed in seeds(4) {
        run(async {
            println!("seed {seed}");
            let mut both = Both::new(seed, Dials::ODD, ODD_COMMITS / 3).await?;
            let mut dice = Dice::new(seed);
            both.import().await?;
            for round in 0..6 {
                both.world.move_heads(&mut dice);
                both.write();
                both.import().await?;
                check(&both.repo, &both.world).await?;
                let ops = both.repo.status().await?.ops;
                both.import().await?;
                assert_eq!(both.repo.status().await?.ops, ops, "round {round}");
                both.world.grow(ODD_COMMITS / 15);
            }
            Ok(())
        });
    }
}

#[test]
fn two_who_import_the_same_have_no_conflict() {
    for seed in seeds(3) {
        run(async {
            println!("seed {seed}");
            let mut ann = Both::new(seed, Dials::ODD, ODD_COMMITS / 3).await?;
            let bob = Repo::open(ann.folder.path().join("copy")).await?;
            bob.import(ann.repo.export(Vec::new()).await?).await?;
            for _ in 0..3 {
                for repo in [&ann.repo, &bob] {
                    import(repo, &ann.folder.path().join("git")).await?;
                }
                bob.import(ann.repo.export(Vec::new()).await?).await?;
                ann.repo.import(bob.export(Vec::new()).await?).await?;
                check(&ann.repo, &ann.world).await?;
                check(&bob, &ann.world).await?;
                let ops = ann.repo.status().await?.ops;
                ann.import().await?;
                assert_eq!(ann.repo.status().await?.ops, ops, "everything is here");
                ann.world.grow(ODD_COMMITS / 5);
                ann.write();
            }
            Ok(())
        });
    }
}

#[test]
fn the_same_history_gives_the_same_records() {
    run(async {
        let both = Both::new(seed!(), Dials::ODD, ODD_COMMITS).await?;
        both.import().await?;
        let other = Repo::create(both.folder.path().join("other"), "imported").await?;
        import(&other, &both.folder.path().join("git")).await?;
        let mut said = Vec::new();
        for repo in [&both.repo, &other] {
            let ops = repo.export(Vec::new()).await?;
            let headers = ops.iter().skip(1).map(|op| {
                let op = op.rehash().expect("an op");
                let header = op.header();
                (
                    header.branch.to_owned(),
                    header.key.to_owned(),
                    header.kind,
                    header.seq,
                    op.body().map(<[u8]>::to_vec),
                )
            });
            said.push(headers.collect::<Vec<_>>());
        }
        assert_eq!(said[0], said[1]);
        Ok(())
    });
}

#[test]
fn an_import_that_was_killed_goes_on() {
    let mut dice = Dice::new(seed!());
    run(async {
        let both = Both::new(dice.number(), Dials::ODD, ODD_COMMITS * 4).await?;
        both.repo.clone().close().await?;
        let log = both.folder.path().join("repo/.trellis/store.db-wal");
        let mut kills = 0;
        for _ in 0..KILLS {
            let args = ["-C", "repo", "import", "git", "../git", "--json"];
            let mut command = Command::new(trellis());
            let mut child =
                command.current_dir(both.folder.path()).args(args).stdout(Stdio::null()).spawn().expect("starts");
            let (mut last, mut writes) = (modified(&log), 1 + dice.below(20));
            while child.try_wait().expect("a child").is_none() && writes > 0 {
                let now = modified(&log);
                writes -= usize::from(now != last);
                last = now;
                std::thread::yield_now();
            }
            kills += usize::from(child.try_wait().expect("a child").is_none());
            let _ = child.kill();
            child.wait().expect("it ends");
        }
        println!("{kills} of {KILLS} were killed while they wrote");
        let repo = Repo::open(both.folder.path().join("repo")).await?;
        let before = notes(&repo).await?.len();
        let imported = import(&repo, &both.folder.path().join("git")).await?;
        let all = both.world.reached().len();
        assert_eq!((imported.commits, imported.new_commits), (all, all - before));
        assert!(notes(&repo).await?.values().all(|notes| notes.len() == 1), "every commit is written once");
        check(&repo, &both.world).await
    });
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|file| file.modified()).ok()
}

/// This project's own history, where there is one: a copy of the sources may have none, or only its end.
#[test]
fn this_project_comes_whole() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let git = folder.path().join("git");
        own_history(&git);
        let repo = Repo::create(folder.path().join("repo"), "own").await?;
        let imported = import(&repo, &git).await?;
        let commits = commits_of(&git);
        assert_eq!(imported.new_commits, commits.len());
        let notes = notes(&repo).await?;
        let mut hashes = Hashes::new(&git);
        for commit in commits {
            let note = &notes[&commit][0];
            let view = repo.on_branch(&note.branch).files(&[note.id]).await?;
            assert_eq!(found(&view), hashes.files(&commit), "the commit {commit}");
        }
        Ok(())
    });
}
