//! Rebase: this device's ops of a linear branch, written anew on top of the line that stays.
//!
//! The first new op has the kept head as its parent and the last old op as its `prev`, which is what withdraws the old
//! ones (`admit::linear`). What the ops say and replace stays the same, so a clash with the kept line is a conflict.

use alloc::string::String;
use alloc::vec::Vec;

use super::Machine;
use super::seal::{Draw, Sealing};
use super::write::Ground;
use crate::error::CommandError;
use crate::input::Edit;
use crate::log::graph::{Branch, Node};
use crate::op::id::OpId;
use crate::op::kind::Kind;
use crate::ordered::Map;

impl Machine {
    /// The ops that a rebase writes anew, in the order of their chain.
    pub(super) fn rebased(&self, branch: Branch, edit: &Edit) -> Vec<Node> {
        let onto = match edit {
            Edit::Rebase { onto } => self.graph.find(onto),
            _ => None,
        };
        let (Some(onto), Some(line)) = (onto, self.state.authority.line(branch)) else { return Vec::new() };
        let kept = self.graph.parents_past(onto);
        let is_ours = |node: &Node| {
            self.graph.branch(*node) == branch
                && self.graph.author(*node) == self.author
                && !kept.contains(*node)
                && !line.withdrawn.contains(*node)
        };
        self.graph.nodes().filter(is_ours).collect()
    }

    pub(super) fn seal_rebase(
        &self,
        onto: OpId,
        ground: &Ground,
        sealing: &mut Sealing<'_>,
    ) -> Result<(), CommandError> {
        let branch = self.branch(sealing.branch)?;
        let mut anew: Map<OpId, OpId> = Map::new();
        for node in self.rebased(branch, &Edit::Rebase { onto }) {
            let (draw, actor) = self.drawn_again(node, ground, &anew)?;
            sealing.actor = actor;
            if draw.kind == Kind::Merge {
                let elsewhere = self.graph.parents(node).filter(|parent| self.graph.branch(*parent) != branch);
                sealing.parents.extend(elsewhere.map(|parent| self.graph.id(parent)));
            }
            self.push(draw, sealing)?;
            anew.extend(sealing.parents.first().map(|new| (self.graph.id(node), *new)));
        }
        Ok(())
    }

    /// An op as it is to be written again, and on whose behalf.
    fn drawn_again(
        &self,
        node: Node,
        ground: &Ground,
        anew: &Map<OpId, OpId>,
    ) -> Result<(Draw, Option<String>), CommandError> {
        let id = self.graph.id(node);
        let stored = ground.ops.get(&node).ok_or(CommandError::Corrupt(id))?;
        let op = stored.rehash().map_err(|_| CommandError::Corrupt(id))?;
        let header = op.header();
        let body = match (header.body, op.body()) {
            (Some(named), Some(body)) => Some((named.format, body.to_vec())),
            (None, _) => None,
            (Some(_), None) => return Err(CommandError::BodyMissing(crate::op::pointer::Pointer::ROOT)),
        };
        let base = header.base.iter().map(|base| anew.get(&base).copied().unwrap_or(base)).collect();
        let (collection, key) = (String::from(header.collection), String::from(header.key));
        Ok((Draw { collection, key, kind: header.kind, body, base }, header.actor.map(String::from)))
    }
}
