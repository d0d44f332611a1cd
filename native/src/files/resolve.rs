//! Closing a conflict of content by the file as somebody has edited it.

use trellis_core::input::Choice;
use trellis_core::merge::conflict::Conflict;
use trellis_core::op::id::OpId;
use trellis_core::view::files::FilePath;

use super::content;
use super::lines::{has_markers, is_text};
use super::workspace::Workspace;
use crate::error::{Code, Result, TrellisError};
use crate::store::WAIT;

impl Workspace {
    /// Makes what the file at `path` holds now stand in place of a conflict of its content.
    ///
    /// # Errors
    /// `invalid_argument` while the file has the markers of a conflict; `not_found` where it is not there; as
    /// [`Repo::resolve`](crate::Repo::resolve).
    pub async fn resolve_by_file(&mut self, path: &FilePath, conflict: &Conflict) -> Result<Vec<OpId>> {
        match self.disk.read(path)? {
            None => return Err(not_there(path)),
            Some(text) if is_text(&text) && has_markers(&text) => return Err(unfinished(path)),
            Some(_) => {}
        }
        let mut transaction = self.store.begin(WAIT)?;
        let (blob, _) = content::keep(&self.disk, path, &mut transaction)?;
        transaction.commit()?;
        Ok(self.repo.resolve(conflict, Choice::Value(blob.to_value())).await?.ops().to_vec())
    }
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
