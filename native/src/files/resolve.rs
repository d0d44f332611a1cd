//! Closing conflicts of files: by the file as somebody has edited it, and whether a file is there at all.

use trellis_core::input::{Base, Change, Choice};
use trellis_core::merge::conflict::{Conflict, SideValue};
use trellis_core::op::id::OpId;
use trellis_core::op::json::Value;
use trellis_core::op::place::Entity;
use trellis_core::view::files::FilePath;

use super::content;
use super::lines::{has_markers, is_text};
use super::workspace::Workspace;
use crate::error::{Code, Result, TrellisError};
use crate::progress::Work;
use crate::repo::Repo;
use crate::store::WAIT;

impl Workspace {
    /// Makes what the file at `path` holds now stand in place of a conflict of its content.
    ///
    /// # Errors
    /// `invalid_argument` while the file has the markers of a conflict; `not_found` where it is not there; as
    /// [`Repo::resolve`](crate::Repo::resolve).
    pub async fn resolve_by_file(&mut self, path: &FilePath, conflict: &Conflict) -> Result<Vec<OpId>> {
        let size = match self.disk.read(path)? {
            None => return Err(not_there(path)),
            Some(text) if is_text(&text) && has_markers(&text) => return Err(unfinished(path)),
            Some(content) => content.len() as u64,
        };
        let mut meter = self.repo.watcher().meter(Work::Keeping, size);
        let mut transaction = self.store.begin(WAIT)?;
        let (blob, _) = content::keep(&self.disk, path, &mut transaction, &mut meter)?;
        transaction.commit()?;
        Ok(self.repo.resolve(conflict, Choice::Value(blob.to_value())).await?.ops().to_vec())
    }
}

/// Closes a conflict about whether a file is there: with a side that keeps it, the file is again all that is shown of it,
/// and what the side says; with one that removed it, or none, it is gone. That closes every such conflict of the file.
///
/// # Errors
/// `not_found` for an op that is no side of the conflict; as [`Repo::resolve`].
pub async fn resolve_removal(repo: &Repo, conflict: &Conflict, side: Option<OpId>) -> Result<Vec<OpId>> {
    let entity = Entity { collection: conflict.collection.clone(), key: conflict.key.clone() };
    let found = repo.get(&entity.to_string()).await?;
    let said = side.and_then(|op| conflict.sides.iter().find(|side| side.op == op)).map(|side| &side.value);
    let change = match (said, found.value, conflict.path.0.as_slice()) {
        (Some(SideValue::Json(said)), Some(Value::Object(mut shown)), [member]) => {
            shown.insert(member.clone(), said.clone());
            Change::Replace(Value::Object(shown))
        }
        (Some(SideValue::Json(said)), _, []) => Change::Replace(said.clone()),
        (None | Some(SideValue::Absent), ..) => Change::Delete,
        (Some(_), ..) => return Err(no_file_side(&entity)),
    };
    Ok(repo.batch().change(&entity, change, Base::Ops(found.frontier)).commit().await?.ops().to_vec())
}

fn no_file_side(entity: &Entity) -> TrellisError {
    let message = format!("This side of {entity} is no file. Take another one; `trellis conflicts` shows them.");
    TrellisError::new(Code::InvalidArgument, message)
}

fn not_there(path: &FilePath) -> TrellisError {
    let message =
        format!("There is no file {path} in the folder. Take a side instead: `trellis resolve {path} --take A`.");
    TrellisError::new(Code::NotFound, message)
}

fn unfinished(path: &FilePath) -> TrellisError {
    let message = format!(
        "{path} still has the markers of a conflict. Edit it until it is as it shall be, or take a side: `trellis resolve \
         {path} --take A`."
    );
    TrellisError::new(Code::InvalidArgument, message)
}
