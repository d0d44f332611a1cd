//! Ops that were read from the store, as frames. What many links send at once is proved and written only once.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::link::message::Form;
use crate::link::ops::Columns;
use crate::link::pack::{Signatures, pack};
use crate::link::runs::order_runs;
use crate::log::graph::{Graph, Node};
use crate::log::row::StoredOp;
use crate::op::sign::VerifiedOp;

/// Ops that were read for links.
#[derive(Debug)]
pub struct ReadOps {
    asked: Vec<Node>,
    ops: Vec<Option<StoredOp>>,
    binary: Option<Frames>,
    text: Option<Frames>,
}

/// What was read as frames of one form.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The ops that are what the graph says.
    pub(super) proved: Vec<Node>,
    pub(super) frames: Vec<ReadyFrame>,
}

/// A frame but for what a link alone knows.
#[derive(Debug)]
pub(super) struct ReadyFrame {
    pub(super) members: Vec<Node>,
    pub(super) ops: ReadyOps,
}

#[derive(Debug)]
pub(super) enum ReadyOps {
    Binary(Box<Columns>),
    Text(Vec<StoredOp>),
}

impl ReadOps {
    /// What the store answered to the question for the ops `asked`: in their order, and those that were too many at once
    /// are absent at the end.
    pub fn new(asked: Vec<Node>, mut ops: Vec<Option<StoredOp>>, graph: &Graph) -> ReadOps {
        for (node, op) in asked.iter().zip(&mut ops) {
            let Some(op) = op else { continue };
            op.signature = op.signature.or_else(|| graph.late_signature(*node).copied());
        }
        ReadOps { asked, ops, binary: None, text: None }
    }

    /// How many of the ops were looked for.
    pub(super) fn count(&self) -> usize {
        self.ops.len()
    }

    /// As frames, worked out when they are first asked for.
    pub(super) fn frames(&mut self, form: Form, graph: &Graph) -> &Frames {
        let ReadOps { asked, ops, binary, text } = self;
        let frames = match form {
            Form::Binary => binary,
            Form::Text => text,
        };
        frames.get_or_insert_with(|| write(asked, ops, form, graph))
    }
}

fn write(asked: &[Node], ops: &[Option<StoredOp>], form: Form, graph: &Graph) -> Frames {
    let read = asked.iter().zip(ops).filter_map(|(node, op)| {
        let op = op.as_ref()?.rehash().ok().filter(|op| op.id() == graph.id(*node))?;
        Some((*node, op))
    });
    let (proved, ops): (Vec<Node>, Vec<VerifiedOp<'_>>) = read.unzip();
    let packed = pack(&ops, &order_runs(&ops), Signatures::Fewest, form);
    let ready = packed.into_iter().filter_map(|frame| {
        let members = frame.members.iter().map(|at| proved[*at]).collect();
        let ops = match form {
            Form::Binary => ReadyOps::Binary(Box::new(Columns::of(&frame.ops).ok()?)),
            Form::Text => ReadyOps::Text(frame.ops.iter().map(stored).collect()),
        };
        Some(ReadyFrame { members, ops })
    });
    Frames { frames: ready.collect(), proved }
}

fn stored(op: &VerifiedOp<'_>) -> StoredOp {
    StoredOp {
        header: op.header_bytes().to_vec(),
        body: op.body().map(<[u8]>::to_vec),
        signature: op.signature().copied(),
    }
}
