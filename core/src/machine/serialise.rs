//! What a serialiser answers: on a linear branch whose policy names this replica, an op that does not continue the line
//! that was here first is told so, with the line's head.

use alloc::vec::Vec;

use super::Machine;
use crate::link::message::Reason;
use crate::log::graph::{Branch, Node};
use crate::op::hex;
use crate::op::id::OpId;

impl Machine {
    /// The lines that this replica serialises, each with its head; a line that has diverged already has none.
    pub(super) fn serialised(&self) -> Vec<(Branch, Node)> {
        let authority = &self.state.authority;
        let head = |branch: Branch| {
            let line = authority.line(branch)?;
            let is_mine = self.is_named(authority.serialiser(branch)?);
            line.heads.first().copied().filter(|_| is_mine && !line.is_diverged).map(|head| (branch, head))
        };
        self.graph.branches().filter_map(head).collect()
    }

    /// Why peers are told that ops which were just admitted have no effect, or make a line diverge; and the head of that
    /// line as it was before.
    pub(super) fn withheld(&self, admitted: &[Node], lines: &[(Branch, Node)]) -> (Vec<(OpId, Reason)>, Option<OpId>) {
        let mut withheld = Vec::new();
        let mut of_line = None;
        for node in admitted.iter().copied() {
            let line = lines.iter().find(|(branch, head)| self.is_beside(node, *branch, *head));
            match line {
                Some((_, head)) => {
                    of_line.get_or_insert(self.graph.id(*head));
                    withheld.push((self.graph.id(node), Reason::NotFastForward));
                }
                None if !self.is_effective(node) => withheld.push((self.graph.id(node), Reason::NotPermitted)),
                None => {}
            }
        }
        (withheld, of_line)
    }

    /// Whether an op stands on a line that has diverged, and not on what was its head.
    fn is_beside(&self, node: Node, branch: Branch, head: Node) -> bool {
        self.graph.branch(node) == branch
            && self.state.authority.line(branch).is_some_and(|line| line.is_diverged)
            && !self.graph.past([node].into_iter()).contains(head)
    }

    /// Whether a policy's peer is this replica: by its key in hex, or by its name among the members.
    fn is_named(&self, peer: &str) -> bool {
        let members = self.state.authority.members();
        hex::encode(self.author.as_bytes()) == peer
            || members.iter().any(|member| {
                member.author == self.author && member.role.is_some() && member.name.as_deref() == Some(peer)
            })
    }
}
