//! `trellis clone`: a second copy of a repo, under a key of its own.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use trellis_sync::core::op::blob::BlobRef;
use trellis_sync::core::op::id::ContentHash;
use trellis_sync::files::{Carried, Workspace};
use trellis_sync::folder::{Folder, is_unfinished};
use trellis_sync::link::LinkOptions;
use trellis_sync::store::{OpenMode, Store};
use trellis_sync::{Access, Bundle, Code, Repo, Result, TrellisError};

use super::context::Context;
use super::files::{SettledDoc, missing_blobs, print_missing};
use super::page::{Page, clean};
use super::report::{Exit, Outcome, Told, done};
use super::sync::watch;
use super::words::count;

/// Copy a repo, or a file that `export` wrote, into a new folder
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  trellis clone ../notes notes-2\n  trellis clone ws://127.0.0.1:4200 notes-3\n\nThe copy writes under a key of its own."
)]
pub(crate) struct Clone {
    /// The folder of the repo to copy, the file, or the URL of a peer
    path: PathBuf,
    /// The new folder [default: the name of the other one, here]
    dir: Option<PathBuf>,
}

impl Clone {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let (giver, name) = giver(context, &self.path).await?;
        let dir = self.dir.unwrap_or_else(|| name.into());
        Copying { giver, from: self.path, dir }.run(context).await
    }
}

/// A copy that is to be made.
pub(crate) struct Copying {
    pub(crate) giver: Giver,
    /// What the giver was called.
    pub(crate) from: PathBuf,
    /// The new folder, as it was called.
    pub(crate) dir: PathBuf,
}

impl Copying {
    /// Makes it. What fails, or is killed, leaves no repo.
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let target = context.path(&self.dir);
        expect_empty(&target)?;
        let is_new = !target.exists();
        let from = match &self.giver {
            Giver::Peer(..) => self.from.clone(),
            Giver::Folder(_) | Giver::File(_) => context.path(&self.from),
        };
        let fill = async |repo: &Repo| take(context, repo, self.giver).await;
        let made = context.options().create_whole(&target, fill).await;
        if made.is_err() && is_new {
            // A folder that is not empty by now is somebody else's.
            let _ = fs::remove_dir(&target);
        }
        let (repo, taken) = made?;
        let repo = context.keep(repo);
        let id = repo.status().await?.repo.map(|id| id.to_string()).unwrap_or_default();
        let settled = Workspace::follow(&repo).await?;
        done(Cloned {
            repo: id,
            ops: taken.0,
            blobs: taken.1.blobs.len(),
            missing_blobs: missing_blobs(&taken.1),
            path: repo.folder().root().into(),
            from,
            folder: settled.as_ref().map(SettledDoc::new),
            shown: (self.from, self.dir),
        })
    }
}

/// Where a copy comes from.
pub(crate) enum Giver {
    Folder(Repo),
    File(Bundle),
    /// Its URL, and how it is dialled.
    Peer(String, Box<LinkOptions>),
}

/// Takes everything; returns how many ops, and which blobs.
async fn take(context: &Context, repo: &Repo, giver: Giver) -> Result<(usize, Carried)> {
    match giver {
        Giver::Peer(url, options) => {
            let invitation = options.invitation.clone();
            let mut link = repo.sync_with(&url, *options)?;
            watch(context, &mut link).await?;
            link.close().await;
            if let Some(invitation) = invitation {
                repo.expect_joined(&invitation).await?;
            }
            expect_ops(repo, &url).await
        }
        Giver::Folder(giver) => {
            let ops = giver.export(Vec::new()).await?;
            let carried = repo.carry_blobs(&giver, &ops)?;
            Ok((repo.import(ops).await?.admitted.len(), carried))
        }
        Giver::File(bundle) => {
            let (report, carried) = repo.take_bundle(bundle).await?;
            Ok((report.admitted.len(), carried))
        }
    }
}

/// What came from a peer, which may have nothing yet.
///
/// # Errors
/// `not_found`.
async fn expect_ops(repo: &Repo, url: &str) -> Result<(usize, Carried)> {
    match repo.status().await?.ops {
        0 => Err(TrellisError::new(Code::NotFound, format!("{url} has no repo yet. Write something there first."))),
        ops => {
            let store = Store::open(repo.folder().store(), OpenMode::ReadOnly)?;
            let named: Vec<ContentHash> = store.named_blobs()?.into_iter().collect();
            let absent = store.absent_blobs(&named)?.into_iter();
            let missing = absent.map(|(blob, _)| BlobRef { blob, size: 0 }).collect();
            Ok((ops, Carried { blobs: store.blobs()?, missing }))
        }
    }
}

/// What is to be copied, and its name.
async fn giver(context: &Context, path: &Path) -> Result<(Giver, OsString)> {
    if let Some(url) = path.to_str().filter(|text| text.contains("://")) {
        return Ok((Giver::Peer(url.to_owned(), Box::default()), "repo".into()));
    }
    let source = context.path(path);
    if source.is_file() {
        return Ok((Giver::File(Bundle::read(source)?), path.file_stem().unwrap_or_default().to_owned()));
    }
    expect_folder(context, path)?;
    let repo = context.open(&source, Access::Read).await?;
    let name = repo.folder().name().into();
    Ok((Giver::Folder(repo), name))
}

/// # Errors
/// `not_found`.
pub(crate) fn expect_folder(context: &Context, path: &Path) -> Result<()> {
    let path = context.path(path);
    if path.is_dir() {
        return Ok(());
    }
    let message = format!("There is no folder {}. Name the folder of another repo on this machine.", path.display());
    Err(TrellisError::new(Code::NotFound, message).at_path(path))
}

fn expect_empty(path: &Path) -> Result<()> {
    let mut names = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.file_name());
    if names.all(|name| is_unfinished(&name)) {
        return Ok(());
    }
    let message = match Folder::at(path) {
        Ok(_) => format!("There is a repo in {} already. Use `trellis sync reconcile` there.", path.display()),
        Err(_) => format!("The folder {} is not empty. Name another one.", path.display()),
    };
    Err(TrellisError::new(Code::AlreadyExists, message).at_path(path))
}

/// A repo that was copied.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cloned {
    repo: String,
    ops: usize,
    blobs: usize,
    /// Blobs that the other repo lacks itself.
    missing_blobs: Vec<String>,
    path: PathBuf,
    from: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<SettledDoc>,
    #[serde(skip)]
    shown: (PathBuf, PathBuf),
}

impl Told for Cloned {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let (from, to) = (self.shown.0.display().to_string(), self.shown.1.display().to_string());
        page.remark(format!("Copied {} from {} to {}.", count(self.ops, "op"), clean(&from), clean(&to)))?;
        print_missing(&self.missing_blobs, page)?;
        self.folder.as_ref().map_or(Ok(()), |folder| folder.print(page))
    }

    fn exit(&self) -> Exit {
        self.folder.as_ref().map_or(Exit::Done, SettledDoc::exit)
    }
}
