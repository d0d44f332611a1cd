//! `trellis resolve`: closes a conflict by an op.

use std::io;
use std::path::Path;

use clap::Args;
use serde::Serialize;
use trellis_sync::core::input::Choice;
use trellis_sync::core::merge::conflict::Conflict;
use trellis_sync::core::op::id::{ConflictId, OpId};
use trellis_sync::core::view::files::{FileMode, FilePath};
use trellis_sync::files::{About, FileChoice, FileConflict, Workspace, file_conflicts, resolve_removal};
use trellis_sync::{Code, Place, Repo, Result, TrellisError, conflict_place};

use super::complete;
use super::context::Context;
use super::doc::{ids, side_name};
use super::files::{SettledDoc, file_path};
use super::page::{Page, clean};
use super::report::{Outcome, Told, done};
use super::words::{self, Notation, count};

/// Close a conflict: choose a side, or say what shall stand
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trellis resolve notes.txt
  trellis resolve notes.txt --take B
  trellis resolve notes/1/title --value 'Calm storm'
  trellis resolve notes/1 --absent")]
pub(crate) struct Resolve {
    /// The file in conflict; or the place in conflict, or its entity if it has only one
    #[arg(add = complete::conflicts())]
    place: String,
    #[command(flatten)]
    chosen: Chosen,
    /// Which conflict of the file, if it has several: content, path, mode or removal
    #[arg(long, value_name = "WHAT")]
    about: Option<String>,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct Chosen {
    /// The side that shall stand: A, B, ... as `trellis conflicts` names them, or an op
    #[arg(long, value_name = "SIDE")]
    take: Option<String>,
    /// The value that shall stand: JSON where it is JSON, else text
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    value: Option<String>,
    /// The text that shall stand, even if it looks like JSON
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    text: Option<String>,
    /// Nothing shall stand
    #[arg(long)]
    absent: bool,
}

impl Resolve {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let conflicts = file_conflicts(&repo.files(&[]).await?);
        let path = file_path(context, repo.folder(), Path::new(&self.place)).ok();
        let meant: Vec<&FileConflict> =
            conflicts.iter().filter(|conflict| is_shown_at(conflict, path.as_ref())).collect();
        let (ops, place, conflict) = match meant.as_slice() {
            [] => self.resolve_place(&repo).await?,
            meant => self.resolve_file(context, &repo, one_of(meant, self.about.as_deref())?).await?,
        };
        let settled = Workspace::follow_write(&repo).await?;
        let clashes = settled.iter().flat_map(|settled| &settled.conflicts);
        let left = repo.conflicts().await?.len() + clashes.filter(|conflict| conflict.about == About::Clash).count();
        let folder = settled.as_ref().map(SettledDoc::new);
        done(Resolved { ops: ids(&ops), place, conflict: conflict.to_string(), open: left, folder })
    }

    async fn resolve_place(&self, repo: &Repo) -> Result<(Vec<OpId>, String, ConflictId)> {
        let place = self.place.parse::<Place>().map_err(|cause| no_place(&self.place).caused_by(cause))?;
        let open = repo.conflicts().await?;
        let conflict = pick(&open, &place)?;
        let choice = self.chosen.choice(repo, conflict).await?.ok_or_else(nothing_chosen)?;
        let receipt = repo.resolve(conflict, choice).await?;
        Ok((receipt.ops().to_vec(), conflict_place(conflict).to_string(), conflict.id))
    }

    async fn resolve_file(
        &self,
        context: &Context,
        repo: &Repo,
        conflict: &FileConflict,
    ) -> Result<(Vec<OpId>, String, ConflictId)> {
        let record = conflict.record.as_ref().ok_or_else(|| claimed(conflict))?;
        if let Some(said) = self.chosen.said()? {
            let choice = file_choice(context, repo, conflict, said)?;
            let ops = Workspace::open(repo)?.resolve_by_choice(record, choice).await?;
            return Ok((ops, conflict.path.to_string(), record.id));
        }
        let ops = match self.chosen.choice(repo, record).await? {
            Some(Choice::Absent) => resolve_removal(repo, record, None).await?,
            Some(Choice::Side(op)) if conflict.about == About::Removal => {
                resolve_removal(repo, record, Some(op)).await?
            }
            Some(choice) => repo.resolve(record, choice).await?.ops().to_vec(),
            None if conflict.about == About::Content => {
                Workspace::open(repo)?.resolve_by_file(&conflict.path, record).await?
            }
            None => return Err(nothing_chosen()),
        };
        Ok((ops, conflict.path.to_string(), record.id))
    }
}

fn is_shown_at(conflict: &FileConflict, path: Option<&FilePath>) -> bool {
    path.is_some_and(|path| conflict.path == *path || conflict.shown.contains(path))
}

/// The conflict of a file that is meant.
fn one_of<'a>(conflicts: &[&'a FileConflict], about: Option<&str>) -> Result<&'a FileConflict> {
    let is_meant = |conflict: &&&FileConflict| about.is_none_or(|about| conflict.about.as_str() == about);
    let meant: Vec<&FileConflict> = conflicts.iter().filter(is_meant).copied().collect();
    match meant.as_slice() {
        [one] => return Ok(one),
        // Whether the file is there is one question, however many of its places are in conflict about it.
        [one, ..] if meant.iter().all(|conflict| conflict.about == About::Removal) => return Ok(one),
        _ => {}
    }
    let has: Vec<&str> = conflicts.iter().map(|conflict| conflict.about.as_str()).collect();
    let message = format!(
        "The file has conflicts of its {}. Name one of them: --about {}.",
        has.join(" and "),
        has.first().unwrap_or(&"content")
    );
    Err(TrellisError::new(Code::InvalidArgument, message))
}

