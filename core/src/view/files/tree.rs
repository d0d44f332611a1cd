//! The tree that a branch's files make: every file under one name of its own, and where they clash.
//!
//! A function of the set of files. Who was created first keeps a path; equal files are shown once; a file that stands
//! where others have a folder gives way, because a folder cannot.

use alloc::string::String;
use alloc::vec::Vec;

use super::body::{FileBody, FileError};
use super::path::FilePath;
use crate::merge::entity::{Entity, Shown};
use crate::op::hex;
use crate::op::json::Value;
use crate::op::sign::Ord40;
use crate::ordered::{Map, Set};
use crate::sort;

/// How many digits of its key tell a file that is shown aside, at least: more than a short name of Windows has, so that
/// no mark makes a reserved one.
const MARK_DIGITS_MIN: usize = 8;
/// The digits of a file's key.
const KEY_DIGITS: usize = 32;

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its entity's key: 32 lower-case hex digits.
    pub key: String,
    /// The order of the op that created it.
    pub created: Ord40,
    /// What it shows.
    pub body: FileBody,
}

impl File {
    /// The file that an entity of `files` is.
    ///
    /// # Errors
    /// [`FileError`]: it is not part of the tree.
    pub fn read(key: &str, created: Ord40, value: &Value) -> Result<File, FileError> {
        hex::parse::<{ KEY_DIGITS / 2 }>(key).ok_or(FileError::Key)?;
        Ok(File { key: key.into(), created, body: FileBody::parse(value)? })
    }

    /// The file that writes to an entity of `files` show; none where it is deleted, and nothing stands against that.
    ///
    /// # Errors
    /// As [`File::read`].
    pub fn shown(key: &str, created: Ord40, merged: &Entity) -> Option<Result<File, FileError>> {
        match &merged.shown {
            Shown::Absent if merged.conflicts.is_empty() => None,
            Shown::Json(value) => Some(File::read(key, created, value)),
            Shown::Absent | Shown::Bytes(_) | Shown::BodyMissing => Some(Err(FileError::Value)),
        }
    }
}

/// A file in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The file.
    pub file: File,
    /// Keys of files that are equal to it, path, content and mode, and so are not shown: whoever changes this one
    /// deletes them. In the order of their creation.
    pub twins: Vec<String>,
}

/// A path that several files claim, or one file while others have a folder there. A conflict of kind `path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The path.
    pub path: FilePath,
    /// The paths under which its claimants are shown, in the order of their creation; twins not counted.
    pub shown: Vec<FilePath>,
}

/// All files of a branch by the path under which they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The files.
    pub files: Map<FilePath, Placed>,
    /// The clashes, ascending by path.
    pub clashes: Vec<Clash>,
}

impl Tree {
    /// The tree of these files, in any order, each key once.
    pub fn of(mut files: Vec<File>) -> Tree {
        sort::by(&mut files, |left, right| (left.created, &left.key).cmp(&(right.created, &right.key)));
        let mut claims: Map<FilePath, Vec<Placed>> = Map::new();
        for file in files {
            claim(claims.entry(file.body.path.clone()).or_default(), file);
        }
        let folders: Set<FilePath> = claims.keys().flat_map(FilePath::ancestors).collect();
        let mut tree = Tree::default();
        let mut aside: Vec<Placed> = Vec::new();
        for (path, claimants) in claims {
            let mut claimants = claimants.into_iter();
            if !folders.contains(&path) {
                tree.files.extend(claimants.next().map(|first| (path, first)));
            }
            aside.extend(claimants);
        }
        sort::by(&mut aside, |left, right| {
            (left.file.created, &left.file.key).cmp(&(right.file.created, &right.file.key))
        });
        tree.place_aside(aside, &folders);
        tree
    }

    /// Gives files that cannot have their path another name, one that nobody has.
    fn place_aside(&mut self, aside: Vec<Placed>, folders: &Set<FilePath>) {
        let mut clashes: Map<FilePath, Vec<FilePath>> = Map::new();
        for placed in aside {
            let wanted = placed.file.body.path.clone();
            let free = marks(&placed.file.key)
                .map(|mark| wanted.marked(&mark))
                .find(|path| !self.files.contains_key(path) && !folders.contains(path));
            if let Some(path) = free {
                clashes.entry(wanted).or_default().push(path.clone());
                self.files.insert(path, placed);
            }
        }
        let clashes = clashes.into_iter().map(|(path, aside)| {
            let first = self.files.contains_key(&path).then(|| path.clone());
            Clash { path, shown: first.into_iter().chain(aside).collect() }
        });
        self.clashes = clashes.collect();
    }
}

/// Adds a file to those that claim its path; as a twin, where one of them is equal to it.
fn claim(claimants: &mut Vec<Placed>, file: File) {
    match claimants.iter_mut().find(|placed| placed.file.body == file.body) {
        Some(placed) => placed.twins.push(file.key),
        None => claimants.push(Placed { file, twins: Vec::new() }),
    }
}

