//! `trellis diff`: what changed in files, line by line.

use std::io;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use similar::{ChangeTag, TextDiff};
use trellis_sync::files::{FileDiff, Side};

use super::context::{Context, heads_named};
use super::files::file_paths;
use super::page::{Look, Page, clean};
use super::report::{Outcome, Told, done};
use super::words::count;

/// Lines around a change.
const CONTEXT_LINES: usize = 3;

/// Show what changed in files, line by line
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trellis diff
  trellis diff docs
  trellis diff --from 7515aab3a2c1 --to c11c315b8466
  trellis diff --from main --to draft")]
pub(crate) struct Diff {
    /// Only these files, and what lies below these folders
    paths: Vec<PathBuf>,
    /// From what the files were at this op or on this branch, instead of what was recorded last
    #[arg(long, value_name = "OP")]
    from: Option<String>,
    /// To what the files were at this op or on this branch [default: what the present branch shows]
    #[arg(long, value_name = "OP", requires = "from")]
    to: Option<String>,
}

impl Diff {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let workspace = context.workspace_seen().await?;
        let repo = workspace.repo();
        let only = file_paths(context, repo.folder(), &self.paths)?;
        let mut files = Vec::new();
        let mut visit = |diff: FileDiff| {
            files.push(DiffDoc::new(&diff));
            Ok(())
        };
        match &self.from {
            None => workspace.diff(&only, &mut visit)?,
            Some(from) => {
                let from = repo.find_heads(from).await?;
                let to = heads_named(repo, self.to.as_deref()).await?;
                workspace.diff_ops(&from, &to, &only, &mut visit).await?;
            }
        }
        done(Differences { files })
    }
}

/// Files that are different.
#[derive(Serialize)]
pub(crate) struct Differences {
    pub(crate) files: Vec<DiffDoc>,
}

/// A file that is different.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiffDoc {
    change: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_mode: Option<&'static str>,
    /// The lines as `diff -u` has them; none where one side is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    /// Sides whose content is not here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    absent: Vec<&'static str>,
    #[serde(skip)]
    sizes: (usize, usize),
}

impl DiffDoc {
    pub(crate) fn new(diff: &FileDiff) -> DiffDoc {
        let (old, new) = (diff.old.as_ref(), diff.new.as_ref());
        let change = match (old, new) {
            (None, _) => "added",
            (_, None) => "removed",
            (Some(old), Some(new)) if old.path != new.path => "renamed",
            _ => "edited",
        };
        let path = new.or(old).map(|side| side.path.to_string()).unwrap_or_default();
        let from = old.filter(|_| change == "renamed").map(|side| side.path.to_string());
        let patch = text(old).zip(text(new)).map(|(old, new)| unified(old, new));
        let size = |side: Option<&Side>| side.map_or(0, |side| usize::try_from(side.size).unwrap_or(usize::MAX));
        let mode = |side: Option<&Side>| side.map(|side| side.mode.as_str());
        let absent = [("old", old), ("new", new)];
        let absent = absent.into_iter().filter(|(_, side)| side.is_some_and(|side| !side.is_here));
        DiffDoc {
            change,
            path,
            from,
            old_mode: mode(old),
            new_mode: mode(new),
            patch,
            absent: absent.map(|(name, _)| name).collect(),
            sizes: (size(old), size(new)),
        }
    }

    pub(crate) fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let path = clean(&self.path);
        let heading = match &self.from {
            Some(from) => format!("{} {} -> {path}", self.change, clean(from)),
            None => format!("{} {path}", self.change),
        };
        page.line(page.paint(Look::Name, &heading))?;
        if let (Some(old), Some(new)) = (self.old_mode, self.new_mode)
            && old != new
        {
            page.line(format!("  was {old}, is {new}"))?;
        }
        match &self.patch {
            Some(patch) => patch.lines().try_for_each(|line| page.line(page.paint(look_of(line), &clean(line)))),
            None => {
                let ((old, new), why) = (self.sizes, self.why_no_patch());
                page.line(format!("  {why}: was {}, is {}", count(old, "byte"), count(new, "byte")))
            }
        }
    }
}

impl DiffDoc {
    fn why_no_patch(&self) -> &'static str {
        match self.absent.as_slice() {
            [] => "no text",
            ["old"] => "what it held is not on this device",
            ["new"] => "what it holds is not on this device",
            _ => "its content is not on this device",
        }
    }
}

/// The text of one side, which is empty where there is no file.
fn text(side: Option<&Side>) -> Option<&[u8]> {
    side.map_or(Some(&[]), |side| side.text.as_deref())
}

fn look_of(line: &str) -> Look {
    match line.chars().next() {
        Some('+') => Look::Good,
        Some('-') => Look::Bad,
        Some('@') => Look::Id,
        _ => Look::Plain,
    }
}

/// The hunks of `diff -u`.
fn unified(old: &[u8], new: &[u8]) -> String {
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let diff = TextDiff::from_lines(old.as_ref(), new.as_ref());
    let mut patch = String::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT_LINES).iter_hunks() {
        patch.push_str(&format!("{}\n", hunk.header()));
        for change in hunk.iter_changes() {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let line = change.value();
            patch.push(sign);
            patch.push_str(line);
            if !line.ends_with('\n') {
                patch.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    patch
}

impl Told for Differences {
    fn is_long(&self) -> bool {
        true
    }

    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        self.files.iter().try_for_each(|file| file.print(page))
    }
}
