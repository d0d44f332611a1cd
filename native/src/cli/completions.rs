//! `trellis completions`: a script that lets a shell complete commands, options, paths, branches and conflicts.

use std::io;

use clap::Args;
use clap_complete::Shell;
use clap_complete::env::Shells;
use serde::Serialize;
use trellis_sync::{Code, TrellisError};

use super::page::Page;
use super::report::{Outcome, Told, done};

/// The variable by which a shell says that it wants a word completed, and that it is this shell.
pub(crate) const VARIABLE: &str = "TRELLIS_COMPLETE";
const PROGRAM: &str = "trellis";

/// Print a script that lets a shell complete what you type
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  source <(trellis completions bash)\n\nPut that into ~/.bashrc, or into ~/.zshrc with zsh. \
                        With fish:\n  trellis completions fish > ~/.config/fish/completions/trellis.fish"
)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) async fn run(self) -> Outcome {
        let (shell, mut script) = (self.shell.to_string(), Vec::new());
        let shells = Shells::builtins();
        let completer = shells.completer(&shell).ok_or_else(|| unknown(&shell))?;
        let written = completer.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script);
        written.map_err(|cause| unknown(&shell).caused_by(cause))?;
        done(Script { shell, script: String::from_utf8_lossy(&script).into_owned() })
    }
}

fn unknown(shell: &str) -> TrellisError {
    TrellisError::new(Code::Unsupported, format!("There are no completions for {shell}. Use bash, zsh or fish."))
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