/// What tells a file from others of its name: ever more digits of its key, and then numbers without end.
fn marks(key: &str) -> impl Iterator<Item = String> + '_ {
    let lens = (MARK_DIGITS_MIN..=KEY_DIGITS).step_by(4);
    let by_key = lens.map(move |len| alloc::format!("~{}", key.get(..len).unwrap_or(key)));
    by_key.chain((2_u64..).map(move |number| alloc::format!("~{key}~{number}")))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::super::body::FileMode;
    use super::*;
    use crate::op::blob::BlobRef;
    use crate::op::id::{ContentHash, OpId};
    use crate::time::Hlc;

    fn file(at: u8, path: &str, content: u8) -> File {
        let content = BlobRef { blob: ContentHash([content; 32]), size: 1 };
        File {
            key: alloc::format!("{at:02x}").repeat(16),
            created: Ord40 { hlc: Hlc(at.into()), id: OpId([at; 32]) },
            body: FileBody { path: FilePath::new(path).expect("a path"), content, mode: FileMode::File },
        }
    }

    fn shown(tree: &Tree) -> Vec<(String, u8)> {
        tree.files.iter().map(|(path, placed)| (path.to_string(), placed.file.created.id.0[0])).collect()
    }

    fn clashes(tree: &Tree) -> Vec<(String, Vec<String>)> {
        let texts = |paths: &[FilePath]| paths.iter().map(ToString::to_string).collect();
        tree.clashes.iter().map(|clash| (clash.path.to_string(), texts(&clash.shown))).collect()
    }

    fn expect(files: &[File], expected: &[(&str, u8)], expected_clashes: &[(&str, &[&str])]) -> Tree {
        let tree = Tree::of(files.to_vec());
        let reversed = Tree::of(files.iter().rev().cloned().collect());
        assert_eq!(tree, reversed, "the order of the files says nothing");
        assert_eq!(shown(&tree), expected.iter().map(|(path, at)| (path.to_string(), *at)).collect::<Vec<_>>());
        let texts = |paths: &[&str]| paths.iter().map(ToString::to_string).collect();
        let expected: Vec<(String, Vec<String>)> =
            expected_clashes.iter().map(|(path, paths)| (path.to_string(), texts(paths))).collect();
        assert_eq!(clashes(&tree), expected);
        tree
    }

    #[test]
    fn files_of_their_own_paths_do_not_clash() {
        expect(&[file(1, "a/b", 1), file(2, "a/c", 1), file(3, "b", 1)], &[("a/b", 1), ("a/c", 2), ("b", 3)], &[]);
    }

    #[test]
    fn the_first_keeps_a_path() {
        let files = [file(1, "a.txt", 1), file(2, "a.txt", 2), file(3, "a.txt", 3)];
        let (second, third) = ("a~02020202.txt", "a~03030303.txt");
        expect(&files, &[("a.txt", 1), (second, 2), (third, 3)], &[("a.txt", &["a.txt", second, third])]);
    }

    #[test]
    fn equal_files_are_shown_once() {
        let tree = expect(
            &[file(1, "a", 1), file(2, "a", 1), file(3, "a", 2), file(4, "a", 2)],
            &[("a", 1), ("a~03030303", 3)],
            &[("a", &["a", "a~03030303"])],
        );
        let twins: Vec<&Vec<String>> = tree.files.values().map(|placed| &placed.twins).collect();
        assert_eq!(twins, [&["02".repeat(16)], &["04".repeat(16)]]);
    }

    #[test]
    fn a_file_gives_way_to_a_folder() {
        for first in [1, 9] {
            let aside = alloc::format!("a~{}", alloc::format!("{first:02x}").repeat(4));
            let files = [file(first, "a", 1), file(2, "a/b", 1), file(3, "a/c", 1)];
            expect(&files, &[("a/b", 2), ("a/c", 3), (&aside, first)], &[("a", &[&aside])]);
        }
    }

    #[test]
    fn a_key_that_is_none_makes_no_file() {
        let File { key, created, body } = file(1, "a", 1);
        assert_eq!(File::read(&key, created, &body.to_value()), Ok(file(1, "a", 1)));
        for odd in ["", "1", "../../../../../../../../../../../..", &key.to_uppercase().replace('0', "A")] {
            assert_eq!(File::read(odd, created, &body.to_value()), Err(FileError::Key), "{odd:?}");
        }
    }

    #[test]
    fn a_name_aside_is_one_that_nobody_has() {
        let files = [file(1, "a", 1), file(2, "a", 2), file(3, "a~02020202", 3), file(4, "a~020202020202/x", 4)];
        expect(
            &files,
            &[("a", 1), ("a~02020202", 3), ("a~020202020202/x", 4), ("a~0202020202020202", 2)],
            &[("a", &["a", "a~0202020202020202"])],
        );
    }
}
