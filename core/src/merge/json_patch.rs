//! RFC 6902 documents: reading, writing and applying.
//!
//! This is the form in which programs hand us changes and in which plans are shown. An op never holds one: an edit of an
//! array by index means something only against one state of it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::limits::{BODY_BYTES_MAX, JSON_DEPTH_MAX};
use crate::op::json::Value;
use crate::op::pointer::{Pointer, array_index};

/// Edits that are made one after the other, all or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonPatch(pub Vec<Edit>);

/// One operation of RFC 6902 §4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A member gets a value, whether or not it had one; an array gets an item before an index, or at its end by `-`.
    Add {
        /// Where.
        at: Pointer,
        /// What.
        value: Value,
    },
    /// What stands there goes.
    Remove {
        /// Where.
        at: Pointer,
    },
    /// What stands there becomes something else.
    Replace {
        /// Where.
        at: Pointer,
        /// What.
        value: Value,
    },
    /// What stands at `from` goes, and is added at `at`.
    Move {
        /// From where; never a place that `at` lies below.
        from: Pointer,
        /// Where to.
        at: Pointer,
    },
    /// What stands at `from` is added at `at` too.
    Copy {
        /// From where.
        from: Pointer,
        /// Where to.
        at: Pointer,
    },
    /// Nothing is changed unless this stands there.
    Test {
        /// Where.
        at: Pointer,
        /// What.
        value: Value,
    },
}

/// Why a JSON Patch cannot be read or applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonPatchError {
    /// The document is something else.
    #[error("a JSON Patch is an array of edits")]
    NotAnArray,
    /// One edit is wrong. Nothing was changed.
    #[error("edit {index} of the JSON Patch: {reason}")]
    Edit {
        /// Which, from 0.
        index: usize,
        /// What is wrong.
        reason: EditError,
    },
}

/// Why an edit cannot be read or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EditError {
    /// `op` is none of the six.
    #[error("\"op\" is one of add, remove, replace, move, copy and test")]
    UnknownOp,
    /// `path`, `from` or `value` is absent or not a text.
    #[error("a member that this edit needs is absent or not a text")]
    Shape,
    /// `path` or `from` is no RFC 6901 pointer.
    #[error("a path is not a JSON pointer")]
    BadPointer,
    /// Nothing stands where something must, or an index lies beyond the end.
    #[error("there is nothing at a path that it needs")]
    NotFound,
    /// Something else stands there than the test says.
    #[error("the value that it tests is another")]
    TestFailed,
    /// A value would be moved below itself.
    #[error("a value cannot be moved into itself")]
    IntoItself,
    /// The whole document would go.
    #[error("the whole value cannot be removed")]
    RemovesAll,
    /// The value would nest deeper than 64 levels.
    #[error("the value would nest deeper than 64 levels")]
    TooDeep,
    /// Copies of copies would grow beyond what a body may hold.
    #[error("the copies are larger than a body may be")]
    TooLarge,
}

impl JsonPatch {
    /// Reads a document. Members that an edit does not need are ignored, as RFC 6902 §3 says.
    ///
    /// # Errors
    /// [`JsonPatchError`] with the first edit that is wrong.
    pub fn decode(document: &Value) -> Result<JsonPatch, JsonPatchError> {
        let edits = document.as_array().ok_or(JsonPatchError::NotAnArray)?;
        let edits = edits.iter().enumerate().map(|(index, edit)| {
            let reason = |reason| JsonPatchError::Edit { index, reason };
            Edit::decode(edit).map_err(reason)
        });
        edits.collect::<Result<_, _>>().map(JsonPatch)
    }

    /// The document.
    pub fn encode(&self) -> Value {
        Value::array(self.0.iter().map(Edit::encode))
    }

    /// What the edits make of a value.
    ///
    /// # Errors
    /// [`JsonPatchError`] with the first edit that cannot be made.
    pub fn apply(&self, value: &Value) -> Result<Value, JsonPatchError> {
        self.apply_traced(value, |_, _| ())
    }

    /// Applies, and shows every edit and the value that it is about to change.
    pub(crate) fn apply_traced(
        &self,
        value: &Value,
        mut before: impl FnMut(&Edit, &Value),
    ) -> Result<Value, JsonPatchError> {
        let mut editor = Editor { value: value.clone(), copy_bytes_left: BODY_BYTES_MAX };
        for (index, edit) in self.0.iter().enumerate() {
            before(edit, &editor.value);
            editor.make(edit).map_err(|reason| JsonPatchError::Edit { index, reason })?;
        }
        Ok(editor.value)
    }
}

impl Edit {
    fn decode(edit: &Value) -> Result<Edit, EditError> {
        let text = |name| edit.member(name).and_then(Value::as_str);
        let place = |name| Pointer::parse(text(name).ok_or(EditError::Shape)?).map_err(|_| EditError::BadPointer);
        let value = || edit.member("value").cloned().ok_or(EditError::Shape);
        let op = text("op").ok_or(EditError::UnknownOp)?;
        let at = place("path");
        Ok(match op {
            "add" => Edit::Add { at: at?, value: value()? },
            "remove" => Edit::Remove { at: at? },
            "replace" => Edit::Replace { at: at?, value: value()? },
            "move" => Edit::Move { at: at?, from: place("from")? },
            "copy" => Edit::Copy { at: at?, from: place("from")? },
            "test" => Edit::Test { at: at?, value: value()? },
            _ => return Err(EditError::UnknownOp),
        })
    }

