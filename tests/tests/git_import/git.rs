//! Real git, as these tests run it: without anybody's settings.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs git in a folder; returns what it prints.
///
/// # Panics
/// It fails.
pub(crate) fn git(folder: &Path, args: &[&str]) -> Vec<u8> {
    git_with(folder, args, &[])
}

/// The same with something on its stdin.
pub(crate) fn git_with(folder: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = command(folder, args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git is there");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("git ends");
    writer.join().expect("the input is written");
    assert!(output.status.success(), "git {args:?} in {}", folder.display());
    output.stdout
}

/// The same as one line of text; none where git fails.
pub(crate) fn asked(folder: &Path, args: &[&str]) -> Option<String> {
    let output = command(folder, args).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    let nowhere = if cfg!(windows) { "NUL" } else { "/dev/null" };
    command.current_dir(folder).args(args).env("GIT_CONFIG_GLOBAL", nowhere).env("GIT_CONFIG_NOSYSTEM", "1");
    for name in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{name}_NAME"), "Ann").env(format!("GIT_{name}_EMAIL"), "ann@example.org");
    }
    command
}
