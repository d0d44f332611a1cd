//! The key of a repo that is open: the one in its file, the program's own, or none where the repo is only read.
//!
//! Somebody else's repo can be read without a key, and their key file cannot be read at all.

use std::mem;

use trellis_core::machine::KeyUse;
use trellis_core::op::id::{Author, SIGNATURE_CONTEXT, SUCCESSOR_CONTEXT};
use trellis_core::op::sign::Signature;

use crate::error::{Code, Result, TrellisError};
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

/// Whose key signs.
#[derive(Clone, Debug, Default)]
pub(crate) enum Whose {
    /// The device's, in the folder's key file.
    #[default]
    Device,
    /// The program's, which keeps it itself.
    Given(Identity),
    /// The one of another folder's device, for whoever looks at something in its name.
    Borrowed(Folder),
}

/// What signs.
#[derive(Debug)]
pub(crate) enum Keys {
    /// The device's.
    Kept(Box<KeptKeys>),
    /// A key that is gone when the repo is closed.
    Passing(Identity),
    /// The program's key.
    Given(Identity),
    /// The key of another folder's device, for whoever looks at something in its name: it signs no op.
    Borrowed(Box<KeptKeys>),
}

/// The device's keys, in their file.
#[derive(Debug)]
pub(crate) struct KeptKeys {
    folder: Folder,
    file: KeyFile,
    /// The file as it was before another process put a new key into it.
    before: Option<KeyFile>,
}

impl Keys {
    /// Somebody's keys for the repo in a folder.
    ///
    /// # Errors
    /// What a key file cannot be read or made for.
    pub(crate) fn of(whose: &Whose, folder: &Folder, access: Access) -> Result<Keys> {
        match whose {
            Whose::Device => Keys::open(folder, access),
            Whose::Given(identity) => Ok(Keys::Given(identity.clone())),
            Whose::Borrowed(folder) => Keys::borrow(folder),
        }
    }

    /// Opens the key file; makes one where there is none, for writing.
    fn open(folder: &Folder, access: Access) -> Result<Keys> {
        let kept = |file| Keys::Kept(Box::new(KeptKeys { folder: folder.clone(), file, before: None }));
        match KeyFile::open(folder.identity(), folder.path()) {
            Ok(file) => Ok(kept(file)),
            Err(_) if access == Access::Read => Identity::generate().map(Keys::Passing),
            Err(error) if error.code() == Code::NotFound => {
                KeyFile::open_or_create(folder.identity(), folder.path()).map(kept)
            }
            Err(error) => Err(error),
        }
    }

    /// The device's keys of another folder, for proving who looks.
    fn borrow(folder: &Folder) -> Result<Keys> {
        let file = KeyFile::open(folder.identity(), folder.path())?;
        Ok(Keys::Borrowed(Box::new(KeptKeys { folder: folder.clone(), file, before: None })))
    }

    /// Under whom this device writes.
    pub(crate) fn author(&self) -> Author {
        match self {
            Keys::Kept(keys) | Keys::Borrowed(keys) => keys.unsucceeded().unwrap_or_else(|| keys.file.author()),
            Keys::Passing(identity) | Keys::Given(identity) => identity.author(),
        }
    }

    /// Whether the key belongs to this folder, or came here in a copy.
    pub(crate) fn key_use(&self) -> Result<KeyUse> {
        match self {
            Keys::Kept(keys) if keys.unsucceeded().is_some() || keys.file.is_copied()? => Ok(KeyUse::Copied),
            _ => Ok(KeyUse::Own),
        }
    }

    pub(crate) fn sign(&self, author: &Author, message: &[u8]) -> Result<Signature> {
        match self {
            Keys::Borrowed(_) if is_of_op(message) => Err(writes_nothing()),
            Keys::Kept(keys) | Keys::Borrowed(keys) => keys.sign(author, message),
            Keys::Passing(identity) | Keys::Given(identity) => Ok(identity.sign(message)),
        }
    }

    /// The key to write under from now on, durably kept. Called with the store's lock held.
    pub(crate) fn renew(&mut self) -> Result<Author> {
        match self {
            Keys::Kept(keys) => keys.renew(),
            Keys::Passing(identity) => {
                *identity = Identity::generate()?;
                Ok(identity.author())
            }
            Keys::Given(identity) => Err(used_elsewhere(identity)),
            Keys::Borrowed(_) => Err(writes_nothing()),
        }
    }

    /// The op that names the new key's predecessor is durable: the old key is not needed any more.
    pub(crate) fn renewed(&mut self) -> Result<()> {
        match self {
            Keys::Kept(keys) => keys.file.forget_former(),
            Keys::Passing(_) | Keys::Given(_) | Keys::Borrowed(_) => Ok(()),
        }
    }
}

/// Whether a signature would vouch for an op, or for a key.
fn is_of_op(message: &[u8]) -> bool {
    [SIGNATURE_CONTEXT, SUCCESSOR_CONTEXT].iter().any(|context| message.starts_with(context))
}

fn writes_nothing() -> TrellisError {
    let message = "A repo that was opened to look at a peer's writes nothing. Write to the repo itself.";
    TrellisError::new(Code::PermissionDenied, message)
}

/// A key that the program keeps is never replaced unseen.
fn used_elsewhere(identity: &Identity) -> TrellisError {
    let key = identity.author().short();
    let message =
        format!("The key {key} that this program gave writes elsewhere, too. Open the repo with another one.");
    TrellisError::new(Code::ChainForked, message)
}

impl KeptKeys {
    /// A key that was replaced by one which no durable op names yet: the process ended in between. It is still the one
    /// that the device writes under, and the new one waits.
    fn unsucceeded(&self) -> Option<Author> {
        self.file.former().last()
    }

    fn sign(&self, author: &Author, message: &[u8]) -> Result<Signature> {
        match &self.before {
            Some(before) => self.file.sign(author, message).or_else(|_| before.sign(author, message)),
            None => self.file.sign(author, message),
        }
    }

    fn renew(&mut self) -> Result<Author> {
        let now = KeyFile::open(self.folder.identity(), self.folder.path())?;
        if now.author() != self.file.author() {
            self.before = Some(mem::replace(&mut self.file, now));
            return Ok(self.file.author());
        }
        match self.unsucceeded() {
            Some(_) => Ok(self.file.author()),
            None => self.file.rotate(),
        }
    }
}
