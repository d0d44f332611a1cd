//! Conflicts of content: texts are merged by lines, and what cannot be merged is shown with markers.

use trellis_core::input::Choice;
use trellis_core::merge::conflict::{Conflict, Side, SideValue};
use trellis_core::merge::entity::Shown;
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::OpId;

use super::lines::{Merged, Names, is_text, merge};
use super::workspace::Workspace;
use crate::error::{Code, Result};
use crate::store::WAIT;

/// The place of a file's content in its entity.
const CONTENT: &str = "content";

impl Workspace {
    /// Merges the contents of files that were edited on several sides, and writes an op for each that merges without a
    /// conflict.
    pub(super) async fn merge_contents(&mut self, conflicts: &[Conflict]) -> Result<Vec<OpId>> {
        let mut written = Vec::new();
        for conflict in conflicts.iter().filter(|conflict| is_of_content(conflict)) {
            let Some(Merged::Clean(text)) = self.merged(conflict)? else { continue };
            let mut transaction = self.store.begin(WAIT)?;
            let blob = transaction.put_blob(text.as_slice(), self.folder.root())?;
            transaction.commit()?;
            match self.repo.resolve(conflict, Choice::Value(blob.to_value())).await {
                Ok(receipt) => written.extend_from_slice(receipt.ops()),
                // Whoever may not write leaves the conflict to those who may.
                Err(error) if error.code() == Code::PermissionDenied => return Ok(written),
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// What the sides of a conflict of content make together; none where one of them, or what they began from, is no
    /// text or is not here.
    pub(super) fn merged(&self, conflict: &Conflict) -> Result<Option<Merged>> {
        let Shown::Json(base) = &conflict.base else { return Ok(None) };
        let Some(base) = BlobRef::parse(base).map(|base| self.text(&base)).transpose()?.flatten() else {
            return Ok(None);
        };
        let mut merged: Option<(Merged, String)> = None;
        for (at, side) in conflict.sides.iter().enumerate() {
            let Some(text) = self.side_text(side)? else { return Ok(None) };
            let name = side_label(at, side);
            merged = Some(match merged {
                None => (Merged::Clean(text), name),
                Some((before, ours)) => {
                    let names = Names { ours: &ours, base: "base", theirs: &name };
                    (join(before, &base, &text, names), ours)
                }
            });
        }
        Ok(merged.map(|(merged, _)| merged))
    }

    fn side_text(&self, side: &Side) -> Result<Option<Vec<u8>>> {
        match &side.value {
            SideValue::Json(value) => Ok(BlobRef::parse(value).map(|blob| self.text(&blob)).transpose()?.flatten()),
            _ => Ok(None),
        }
    }

    /// A blob that is text, if it is here.
    fn text(&self, blob: &BlobRef) -> Result<Option<Vec<u8>>> {
        if self.store.blob_size(&blob.blob)?.is_none_or(|size| size > super::lines::TEXT_BYTES_MAX as u64) {
            return Ok(None);
        }
        Ok(Some(self.blob(&blob.blob)?).filter(|text| is_text(text)))
    }
}

/// Whether a conflict is about what a file holds, and about nothing else.
pub(super) fn is_of_content(conflict: &Conflict) -> bool {
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
