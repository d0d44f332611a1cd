//! `trellis serve`: repos for peers to sync with.

mod demo;
mod logs;
mod signals;
mod size;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use trellis_sync::core::link::message::RepoTag;
use trellis_sync::core::op::hex;
use trellis_sync::folder::Folder;
use trellis_sync::link::Welcome;
use trellis_sync::server::{Hub, HubConfig, Quotas, Server, ServerConfig, StaticFile, Stopped, TlsConfig, log_events};
use trellis_sync::{Code, Missing, Repo, Result, TrellisError};

use super::context::Context;
use super::page::{Detail, Look, Page, clean};
use super::report::{Outcome, Told, done};
use super::words::count;
use signals::Signals;

/// With `--open`, unless it is said otherwise.
const OPEN_QUOTAS: Quotas = Quotas { repos: Some(64), repo_bytes: Some(256 << 20), bytes: Some(4 << 30) };

/// Connections from one address that have not said who they are, for pages in several tabs.
const DEMO_NEWCOMERS: usize = 64;

/// Serve this folder's repo, or many, for peers to sync with
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  trellis serve
  trellis serve --demo
  trellis serve --repos /srv/repos --listen 0.0.0.0:4200 --tls-cert cert.pem --tls-key key.pem

Peers dial what it prints; with -v it also prints the tags by which they name repos. It lets in members of a repo (`trellis members add`), or with --open anybody.
It stores and passes on what peers write. The files of the folder stay as they are, whatever comes:
bring them up to date with `trellis switch`. It ends at SIGINT or SIGTERM, when its links have finished.")]
pub(crate) struct Serve {
    /// Where to listen: an IP address and a port; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4200")]
    listen: SocketAddr,
    /// Serve every repo that has a folder in this one, instead of this folder's
    #[arg(long, value_name = "DIR")]
    repos: Option<PathBuf>,
    /// Serve the demo: its page, and this folder's repo, begun where there is none, for anybody
    #[arg(long, conflicts_with = "repos")]
    demo: bool,
    /// Let in anybody; with --repos, make the repos that peers bring
    #[arg(long)]
    open: bool,
    /// A name that peers dial this server by, as in wss://relay.example; * for any
    #[arg(long, value_name = "URL")]
    origin: Vec<String>,
    /// A web origin whose pages may open links, as in app.example with https:// before it; * for any
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Listen without TLS where other machines can reach it
    #[arg(long)]
    allow_plain: bool,
    /// The certificate, with those that lead to a root: PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key: PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// How many repos there may be when a peer brings another [default with --open: 64]
    #[arg(long, value_name = "NUMBER", requires = "repos")]
    quota_repos: Option<usize>,
    /// What a repo's store may take, as in 512M [default with --open: 256M]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    quota_repo_bytes: Option<u64>,
    /// What all stores may take together, as in 20G [default with --open: 4G]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    quota_bytes: Option<u64>,
    /// Log one JSON object a line
    #[arg(long)]
    log_json: bool,
}

