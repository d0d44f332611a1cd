//! Who wrote which line of a file.
//!
//! The writes to a file name those that they replace, so they are a history of their own, whatever the file was called
//! meanwhile and on which branch it was written. A line that a write has in common with one that it replaces was there
//! before; so lines go back from write to write until one is reached that replaces nothing with that line. What a merge
//! by lines wrote goes back to the side that it came from.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use trellis_core::op::blob::BlobRef;
use trellis_core::op::body::Content;
use trellis_core::op::id::OpId;
use trellis_core::op::place::Entity;
use trellis_core::output::{FilesView, OpView};
use trellis_core::time::Hlc;
use trellis_core::view::files::{FILES, FileChange, FilePath};

use super::lines::{TEXT_BYTES_MAX, common_lines, is_text, lines_of};
use super::past::{PastFile, no_file};
use super::workspace::Workspace;
use crate::error::{Code, Result, TrellisError};

/// A line of a file, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlamedLine {
    /// The line, with what ends it.
    pub text: Vec<u8>,
    /// The write of the file that brought it; none where that may be one whose content is not here.
    pub op: Option<OpId>,
}

/// The lines of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame {
    /// The lines.
    pub lines: Vec<BlamedLine>,
    /// Writes of the file whose content was needed and is not on this device.
    pub absent: Vec<OpId>,
}

/// A write that says what the file holds.
struct Version {
    /// None where its body is not here.
    content: Option<BlobRef>,
    /// The nearest writes before it that say so, too.
    parents: Vec<OpId>,
}

/// A line that is looked for: its place in the text of the write that it was followed to, and that in the file.
type Followed = (u32, u32);

impl Workspace {
    /// Who wrote which line of the file at a path, now or when the ops `at` were the heads.
    ///
    /// # Errors
    /// `not_found` where there is no file; `unsupported` where it is no text; `body_missing` where its content is not on
    /// this device. That the content of earlier writes is not here is no error.
    pub async fn blame(&self, path: &FilePath, at: &[OpId]) -> Result<Blame> {
        let view = self.repo.files(at).await?;
        let placed = view.tree.files.get(path).ok_or_else(|| no_file(path, at))?;
        let body = &placed.file.body;
        let text = self.shown_text(&PastFile { path: path.clone(), mode: body.mode, content: body.content })?;
        let writes = self.writes(&placed.file.key, at).await?;
        let history = History::of(&writes);
        let shown = history.shown(&frontier(&view, &placed.file.key), &body.content);
        Tracing { workspace: self, history: &history, texts: HashMap::new(), absent: BTreeSet::new() }
            .trace(text, shown)
    }

    fn shown_text(&self, file: &PastFile) -> Result<Vec<u8>> {
        self.read(file)?;
        let is_small = file.content.size <= TEXT_BYTES_MAX as u64;
        let text = is_small.then(|| self.blob(&file.content.blob)).transpose()?.filter(|content| is_text(content));
        text.ok_or_else(|| {
            let message = format!("{} is no text, so nobody wrote lines of it.", file.path);
            TrellisError::new(Code::Unsupported, message).at_path(self.disk.path_of(&file.path))
        })
    }

    /// The writes to a file, whole, the oldest first: those of the branch, or of the branches that the ops `at` are on.
    async fn writes(&self, key: &str, at: &[OpId]) -> Result<Vec<OpView>> {
        let entity = Entity { collection: FILES.into(), key: key.into() };
        let heads = self.repo.ops(at).await?;
        let mut branches: BTreeSet<&str> = heads.iter().map(|head| head.branch.as_str()).collect();
        branches.extend(at.is_empty().then_some(self.branch()));
        let mut ids: BTreeSet<(Hlc, OpId)> = BTreeSet::new();
        for branch in branches {
            let log = self.repo.on_branch(branch).log(Some(&entity), usize::MAX).await?;
            ids.extend(log.iter().map(|op| (op.hlc, op.id)));
        }
        self.repo.ops(&ids.into_iter().map(|(_, id)| id).collect::<Vec<_>>()).await
    }
}

fn frontier(view: &FilesView, key: &str) -> Vec<OpId> {
    view.files.get(key).map(|file| file.frontier.clone()).unwrap_or_default()
}

/// The writes to a file that say what it holds.
struct History {
    versions: HashMap<OpId, Version>,
    /// The key of the order of every write.
    order: HashMap<OpId, (Hlc, OpId)>,
    /// By write the nearest ones that say what the file holds: itself, or some of those that it replaces.
    sources: HashMap<OpId, Vec<OpId>>,
}

impl History {
    /// The history of writes, which are the oldest first. Names, modes and removals say nothing of the content, and nor
    /// does what has no effect.
    fn of(writes: &[OpView]) -> History {
        let mut history = History { versions: HashMap::new(), order: HashMap::new(), sources: HashMap::new() };
        for write in writes {
            history.order.insert(write.id, (write.hlc, write.id));
            let before = history.sources_of(&write.base);
            match said(write).filter(|_| write.is_effective) {
                None => drop(history.sources.insert(write.id, before)),
                Some(content) => {
                    history.versions.insert(write.id, Version { content, parents: before });
                    history.sources.insert(write.id, vec![write.id]);
                }
            }
        }
        history
    }