fn claimed(conflict: &FileConflict) -> TrellisError {
    let shown: Vec<String> = conflict.shown.iter().map(ToString::to_string).collect();
    let message = format!(
        "Several files claim {}, and are shown as {}. Give all but one another name with `trellis mv`, or remove them and \
         `trellis record`.",
        conflict.path,
        shown.join(", ")
    );
    TrellisError::new(Code::InvalidArgument, message)
}

/// What a value means for a file.
fn file_choice(context: &Context, repo: &Repo, conflict: &FileConflict, said: String) -> Result<FileChoice> {
    match conflict.about {
        About::Content => Ok(FileChoice::Content(said.into_bytes())),
        About::Path => Ok(FileChoice::Path(file_path(context, repo.folder(), Path::new(&said))?)),
        About::Mode => FileMode::parse(&said).map(FileChoice::Mode).ok_or_else(|| no_mode(&said)),
        About::Removal | About::Clash => Err(no_value(conflict)),
    }
}

fn no_mode(said: &str) -> TrellisError {
    TrellisError::new(Code::InvalidArgument, format!("A file is `file`, `exec` or `link`, and not {said}."))
}

fn no_value(conflict: &FileConflict) -> TrellisError {
    let path = &conflict.path;
    let message = format!("Whether {path} stays is no value. Take a side: --take, or --absent to remove it.");
    TrellisError::new(Code::InvalidArgument, message)
}

fn no_place(typed: &str) -> TrellisError {
    let message =
        format!("{typed} is no file in conflict, and no place of a record. `trellis conflicts` shows what is open.");
    TrellisError::new(Code::InvalidArgument, message)
}

fn nothing_chosen() -> TrellisError {
    let message = "Say what shall stand: --take, --value, --text or --absent.";
    TrellisError::new(Code::InvalidArgument, message)
}

impl Chosen {
    /// The text of a value, as it was typed; `-` is what comes on stdin.
    fn said(&self) -> Result<Option<String>> {
        match (&self.value, &self.text) {
            (Some(value), _) if value == "-" => words::from_stdin().map(Some),
            (Some(text), _) | (_, Some(text)) => Ok(Some(text.clone())),
            (None, None) => Ok(None),
        }
    }

    /// What was chosen, if anything.
    async fn choice(&self, repo: &Repo, conflict: &Conflict) -> Result<Option<Choice>> {
        let choice = match (&self.take, &self.value, &self.text) {
            (Some(side), ..) => side_op(repo, conflict, side).await?,
            (_, Some(value), _) => Choice::Value(words::value(value, Notation::Either)?),
            (_, _, Some(text)) => Choice::Value(words::value(text, Notation::Text)?),
            _ if self.absent => Choice::Absent,
            _ => return Ok(None),
        };
        Ok(Some(choice))
    }
}

/// The conflict at a place; for an entity, its only one.
fn pick<'a>(open: &'a [Conflict], place: &Place) -> Result<&'a Conflict> {
    let of_entity =
        |conflict: &&Conflict| conflict.collection == place.entity.collection && conflict.key == place.entity.key;
    if let Some(conflict) = open.iter().filter(of_entity).find(|conflict| conflict.path == place.pointer) {
        return Ok(conflict);
    }
    let below: Vec<&Conflict> =
        open.iter().filter(of_entity).filter(|conflict| place.pointer.is_prefix_of(&conflict.path)).collect();
    match below.as_slice() {
        [conflict] => Ok(conflict),
        [] => Err(TrellisError::new(
            Code::NotFound,
            format!("There is no open conflict at {place}; see `trellis conflicts`."),
        )),
        several => Err(ambiguous(place, several)),
    }
}

fn ambiguous(place: &Place, several: &[&Conflict]) -> TrellisError {
    let name = |conflict: &&Conflict| conflict_place(conflict).to_string();
    let names = several.iter().map(name).collect::<Vec<_>>().join(", ");
    TrellisError::new(Code::InvalidArgument, format!("{place} has several conflicts. Name one of them: {names}."))
}

/// The op of a side, by its letter or by the first digits of its id.
async fn side_op(repo: &Repo, conflict: &Conflict, side: &str) -> Result<Choice> {
    let letter = side.to_ascii_uppercase();
    if let Some((_, side)) = conflict.sides.iter().enumerate().find(|(at, _)| side_name(*at) == letter) {
        return Ok(Choice::Side(side.op));
    }
    match repo.find_op(side).await {
        Ok(op) if conflict.members.contains(&op) => Ok(Choice::Side(op)),
        _ => Err(TrellisError::new(
            Code::InvalidArgument,
            format!("{side} is no side of this conflict. Take one of those that `trellis conflicts` shows."),
        )),
    }
}

/// A conflict that was closed.
#[derive(Serialize)]
struct Resolved {
    ops: Vec<String>,
    place: String,
    conflict: String,
    /// How many are left on the branch.
    open: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<SettledDoc>,
}

impl Told for Resolved {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let left = match self.open {
            0 => "No conflicts are left.".into(),
            open => format!("{} left.", count(open, "conflict")),
        };
        page.remark(format!("Resolved {}. {left}", clean(&self.place)))?;
        self.folder.as_ref().map_or(Ok(()), |folder| folder.print(page))
    }
}
