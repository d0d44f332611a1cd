//! Where a story is played: a folder, the built `trellis`, and what was kept of the outputs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::hands;
use crate::child;
use crate::story::{Act, Check, Edit, Step, Story};

/// Whether the steps are told on stdout.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    Loud,
    Silent,
}

/// A stage.
pub(super) struct Stage {
    trellis: PathBuf,
    folder: PathBuf,
    voice: Voice,
    kept: BTreeMap<&'static str, String>,
}

impl Stage {
    /// A stage in this folder, emptied.
    pub(super) fn set(folder: &Path, voice: Voice) -> Result<Self> {
        let trellis = child::sibling("trellis")?;
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        Ok(Self { trellis, folder: folder.into(), voice, kept: BTreeMap::new() })
    }

    pub(super) fn into_folder(self) -> PathBuf {
        self.folder
    }

    /// One step: do it, tell it, check it, keep its output.
    pub(super) fn perform(&mut self, step: &Step) -> Result<()> {
        self.tell(&format!("\n{}", step.says));
        match step.act {
            Act::Trellis(args) => self.command(step, args),
            Act::Edit(folder, edits) => self.edit(folder, edits),
        }
    }

    fn command(&mut self, step: &Step, args: &[&str]) -> Result<()> {
        self.tell(&format!("  $ trellis {}", typed(args)));
        let start = Instant::now();
        let output = self.trellis(args)?.output().context("cannot start trellis")?;
        let time = start.elapsed();
        let shown = String::from_utf8(output.stdout)?;
        let said = indented(&shown) + &indented(&String::from_utf8_lossy(&output.stderr));
        self.tell(&format!("{said}  ({:.0} ms)", time.as_secs_f64() * 1e3));
        ensure!(output.status.code() == Some(step.exit as i32), "{}", output.status);
        step.checks.iter().try_for_each(|check| self.check(check, &shown))?;
        if let Some(name) = step.keeps {
            self.kept.insert(name, shown);
        }
        Ok(())
    }

    fn edit(&self, folder: &str, edits: &[Edit]) -> Result<()> {
        for edit in edits {
            self.tell(&format!("  {folder}: {}", hands::words(edit)));
            hands::make(&self.folder.join(folder), edit)?;
        }
        Ok(())
    }

    /// `trellis` in the stage's folder, without the user's own settings.
    fn trellis(&self, args: &[&str]) -> Result<Command> {
        let mut command = Command::new(&self.trellis);
        command.args(self.expanded(args)?).current_dir(&self.folder).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TRELLIS_") {
                command.env_remove(name);
            }
        }
        command.env("TRELLIS_CONFIG", self.folder.join("config.json"));
        Ok(command)
    }

    /// What a shell would make of the arguments: a name with a `*` is the one that it fits, in the folder behind `-C`.
    fn expanded(&self, args: &[&str]) -> Result<Vec<String>> {
        let at = args.iter().position(|arg| *arg == "-C").and_then(|at| args.get(at + 1));
        let folder = at.map_or_else(|| self.folder.clone(), |folder| self.folder.join(folder));
        args.iter().map(|arg| expand(&folder, arg)).collect()
    }

    fn check(&self, check: &Check, shown: &str) -> Result<()> {
        match *check {
            Check::Shows(text) => ensure!(shown.contains(text), "the output does not show: {text}"),
            Check::SameDetail(name) => ensure!(detail(self.kept(name)?) == detail(shown), "this is not as in {name}"),
        }
        Ok(())
    }

    /// Compares what must be equal at the end of a story.
    pub(super) fn compare(&self, story: &Story) -> Result<()> {
        for [one, other] in story.equal {
            ensure!(self.kept(one)? == self.kept(other)?, "{one} and {other} are not equal");
        }
        for [one, other] in story.equal_folders {
            let [files, others] = [one, other].map(|folder| hands::files_in(&self.folder.join(folder)));
            let (files, others) = (files?, others?);
            let odd =
                files.iter().find(|file| !others.contains(file)).or(others.iter().find(|file| !files.contains(file)));
            ensure!(odd.is_none(), "{one} and {other} are not equal: {}", odd.map_or("", |file| file.path.as_str()));
            self.tell(&format!("\n{one} and {other} hold the same {} files, byte for byte.", files.len()));
        }
        Ok(())
    }

    fn kept(&self, name: &str) -> Result<&str> {
        self.kept.get(name).map(String::as_str).with_context(|| format!("the demo has not come to {name}"))
    }

    fn tell(&self, text: &str) {
        if self.voice == Voice::Loud {
            println!("{text}");
        }
    }
}

fn expand(folder: &Path, arg: &str) -> Result<String> {
    let Some((start, end)) = arg.split_once('*') else { return Ok(arg.into()) };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end) {
            names.push(name);
        }
    }
    ensure!(names.len() == 1, "{arg} fits {} files", names.len());
    Ok(names.remove(0))
}

/// The indented lines.
fn detail(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with(' ')).collect()
}

/// The words as a person would type them in a shell.
fn typed(args: &[&str]) -> String {
    let is_plain = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:@*~".contains(c));
    let quoted = |word: &&str| if is_plain(word) { (*word).to_owned() } else { format!("'{word}'") };
    args.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
