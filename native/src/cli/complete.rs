//! What a shell offers where a word is half typed: branches and conflicts of the repo at hand. Commands, options and paths
//! come from the command line's own description.
//!
//! A shell asks with every press of a key, so whatever goes wrong is no candidate and no word.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use trellis_sync::core::view::files::FILES;
use trellis_sync::files::file_conflicts;
use trellis_sync::folder::Folder;
use trellis_sync::{Access, Missing, Repo, Result, conflict_place};

/// Completes the names of branches.
pub(crate) fn branches() -> ArgValueCandidates {
    ArgValueCandidates::new(|| of_repo(async |repo| Ok(repo.branches().await?.into_iter().map(|it| it.name).collect())))
}

/// Completes what is in conflict: places, and paths.
pub(crate) fn conflicts() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let places = of_repo(async |repo| {
            let of_files =
                file_conflicts(&repo.files(&[]).await?).into_iter().map(|conflict| conflict.path.to_string());
            let conflicts = repo.conflicts().await?;
            let others = conflicts.iter().filter(|conflict| conflict.collection != FILES);
            Ok(of_files.chain(others.map(|conflict| conflict_place(conflict).to_string())).collect())
        });
        let typed_text = typed.to_string_lossy();
        let fits = |place: &CompletionCandidate| place.get_value().to_string_lossy().starts_with(&*typed_text);
        let places = places.into_iter().filter(fits);
        places.chain(PathCompleter::any().complete(typed)).collect()
    })
}

/// Asks the repo that the words on the command line are about.
fn of_repo(ask: impl AsyncFnOnce(Repo) -> Result<Vec<String>>) -> Vec<CompletionCandidate> {
    let answer = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
        runtime.block_on(async {
            let folder = Folder::find(folder_of(std::env::args_os())).ok()?;
            let options = Repo::options().access(Access::Read).missing(Missing::Refuse);
            ask(options.open(folder.root()).await.ok()?).await.ok()
        })
    };
    answer().unwrap_or_default().into_iter().map(CompletionCandidate::new).collect()
}

/// The folder that the command would act in.
fn folder_of(mut words: impl Iterator<Item = OsString>) -> PathBuf {
    let said = words.by_ref().any(|word| word == "-C").then(|| words.next()).flatten();
    said.or_else(|| std::env::var_os("TRELLIS_DIR")).map_or_else(|| Path::new(".").to_owned(), PathBuf::from)
}
