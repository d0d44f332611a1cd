//! What a folder's `.trellisignore` files say is passed over, with git's rules: the innermost file that names a path
//! decides, and in it the last line.

use std::path::Path;
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The files whose rules say what is passed over.
pub const IGNORE: &str = ".trellisignore";

/// A line of a file of rules that is no rule, or a whole file that cannot be read. It passes nothing over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BadRule {
    /// The file, from the folder on.
    pub path: String,
    /// Which line it is, from 1; none for the whole file.
    pub line: Option<u64>,
    /// What is wrong.
    pub why: String,
}

/// The rules of a folder and of those above it.
#[derive(Debug)]
pub(super) struct Rules {
    own: Gitignore,
    above: Option<Arc<Rules>>,
}

impl Rules {
    /// Reads the rules of a folder below `root`, and tells `bad` which of them are none.
    pub(super) fn read(root: &Path, folder: &Path, above: Option<Arc<Rules>>, bad: &mut Vec<BadRule>) -> Rules {
        let file = folder.join(IGNORE);
        let mut builder = GitignoreBuilder::new(folder);
        // A file that is not there by now, or cannot be read, has no rules.
        if let Some(cause) = builder.add(&file).filter(|cause| !cause.is_io()) {
            bad.extend(bad_rules(root, &file, &cause));
        }
        let own = builder.build().unwrap_or_else(|cause| {
            bad.extend(bad_rules(root, &file, &cause));
            Gitignore::empty()
        });
        Rules { own, above }
    }

    /// Whether these rules pass over what stands at a path in their folder or below it.
    pub(super) fn pass_over(&self, path: &Path, is_folder: bool) -> bool {
        let mut rules = Some(self);
        while let Some(Rules { own, above }) = rules {
            match own.matched(path, is_folder) {
                ignore::Match::None => rules = above.as_deref(),
                named => return named.is_ignore(),
            }
        }
        false
    }
}

/// What is wrong with the rules in a file.
fn bad_rules(root: &Path, file: &Path, cause: &ignore::Error) -> Vec<BadRule> {
    let (mut rules, mut open) = (Vec::new(), vec![(cause, file.to_owned(), None)]);
    while let Some((cause, path, line)) = open.pop() {
        match cause {
            ignore::Error::Partial(causes) => open.extend(causes.iter().map(|cause| (cause, path.clone(), line))),
            ignore::Error::WithPath { path, err } => open.push((err, path.clone(), line)),
            ignore::Error::WithLineNumber { line, err } => open.push((err, path, Some(*line))),
            ignore::Error::WithDepth { err, .. } => open.push((err, path, line)),
            cause => rules.push(BadRule { path: below(root, &path), line, why: cause.to_string() }),
        }
    }
    rules
}

fn below(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}
