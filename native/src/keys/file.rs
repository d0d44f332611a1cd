//! The bytes of a key file: lines of text, and a hash that tells a whole file from a damaged one.
//!
//! ```text
//! trellis keys 1
//! folder 2049 131074
//! key 9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60
//! former 4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb
//! sum 21b9...
//! ```
//!
//! `folder` has the device and the inode of the folder that the keys were made for, and is absent where there are none.
//! `key` is the seed in use, each `former` one from before, the oldest first. `sum` is the BLAKE3 of all lines above it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use trellis_core::op::hex;
use zeroize::Zeroizing;

use super::Identity;
use crate::error::{Code, Result, TrellisError, from_io};
use crate::whole_file::{self, Readers};

const VERSION_1: &str = "trellis keys 1";
/// More than ten thousand former keys.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What a key file holds.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) folder: Option<Folder>,
    pub(super) key: Identity,
    pub(super) former: Vec<Identity>,
}

/// What tells a folder from its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Folder {
    device: u64,
    inode: u64,
}

impl Folder {
    /// The numbers of the folder at `path`; all the same where the system has none.
    pub(super) fn of(path: &Path) -> io::Result<Folder> {
        let folder = std::fs::metadata(path)?;
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        #[cfg(unix)]
        return Ok(Folder { device: folder.dev(), inode: folder.ino() });
        #[cfg(not(unix))]
        return Ok(Folder { device: 0, inode: u64::from(!folder.is_dir()) });
    }
}

/// Makes the file; it must not exist.
pub(super) fn create(path: &Path, content: &Content) -> Result<()> {
    whole_file::create(path, encode(content).as_bytes(), Readers::Owner)
        .map_err(|cause| from_io("create the key file", path, cause))
}

/// Replaces the file.
pub(super) fn replace(path: &Path, content: &Content) -> Result<()> {
    whole_file::replace(path, encode(content).as_bytes(), Readers::Owner)
        .map_err(|cause| from_io("write the key file", path, cause))
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<Content> {
    let failed = |cause| from_io("read the key file", path, cause);
    let file = File::open(path).map_err(failed)?;
    expect_private(&file, path)?;
    let mut text = Zeroizing::new(String::with_capacity(4096));
    match file.take(FILE_BYTES_MAX).read_to_string(&mut text) {
        Ok(_) => parse(&text).map_err(|flaw| flaw.about(path)),
        Err(cause) if cause.kind() == io::ErrorKind::InvalidData => Err(Flaw::Damaged.about(path)),
        Err(cause) => Err(failed(cause)),
    }
}

#[cfg(unix)]
fn expect_private(file: &File, path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata().map_err(|cause| from_io("read the key file", path, cause))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let message = format!(
        "The key file {} has mode {mode:04o}, so others on this machine may use the key. Run `chmod 600` on it; if \
         somebody may have read it, remove the file to get a new key.",
        path.display()
    );
    Err(TrellisError::new(Code::PermissionDenied, message).at_path(path))
}

#[cfg(not(unix))]
fn expect_private(_: &File, _: &Path) -> Result<()> {
    Ok(())
}

fn encode(content: &Content) -> Zeroizing<String> {
    // Large enough from the start: a string that grows leaves a copy of its seeds behind.
    let mut text = Zeroizing::new(String::with_capacity(256 + 80 * (1 + content.former.len())));
    text.extend([VERSION_1, "\n"]);
    if let Some(folder) = content.folder {
        text.push_str(&format!("folder {} {}\n", folder.device, folder.inode));
    }
    push_seed(&mut text, "key", &content.key);
    for key in &content.former {
        push_seed(&mut text, "former", key);
    }
    let sum = sum(&text);
    text.push_str(&format!("sum {sum}\n"));
    text
}

fn push_seed(text: &mut String, name: &str, key: &Identity) {
    let digits = Zeroizing::new(hex::encode(key.seed().as_ref()));
    text.extend([name, " ", &digits, "\n"]);
}

fn sum(text: &str) -> String {
    hex::encode(blake3::hash(text.as_bytes()).as_bytes())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    Newer,
    Damaged,
}

impl Flaw {
    fn about(self, path: &Path) -> TrellisError {
        let path_text = path.display();
        let (code, message) = match self {
            Flaw::Newer => (
                Code::SchemaNewer,
                format!("The key file {path_text} was written by a newer version of this program. Use that version."),
            ),
            Flaw::Damaged => (
                Code::StorageCorrupt,
                format!(
                    "The key file {path_text} is damaged. Restore it from a backup; or remove it, and this device \
                     writes under a new key, which an owner has to make a member where the repo has members."
                ),
            ),
        };
        TrellisError::new(code, message).at_path(path)
    }
}

fn parse(text: &str) -> std::result::Result<Content, Flaw> {
    match text.split_once('\n') {
        Some((VERSION_1, _)) => parse_version_1(text).ok_or(Flaw::Damaged),
        Some((first, _)) if is_later_version(first) => Err(Flaw::Newer),
        _ => Err(Flaw::Damaged),
    }
}

fn is_later_version(line: &str) -> bool {
    line.strip_prefix("trellis keys ")
        .and_then(|version| version.parse::<u32>().ok())
        .is_some_and(|version| version > 1)
}

fn parse_version_1(text: &str) -> Option<Content> {
    let summed = text.len().checked_sub("sum \n".len() + 64).and_then(|at| text.split_at_checked(at));
    let (lines, _) = summed.filter(|(lines, last)| *last == format!("sum {}\n", sum(lines)))?;
    let mut lines = lines.lines().skip(1).peekable();
    let folder = match lines.next_if(|line| line.starts_with("folder ")) {
        Some(line) => Some(parse_folder(line)?),
        None => None,
    };
    let key = parse_seed("key ", lines.next()?)?;
    let former = lines.map(|line| parse_seed("former ", line)).collect::<Option<Vec<_>>>()?;
    Some(Content { folder, key, former })
}

fn parse_folder(line: &str) -> Option<Folder> {
    let (device, inode) = line.strip_prefix("folder ")?.split_once(' ')?;
    Some(Folder { device: device.parse().ok()?, inode: inode.parse().ok()? })
}

fn parse_seed(name: &str, line: &str) -> Option<Identity> {
    let seed = Zeroizing::new(hex::parse::<32>(line.strip_prefix(name)?)?);
    Some(Identity::from_seed(&seed))
}
