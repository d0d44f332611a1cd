//! `trellis status`: what changed in the folder, and which conflicts are open.

use std::io;

use clap::Args;
use serde::Serialize;
use trellis_sync::files::{BadRule, Changes, News, Skipped};

use super::context::Context;
use super::files::{ChangeDoc, FileConflictDoc, note_bad_rules, print_changes, print_file_conflicts};
use super::page::{Look, Page, clean};
use super::report::{Exit, Outcome, Told, done};
use super::words::count;

/// Show what changed in the folder since it was recorded
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trellis status\n\nExit code 2 says that conflicts are open.")]
pub(crate) struct Status {}

impl Status {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let workspace = context.workspace_seen().await?;
        let (changes, news) = (workspace.changes()?, workspace.news().await?);
        note_bad_rules(context, &changes);
        done(Stood::new(workspace.branch(), &changes, &news))
    }
}

/// How the folder stands to its branch.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stood {
    branch: String,
    changes: Vec<ChangeDoc>,
    file_conflicts: Vec<FileConflictDoc>,
    skipped: Vec<SkippedDoc>,
    /// Rules that are none.
    bad_rules: Vec<BadRuleDoc>,
    /// Files that the branch has otherwise by now.
    differing: usize,
}

#[derive(Serialize)]
struct BadRuleDoc {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    why: String,
}

#[derive(Serialize)]
struct SkippedDoc {
    path: String,
    why: &'static str,
}

impl Stood {
    fn new(branch: &str, changes: &Changes, news: &News) -> Stood {
        let skipped = changes.skipped.iter().map(|(path, why)| SkippedDoc { path: path.clone(), why: why_word(*why) });
        let bad_rules = changes.bad_rules.iter();
        let bad_rules = bad_rules.map(|BadRule { path, line, why }| BadRuleDoc {
            path: path.clone(),
            line: *line,
            why: why.clone(),
        });
        let conflicts = news.conflicts.iter().map(FileConflictDoc::of);
        Stood {
            branch: branch.into(),
            changes: ChangeDoc::all(changes),
            file_conflicts: conflicts.collect(),
            skipped: skipped.collect(),
            bad_rules: bad_rules.collect(),
            differing: news.differing,
        }
    }
}

fn why_word(why: Skipped) -> &'static str {
    match why {
        Skipped::NoFile => "no_file",
        Skipped::OtherRepo => "other_repo",
        Skipped::Name => "name",
    }
}

fn why_text(why: &str) -> &'static str {
    match why {
        "no_file" => "is no file, link or folder",
        "other_repo" => "is a repo of its own",
        _ => "has a name that no repo holds",
    }
}

impl Told for Stood {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        page.remark(format!("On the branch {}.", page.paint(Look::Name, &clean(&self.branch))))?;
        match self.changes.is_empty() {
            true => page.remark("Nothing changed since the last record.")?,
            false => {
                page.remark("Changed since the last record:")?;
                print_changes(&self.changes, page)?;
            }
        }
        if !self.file_conflicts.is_empty() {
            page.remark("In conflict:")?;
            print_file_conflicts(&self.file_conflicts, page)?;
        }
        for SkippedDoc { path, why } in &self.skipped {
            page.line(format!("  {} {}; it is not recorded", clean(path), why_text(why)))?;
        }
        match self.differing {
            0 => Ok(()),
            files => page.remark(format!(
                "The branch has moved on in {}; `trellis switch {}` brings that here.",
                count(files, "file"),
                clean(&self.branch)
            )),
        }
    }

    fn exit(&self) -> Exit {
        if self.file_conflicts.is_empty() { Exit::Done } else { Exit::ConflictsOpen }
    }
}
