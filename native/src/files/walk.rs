//! Looking through the folder: what is there, with its stamps, links not followed, and what is not.
//!
//! What `.trellisignore` files name is passed over, with git's rules, unless it is tracked already. `.git`, `.trellis`
//! and folders with a repo of their own are not looked into. What is in a folder is compared with the index at once, in
//! the order of both, so of a file that its stamps prove no more than a count is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use trellis_core::view::files::FilePath;

use super::content::mode_of;
use super::crew;
use super::disk::{Disk, is_link_in_the_way};
use super::index::{Entry, Index};
use super::listing::{Held, Listing};
use super::rules::{BadRule, IGNORE, Rules};
use super::scan::is_proven;
use super::stat::{Kind, Seen, is_absent};
use crate::error::{Result, from_io};
use crate::folder::NAME;

/// What a folder holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Files and links that are not tracked, or are and may have changed.
    pub files: BTreeMap<FilePath, Seen>,
    /// Tracked files that are not there.
    pub gone: Vec<FilePath>,
    /// How many tracked files are proven by their stamps.
    pub proven: u64,
    /// What was passed over although nobody named it, and why.
    pub skipped: BTreeMap<String, Skipped>,
    /// Rules that are none.
    pub bad_rules: BTreeSet<BadRule>,
}

/// Why something in a folder cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// A socket, a pipe or a device.
    NoFile,
    /// A folder with a repo of its own.
    OtherRepo,
    /// A name that no repo may hold.
    Name,
}

/// Looks through a folder. Tracked files are there even if a rule passes them over.
///
/// # Errors
/// What the system reports. A rule that is none passes nothing over, as in git, and is told.
pub(super) fn walk(root: &Path, disk: &Disk, index: &Index) -> Result<Found> {
    let tracked: Vec<Tracked<'_>> = index.files.iter().collect();
    let walk = Walk { root, disk, index };
    let all = Inside { below: Vec::new(), tracked: &tracked, rules: None };
    let mut found = Found::default();
    for part in crew::do_all(all, |folder, inside, part| walk.look_into(folder, inside, part))? {
        found.take(part, disk)?;
    }
    Ok(found)
}

impl Found {
    fn take(&mut self, part: Part<'_>, disk: &Disk) -> Result<()> {
        self.files.extend(part.files);
        self.proven += part.proven;
        self.skipped.extend(part.skipped);
        self.bad_rules.extend(part.bad_rules);
        for (path, _) in part.unmet {
            match disk.seen(path)? {
                Some(seen) if mode_of(seen.kind).is_some() => drop(self.files.insert(path.clone(), seen)),
                _ => self.gone.push(path.clone()),
            }
        }
        Ok(())
    }
}

/// A file of the index.
type Tracked<'i> = (&'i FilePath, &'i Entry);

/// What one thread found.
#[derive(Default)]
struct Part<'i> {
    files: Vec<(FilePath, Seen)>,
    /// Tracked files that were not met: gone, or named by a rule that came after them.
    unmet: Vec<Tracked<'i>>,
    proven: u64,
    skipped: Vec<(String, Skipped)>,
    bad_rules: Vec<BadRule>,
}

impl Part<'_> {
    fn skip(&mut self, path: &[u8], why: Skipped) {
        self.skipped.push((String::from_utf8_lossy(path).into_owned(), why));
    }
}

/// A folder that is to be looked into.
struct Inside<'t, 'i> {
    /// Its path from the root on, with a slash behind it; the root's is empty.
    below: Vec<u8>,
    /// The tracked files below it that were not met yet, in order.
    tracked: &'t [Tracked<'i>],
    /// The rules of the folders above it, and then its own.
    rules: Option<Arc<Rules>>,
}

impl<'t, 'i> Inside<'t, 'i> {
    /// Its path without the slash.
    fn path(&self) -> &[u8] {
        self.below.strip_suffix(b"/").unwrap_or(&self.below)
    }

    /// Where a name in it leads to.
    fn path_to(&self, name: &[u8]) -> Vec<u8> {
        [&self.below, name].concat()
    }

