//! What `trellis serve --demo` adds: a page, and a board for it.

use trellis_sync::folder::Folder;
use trellis_sync::server::{StaticFile, log_events};
use trellis_sync::{Code, Repo, Result, TrellisError};

use super::super::context::Context;
use super::super::words::{Notation, value};

/// What people call the board.
const NAME: &str = "board";
/// How many ops a repo has that was begun and not written to.
const GENESIS: usize = 1;
/// The collection of the shared note, and how it merges: line by line.
const NOTES: (&str, &str) = ("notes", r#"{"fields":{"/text":"text"}}"#);

/// The page, where this program was built with it.
#[cfg(feature = "demo")]
const FILES: &[StaticFile] = &[
    StaticFile {
        path: "/",
        media_type: "text/html; charset=utf-8",
        bytes: include_bytes!("../../../../web-demo/dist/index.html"),
    },
    StaticFile {
        path: "/page.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../../../web-demo/dist/page.js"),
    },
    StaticFile {
        path: "/worker.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../../../web-demo/dist/worker.js"),
    },
    StaticFile {
        path: "/page.css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../../../../web-demo/dist/page.css"),
    },
    StaticFile {
        path: "/icon.svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../../../../web-demo/dist/icon.svg"),
    },
];
#[cfg(not(feature = "demo"))]
const FILES: &[StaticFile] = &[];

/// The files of the page.
///
/// # Errors
/// `unsupported` where this program was built without them.
pub(super) fn files() -> Result<&'static [StaticFile]> {
    if FILES.is_empty() {
        let message = "This trellis was built without the page of the demo. `cargo xtask demo` builds one that has it.";
        return Err(TrellisError::new(Code::Unsupported, message));
    }
    Ok(FILES)
}

/// The repo of the folder, or a new one. Where nobody has written to it, it is begun as a board whose note merges by lines.
///
/// # Errors
/// What the disk reports.
pub(super) async fn board(context: &Context) -> Result<Repo> {
    let options = Repo::options().events(log_events(None));
    let repo = match Folder::find(context.dir()) {
        Ok(folder) => options.open(folder.root()).await?,
        Err(_) => options.name(NAME).create(context.dir()).await?,
    };
    if repo.status().await?.ops <= GENESIS {
        let (collection, manifest) = NOTES;
        match repo.declare(collection, value(manifest, Notation::Json)?).await {
            // Somebody else began it, and says how it merges.
            Err(error) if error.code() == Code::PermissionDenied => {}
            declared => drop(declared?),
        }
    }
    Ok(repo)
}
