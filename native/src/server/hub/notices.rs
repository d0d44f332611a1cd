//! What a served repo tells that nobody asked for, in the log: that a chain forked, that a row is damaged, that it writes
//! under a new key. Keys and ops are named in short, and nothing of what was written.

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use trellis_core::link::message::RepoTag;
use trellis_core::output::Event;

use super::short;

/// Logs what a repo tells, for as long as it is open: what a served repo is opened with
/// ([`OpenOptions::events`](crate::OpenOptions::events)). The tag names the repo in the log, where it is known. Needs a tokio
/// runtime.
pub fn log_events(tag: Option<RepoTag>) -> UnboundedSender<Event> {
    let (events, mut told) = unbounded_channel();
    let repo = tag.map(|tag| short(Some(tag)));
    tokio::spawn(async move {
        while let Some(event) = told.recv().await {
            log(repo.as_deref(), &event);
        }
    });
    events
}

fn log(repo: Option<&str>, event: &Event) {
    match event {
        Event::ChainForked { author, ops: [one, other] } => tracing::warn!(
            repo,
            author = author.short(),
            one = one.short(),
            other = other.short(),
            "chain forked: a key was used in two places"
        ),
        Event::Corrupt { row } => tracing::error!(repo, row, "damaged row: stop the server and run `trellis verify`"),
        Event::KeyChanged { from, to } => {
            tracing::warn!(repo, from = from.short(), to = to.short(), "the repo writes under a new key");
        }
        Event::Opened | Event::Admitted { .. } | Event::Link(..) => {}
    }
}
