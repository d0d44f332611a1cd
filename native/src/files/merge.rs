//! Conflicts of content: texts are merged by lines, and what cannot be merged is shown with markers.

use std::collections::{BTreeMap, BTreeSet};

use trellis_core::input::{Choice, Note, OWN_RECORD};
use trellis_core::merge::conflict::{Beneath, Conflict, Side, SideValue};
use trellis_core::merge::entity::Shown;
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::{ConflictId, OpId};
use trellis_core::output::FilesView;
use trellis_core::view::files::{FileMode, Placed};

use super::lines::{Merged, Names, TEXT_BYTES_MAX, is_text, merge};
use super::record::new_key;
use super::workspace::Workspace;
use crate::error::{Code, Result};
use crate::repo::Repo;
use crate::store::{OpenMode, Store, WAIT};

/// The places of a file's content and of its kind in its entity, and the word for a link.
const CONTENT: &str = "content";
const MODE: &str = "mode";
const LINK: &str = "link";

impl Workspace {
    /// Merges the contents of files that were edited on several sides, and writes what merges without a conflict: a record
    /// of its own, with an op for each. Returns these.
    pub(super) async fn merge_contents(&mut self, view: &FilesView) -> Result<Vec<OpId>> {
        let mut merged = Vec::new();
        for conflict in conflicts_of_lines(view).into_values() {
            let Some(Merged::Clean(text)) = self.merged(conflict)? else { continue };
            let mut transaction = self.store.begin(WAIT)?;
            let blob = transaction.put_blob(text.as_slice(), self.folder.root())?;
            transaction.commit()?;
            merged.push((conflict, Choice::Value(blob.to_value())));
        }
        if merged.is_empty() {
            return Ok(Vec::new());
        }
        let note = Note {
            key: new_key()?,
            message: Some(message(view, merged.iter().map(|(conflict, _)| conflict.key.as_str()).collect())),
            from: Some((OWN_RECORD.0.into(), OWN_RECORD.1.into())),
            ..Note::default()
        };
        match self.repo.resolve_all(&merged, note).await {
            Ok(receipt) => Ok(receipt.ops().iter().take(merged.len()).copied().collect()),
            // Whoever may not write leaves the conflict to those who may, and where nobody may it stays open.
            Err(error) if matches!(error.code(), Code::PermissionDenied | Code::Diverged) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// What the sides of a conflict of content make together.
    pub(super) fn merged(&self, conflict: &Conflict) -> Result<Option<Merged>> {
        merged(&[&self.store], conflict)
    }
}

/// What people read about a record that merged files.
fn message(view: &FilesView, keys: BTreeSet<&str>) -> String {
    let mut paths = view.tree.files.iter().filter(|(_, placed)| keys.contains(placed.file.key.as_str()));
    match (paths.next(), keys.len()) {
        (Some((path, _)), 1) => format!("Merge the lines of {path}"),
        (_, count) => format!("Merge the lines of {count} files"),
    }
}

/// Those of some conflicts that merge by lines, when the repos give one another what they hold.
///
/// # Errors
/// What reading fails with.
pub async fn merging_by_lines(repos: &[&Repo], conflicts: &[Conflict]) -> Result<BTreeSet<ConflictId>> {
    let mut conflicts: Vec<&Conflict> = conflicts.iter().filter(|conflict| is_of_content(conflict)).collect();
    let branches: BTreeSet<&str> = conflicts.iter().map(|conflict| conflict.branch.as_str()).collect();
    for branch in branches {
        for repo in repos {
            // A side that does not have the branch has no links on it.
            let view = repo.on_branch(branch).files(&[]).await.unwrap_or_default();
            let links = links(&view);
            conflicts.retain(|conflict| conflict.branch != branch || !links.contains(conflict.key.as_str()));
        }
    }
    let mut merging = BTreeSet::new();
    if conflicts.is_empty() {
        return Ok(merging);
    }
    let stores = repos.iter().map(|repo| Store::open(repo.folder().store(), OpenMode::ReadOnly));
    let stores = stores.collect::<Result<Vec<Store>>>()?;
    let stores: Vec<&Store> = stores.iter().collect();
    for conflict in conflicts {
        if let Some(Merged::Clean(_)) = merged(&stores, conflict)? {
            merging.insert(conflict.id);
        }
    }
    Ok(merging)
}

/// What the sides of a conflict of content make together; none where one of them, or what they began from, is no text or
/// is in none of the stores.
fn merged(stores: &[&Store], conflict: &Conflict) -> Result<Option<Merged>> {
    let Some(base) = base(stores, conflict)? else { return Ok(None) };
    let mut sides = Vec::new();
    for (at, side) in conflict.sides.iter().enumerate() {
        let Some(text) = side_text(stores, &side.value)? else { return Ok(None) };
        sides.push((text, side_label(at, side)));
    }
    Ok(join_all(&base, sides))
}

/// What the sides of a conflict of content began from. Where that was itself in conflict it is what those sides make
/// together, with markers where they do not merge: so what both have of it already is no change of either, and one that
/// takes it back is.
fn base(stores: &[&Store], conflict: &Conflict) -> Result<Option<Vec<u8>>> {
    let mut made: Option<Vec<u8>> = None;
    for Beneath { base, sides } in conflict.beneath.iter().rev() {
        let Some(base) = made.map_or_else(|| shown_text(stores, base), |made| Ok(Some(made)))? else { return Ok(None) };
        let mut texts = Vec::new();
        for side in sides {
            let Some(text) = side_text(stores, side)? else { return Ok(None) };
            texts.push((text, String::from("base")));
        }
        made = join_all(&base, texts).map(|(Merged::Clean(text) | Merged::Marked(text))| text);
    }
    match made {
        Some(made) => Ok(Some(made)),
        None => shown_text(stores, &conflict.base),
    }
}

/// What named texts that began as `base` make together, one after the other.
fn join_all(base: &[u8], sides: Vec<(Vec<u8>, String)>) -> Option<Merged> {
    let mut merged: Option<(Merged, String)> = None;
    for (text, name) in sides {
        merged = Some(match merged {
            None => (Merged::Clean(text), name),
            Some((before, ours)) => {
                let names = Names { ours: &ours, base: "base", theirs: &name };
                (join(before, base, &text, names), ours)
            }
        });
    }
    merged.map(|(merged, _)| merged)
}

fn side_text(stores: &[&Store], side: &SideValue) -> Result<Option<Vec<u8>>> {
    match side {
        SideValue::Json(value) => text(stores, BlobRef::parse(value)),
        _ => Ok(None),
    }
}

fn shown_text(stores: &[&Store], shown: &Shown) -> Result<Option<Vec<u8>>> {
    match shown {
        Shown::Json(value) => text(stores, BlobRef::parse(value)),
        _ => Ok(None),
    }
}

/// A blob that is text, if it is in one of the stores.
fn text(stores: &[&Store], blob: Option<BlobRef>) -> Result<Option<Vec<u8>>> {
    let Some(BlobRef { blob, .. }) = blob else { return Ok(None) };
    for store in stores {
        match store.blob_size(&blob)? {
            Some(size) if size <= TEXT_BYTES_MAX as u64 => {
                return Ok(Some(store.read_blob(&blob)?.into_bytes()?).filter(|text| is_text(text)));
            }
            Some(_) => return Ok(None),
            None => {}
        }
    }
    Ok(None)
}

/// The conflicts about what a file holds, of files that have lines, by their keys.
pub(super) fn conflicts_of_lines(view: &FilesView) -> BTreeMap<&str, &Conflict> {
    let links = links(view);
    let of_content = view.files.iter().filter_map(|(key, file)| {
        let conflict = file.conflicts.iter().find(|conflict| is_of_content(conflict))?;
        Some((key.as_str(), conflict))
    });
    of_content.filter(|(key, _)| !links.contains(key)).collect()
}

/// The files that are links, or may be, by their keys. The target of a link has no lines.
fn links(view: &FilesView) -> BTreeSet<&str> {
    let may_be = |conflict: &Conflict| {
        conflict.path.0 == [MODE] && conflict.sides.iter().any(|side| side.value == SideValue::Json(LINK.into()))
    };
    let is_link = |placed: &&Placed| {
        let file = view.files.get(&placed.file.key);
        placed.file.body.mode == FileMode::Link || file.is_some_and(|file| file.conflicts.iter().any(may_be))
    };
    view.tree.files.values().filter(is_link).map(|placed| placed.file.key.as_str()).collect()
}

/// Whether a conflict is about what a file holds, and about nothing else.
fn is_of_content(conflict: &Conflict) -> bool {
    conflict.path.0 == [CONTENT]
}

/// One more side joins those before it.
fn join(before: Merged, base: &[u8], side: &[u8], names: Names<'_>) -> Merged {
    match before {
        Merged::Clean(text) => merge(base, &text, side, names),
        Merged::Marked(text) => match merge(base, &text, side, names) {
            Merged::Clean(text) | Merged::Marked(text) => Merged::Marked(text),
        },
    }
}

/// What the markers call a side: its letter, as `trellis conflicts` has it, and who wrote it.
fn side_label(at: usize, side: &Side) -> String {
    let letter = u8::try_from(at).ok().filter(|at| *at < 26).map_or('?', |at| char::from(b'A' + at));
    format!("{letter} ({})", side.author.short())
}
