//! Changing a configuration file without changing anything else in it.
//!
//! The order, the spaces and the line ends of whoever wrote the file stay as they are. A file that is wrong is not
//! edited, and an edit that would make it wrong is not written.

use std::fmt;
use std::path::{Path, PathBuf};

use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use trellis_core::admit::policy::{Pattern, Stated};

use super::place::STRICT;
use super::{AUTHOR_NAME, BRANCH, BRANCH_POLICIES, Config, PEERS, Scope, is_name, is_peer_name, read_text};
use crate::error::{Code, Result, TrellisError, from_io};
use crate::whole_file::{self, Readers};

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// `authorName`
    AuthorName,
    /// `branch`
    Branch,
    /// `branchPolicies.<pattern>.linear`
    Linear(Pattern),
    /// `branchPolicies.<pattern>.requireSigning`
    RequireSigning(Pattern),
    /// `branchPolicies.<pattern>.serialiser`
    Serialiser(Pattern),
    /// `peers.<name>`
    Peer(String),
}

impl Key {
    /// Reads the text form. A pattern may have dots in it: the field is what stands behind the last one.
    ///
    /// # Errors
    /// `invalid_argument`, with the settings that there are.
    pub fn parse(text: &str) -> Result<Key> {
        match text {
            AUTHOR_NAME => Ok(Key::AuthorName),
            BRANCH => Ok(Key::Branch),
            _ => parse_policy(text).or_else(|| parse_peer(text)).ok_or_else(unknown),
        }
    }

    /// The names from the root of the file.
    fn path(&self) -> Vec<&str> {
        match self {
            Key::AuthorName => vec![AUTHOR_NAME],
            Key::Branch => vec![BRANCH],
            Key::Linear(pattern) => vec![BRANCH_POLICIES, pattern.as_str(), "linear"],
            Key::RequireSigning(pattern) => vec![BRANCH_POLICIES, pattern.as_str(), "requireSigning"],
            Key::Serialiser(pattern) => vec![BRANCH_POLICIES, pattern.as_str(), "serialiser"],
            Key::Peer(name) => vec![PEERS, name],
        }
    }

    fn encode(&self, value: &str) -> Result<CstInputValue> {
        match self {
            Key::Linear(_) | Key::RequireSigning(_) => {
                value.parse().map(CstInputValue::Bool).map_err(|_| no_bool(self))
            }
            Key::Peer(name) if !is_peer_name(name) => Err(no_peer_name()),
            _ if is_name(value) => Ok(CstInputValue::String(value.to_owned())),
            _ => Err(no_name(self)),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path().join("."))
    }
}

fn parse_peer(text: &str) -> Option<Key> {
    let name = text.strip_prefix(PEERS)?.strip_prefix('.')?;
    is_peer_name(name).then(|| Key::Peer(name.to_owned()))
}

fn parse_policy(text: &str) -> Option<Key> {
    let (pattern, field) = text.strip_prefix(BRANCH_POLICIES)?.strip_prefix('.')?.rsplit_once('.')?;
    let pattern = Pattern::parse(pattern)?;
    match field {
        "linear" => Some(Key::Linear(pattern)),
        "requireSigning" => Some(Key::RequireSigning(pattern)),
        "serialiser" => Some(Key::Serialiser(pattern)),
        _ => None,
    }
}

/// One configuration file, to look at and to change setting by setting.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    path: PathBuf,
    scope: Scope,
    text: Option<String>,
    config: Config,
}

impl ConfigFile {
    /// Reads a file; one that does not exist is empty and made by the first [`ConfigFile::set`].
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn open(path: impl AsRef<Path>, scope: Scope) -> Result<ConfigFile> {
        let path = path.as_ref().to_owned();
        let text = read_text(&path)?;
        let config = match &text {
            Some(text) => Config::parse(text, &path, scope)?,
            None => Config::default(),
        };
        Ok(ConfigFile { path, scope, text, config })
    }

    /// What the file says.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Every setting of the file with its value.
    pub fn list(&self) -> Vec<(Key, String)> {
        let names = [(Key::AuthorName, &self.config.author_name), (Key::Branch, &self.config.branch)];
        let names = names.into_iter().filter_map(|(key, value)| Some((key, value.clone()?)));
        let policies = self.config.branch_policies.iter().flat_map(|(pattern, stated)| fields(pattern, stated));
        let peers = self.config.peers.iter().map(|(name, url)| (Key::Peer(name.clone()), url.clone()));
        names.chain(policies).chain(peers).collect()
    }

