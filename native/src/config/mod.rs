//! Configuration: one JSON file beside a repo's store, one of the user's, and what both say together.
//!
//! A file is taken as a whole or refused as a whole, with the line and the field that are wrong: a policy that is
//! misspelt must not be a policy that silently does not hold.

mod edit;
mod place;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use trellis_core::admit::policy::Policies;
use trellis_core::limits::NAME_BYTES_MAX;
use trellis_core::op::header::is_plain;
use trellis_core::op::json::{self, Object, Value};
use trellis_core::op::pointer::Pointer;

use crate::error::{Code, Result, TrellisError, from_io};

pub use edit::{ConfigFile, Key};

/// More than anybody writes; a file that is longer is another kind of file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

const AUTHOR_NAME: &str = "authorName";
const BRANCH: &str = "branch";
const BRANCH_POLICIES: &str = "branchPolicies";
const PEERS: &str = "peers";

/// Whose file it is, and so what may stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A repo's: everything.
    Repo,
    /// The user's, for all repos: everything but `branchPolicies` and `peers`.
    User,
}

/// What configuration files say. What none says is for the caller to choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `authorName`: what people call whoever writes here.
    pub author_name: Option<String>,
    /// `branch`: the branch to work on.
    pub branch: Option<String>,
    /// `branchPolicies`: what this device asks of branches.
    pub branch_policies: Policies,
    /// `peers`: URLs by the names under which they are kept.
    pub peers: BTreeMap<String, String>,
}

impl Config {
    /// Reads a file; one that does not exist says nothing.
    ///
    /// # Errors
    /// `config_invalid` with file, line and field; what the system reports.
    pub fn read(path: impl AsRef<Path>, scope: Scope) -> Result<Config> {
        let path = path.as_ref();
        match read_text(path)? {
            Some(text) => Config::parse(&text, path, scope),
            None => Ok(Config::default()),
        }
    }

    /// Reads the text of a file; `path` is for the message alone.
    ///
    /// # Errors
    /// `config_invalid` with file, line and field.
    pub fn parse(text: &str, path: &Path, scope: Scope) -> Result<Config> {
        parse(text, scope).map_err(|flaw| invalid(&flaw, text, path))
    }

    /// This configuration, and `user`'s where this says nothing.
    pub fn or(self, user: Config) -> Config {
        Config {
            author_name: self.author_name.or(user.author_name),
            branch: self.branch.or(user.branch),
            branch_policies: self.branch_policies,
            peers: self.peers,
        }
    }
}

/// Where the user's file is: what `TRELLIS_CONFIG` names, or `trellis/config.json` in the folder where this system keeps
/// its users' configuration. None where there is no such folder.
pub fn user_file() -> Option<PathBuf> {
    let named = std::env::var_os("TRELLIS_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(user_folder()?.join("trellis").join("config.json")))
}

fn user_folder() -> Option<PathBuf> {
    let variable = if cfg!(windows) { "APPDATA" } else { "XDG_CONFIG_HOME" };
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(std::env::home_dir()?.join(".config")))
}

/// The text of a file, if there is one.
fn read_text(path: &Path) -> Result<Option<String>> {
    let failed = |cause| from_io("read the configuration", path, cause);
    match fs::metadata(path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed(cause)),
        Ok(file) if file.len() > FILE_BYTES_MAX => return Err(too_long(path)),
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(failed)?;
    String::from_utf8(bytes).map(Some).map_err(|cause| {
        let line = place::line(cause.as_bytes(), cause.utf8_error().valid_up_to());
        let flaw = Flaw { at: Pointer::ROOT, reason: "the text is not UTF-8".into() };
        invalid_at(&flaw, line, path)
    })
}

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Flaw {
    at: Pointer,
    reason: String,
}

fn parse(text: &str, scope: Scope) -> std::result::Result<Config, Flaw> {
    let value =
        json::parse(text.as_bytes()).map_err(|error| Flaw { at: error.at, reason: error.reason.to_string() })?;
    let fields = value.as_object().ok_or_else(|| flaw(Pointer::ROOT, "an object is expected here"))?;
    read_fields(fields, scope)
}

fn read_fields(fields: &Object, scope: Scope) -> std::result::Result<Config, Flaw> {
    let mut config = Config::default();
    for (name, value) in fields.iter() {
        let at = Pointer::ROOT.child(name);
        match (name, scope) {
            (AUTHOR_NAME, _) => config.author_name = Some(read_name(value, at)?),
            (BRANCH, _) => config.branch = Some(read_name(value, at)?),
            (BRANCH_POLICIES, Scope::Repo) => config.branch_policies = read_policies(value)?,
            (PEERS, Scope::Repo) => config.peers = read_peers(value, &at)?,
            (BRANCH_POLICIES | PEERS, Scope::User) => {
                return Err(flaw(at, "this belongs in the configuration of a repo"));
            }
            _ => return Err(flaw(at, "there is no such field; see `trellis config list`")),
        }
    }
    Ok(config)
}

fn read_peers(value: &Value, at: &Pointer) -> std::result::Result<BTreeMap<String, String>, Flaw> {
    let fields = value.as_object().ok_or_else(|| flaw(at.clone(), "an object is expected here"))?;
    let read = |(name, url): (&str, &Value)| match is_peer_name(name) {
        true => Ok((name.to_owned(), read_name(url, at.child(name))?)),
        false => Err(flaw(at.child(name), "a peer's name has letters, digits, - and _, at most 63")),
    };
    fields.iter().map(read).collect()
}

/// Names that are told from URLs and need no quotes in a shell.
fn is_peer_name(name: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&name.len()) && name.bytes().all(is_fit)
}

fn read_name(value: &Value, at: Pointer) -> std::result::Result<String, Flaw> {
    match value.as_str() {
        Some(name) if is_name(name) => Ok(name.to_owned()),
        _ => Err(flaw(at, "a text is expected here, of 1 to 255 bytes and without control characters")),
    }
}

fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && is_plain(text)
}

fn read_policies(value: &Value) -> std::result::Result<Policies, Flaw> {
    Policies::read(value).map_err(|found| {
        let at = std::iter::once(BRANCH_POLICIES.to_owned()).chain(found.at.0).collect();
        Flaw { at: Pointer(at), reason: found.reason.to_string() }
    })
}

fn flaw(at: Pointer, reason: &str) -> Flaw {
    Flaw { at, reason: reason.to_owned() }
}

fn invalid(flaw: &Flaw, text: &str, path: &Path) -> TrellisError {
    invalid_at(flaw, place::line_of(text, &flaw.at), path)
}

fn invalid_at(flaw: &Flaw, line: usize, path: &Path) -> TrellisError {
    let field = match flaw.at.is_root() {
        true => String::new(),
        false => format!(", field {}", flaw.at.0.join(".")),
    };
    let message = format!("{}, line {line}{field}: {}. Correct the file.", path.display(), flaw.reason);
    TrellisError::new(Code::ConfigInvalid, message).at_path(path)
}

fn too_long(path: &Path) -> TrellisError {
    let message =
        format!("{} is longer than 1 MiB, which no configuration is. Look at what the file is.", path.display());
    TrellisError::new(Code::ConfigInvalid, message).at_path(path)
}
