//! `trellis show OP:PATH`: a file as it was, or the files that were in a folder.

use std::io::{self, Read};
use std::path::Path;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use trellis_sync::core::op::id::OpId;
use trellis_sync::core::view::files::FilePath;
use trellis_sync::files::lines::is_text;
use trellis_sync::files::{PastFile, Workspace};
use trellis_sync::{Repo, Result};

use crate::cli::context::{Context, heads_named};
use crate::cli::doc::ids;
use crate::cli::files::file_paths;
use crate::cli::page::{Page, clean};
use crate::cli::report::{Outcome, Told, done};

/// Shows a file, or lists those in a folder, as they were at an op or on a branch; without one as they are recorded.
pub(super) async fn show_files(context: &Context, op: &str, path: &str) -> Outcome {
    let repo = context.repo().await?;
    let at = heads_named(&repo, Some(op).filter(|op| !op.is_empty())).await?;
    let path = path_meant(context, &repo, path)?;
    let workspace = Workspace::look_back(&repo)?;
    let files = workspace.files_then(path.as_ref(), &at).await?;
    match files.as_slice() {
        [file] if Some(&file.path) == path.as_ref() => done(FileShown::new(file.clone(), &at, workspace)?),
        _ => done(FilesShown { at: ids(&at), files: files.iter().map(FileDoc::new).collect() }),
    }
}

/// Nothing stands for the repo's folder.
fn path_meant(context: &Context, repo: &Repo, typed: &str) -> Result<Option<FilePath>> {
    if typed.is_empty() {
        return Ok(None);
    }
    let paths = file_paths(context, repo.folder(), &[Path::new(typed).to_owned()])?;
    Ok(paths.into_iter().next())
}

/// A file without its content.
#[derive(Serialize)]
struct FileDoc {
    path: String,
    mode: &'static str,
    blob: String,
    size: u64,
}

impl FileDoc {
    fn new(file: &PastFile) -> FileDoc {
        FileDoc {
            path: file.path.to_string(),
            mode: file.mode.as_str(),
            blob: file.content.blob.to_string(),
            size: file.content.size,
        }
    }
}

/// The files that were in a folder.
#[derive(Serialize)]
struct FilesShown {
    at: Vec<String>,
    files: Vec<FileDoc>,
}

impl Told for FilesShown {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        self.files.iter().try_for_each(|file| page.line(clean(&file.path)))
    }
}

/// A file as it was.
#[derive(Serialize)]
struct FileShown {
    at: Vec<String>,
    file: FileDoc,
    /// What it held; null where that is no text.
    text: Content,
}

/// What a file held. It is read when it is told: it may be large.
struct Content {
    file: PastFile,
    workspace: Workspace,
}

impl FileShown {
    fn new(file: PastFile, at: &[OpId], workspace: Workspace) -> Result<FileShown> {
        workspace.read(&file)?;
        Ok(FileShown { at: ids(at), file: FileDoc::new(&file), text: Content { file, workspace } })
    }
}

impl Content {
    fn read(&self) -> io::Result<impl Read + '_> {
        self.workspace.read(&self.file).map_err(io::Error::other)
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        self.read().and_then(|mut content| content.read_to_end(&mut bytes)).map_err(S::Error::custom)?;
        String::from_utf8(bytes).ok().filter(|text| is_text(text.as_bytes())).serialize(serializer)
    }
}

impl Told for FileShown {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        page.content(self.text.read()?)
    }
}
