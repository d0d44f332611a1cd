//! The files of a branch, now or as they were.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::read::Purpose;
use super::scope::Scope;
use super::{Machine, Outputs, reply};
use crate::error::CommandError;
use crate::input::Request;
use crate::log::graph::{Entity, Node};
use crate::log::row::StoredOp;
use crate::op::body::Content;
use crate::op::id::OpId;
use crate::op::kind::Kind;
use crate::ordered::{Map, Set};
use crate::output::{Answer, FileView, FilesView};
use crate::view::files::{FILES, File, FileChange, FileError, FilePath, Tree};
use crate::view::state::Contents;

/// Who asked for files, where, and which entities may be some.
type AskedFiles = (Request, Scope, Vec<Entity>);

/// Writes as they were read.
pub(super) struct Writes<'a> {
    pub(super) nodes: Vec<Node>,
    pub(super) ops: &'a [Option<StoredOp>],
}

impl Machine {
    pub(super) fn read_files(
        &mut self,
        request: Request,
        branch: &str,
        at: &[OpId],
        out: &mut Outputs,
    ) -> Result<(), CommandError> {
        let scope = self.scope(branch, at)?;
        let frontiers = self.graph.entities_in(FILES).map(|entity| (entity, self.frontier_in_scope(&scope, entity)));
        let there = frontiers.filter(|(_, frontier)| !frontier.is_empty() && !self.is_deletion(frontier));
        let (entities, frontiers): (Vec<Entity>, Vec<Vec<Node>>) = there.unzip();
        let none = Contents::new();
        let nodes = frontiers.into_iter().flat_map(|frontier| self.deciding_from(frontier, &none)).collect();
        self.read(nodes, Purpose::Files(request, scope, entities), out);
        Ok(())
    }

    /// Whether these writes, which no other names as base, leave nothing: each of them is a deletion, and every other write
    /// was seen by one of them.
    fn is_deletion(&self, frontier: &[Node]) -> bool {
        let deletes =
            |node: &Node| self.graph.kind(*node) == Kind::Delete && self.state.is_overwrite(&self.graph, *node);
        frontier.iter().all(deletes)
    }

    /// Answers when the writes that decide about files were read. Where a write turned out to say nothing, those
    /// before it have to be read, too.
    pub(super) fn on_files_read(
        &mut self,
        (request, scope, entities): AskedFiles,
        read: Writes<'_>,
        out: &mut Outputs,
    ) {
        let contents = match self.contents(&read.nodes, read.ops) {
            Ok(contents) => contents,
            Err(error) => return reply(out, request, Err(error)),
        };
        let writes = self.deciding_among(&read.nodes, &contents);
        let is_unread = |node: &Node| !contents.contains_key(node);
        let unread: Vec<Node> = writes.values().flatten().copied().filter(is_unread).collect();
        if !unread.is_empty() {
            return self.read([read.nodes, unread].concat(), Purpose::Files(request, scope, entities), out);
        }
        let files = self.files(&scope, &entities, &writes, &contents);
        reply(out, request, Ok(Answer::Files(files)));
    }

    pub(super) fn read_files_ever(
        &mut self,
        request: Request,
        branch: &str,
        path: FilePath,
        out: &mut Outputs,
    ) -> Result<(), CommandError> {
        let branch = self.branch(branch)?;
        let entities = self.graph.entities_in(FILES);
        let nodes = entities.flat_map(|entity| self.writes_in_log(branch, entity)).collect();
        self.read(nodes, Purpose::FilesEver(request, path), out);
        Ok(())
    }

    /// The keys of those files of which a write says that they are at a path, or below it.
    pub(super) fn files_ever(&self, nodes: &[Node], ops: &[Option<StoredOp>], path: &FilePath) -> Vec<String> {
        let mut keys = Set::new();
        for (node, op) in nodes.iter().zip(ops) {
            let key = self.graph.entity_name(self.graph.entity(*node)).1;
            if !keys.contains(key) && op.as_ref().and_then(path_said).is_some_and(|said| said.is_below(path)) {
                keys.insert(String::from(key));
            }
        }
        keys.into_iter().collect()
    }

    fn files(
        &self,
        scope: &Scope,
        entities: &[Entity],
        writes: &Map<Entity, Vec<Node>>,
        contents: &Contents,
    ) -> FilesView {
        let mut view = FilesView::default();
        let mut files = Vec::new();
        for entity in entities {
            let deciding = writes.get(entity).map_or(&[][..], Vec::as_slice);
            match self.file(scope, *entity, deciding, contents) {
                None => {}
                Some((Ok(file), more)) => {
                    view.files.insert(file.key.clone(), more);
                    files.push(file);
                }
                Some((Err(why), _)) => {
                    view.refused.insert(self.graph.entity_name(*entity).1.to_string(), why);
                }
            }
        }
        view.tree = Tree::of(files);
        view
    }

    /// One file; none where it is deleted.
    fn file(
        &self,
        scope: &Scope,
        entity: Entity,
        deciding: &[Node],
        contents: &Contents,
    ) -> Option<(Result<File, FileError>, FileView)> {
        let writes = self.writes_in_scope(scope, entity);
        let created = writes.iter().map(|node| self.graph.ord(*node)).min()?;
        let merged = self.merged_of(self.graph.branch_name(scope.branch), entity, deciding, contents);
        let file = File::shown(self.graph.entity_name(entity).1, created, &merged)?;
        Some((file, FileView { frontier: merged.base(), conflicts: merged.conflicts }))
    }
}

/// What the body of a write has in its bytes if it says a path: JSON bodies are canonical.
const SAYS_PATH: &[u8] = b"path\":";

/// The path that a write gives its file, if it gives one.
fn path_said(op: &StoredOp) -> Option<FilePath> {
    op.body.as_ref().filter(|body| body.windows(SAYS_PATH.len()).any(|bytes| bytes == SAYS_PATH))?;
    let op = op.rehash().ok()?;
    let format = op.header().body.map(|body| body.format);
    FileChange::of(&Content::decode(op.header().kind, format, op.body())).path
}