    /// The path of a tracked file from this folder on.
    fn rest<'p>(&self, (path, _): &Tracked<'p>) -> &'p [u8] {
        path.as_bytes().get(self.below.len()..).unwrap_or_default()
    }

    /// Takes the tracked files that stand before a name.
    fn take_before(&mut self, name: &[u8]) -> &'t [Tracked<'i>] {
        let before = self.tracked.iter().take_while(|file| self.rest(file) < name).count();
        self.take(before)
    }

    /// Takes the tracked files below a folder in it, which are next.
    fn take_below(&mut self, name: &[u8]) -> &'t [Tracked<'i>] {
        self.take(self.tracked.partition_point(|file| self.rest(file).starts_with(name)))
    }

    /// Takes the tracked file of a name, if it is next.
    fn take_named(&mut self, name: &[u8]) -> Option<Tracked<'i>> {
        let is_next = self.tracked.first().is_some_and(|file| self.rest(file) == name);
        self.take(is_next.into()).first().copied()
    }

    fn take(&mut self, count: usize) -> &'t [Tracked<'i>] {
        let (taken, left) = self.tracked.split_at(count);
        self.tracked = left;
        taken
    }
}

/// What all threads look at.
struct Walk<'w> {
    root: &'w Path,
    disk: &'w Disk,
    index: &'w Index,
}

impl Walk<'_> {
    /// Compares what a folder holds with the tracked files below it, and leaves what its folders hold for later.
    fn look_into<'t, 'i>(
        &self,
        mut folder: Inside<'t, 'i>,
        inside: &mut Vec<Inside<'t, 'i>>,
        part: &mut Part<'i>,
    ) -> Result<()> {
        if let Some(listing) = self.list(&mut folder, part)? {
            for held in &listing.held {
                part.unmet.extend(folder.take_before(&held.name));
                if held.is_folder {
                    let tracked = folder.take_below(&held.name);
                    let below = folder.path_to(&held.name);
                    inside.push(Inside { below, tracked, rules: folder.rules.clone() });
                } else {
                    self.look_at(&mut folder, &listing, &held.name, part)?;
                }
            }
        }
        part.unmet.extend(folder.tracked);
        Ok(())
    }

    /// What is in a folder that no rule passes over, in order; none where the folder is gone, or is another repo.
    fn list(&self, folder: &mut Inside<'_, '_>, part: &mut Part<'_>) -> Result<Option<Listing>> {
        let path = self.root.join(OsStr::from_bytes(folder.path()));
        let is_other_repo = || !folder.below.is_empty() && path.join(NAME).join("store.db").is_file();
        let mut listing = match Listing::read(self.disk, folder.path()) {
            Err(cause) if is_absent(&cause) || is_link_in_the_way(&cause) => return Ok(None),
            Err(cause) if !is_other_repo() => return Err(from_io("look into", &path, cause)),
            Ok(listing) if !listing.has(NAME) || !is_other_repo() => listing,
            _ => {
                part.skip(folder.path(), Skipped::OtherRepo);
                return Ok(None);
            }
        };
        if listing.has(IGNORE) {
            let rules = Rules::read(self.root, &path, folder.rules.take(), &mut part.bad_rules);
            folder.rules = Some(Arc::new(rules));
        }
        listing.held.retain(|held| !is_passed_over(folder.rules.as_deref(), &path, held));
        listing.held.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        Ok(Some(listing))
    }

    /// Looks at what is no folder.
    fn look_at<'i>(
        &self,
        folder: &mut Inside<'_, 'i>,
        listing: &Listing,
        name: &[u8],
        part: &mut Part<'i>,
    ) -> Result<()> {
        let path = || folder.path_to(name);
        let failed = |cause| from_io("look at", &self.root.join(OsStr::from_bytes(&path())), cause);
        match listing.look_at(name).map_err(failed)? {
            Some(seen) if seen.kind == Kind::Other => part.skip(&path(), Skipped::NoFile),
            Some(seen) if seen.kind != Kind::Folder => match folder.take_named(name) {
                Some((_, entry)) if is_proven(self.index, entry, &seen) => part.proven += 1,
                Some((path, _)) => part.files.push((path.clone(), seen)),
                None => match FilePath::new(folder.path_to(name)) {
                    Ok(path) => part.files.push((path, seen)),
                    Err(_) => part.skip(&folder.path_to(name), Skipped::Name),
                },
            },
            // It became a folder, or went, since it was listed.
            _ => {}
        }
        Ok(())
    }
}

fn is_passed_over(rules: Option<&Rules>, folder: &Path, held: &Held) -> bool {
    let name = OsStr::from_bytes(held.plain_name());
    name == NAME || name == ".git" || rules.is_some_and(|rules| rules.pass_over(&folder.join(name), held.is_folder))
}
