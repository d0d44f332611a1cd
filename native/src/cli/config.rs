//! `trellis config`: settings of a repo, and of the user for all repos.

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use trellis_sync::config::{ConfigFile, Key, Scope, user_file};
use trellis_sync::folder::Folder;
use trellis_sync::{Code, Result, TrellisError};

use super::context::Context;
use super::page::{Cell, Look, Page, clean};
use super::report::{Outcome, Told, done};

/// Show and change settings
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
#[command(after_help = "Example:
  trellis config set branchPolicies.main.linear true

Settings: authorName, branch, branchPolicies.<pattern>.linear, branchPolicies.<pattern>.requireSigning,
branchPolicies.<pattern>.serialiser, peers.<name>. The repo's own say more than the user's.")]
pub(crate) struct Config {
    #[command(subcommand)]
    command: Command,
    /// The user's settings for all repos, instead of the repo's
    #[arg(long, global = true)]
    user: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show one setting
    #[command(after_help = "Example:\n  trellis config get branch")]
    Get {
        /// The setting
        name: String,
    },
    /// Change one setting
    #[command(after_help = "Example:\n  trellis config set authorName Ann --user")]
    Set {
        /// The setting
        name: String,
        /// Its new value
        to: String,
    },
    /// Take one setting out of the file
    #[command(after_help = "Example:\n  trellis config unset branch")]
    Unset {
        /// The setting
        name: String,
    },
    /// Show all settings
    #[command(after_help = "Example:\n  trellis config list")]
    List,
}

impl Config {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = || Folder::find(context.dir()).map(|folder| folder.config());
        let (path, scope) = match self.user {
            true => (user_file().ok_or_else(no_user_file)?, Scope::User),
            false => (repo()?, Scope::Repo),
        };
        let mut file = ConfigFile::open(&path, scope)?;
        match self.command {
            Command::List => done(Listed::new(path, file.list())),
            Command::Get { name } => get(path, &file, &Key::parse(&name)?),
            Command::Set { name, to } => {
                let key = Key::parse(&name)?;
                make_folder_of(&path)?;
                file.set(&key, &to)?;
                get(path, &file, &key)
            }
            Command::Unset { name } => {
                file.unset(&Key::parse(&name)?)?;
                done(Listed::new(path, file.list()))
            }
        }
    }
}

fn get(path: PathBuf, file: &ConfigFile, key: &Key) -> Outcome {
    match file.get(key) {
        Some(value) => done(Setting { path, name: key.to_string(), value }),
        None => {
            let message = format!("{key} is not set in {}.", path.display());
            Err(TrellisError::new(Code::NotFound, message).at_path(path))
        }
    }
}

fn make_folder_of(path: &std::path::Path) -> Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|cause| {
        let message = format!("Could not make the folder {} for the settings.", folder.display());
        TrellisError::new(Code::PermissionDenied, message).at_path(folder).caused_by(cause)
    })
}

fn no_user_file() -> TrellisError {
    TrellisError::new(
        Code::NotFound,
        "This system does not say where its users' settings are; set TRELLIS_CONFIG to a file.",
    )
}

/// One setting.
#[derive(Serialize)]
struct Setting {
    path: PathBuf,
    name: String,
    value: String,
}

impl Told for Setting {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        page.line(clean(&self.value))
    }
}

/// All settings of a file.
#[derive(Serialize)]
struct Listed {
    path: PathBuf,
    settings: Vec<NamedDoc>,
}

#[derive(Serialize)]
struct NamedDoc {
    name: String,
    value: String,
}

impl Listed {
    fn new(path: PathBuf, settings: Vec<(Key, String)>) -> Listed {
        let doc = |(key, value): (Key, String)| NamedDoc { name: key.to_string(), value };
        Listed { path, settings: settings.into_iter().map(doc).collect() }
    }
}

impl Told for Listed {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let row =
            |setting: &NamedDoc| vec![Cell::new(Look::Name, &setting.name), Cell::new(Look::Plain, &setting.value)];
        page.table(&self.settings.iter().map(row).collect::<Vec<_>>())
    }
}