    /// The value of a setting, if the file has it.
    pub fn get(&self, key: &Key) -> Option<String> {
        self.list().into_iter().find(|(listed, _)| listed == key).map(|(_, value)| value)
    }

    /// Gives a setting a value, and writes the file as a whole.
    ///
    /// # Errors
    /// `invalid_argument` for a value that this setting cannot have; `config_invalid` for a setting that does not belong
    /// in this file; what the system reports. The file is then as before.
    pub fn set(&mut self, key: &Key, value: &str) -> Result<()> {
        let value = key.encode(value)?;
        self.edit(|root| set(root, &key.path(), value))
    }

    /// Takes a setting out of the file, if it has it, and with it a policy that has no other field.
    ///
    /// # Errors
    /// What the system reports; the file is then as before.
    pub fn unset(&mut self, key: &Key) -> Result<()> {
        if self.get(key).is_none() {
            return Ok(());
        }
        self.edit(|root| unset(root, &key.path()))
    }

    fn edit(&mut self, change: impl FnOnce(&CstObject)) -> Result<()> {
        let text = self.text.as_deref().unwrap_or("{}\n");
        let root = CstRootNode::parse(text, &STRICT).map_err(|cause| unreadable(&self.path).caused_by(cause))?;
        change(&root.object_value_or_set());
        let text = root.to_string();
        let config = Config::parse(&text, &self.path, self.scope)?;
        let failed = |cause| from_io("write the configuration", &self.path, cause);
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        whole_file::replace(&self.path, text.as_bytes(), Readers::Usual).map_err(failed)?;
        (self.text, self.config) = (Some(text), config);
        Ok(())
    }
}

fn fields(pattern: &Pattern, stated: &Stated) -> Vec<(Key, String)> {
    let bools =
        [(Key::Linear(pattern.clone()), stated.linear), (Key::RequireSigning(pattern.clone()), stated.require_signing)];
    let bools = bools.into_iter().filter_map(|(key, value)| Some((key, value?.to_string())));
    let serialiser = stated.serialiser.clone().map(|name| (Key::Serialiser(pattern.clone()), name));
    bools.chain(serialiser).collect()
}

fn set(object: &CstObject, path: &[&str], value: CstInputValue) {
    match path {
        [] => {}
        [name] => match object.get(name) {
            Some(member) => member.set_value(value),
            None => drop(object.append(name, value)),
        },
        [name, rest @ ..] => set(&object.object_value_or_set(name), rest, value),
    }
}

/// Objects on the way that become empty go too.
fn unset(object: &CstObject, path: &[&str]) {
    let Some((name, rest)) = path.split_first() else { return };
    let Some(member) = object.get(name) else { return };
    if let Some(inner) = member.object_value() {
        unset(&inner, rest);
    }
    if rest.is_empty() || member.object_value().is_some_and(|inner| inner.properties().is_empty()) {
        member.remove();
    }
}

fn unknown() -> TrellisError {
    let message = "There is no such setting. There are authorName, branch, and for each branch pattern \
                   branchPolicies.<pattern>.linear, .requireSigning and .serialiser, and for each peer peers.<name>.";
    TrellisError::new(Code::InvalidArgument, message)
}

fn no_bool(key: &Key) -> TrellisError {
    TrellisError::new(Code::InvalidArgument, format!("The setting {key} is either true or false."))
}

fn no_peer_name() -> TrellisError {
    let message = "A peer's name has letters, digits, - and _, at most 63 of them.";
    TrellisError::new(Code::InvalidArgument, message)
}

fn no_name(key: &Key) -> TrellisError {
    let message = format!("The setting {key} is a text of 1 to 255 bytes without control characters.");
    TrellisError::new(Code::InvalidArgument, message)
}

fn unreadable(path: &Path) -> TrellisError {
    let message = format!("{} cannot be edited here. Change it in an editor.", path.display());
    TrellisError::new(Code::ConfigInvalid, message).at_path(path)
}
