//! `trellis init`: begins a repo in a folder.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use trellis_sync::Repo;

use super::context::Context;
use super::page::Page;
use super::report::{Outcome, Told, done};

/// Begin a repo in a folder
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis init --name notes notes")]
pub(crate) struct Init {
    /// What people call the repo [default: the folder's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The folder, made if it is not there
    #[arg(default_value = ".")]
    dir: PathBuf,
}

impl Init {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let options = match &self.name {
            Some(name) => context.options().name(name),
            None => context.options(),
        };
        let repo = context.keep(options.create(context.path(&self.dir)).await?);
        repo.begin().await?;
        done(Begun::of(&repo, context.path(&self.dir)).await?)
    }
}

/// A repo that is new in a folder.
#[derive(Serialize)]
struct Begun {
    repo: String,
    name: String,
    path: PathBuf,
    #[serde(skip)]
    shown_path: PathBuf,
}

impl Begun {
    async fn of(repo: &Repo, shown_path: PathBuf) -> trellis_sync::Result<Begun> {
        let id = repo.status().await?.repo.map(|id| id.to_string()).unwrap_or_default();
        Ok(Begun { repo: id, name: repo.name().into(), path: repo.folder().root().into(), shown_path })
    }
}

impl Told for Begun {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let place = match self.shown_path.components().collect::<PathBuf>() {
            path if path == Path::new(".") => "this folder".into(),
            path => path.display().to_string(),
        };
        let id = page.id(&self.repo);
        page.remark(format!("Began the repo {} ({id}) in {place}.", super::page::clean(&self.name)))
    }
}
