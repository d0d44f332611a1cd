//! What an entity of `files` says: where the file is, what it holds, and what kind of file it is.

use alloc::string::String;

use base64ct::{Base64UrlUnpadded, Encoding};

use super::path::{FilePath, PathError};
use crate::op::blob::BlobRef;
use crate::op::body::{Content, Leaf};
use crate::op::json::{Object, Value};
use crate::op::patch::Patch;

/// A file, as its entity's value says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileBody {
    /// Where it is.
    pub path: FilePath,
    /// What it holds; of a link the bytes of its target.
    pub content: BlobRef,
    /// What kind of file it is.
    pub mode: FileMode,
}

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileMode {
    /// An ordinary file.
    File,
    /// One that can be executed.
    Exec,
    /// A symbolic link.
    Link,
}

/// Why a value is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The entity's key is not 32 lower-case hex digits.
    #[error("its key is not 32 hex digits")]
    Key,
    /// The entity's value is no JSON, or cannot be known here.
    #[error("its value is not here or is no JSON")]
    Value,
    /// A member is not there, or is not what it has to be.
    #[error("`{0}` is not what it has to be")]
    Member(&'static str),
    /// The path is none that a file may have.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl FileMode {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            FileMode::File => "file",
            FileMode::Exec => "exec",
            FileMode::Link => "link",
        }
    }

    /// The mode with this word.
    pub fn parse(word: &str) -> Option<FileMode> {
        [FileMode::File, FileMode::Exec, FileMode::Link].into_iter().find(|mode| mode.as_str() == word)
    }
}

impl FileBody {
    /// The value of the file's entity.
    pub fn to_value(&self) -> Value {
        let mut members: Object =
            path_members(&self.path).into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        members.insert("content".into(), self.content.to_value());
        members.insert("mode".into(), self.mode.as_str().into());
        Value::Object(members)
    }

    /// Reads the value of an entity of `files`. Members of later versions are passed over.
    ///
    /// # Errors
    /// [`FileError`]: the entity is not part of the tree.
    pub fn parse(value: &Value) -> Result<FileBody, FileError> {
        let content = value.member("content").and_then(BlobRef::parse).ok_or(FileError::Member("content"))?;
        let mode = value.member("mode").and_then(Value::as_str).and_then(FileMode::parse);
        Ok(FileBody { path: parse_path(value)?, content, mode: mode.ok_or(FileError::Member("mode"))? })
    }
}

/// What one write says of a file. Whatever it leaves as it is, it says nothing of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileChange {
    /// Where the file is from then on.
    pub path: Option<FilePath>,
    /// What it holds from then on.
    pub content: Option<BlobRef>,
}

impl FileChange {
    /// Reads what a write to an entity of `files` says.
    pub fn of(said: &Content) -> FileChange {
        let members = match said {
            Content::Put(Leaf::Json(value)) => value.clone(),
            Content::Patch(patch) => set_members(patch),
            _ => return FileChange::default(),
        };
        let content = members.member("content").and_then(BlobRef::parse);
        FileChange { path: parse_path(&members).ok(), content }
    }
}

/// The members of an entity that a patch sets as a whole.
fn set_members(patch: &Patch) -> Value {
    let set = patch.set.iter().filter_map(|(place, value)| match place.0.as_slice() {
        [name] => Some((name.clone(), value.clone())),
        _ => None,
    });
    Value::Object(set.collect())
}

/// The members that say a path: `path`, and beside it `path_bytes` where the path is not UTF-8. A member without a value
/// is not there.
pub fn path_members(path: &FilePath) -> [(String, Option<Value>); 2] {
    let bytes = match path.as_str() {
        Some(_) => None,
        None => Some(Value::String(Base64UrlUnpadded::encode_string(path.as_bytes()))),
    };
    [("path".into(), Some(Value::String(path.to_text().into_owned()))), ("path_bytes".into(), bytes)]
}

fn parse_path(value: &Value) -> Result<FilePath, FileError> {
    let text = value.member("path").and_then(Value::as_str).ok_or(FileError::Member("path"))?;
    let Some(bytes) = value.member("path_bytes") else { return Ok(FilePath::new(text)?) };
    let bytes = bytes.as_str().and_then(|bytes| Base64UrlUnpadded::decode_vec(bytes).ok());
    let path = FilePath::new(bytes.ok_or(FileError::Member("path_bytes"))?)?;
    if path.as_str().is_some() { Err(FileError::Member("path_bytes")) } else { Ok(path) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::BLOB_BYTES_MAX;
    use crate::op::id::ContentHash;

    fn body(path: &[u8]) -> FileBody {
        let content = BlobRef { blob: ContentHash([7; 32]), size: 3 };
        FileBody { path: FilePath::new(path).expect("a path"), content, mode: FileMode::Exec }
    }

    #[test]
    fn a_file_comes_back_from_its_value() {
        for path in [&b"a/b.txt"[..], b"caf\xc3\xa9", b"caf\xe9", b"\xff/\xfe"] {
            assert_eq!(FileBody::parse(&body(path).to_value()), Ok(body(path)));
        }
        let value = body(b"caf\xe9").to_value();
        assert_eq!(value.member("path_bytes").and_then(Value::as_str), Some("Y2Fm6Q"));
        assert_eq!(body(b"a").to_value().member("path_bytes"), None);
    }

    #[test]
    fn what_is_no_file_says_where() {
        let spoilt = |name: &str, value: Value| {
            let Value::Object(mut members) = body(b"a").to_value() else { panic!("an object") };
            members.insert(name.into(), value);
            FileBody::parse(&Value::Object(members))
        };
        assert_eq!(spoilt("path", "../a".into()), Err(FileError::Path(PathError::Dots)));
        assert_eq!(spoilt("path", 1.into()), Err(FileError::Member("path")));
        assert_eq!(spoilt("path_bytes", "YQ".into()), Err(FileError::Member("path_bytes")));
        assert_eq!(spoilt("path_bytes", "_w==".into()), Err(FileError::Member("path_bytes")));
        assert_eq!(spoilt("mode", "dir".into()), Err(FileError::Member("mode")));
        assert_eq!(spoilt("content", "x".into()), Err(FileError::Member("content")));
        let large = BlobRef { blob: ContentHash([7; 32]), size: BLOB_BYTES_MAX + 1 }.to_value();
        assert_eq!(spoilt("content", large), Err(FileError::Member("content")));
        assert!(spoilt("later", "x".into()).is_ok());
    }
}
