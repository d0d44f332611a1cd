//! The git repository that is read: its heads, commits, folders and contents. Nothing is written to it, and nothing of
//! its configuration is carried out.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use gix::bstr::{BStr, ByteSlice};
use gix::date::time::format::ISO8601_STRICT;
use gix::objs::tree::EntryKind;
use gix::{Commit, ObjectId, Repository};
use trellis_core::view::files::FileMode;

use crate::error::{Code, Result, TrellisError};

/// Decoded objects that are kept, in bytes: folders are asked for again and again.
const OBJECT_CACHE_BYTES: usize = 32 * 1024 * 1024;
/// Who wrote a commit, at most: what an op's `actor` holds.
const ACTOR_BYTES_MAX: usize = 255;
/// A commit's message, at most. Escaped as JSON it may be six times as long, and a body has 256 KiB.
const MESSAGE_BYTES_MAX: usize = 40 * 1024;
/// A branch's name, at most.
const BRANCH_BYTES_MAX: usize = 255;
/// What every local head's name begins with in git.
const HEADS: &str = "refs/heads/";

/// A git repository that is open.
pub(super) struct Source {
    repo: Repository,
    path: PathBuf,
}

/// The local heads of a repository.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// Their names and commits: the one that is checked out first, the others by name.
    pub heads: Vec<(String, ObjectId)>,
    /// Names that no branch can have.
    pub left_out: Vec<String>,
}

/// What the history is made of.
#[derive(Debug)]
pub(super) struct Outline {
    pub parents: Vec<ObjectId>,
    /// When it was committed, in seconds since 1970.
    pub seconds: i64,
}

/// What a commit says.
#[derive(Debug)]
pub(super) struct Said {
    pub tree: ObjectId,
    pub actor: String,
    pub message: Option<String>,
    /// When it was committed, in RFC 3339; none where that is no time.
    pub time: Option<String>,
}

/// What stands under a name in a folder of git.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// A folder.
    Folder(ObjectId),
    /// A file.
    File(GitFile),
    /// Another repository.
    Submodule(ObjectId),
}

/// A file of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct GitFile {
    pub blob: ObjectId,
    pub mode: FileMode,
}

impl Source {
    /// Opens the repository in or at `path`: a working folder, its `.git`, or a bare one.
    ///
    /// # Errors
    /// `not_found` where there is none; `unsupported` for one that has only a part of its history.
    pub(super) fn open(path: &Path) -> Result<Source> {
        // Objects are what their names say: nothing stands in for another one.
        let options =
            gix::open::Options::isolated().with(gix::sec::Trust::Full).config_overrides(["core.useReplaceRefs=false"]);
        let repo = gix::open_opts(path, options).map_err(|cause| not_git(path).caused_by(cause))?;
        let mut source = Source { repo, path: path.to_owned() };
        if source.repo.is_shallow().map_err(|cause| source.unreadable("the repository", cause))? {
            return Err(shallow(path));
        }
        source.repo.object_cache_size(OBJECT_CACHE_BYTES);
        Ok(source)
    }

    /// Where the repository is, as it was named.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The local heads. One that names no commit is passed over.
    pub(super) fn heads(&self) -> Result<Heads> {
        let failed = |cause| self.unreadable("the branches", cause);
        let current = self.repo.head_name().map_err(failed)?.map(|name| name.as_bstr().to_owned());
        let (mut heads, mut left_out) = (Vec::new(), Vec::new());
        let references = self.repo.references().map_err(failed)?;
        for reference in references.local_branches().map_err(failed)? {
            let mut reference = reference.map_err(failed)?;
            let full = reference.name().as_bstr().to_owned();
            let Ok(commit) = reference.peel_to_commit() else { continue };
            match branch_name(full.as_ref()) {
                Some(name) => heads.push((current.as_ref() == Some(&full), name, commit.id)),
                None => left_out.push(full.to_str_lossy().into_owned()),
            }
        }
        heads.sort_unstable_by(|left, right| match right.0.cmp(&left.0) {
            Ordering::Equal => left.1.cmp(&right.1),
            order => order,
        });
        Ok(Heads { heads: heads.into_iter().map(|(_, name, id)| (name, id)).collect(), left_out })
    }

    /// A commit's place in the history.
    pub(super) fn outline(&self, id: ObjectId) -> Result<Outline> {
        let commit = self.commit(id)?;
        let parents = commit.parent_ids().map(|id| id.detach()).collect();
        let seconds = commit.committer().map_err(|cause| self.broken(id, cause))?.seconds();
        Ok(Outline { parents, seconds })
    }

