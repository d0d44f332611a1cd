//! `trellis sync peers`: peers under names that are easier than URLs.

use std::io;

use clap::{Args, Subcommand};
use serde::Serialize;
use trellis_sync::config::{ConfigFile, Key, Scope};
use trellis_sync::link::LinkOptions;
use trellis_sync::{Code, Repo, Result, TrellisError};

use crate::cli::context::Context;
use crate::cli::page::{Cell, Look, Page, clean};
use crate::cli::report::{Outcome, Told, done};

/// Keep peers under names, and see whether they answer
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
#[command(after_help = "Example:\n  trellis sync peers add home ws://127.0.0.1:4200\n  trellis sync home")]
pub(crate) struct Peers {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Keep a peer under a name
    #[command(after_help = "Example:\n  trellis sync peers add home ws://127.0.0.1:4200")]
    Add {
        /// The name
        name: String,
        /// Where the peer is
        url: String,
    },
    /// Show all peers
    #[command(after_help = "Example:\n  trellis sync peers list")]
    List,
    /// Forget a peer
    #[command(after_help = "Example:\n  trellis sync peers remove home")]
    Remove {
        /// The name
        name: String,
    },
    /// Connect to a peer, and see who it is
    #[command(after_help = "Example:\n  trellis sync peers test home")]
    Test {
        /// The name, or a URL
        name: String,
    },
}

impl Peers {
    pub(super) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let mut file = ConfigFile::open(repo.folder().config(), Scope::Repo)?;
        match self.command {
            Command::Add { name, url } => {
                trellis_sync::link::check(&url, &LinkOptions::default())?;
                file.set(&Key::Peer(name), &url)?;
            }
            Command::List => {}
            Command::Remove { name } => {
                let key = Key::Peer(name);
                file.get(&key).ok_or_else(|| unknown(&key))?;
                file.unset(&key)?;
            }
            Command::Test { name } => return test(&repo, &url_of(&repo, &name)?).await,
        }
        done(Listed { peers: file.config().peers.iter().map(PeerDoc::new).collect() })
    }
}

/// The URL of a peer that is named by it, or by the name under which it is kept.
///
/// # Errors
/// `not_found`.
pub(super) fn url_of(repo: &Repo, peer: &str) -> Result<String> {
    if peer.contains("://") {
        return Ok(peer.to_owned());
    }
    let key = Key::Peer(peer.to_owned());
    ConfigFile::open(repo.folder().config(), Scope::Repo)?.get(&key).ok_or_else(|| unknown(&key))
}

fn unknown(key: &Key) -> TrellisError {
    let Key::Peer(name) = key else { return TrellisError::new(Code::NotFound, "There is no such peer.") };
    let message =
        format!("There is no peer {name}. `trellis sync peers list` shows them; `... add {name} URL` makes one.");
    TrellisError::new(Code::NotFound, message)
}

/// Goes as far as knowing the peer.
async fn test(repo: &Repo, url: &str) -> Outcome {
    let mut link = repo.sync(url)?;
    let status = link.known().await?;
    let (key, relay) = (status.peer.map(|key| key.to_string()).unwrap_or_default(), status.is_relay);
    link.close().await;
    done(Tested { url: url.to_owned(), key, relay })
}

/// Peers under their names.
#[derive(Serialize)]
struct Listed {
    peers: Vec<PeerDoc>,
}

#[derive(Serialize)]
struct PeerDoc {
    name: String,
    url: String,
}

impl PeerDoc {
    fn new((name, url): (&String, &String)) -> PeerDoc {
        PeerDoc { name: name.clone(), url: url.clone() }
    }
}

impl Told for Listed {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        if self.peers.is_empty() {
            return page.remark("No peers. `trellis sync peers add NAME URL` keeps one.");
        }
        let rows =
            self.peers.iter().map(|peer| vec![Cell::new(Look::Name, &peer.name), Cell::new(Look::Plain, &peer.url)]);
        page.table(&rows.collect::<Vec<_>>())
    }
}

/// A peer that answered.
#[derive(Serialize)]
struct Tested {
    url: String,
    key: String,
    relay: bool,
}

impl Told for Tested {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let what = if self.relay { "a relay" } else { "a peer" };
        page.line(format!("{} answers: {what} with the key {}.", clean(&self.url), self.key))
    }
}
