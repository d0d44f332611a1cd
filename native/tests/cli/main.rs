//! The command line as people and programs use it: the built `trellis` as a child process, and nothing else.

mod contents;
mod copies;
mod documents;
mod failures;
#[cfg(unix)]
mod folder;
mod git;
mod history;
#[cfg(unix)]
mod invitations;
#[cfg(unix)]
mod kinds;
mod linear;
mod manifests;
#[cfg(unix)]
mod meeting;
#[cfg(unix)]
mod outside;
mod past;
mod processes;
mod records;
mod serve;
mod settings;
mod shell;
mod sync;
#[cfg(unix)]
mod syncing;
mod terminal;
mod together;
mod told;