impl Serve {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        logs::begin(context.detail(), self.log_json)?;
        let files = if self.demo { demo::files()? } else { &[] };
        let hub = self.hub(context).await?;
        // What takes long is behind: until here a signal ends the program by itself.
        let mut signals = Signals::listen()?;
        let server = Server::bind(self.config(context, files)).await?;
        let serving = self.serving(hub.repos().await, server.local_addr());
        context.tell_early(&serving);
        if !self.demo {
            context.note(&format!("Peers connect with `trellis clone {}`.", serving.dialled()));
        }
        let stopped = until_told(server, &hub, &mut signals).await?;
        hub.close().await?;
        if stopped == Stopped::ByCutting {
            context.note("Some links took too long to finish and were cut; what they had acknowledged is safe.");
        }
        done(serving)
    }

    async fn hub(&self, context: &Context) -> Result<Hub> {
        let welcome = if self.is_open() { Welcome::Anyone } else { Welcome::Members };
        let config = HubConfig { welcome, quotas: self.quotas(), ..HubConfig::default() };
        if let Some(root) = &self.repos {
            return Hub::many(context.path(root), config).await;
        }
        if self.demo {
            return Hub::one(demo::board(context).await?, config);
        }
        let folder = Folder::find(context.dir())?;
        let repo = Repo::options().missing(Missing::Refuse).events(log_events(None)).open(folder.root()).await?;
        if !self.open && repo.members().await?.is_empty() {
            context.note(
                "Nobody is a member of this repo, so nobody is let in. Add members with `trellis members add`, or let \
                 in anybody with --open.",
            );
        }
        Hub::one(repo, config)
    }

    /// Whether anybody is let in.
    fn is_open(&self) -> bool {
        self.open || self.demo
    }

    fn quotas(&self) -> Quotas {
        let usual = if self.is_open() { OPEN_QUOTAS } else { Quotas::default() };
        Quotas {
            repos: self.quota_repos.or(usual.repos),
            repo_bytes: self.quota_repo_bytes.or(usual.repo_bytes),
            bytes: self.quota_bytes.or(usual.bytes),
        }
    }

    fn config(&self, context: &Context, shown: &'static [StaticFile]) -> ServerConfig {
        let usual = ServerConfig::default();
        let files = self.tls_cert.as_ref().zip(self.tls_key.as_ref());
        ServerConfig {
            listen: self.listen,
            tls: files.map(|(cert, key)| TlsConfig { certificate: context.path(cert), key: context.path(key) }),
            allow_plain: self.allow_plain,
            public_origins: self.origin.clone(),
            allowed_origins: self.allow_origin.clone(),
            files: shown,
            // A browser fetches a page over several connections, and each of its tabs opens a link.
            newcomers_per_address_max: if self.demo { DEMO_NEWCOMERS } else { usual.newcomers_per_address_max },
            ..usual
        }
    }

    fn serving(&self, repos: Vec<(Option<RepoTag>, PathBuf)>, listen: SocketAddr) -> Serving {
        let scheme = if self.tls_cert.is_some() { "wss" } else { "ws" };
        let origins = self.origin.iter().filter(|origin| *origin != "*").cloned().collect();
        let (url, is_many) = (format!("{scheme}://{listen}"), self.repos.is_some());
        let page = self.demo.then(|| format!("{}://{listen}/", if scheme == "wss" { "https" } else { "http" }));
        let repos =
            repos.into_iter().map(|(tag, path)| RepoDoc { tag: tag.map(|tag| hex::encode(&tag.0)), path }).collect();
        Serving { url, page, listen, origins, repos, open: self.is_open(), is_many }
    }
}

/// Serves until a signal comes, and then until all is finished; a second one ends that.
async fn until_told(server: Server, hub: &Hub, signals: &mut Signals) -> Result<Stopped> {
    let stopper = server.stopper();
    let running = server.run(Arc::new(hub.clone()));
    tokio::pin!(running);
    tokio::select! {
        stopped = &mut running => return Ok(stopped),
        () = signals.next() => stopper.stop(),
    }
    tokio::select! {
        stopped = &mut running => Ok(stopped),
        () = signals.next() => Err(ended_at_once()),
    }
}

/// Where a server is.
#[derive(Clone, Debug, Serialize)]
struct Serving {
    url: String,
    /// The address of the demo's page, which it has for browsers.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    listen: SocketAddr,
    /// By what other names peers dial it.
    origins: Vec<String>,
    repos: Vec<RepoDoc>,
    open: bool,
    #[serde(skip)]
    is_many: bool,
}

/// A repo that is served.
#[derive(Clone, Debug, Serialize)]
struct RepoDoc {
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    path: PathBuf,
}

impl Serving {
    /// What a peer types.
    fn dialled(&self) -> String {
        let origin = self.origins.first().unwrap_or(&self.url);
        if self.is_many { format!("{origin}/sync/v1/repos/TAG/link") } else { origin.clone() }
    }
}

impl Told for Serving {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        if let Some(address) = &self.page {
            return page.line(format!("Open {} in two browsers", page.paint(Look::Name, address)));
        }
        let what = if self.is_many { count(self.repos.len(), "repo") } else { "the repo".into() };
        let at = self.origins.iter().map(|origin| format!(" and {}", clean(origin))).collect::<String>();
        let url = page.paint(Look::Name, &self.url);
        page.line(format!("Serving {what} at {url}{at}"))?;
        if page.detail() == Detail::Verbose {
            for RepoDoc { tag, path } in &self.repos {
                page.line(format!("  {}  {}", tag.as_deref().unwrap_or("-"), clean(&path.display().to_string())))?;
            }
        }
        Ok(())
    }
}

fn ended_at_once() -> TrellisError {
    TrellisError::new(
        Code::Aborted,
        "The server was ended before its links had finished; what was acknowledged is safe.",
    )
}
