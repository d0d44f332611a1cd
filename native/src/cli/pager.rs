//! Long answers on a terminal go through a pager, as people know it from git.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

/// What `less` does if nobody says otherwise: end at once where all fits on the screen, pass colours on, leave the text there.
const LESS: &str = "FRX";

/// A pager at work.
pub(crate) struct Pager {
    child: Child,
    input: Option<ChildStdin>,
}

impl Pager {
    /// Starts what `TRELLIS_PAGER` or `PAGER` say, or else `less`; none where that is empty or `cat`, and where it cannot
    /// be started.
    pub(crate) fn start() -> Option<Pager> {
        let command = chosen()?;
        let mut pager = shell(&command);
        if std::env::var_os("LESS").is_none() {
            pager.env("LESS", LESS);
        }
        let mut child = pager.stdin(Stdio::piped()).spawn().ok()?;
        let input = child.stdin.take();
        Some(Pager { child, input })
    }

    /// Waits until its reader has seen enough.
    pub(crate) fn wait(mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.input.as_mut().map_or(Ok(bytes.len()), |input| input.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.as_mut().map_or(Ok(()), Write::flush)
    }
}

fn chosen() -> Option<OsString> {
    let said = std::env::var_os("TRELLIS_PAGER").or_else(|| std::env::var_os("PAGER"));
    let command = said.unwrap_or_else(|| "less".into());
    (!command.is_empty() && command != "cat" && is_there(&command)).then_some(command)
}

/// Whether the program of a command can be found. A shell would only say so on the screen.
fn is_there(command: &OsString) -> bool {
    let command = command.to_string_lossy();
    let program = command.split_whitespace().next().unwrap_or_default();
    let paths = std::env::var_os("PATH").unwrap_or_default();
    program.contains(std::path::MAIN_SEPARATOR)
        || std::env::split_paths(&paths)
            .any(|folder| folder.join(program).is_file() || folder.join(program).with_extension("exe").is_file())
}

/// The command has arguments, so a shell reads it.
#[cfg(unix)]
fn shell(command: &OsString) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command);
    shell
}

#[cfg(not(unix))]
fn shell(command: &OsString) -> Command {
    let mut shell = Command::new("cmd");
    shell.arg("/C").arg(command);
    shell
}
