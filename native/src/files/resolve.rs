//! Closing conflicts of files: by the file as somebody has edited it, and whether a file is there at all.

use trellis_core::input::{Base, Change, Choice};
use trellis_core::merge::conflict::{Conflict, SideValue};
use trellis_core::op::id::OpId;
use trellis_core::op::json::Value;
use trellis_core::op::patch::Patch;
use trellis_core::op::place::Entity;
use trellis_core::op::pointer::Pointer;
use trellis_core::view::files::body::path_members;
use trellis_core::view::files::{FileMode, FilePath};

use super::content;
use super::lines::{has_markers, is_text};
use super::workspace::Workspace;
use crate::error::{Code, Result, TrellisError};
use crate::progress::Work;
use crate::repo::Repo;
use crate::store::WAIT;

/// What somebody says a file shall be, in place of what is in conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileChoice {
    /// It holds this.
    Content(Vec<u8>),
    /// It is here.
    Path(FilePath),
    /// It is of this kind.
    Mode(FileMode),
}

impl Workspace {
    /// Closes a conflict of a file by what somebody says, whatever the sides say.
    ///
    /// # Errors
    /// As [`Repo::resolve`](crate::Repo::resolve); what keeping a content fails with.
    pub async fn resolve_by_choice(&mut self, conflict: &Conflict, choice: FileChoice) -> Result<Vec<OpId>> {
        let value = match choice {
            FileChoice::Content(content) => {
                let mut transaction = self.store.begin(WAIT)?;
                let blob = transaction.put_blob(content.as_slice(), self.folder.root())?;
                transaction.commit()?;
                blob.to_value()
            }
            FileChoice::Mode(mode) => mode.as_str().into(),
            FileChoice::Path(path) => return self.resolve_path(conflict, &path).await,
        };
        Ok(self.repo.resolve(conflict, Choice::Value(value)).await?.ops().to_vec())
    }

    /// A path may be two members of the file, so both are written.
    async fn resolve_path(&self, conflict: &Conflict, path: &FilePath) -> Result<Vec<OpId>> {
        let entity = Entity { collection: conflict.collection.clone(), key: conflict.key.clone() };
        let found = self.repo.get(&entity.to_string()).await?;
        if found.conflicts.iter().all(|open| open.id != conflict.id) {
            return Err(TrellisError::new(
                Code::ConflictMoved,
                format!("The conflict about {path} is another by now."),
            ));
        }
        let mut patch = Patch::default();
        for (name, value) in path_members(path) {
            match value {
                Some(value) => patch.set.push((Pointer(vec![name]), value)),
                None => patch.remove.push(Pointer(vec![name])),
            }
        }
        let batch = self.repo.batch().change(&entity, Change::Patch(patch), Base::Ops(found.frontier));
        Ok(batch.commit().await?.ops().to_vec())
    }

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
