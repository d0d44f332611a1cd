//! `trellis completions`: a script that lets a shell complete commands and options.

use std::io;

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde::Serialize;

use super::page::Page;
use super::report::{Outcome, Told, done};

/// Print a script that lets a shell complete commands
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis completions bash > ~/.local/share/bash-completion/completions/trellis")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) async fn run(self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Cli::command(), "trellis", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        done(Script { shell: self.shell.to_string(), script })
    }
}

/// A script.
#[derive(Serialize)]
struct Script {
    shell: String,
    script: String,
}

impl Told for Script {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        page.line(self.script.trim_end())
    }
}
