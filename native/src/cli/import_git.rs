//! `trellis import git`: takes over the history of a git repository.

use std::io;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use trellis_sync::TrellisError;
use trellis_sync::git::{GitImport, import_git, show_import};

use super::context::Context;
use super::files::SettledDoc;
use super::page::{Look, Page, clean};
use super::report::{ErrorDoc, Exit, Outcome, Told, done};
use super::words::count;

/// Take over the history of a git repository: commits, branches, merges and authors
///
/// Every local branch of git becomes a branch here, and every commit a record. The same import again adds what is new,
/// and one that was interrupted goes on. Git's own files are only read.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis import git ../project\n\n\
                        A repo that is empty shows the branch that is checked out in git afterwards.")]
pub(crate) struct ImportGit {
    /// The folder of the git repository, or the one that git keeps it in
    path: PathBuf,
}

impl ImportGit {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let imported = import_git(&repo, &context.path(&self.path)).await?;
        let (shown, error) = match show_import(&repo, &imported).await {
            Ok(shown) => (shown, None),
            Err(error) => (None, Some(error)),
        };
        let (branch, folder) = shown.map(|(branch, settled)| (branch, SettledDoc::new(&settled))).unzip();
        done(ImportedGit::new(imported, branch, folder, error))
    }
}

/// What came from git, and what became of the folder.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImportedGit {
    commits: usize,
    new: usize,
    branches: Vec<String>,
    side_branches: usize,
    files: usize,
    contents: usize,
    left_out: LeftOut,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<SettledDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorDoc>,
    #[serde(skip)]
    failure: Option<TrellisError>,
}

/// What git has and a repo does not hold.
#[derive(Serialize)]
struct LeftOut {
    submodules: Vec<String>,
    paths: Vec<String>,
    branches: Vec<String>,
}

impl ImportedGit {
    fn new(
        imported: GitImport,
        branch: Option<String>,
        folder: Option<SettledDoc>,
        failure: Option<TrellisError>,
    ) -> ImportedGit {
        ImportedGit {
            commits: imported.commits,
            new: imported.new_commits,
            branches: imported.heads,
            side_branches: imported.side_branches,
            files: imported.files,
            contents: imported.contents,
            left_out: LeftOut {
                submodules: imported.submodules.into_iter().collect(),
                paths: imported.refused.into_iter().collect(),
                branches: imported.refused_heads,
            },
            branch,
            folder,
            error: failure.as_ref().map(ErrorDoc::from),
            failure,
        }
    }
}

impl Told for ImportedGit {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let known = self.commits - self.new;
        page.remark(format!("Took {}; {known} were here already.", count(self.new, "commit")))?;
        let left_out = [
            ("submodule", &self.left_out.submodules),
            ("path that no repo holds", &self.left_out.paths),
            ("branch name", &self.left_out.branches),
        ];
        for (what, names) in left_out.into_iter().filter(|(_, names)| !names.is_empty()) {
            let names: Vec<String> = names.iter().map(|name| clean(name).into_owned()).collect();
            page.line(format!("Left out as {what}: {}", names.join(", ")))?;
        }
        if let Some(branch) = &self.branch {
            page.remark(format!("On the branch {}.", page.paint(Look::Name, &clean(branch))))?;
        }
        self.folder.as_ref().map_or(Ok(()), |folder| folder.print(page))?;
        self.failure.as_ref().map_or(Ok(()), |failure| page.line(failure.message()))
    }

    fn exit(&self) -> Exit {
        match (&self.failure, &self.folder) {
            (Some(_), _) => Exit::Error,
            (None, folder) => folder.as_ref().map_or(Exit::Done, SettledDoc::exit),
        }
    }
}
