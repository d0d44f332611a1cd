//! The key of a repo that is open: the one in its file, or none where the repo is only read.
//!
//! Somebody else's repo can be read without a key, and their key file cannot be read at all.

use trellis_core::machine::KeyUse;
use trellis_core::op::id::Author;
use trellis_core::op::sign::Signature;

use crate::error::{Code, Result};
use crate::folder::Folder;
use crate::keys::{Identity, KeyFile};

/// What a repo is opened for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Reading alone: nothing on disk is changed.
    Read,
    /// Reading and writing.
    #[default]
    Write,
}

/// What signs.
#[derive(Debug)]
pub(crate) enum Keys {
    /// The device's key file.
    File(KeyFile),
    /// A key that is gone when the repo is closed.
    Passing(Identity),
}

impl Keys {
    /// Opens the key file; makes one where there is none, for writing.
    pub(crate) fn open(folder: &Folder, access: Access) -> Result<Keys> {
        let (path, place) = (folder.identity(), folder.path());
        match KeyFile::open(&path, &place) {
            Ok(file) => Ok(Keys::File(file)),
            Err(_) if access == Access::Read => Identity::generate().map(Keys::Passing),
            Err(error) if error.code() == Code::NotFound => KeyFile::open_or_create(path, place).map(Keys::File),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn author(&self) -> Author {
        match self {
            Keys::File(file) => file.author(),
            Keys::Passing(identity) => identity.author(),
        }
    }

    /// Whether the key belongs to this folder, or came here in a copy.
    pub(crate) fn key_use(&self) -> Result<KeyUse> {
        match self {
            Keys::File(file) if file.is_copied()? => Ok(KeyUse::Copied),
            _ => Ok(KeyUse::Own),
        }
    }

    pub(crate) fn sign(&self, author: &Author, message: &[u8]) -> Result<Signature> {
        match self {
            Keys::File(file) => file.sign(author, message),
            Keys::Passing(identity) => Ok(identity.sign(message)),
        }
    }

    pub(crate) fn rotate(&mut self) -> Result<Author> {
        match self {
            Keys::File(file) => file.rotate(),
            Keys::Passing(identity) => {
                *identity = Identity::generate()?;
                Ok(identity.author())
            }
        }
    }
}
