//! What a plan comes to: the writes of a record, and what the files are made of when they are written.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use trellis_core::input::{Base, Change, Edit};
use trellis_core::merge::entity::Shown;
use trellis_core::op::hex;
use trellis_core::op::id::OpId;
use trellis_core::output::EntityView;
use trellis_core::view::files::{FILES, FileBody, FilePath};

use super::plan::{Plan, Present, Wanted};
use super::tree::Folder;

/// The bytes of a file's key.
const KEY_BYTES: usize = 16;

/// What a record made of the files.
pub(super) struct Outcome<'a> {
    pub plan: Plan,
    pub wanted: BTreeMap<FilePath, Wanted>,
    pub present: Vec<Present>,
    pub changes: Vec<FileChange>,
    /// What was written, the note not among it.
    pub ops: &'a [OpId],
}

impl Outcome<'_> {
    /// The key of each file that is wanted, and the writes that it is made of now.
    pub(super) fn written(&self) -> HashMap<FilePath, (Arc<str>, Arc<[OpId]>)> {
        let kept = self.plan.files.iter().filter_map(|(path, number)| {
            let present = &self.present[(*number)?];
            Some((path.clone(), (present.key.clone(), present.base.clone())))
        });
        let mut written: HashMap<_, _> = kept.collect();
        let first = self.ops.len().saturating_sub(self.changes.len());
        for (change, op) in self.changes.iter().zip(&self.ops[first..]) {
            if let Some(path) = &change.path {
                written.insert(path.clone(), (change.key.clone(), Arc::from([*op])));
            }
        }
        written
    }
}

/// One file's write.
pub(super) struct FileChange {
    key: Arc<str>,
    /// Where the file is; none where it goes.
    path: Option<FilePath>,
    held: Option<Wanted>,
    base: Arc<[OpId]>,
}

impl FileChange {
    pub(super) fn edit(&self) -> Edit {
        let change = match (&self.path, self.held) {
            (Some(path), Some(Wanted { content, mode })) => {
                Change::Replace(FileBody { path: path.clone(), content, mode }.to_value())
            }
            _ => Change::Delete,
        };
        file_edit(&self.key, change, Base::Ops(self.base.to_vec()))
    }
}

/// The writes that a plan comes to.
pub(super) fn changes(
    plan: &Plan,
    wanted: &BTreeMap<FilePath, Wanted>,
    present: &[Present],
    seed: &str,
) -> Vec<FileChange> {
    let mut changes = Vec::new();
    for (path, number) in &plan.files {
        let held = wanted.get(path).copied();
        let file = number.map(|number| &present[number]);
        let is_so = |file: &Present| {
            file.is_settled && file.shown.as_ref().is_some_and(|(at, shown)| at == path && Some(*shown) == held)
        };
        if file.is_some_and(is_so) {
            continue;
        }
        let (key, base) = match file {
            Some(file) => (file.key.clone(), file.base.clone()),
            None => (new_key(seed, path), Arc::from([])),
        };
        changes.push(FileChange { key, path: Some(path.clone()), held, base });
    }
    let gone = plan.gone.iter().map(|number| &present[*number]);
    changes.extend(gone.map(|file| FileChange {
        key: file.key.clone(),
        path: None,
        held: None,
        base: file.base.clone(),
    }));
    changes
}

pub(super) fn file_edit(key: &str, change: Change, base: Base) -> Edit {
    Edit::Entity { collection: FILES.into(), key: key.into(), change, base }
}

/// The key of a file that a commit brings: the same wherever the commit is imported.
fn new_key(seed: &str, path: &FilePath) -> Arc<str> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(seed.as_bytes()).update(&[0]).update(path.as_bytes());
    hex::encode(&hasher.finalize().as_bytes()[..KEY_BYTES]).into()
}

/// The files that a state has at some paths.
pub(super) fn present_in<'p>(files: &Folder, paths: impl Iterator<Item = &'p Vec<u8>>) -> BTreeMap<Arc<str>, Present> {
    let present = paths.filter_map(|path| {
        let tracked = files.get(path)?.tracked.as_ref()?;
        let path = FilePath::new(path.clone()).ok()?;
        let held = Wanted { content: tracked.content, mode: tracked.mode };
        let present = Present {
            key: tracked.key.clone(),
            before: Some(path.clone()),
            shown: Some((path, held)),
            base: tracked.base.clone(),
            is_settled: true,
        };
        Some((tracked.key.clone(), present))
    });
    present.collect()
}

/// A file as the repo shows it after a merge.
pub(super) fn present_as(key: Arc<str>, before: Option<FilePath>, view: EntityView) -> Present {
    let body = match &view.shown {
        Shown::Json(value) => FileBody::parse(value).ok(),
        _ => None,
    };
    let shown = body.map(|body| (body.path, Wanted { content: body.content, mode: body.mode }));
    Present { key, before, shown, base: view.frontier.into(), is_settled: view.conflicts.is_empty() }
}