    fn sources_of(&self, writes: &[OpId]) -> Vec<OpId> {
        let mut sources: Vec<OpId> =
            writes.iter().filter_map(|write| self.sources.get(write)).flatten().copied().collect();
        sources.sort_by_key(|op| self.order.get(op).copied());
        sources.dedup();
        sources
    }

    /// The writes that what is shown comes from: one that says just that, if there is one.
    fn shown(&self, frontier: &[OpId], content: &BlobRef) -> Vec<OpId> {
        let sources = self.sources_of(frontier);
        let says = |op: &&OpId| self.versions.get(*op).is_some_and(|version| version.content == Some(*content));
        let first = sources.iter().find(says).copied();
        first.map_or(sources, |first| vec![first])
    }
}

/// What a write says of the content: something, or something that is not here; none where it says nothing.
fn said(write: &OpView) -> Option<Option<BlobRef>> {
    let op = write.stored.as_ref()?.rehash().ok()?;
    let format = op.header().body.map(|body| body.format);
    match Content::decode(op.header().kind, format, op.body()) {
        Content::Missing(_) => Some(None),
        content => FileChange::of(&content).content.map(Some),
    }
}

/// Lines on their way back.
struct Tracing<'a> {
    workspace: &'a Workspace,
    history: &'a History,
    /// What writes hold that lines were followed to.
    texts: HashMap<OpId, Vec<u8>>,
    absent: BTreeSet<OpId>,
}

impl Tracing<'_> {
    fn trace(mut self, text: Vec<u8>, shown: Vec<OpId>) -> Result<Blame> {
        let lines = lines_of(&text);
        let mut blamed: Vec<BlamedLine> =
            lines.iter().map(|line| BlamedLine { text: line.to_vec(), op: None }).collect();
        let all = (0..lines.len() as u32).map(|line| (line, line)).collect();
        let mut open: BTreeMap<(Hlc, OpId), Vec<Followed>> = BTreeMap::new();
        self.go_back(&text, all, shown, &mut open)?;
        while let Some(((_, op), mut followed)) = open.pop_last() {
            let (Some(version), Some(text)) = (self.history.versions.get(&op), self.texts.remove(&op)) else {
                continue;
            };
            followed.sort_unstable();
            let (rest, is_certain) = self.go_back(&text, followed, version.parents.clone(), &mut open)?;
            for (_, line) in rest {
                blamed[line as usize].op = is_certain.then_some(op);
            }
        }
        Ok(Blame { lines: blamed, absent: self.absent.into_iter().collect() })
    }

    /// Follows lines of a text to those of some writes that have them. Returns the lines that none has, and whether that
    /// is certain: what is not here may have them.
    fn go_back(
        &mut self,
        text: &[u8],
        mut followed: Vec<Followed>,
        mut parents: Vec<OpId>,
        open: &mut BTreeMap<(Hlc, OpId), Vec<Followed>>,
    ) -> Result<(Vec<Followed>, bool)> {
        let mut is_certain = true;
        let mut asked: HashSet<OpId> = HashSet::new();
        parents.reverse();
        while let Some(parent) = parents.pop().filter(|_| !followed.is_empty()) {
            if !asked.insert(parent) {
                continue;
            }
            let (Some(version), Some(order)) = (self.history.versions.get(&parent), self.history.order.get(&parent))
            else {
                continue;
            };
            let Some(before) = self.text(parent, version)? else {
                self.absent.insert(parent);
                is_certain = false;
                parents.extend(version.parents.iter().rev());
                continue;
            };
            let common: HashMap<u32, u32> = common_lines(&before, text).collect();
            let found = followed.iter().filter_map(|(own, line)| Some((*common.get(own)?, *line)));
            let found: Vec<Followed> = found.collect();
            if !found.is_empty() {
                followed.retain(|(own, _)| !common.contains_key(own));
                open.entry(*order).or_default().extend(found);
                self.texts.insert(parent, before);
            }
        }
        Ok((followed, is_certain))
    }

    /// What a write holds, where that is here; nothing where it is no text.
    fn text(&mut self, op: OpId, version: &Version) -> Result<Option<Vec<u8>>> {
        if let Some(text) = self.texts.get(&op) {
            return Ok(Some(text.clone()));
        }
        let Some(BlobRef { blob, size }) = version.content else { return Ok(None) };
        if self.workspace.store.blob_size(&blob)?.is_none() {
            return Ok(None);
        }
        let text = (size <= TEXT_BYTES_MAX as u64).then(|| self.workspace.blob(&blob)).transpose()?;
        Ok(Some(text.filter(|text| is_text(text)).unwrap_or_default()))
    }
}