    /// What a commit says.
    pub(super) fn said(&self, id: ObjectId) -> Result<Said> {
        let commit = self.commit(id)?;
        let broken = |cause| self.broken(id, cause);
        let author = commit.author().map_err(broken)?;
        let committed = commit.committer().map_err(broken)?;
        let time = committed.time().ok().and_then(|time| time.format(ISO8601_STRICT).ok());
        let message = commit.message_raw_sloppy().to_str_lossy();
        let message = cut(message.trim_end(), MESSAGE_BYTES_MAX);
        Ok(Said {
            tree: commit.tree_id().map_err(broken)?.detach(),
            actor: actor(author.name, author.email),
            message: (!message.is_empty()).then(|| message.to_owned()),
            time,
        })
    }

    /// What a folder holds, by name.
    pub(super) fn folder(&self, id: ObjectId) -> Result<Vec<(Vec<u8>, Held)>> {
        let tree = self.repo.find_tree(id).map_err(|cause| self.broken(id, cause))?;
        let entries = tree.iter().map(|entry| {
            let entry = entry.map_err(|cause| self.broken(id, cause))?;
            let blob = entry.object_id();
            let held = match entry.mode().kind() {
                EntryKind::Tree => Held::Folder(blob),
                EntryKind::Commit => Held::Submodule(blob),
                EntryKind::Blob => Held::File(GitFile { blob, mode: FileMode::File }),
                EntryKind::BlobExecutable => Held::File(GitFile { blob, mode: FileMode::Exec }),
                EntryKind::Link => Held::File(GitFile { blob, mode: FileMode::Link }),
            };
            Ok((entry.filename().to_vec(), held))
        });
        entries.collect()
    }

    /// The content of a file.
    pub(super) fn content(&self, id: ObjectId) -> Result<Vec<u8>> {
        let mut blob = self.repo.find_blob(id).map_err(|cause| self.broken(id, cause))?;
        Ok(blob.take_data())
    }

    fn commit(&self, id: ObjectId) -> Result<Commit<'_>> {
        self.repo.find_commit(id).map_err(|cause| self.broken(id, cause))
    }

    fn broken(&self, id: ObjectId, cause: gix::Error) -> TrellisError {
        let message = format!(
            "The object {id} of the git repository {} cannot be read. Look with `git fsck`, and fetch what is missing.",
            self.path.display()
        );
        TrellisError::new(Code::NotFound, message).at_path(&self.path).caused_by(cause)
    }

    fn unreadable(&self, what: &str, cause: gix::Error) -> TrellisError {
        let message = format!("Could not read {what} of {}. Look with `git fsck`.", self.path.display());
        TrellisError::new(Code::NotFound, message).at_path(&self.path).caused_by(cause)
    }
}

/// The branch that a head of git becomes; none where no branch can be called so.
fn branch_name(full: &BStr) -> Option<String> {
    let name = full.to_str().ok()?.strip_prefix(HEADS)?;
    let is_fit = name.len() <= BRANCH_BYTES_MAX && !name.starts_with('_') && !name.contains(char::is_control);
    is_fit.then(|| name.to_owned())
}

/// Who wrote a commit, as an op can say it.
fn actor(name: &BStr, email: &BStr) -> String {
    let whole = format!("{} <{}>", name.to_str_lossy(), email.to_str_lossy());
    let clean: String = whole.trim_start().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    cut(&clean, ACTOR_BYTES_MAX).to_owned()
}

/// At most so many bytes from the start of a text, no character halved.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

fn not_git(path: &Path) -> TrellisError {
    let message = format!(
        "There is no git repository in {}. Name its folder, or the folder that git keeps it in.",
        path.display()
    );
    TrellisError::new(Code::NotFound, message).at_path(path)
}

fn shallow(path: &Path) -> TrellisError {
    let message = format!(
        "The git repository {} has only the last part of its history. Fetch the rest first: `git fetch --unshallow`.",
        path.display()
    );
    TrellisError::new(Code::Unsupported, message).at_path(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_fits_into_an_op() {
        assert_eq!(actor("Ann".into(), "ann@x".into()), "Ann <ann@x>");
        assert_eq!(actor(b"A\xff\tB".as_bstr(), "".into()), "A\u{fffd}\u{fffd}B <>");
        let long = actor("é".repeat(200).as_str().into(), "x".into());
        assert_eq!(long, "é".repeat(127));
    }

    #[test]
    fn heads_keep_their_names_where_a_branch_can_have_them() {
        assert_eq!(branch_name("refs/heads/a/b".into()), Some("a/b".into()));
        assert_eq!(branch_name("refs/heads/_repo".into()), None);
        assert_eq!(branch_name(b"refs/heads/\xff".as_bstr()), None);
    }
}
