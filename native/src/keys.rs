//! Who this device is in one repo: a key that signs, in a file that nobody else can read.
//!
//! One key must never write in two places, or its chain forks. The file therefore remembers in which folder it lies. In
//! a copy of the folder it is somebody else's, and the device takes a key of its own before it writes; the old key stays
//! beside it for the one thing that it is still needed for, to vouch for its successor.

mod file;

use std::fmt;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer, SigningKey};
use trellis_core::op::id::Author;
use trellis_core::op::sign::Signature;
use zeroize::Zeroizing;

use crate::error::{Code, Result, TrellisError, from_io};
use file::{Content, Folder};

/// A key in memory. What is shown of it, in `Debug` as well, is its public half.
#[derive(Clone)]
pub struct Identity(SigningKey);

impl Identity {
    /// A new key, from the system's random source.
    ///
    /// # Errors
    /// `unsupported` if the system gives no random bytes.
    pub fn generate() -> Result<Identity> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|cause| {
            let message = "The system gives no random bytes, and a key can be made of nothing else.";
            TrellisError::new(Code::Unsupported, message).caused_by(cause)
        })?;
        Ok(Identity::from_seed(&seed))
    }

    /// The key of a seed, the same for ever.
    pub fn from_seed(seed: &[u8; 32]) -> Identity {
        Identity(SigningKey::from_bytes(seed))
    }

    /// The public half.
    pub fn author(&self) -> Author {
        Author(self.0.verifying_key().to_bytes())
    }

    /// Signs.
    pub fn sign(&self, message: &[u8]) -> Signature {
        self.0.sign(message).to_bytes()
    }

    pub(crate) fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.author()).finish()
    }
}

/// The keys of this device in one repo, and the file that keeps them.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    folder: PathBuf,
    content: Content,
}

impl KeyFile {
    /// Opens the key file at `path`, or makes one with a new key. `folder` is what it remembers: the folder whose copy
    /// would carry the file along.
    ///
    /// # Errors
    /// As [`KeyFile::open`] and [`KeyFile::create`].
    pub fn open_or_create(path: impl AsRef<Path>, folder: impl AsRef<Path>) -> Result<KeyFile> {
        match KeyFile::create(&path, &folder) {
            Err(error) if error.code() == Code::AlreadyExists => KeyFile::open(path, folder),
            created => created,
        }
    }

    /// Makes a key file with a new key. It is private and whole from the moment that it exists.
    ///
    /// # Errors
    /// `already_exists`; `permission_denied`, `storage_full` and the like.
    pub fn create(path: impl AsRef<Path>, folder: impl AsRef<Path>) -> Result<KeyFile> {
        let (path, folder) = (path.as_ref(), folder.as_ref());
        let content = Content { folder: Some(here(folder)?), key: Identity::generate()?, former: Vec::new() };
        file::create(path, &content)?;
        Ok(KeyFile { path: path.to_owned(), folder: folder.to_owned(), content })
    }

    /// Opens a key file.
    ///
    /// # Errors
    /// `not_found`; `permission_denied` if others may read it too; `schema_newer`; `storage_corrupt` if it is not as it
    /// was written.
    pub fn open(path: impl AsRef<Path>, folder: impl AsRef<Path>) -> Result<KeyFile> {
        let (path, folder) = (path.as_ref(), folder.as_ref());
        Ok(KeyFile { path: path.to_owned(), folder: folder.to_owned(), content: file::read(path)? })
    }

    /// Under whom this device writes.
    pub fn author(&self) -> Author {
        self.content.key.author()
    }

    /// The keys that it had before and that may still have to vouch for their successors, the oldest first.
    pub fn former(&self) -> impl Iterator<Item = Author> + '_ {
        self.content.former.iter().map(Identity::author)
    }

    /// Signs with the key of `author`, the present one or a former one.
    ///
    /// # Errors
    /// `not_found` if that key is not here.
    pub fn sign(&self, author: &Author, message: &[u8]) -> Result<Signature> {
        let mut keys = std::iter::once(&self.content.key).chain(&self.content.former);
        match keys.find(|key| key.author() == *author) {
            Some(key) => Ok(key.sign(message)),
            None => Err(key_missing(author, &self.path)),
        }
    }

    /// Whether the folder is another than the one that the key was made for: a copy or a restored backup. The key is
    /// then somebody else's, and [`KeyFile::rotate`] comes before the first write. Always false where the system does
    /// not number its folders.
    ///
    /// # Errors
    /// What the system reports about the folder.
    pub fn is_copied(&self) -> Result<bool> {
        let here = here(&self.folder)?;
        Ok(self.content.folder.is_some_and(|remembered| remembered != here))
    }

    /// Takes a new key for this folder and keeps the old one to vouch for it. Everything is on the disk before this
    /// returns. Where another process has done so since the file was read, its key is taken over instead; for this,
    /// callers hold the store's lock.
    ///
    /// # Errors
    /// As [`KeyFile::open`] and [`KeyFile::create`]; the keys are then as before.
    pub fn rotate(&mut self) -> Result<Author> {
        let on_disk = file::read(&self.path)?;
        if on_disk.key.author() == self.author() {
            let mut content = Content { folder: Some(here(&self.folder)?), key: Identity::generate()?, ..on_disk };
            content.former.push(self.content.key.clone());
            file::replace(&self.path, &content)?;
            self.content = content;
        } else {
            self.content = on_disk;
        }
        Ok(self.author())
    }

    /// Drops the former keys, once ops that name their successors are durable.
    ///
    /// # Errors
    /// As [`KeyFile::rotate`].
    pub fn forget_former(&mut self) -> Result<()> {
        if self.content.former.is_empty() {
            return Ok(());
        }
        let content = Content { former: Vec::new(), ..self.content.clone() };
        file::replace(&self.path, &content)?;
        self.content = content;
        Ok(())
    }
}

fn here(folder: &Path) -> Result<Folder> {
    Folder::of(folder).map_err(|cause| from_io("look at the folder", folder, cause))
}

fn key_missing(author: &Author, path: &Path) -> TrellisError {
    let message = format!("The key {} is not in {}, so nothing can be signed with it.", author.short(), path.display());
    TrellisError::new(Code::NotFound, message).at_path(path)
}
