//! The command line as people and programs use it: the built `trellis` as a child process, and nothing else.

mod copies;
mod documents;
mod failures;
#[cfg(unix)]
mod folder;
mod git;
mod history;
mod manifests;
#[cfg(unix)]
mod outside;
mod processes;
mod records;
mod settings;
mod shell;
mod sync;
mod together;
