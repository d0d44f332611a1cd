//! The files of a branch, now or as they were.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::read::Purpose;
use super::{Machine, Outputs};
use crate::error::CommandError;
use crate::input::Request;
use crate::log::graph::{Branch, Entity, Node};
use crate::log::set::Bits;
use crate::op::id::OpId;
use crate::output::{FileView, FilesView};
use crate::view::files::{FILES, File, FileError, Tree};
use crate::view::state::Contents;

/// What of a branch's log is looked at.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    branch: Branch,
    /// The ops that there were then; none for now.
    past: Option<Bits>,
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
        let of_entity = |entity: &Entity| self.writes_in_scope(&scope, *entity);
        let mut entities: Vec<Entity> = self.graph.entities_in(FILES).collect();
        entities.retain(|entity| !of_entity(entity).is_empty());
        let nodes = entities.iter().flat_map(of_entity).collect();
        self.read(nodes, Purpose::Files(request, scope, entities), out);
        Ok(())
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

    pub(super) fn files(&self, scope: &Scope, entities: &[Entity], contents: &Contents) -> FilesView {
        let mut view = FilesView::default();
        let mut files = Vec::new();
        for entity in entities {
            match self.file(scope, *entity, contents) {
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
    fn file(&self, scope: &Scope, entity: Entity, contents: &Contents) -> Option<(Result<File, FileError>, FileView)> {
        let nodes = self.writes_in_scope(scope, entity);
        let created = nodes.iter().map(|node| self.graph.ord(*node)).min()?;
        let merged = self.merged_of(scope.branch, entity, &nodes, contents);
        let file = File::shown(self.graph.entity_name(entity).1, created, &merged)?;
        Some((file, FileView { frontier: merged.base(), conflicts: merged.conflicts }))
    }
}
