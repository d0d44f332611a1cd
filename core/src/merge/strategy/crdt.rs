//! `crdt`: the live parts in order, and never a conflict. For presence, cursors, layout.
//!
//! Nothing is flagged, so nothing is provisional either: a delete counts like any other overwrite.

use alloc::vec::Vec;

use super::super::entity::{Entity, EntityRef, Shown};
use super::super::history::History;
use super::super::live::View;
use super::super::manifest::Tiebreak;
use super::super::parts::Parts;
use super::super::value::{Precedence, value};
use crate::op::pointer::Pointer;
use crate::ordered::Set;

pub(in super::super) fn merge(entity: &EntityRef<'_>, history: &History<'_>) -> Entity {
    let parts = Parts::of(history);
    let view = View { history, parts: &parts, past: history.everything(), unwritten: Set::new() };
    let live = view.live(&Pointer::ROOT);
    let precedence = Precedence { tiebreak: Tiebreak::Ord, owner: entity.owner };
    let shown = match live.is_bodyless {
        true => Shown::BodyMissing,
        false => value(history, &live, Vec::new(), precedence),
    };
    Entity { frontier: history.ids(history.frontier()), shown, conflicts: Vec::new(), settled: Vec::new() }
}
