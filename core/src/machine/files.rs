//! The files of a branch, now or as they were.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec::Vec;

use super::read::Purpose;
use super::{Machine, Outputs, reply};
use crate::error::CommandError;
use crate::input::Request;
use crate::log::graph::{Branch, Entity, Node};
use crate::log::row::StoredOp;
use crate::log::set::Bits;
use crate::merge::entity::Shown;
use crate::op::id::OpId;
use crate::op::kind::Kind;
use crate::output::{Answer, FileView, FilesView};
use crate::view::files::{FILES, File, FileError, Tree};
use crate::view::state::Contents;

/// What of a branch's log is looked at.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    branch: Branch,
    /// The ops that there were then; none for now.
    past: Option<Bits>,
}

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

    /// Whether these writes, which no other names as base, are one deletion: it has seen all others.
    fn is_deletion(&self, frontier: &[Node]) -> bool {
        match frontier {
            [only] => self.graph.kind(*only) == Kind::Delete && self.state.is_overwrite(&self.graph, *only),
            _ => false,
        }
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

    fn scope(&self, branch: &str, at: &[OpId]) -> Result<Scope, CommandError> {
        let branch = self.branch(branch)?;
        let find = |id: &OpId| self.graph.find(id).ok_or(CommandError::NoOp(*id));
        let heads = at.iter().map(find).collect::<Result<Vec<Node>, _>>()?;
        let past = (!heads.is_empty()).then(|| self.graph.past(heads.into_iter()));
        Ok(Scope { branch, past })
    }

    fn writes_in_scope(&self, scope: &Scope, entity: Entity) -> Vec<Node> {
        match &scope.past {
            None => self.writes_in_log(scope.branch, entity),
            Some(past) => self.graph.writes(entity).filter(|node| past.contains(*node)).collect(),
        }
    }

    /// The writes to an entity that no other write in the scope names as base.
    fn frontier_in_scope(&self, scope: &Scope, entity: Entity) -> Vec<Node> {
        let Some(_) = &scope.past else { return self.graph.frontier(scope.branch, entity) };
        let writes = self.writes_in_scope(scope, entity);
        let named: BTreeSet<Node> = writes.iter().flat_map(|node| self.graph.base(*node)).collect();
        writes.into_iter().filter(|node| !named.contains(node)).collect()
    }

    fn files(
        &self,
        scope: &Scope,
        entities: &[Entity],
        writes: &BTreeMap<Entity, Vec<Node>>,
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
        let merged = self.merged_of(scope.branch, entity, deciding, contents);
        let file = match &merged.shown {
            Shown::Absent if merged.conflicts.is_empty() => return None,
            Shown::Json(value) => File::read(self.graph.entity_name(entity).1, created, value),
            Shown::Absent | Shown::Bytes(_) | Shown::BodyMissing => Err(FileError::Value),
        };
        Some((file, FileView { frontier: merged.base(), conflicts: merged.conflicts }))
    }
}