    fn encode(&self) -> Value {
        let (op, at, operand) = match self {
            Edit::Add { at, value } => ("add", at, Some(("value", value.clone()))),
            Edit::Remove { at } => ("remove", at, None),
            Edit::Replace { at, value } => ("replace", at, Some(("value", value.clone()))),
            Edit::Move { from, at } => ("move", at, Some(("from", from.to_string().into()))),
            Edit::Copy { from, at } => ("copy", at, Some(("from", from.to_string().into()))),
            Edit::Test { at, value } => ("test", at, Some(("value", value.clone()))),
        };
        let members = [("op", op.into()), ("path", at.to_string().into())];
        Value::object(members.into_iter().chain(operand))
    }
}

/// A value while it is edited.
struct Editor {
    value: Value,
    /// What copies may still add: copying the whole into itself doubles it, edit by edit.
    copy_bytes_left: usize,
}

impl Editor {
    fn make(&mut self, edit: &Edit) -> Result<(), EditError> {
        match edit {
            Edit::Add { at, value } => self.add(at, value.clone()),
            Edit::Remove { at } => self.remove(at).map(drop),
            Edit::Replace { at, value } => self.replace(at, value.clone()),
            Edit::Move { from, at } => self.relocate(from, at),
            Edit::Copy { from, at } => {
                let value = self.copy(from)?;
                self.add(at, value)
            }
            Edit::Test { at, value } => match at.find(&self.value) {
                None => Err(EditError::NotFound),
                Some(found) if found == value => Ok(()),
                Some(_) => Err(EditError::TestFailed),
            },
        }
    }

    fn add(&mut self, at: &Pointer, value: Value) -> Result<(), EditError> {
        check_depth(at, &value)?;
        let Some((parent, token)) = self.parent(at)? else {
            self.value = value;
            return Ok(());
        };
        match parent {
            Value::Object(object) => {
                object.insert(token.clone(), value);
            }
            Value::Array(items) => {
                let index = if token == "-" { Some(items.len()) } else { array_index(token) };
                items.insert(index.filter(|index| *index <= items.len()).ok_or(EditError::NotFound)?, value);
            }
            _ => return Err(EditError::NotFound),
        }
        Ok(())
    }

    fn remove(&mut self, at: &Pointer) -> Result<Value, EditError> {
        let (parent, token) = self.parent(at)?.ok_or(EditError::RemovesAll)?;
        match parent {
            Value::Object(object) => object.remove(token).ok_or(EditError::NotFound),
            Value::Array(items) => {
                let index = array_index(token).filter(|index| *index < items.len());
                index.map(|index| items.remove(index)).ok_or(EditError::NotFound)
            }
            _ => Err(EditError::NotFound),
        }
    }

    fn replace(&mut self, at: &Pointer, value: Value) -> Result<(), EditError> {
        check_depth(at, &value)?;
        *find_mut(&mut self.value, &at.0).ok_or(EditError::NotFound)? = value;
        Ok(())
    }

    fn relocate(&mut self, from: &Pointer, at: &Pointer) -> Result<(), EditError> {
        match from.is_prefix_of(at) {
            true if from == at => from.find(&self.value).map(drop).ok_or(EditError::NotFound),
            true => Err(EditError::IntoItself),
            false => {
                let value = self.remove(from)?;
                self.add(at, value)
            }
        }
    }

    fn copy(&mut self, from: &Pointer) -> Result<Value, EditError> {
        let value = from.find(&self.value).ok_or(EditError::NotFound)?;
        self.copy_bytes_left = self.copy_bytes_left.checked_sub(value.to_jcs().len()).ok_or(EditError::TooLarge)?;
        Ok(value.clone())
    }

    /// The value that a place lies directly in, and its token there; none for the root.
    fn parent<'a>(&mut self, at: &'a Pointer) -> Result<Option<(&mut Value, &'a String)>, EditError> {
        let Some((token, above)) = at.0.split_last() else { return Ok(None) };
        let parent = find_mut(&mut self.value, above).ok_or(EditError::NotFound)?;
        Ok(Some((parent, token)))
    }
}

fn find_mut<'a>(value: &'a mut Value, tokens: &[String]) -> Option<&'a mut Value> {
    tokens.iter().try_fold(value, |value, token| match value {
        Value::Object(object) => object.get_mut(token),
        Value::Array(items) => items.get_mut(array_index(token)?),
        _ => None,
    })
}

fn check_depth(at: &Pointer, value: &Value) -> Result<(), EditError> {
    let levels = JSON_DEPTH_MAX.checked_sub(at.0.len());
    let fits = levels.is_some_and(|levels| value.is_within_depth(levels));
    if fits { Ok(()) } else { Err(EditError::TooDeep) }
}
