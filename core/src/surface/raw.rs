//! What whoever runs the machine, or keeps its rows, needs beside inputs and outputs.

use alloc::string::String;
use alloc::vec::Vec;

use super::input::RowBytes;
use super::plain::FromPlain;
use super::scalar::{Hex, Json, Unreadable};
use crate::admit::policy::Policies;
use crate::link::message::Level;
use crate::log::row::{self, Record};
use crate::log::rows::{self, by_seq};
use crate::machine::{Config, KeyUse, Machine};
use crate::op::hex;
use crate::op::id::Author;
use crate::output;

/// How a machine begins.
#[derive(Clone, Debug, FromPlain)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// The key that this device writes under.
    pub author: Hex<32>,
    /// Whether that key may be in use elsewhere.
    #[serde(default)]
    pub is_copied: bool,
    /// 8 random bytes, new for every machine.
    pub id_key: Hex<8>,
    /// The device's own branch policies, by pattern.
    #[serde(default)]
    pub policies: Option<Json>,
    /// Whether content is somebody else's matter.
    #[serde(default)]
    pub leaves_content: bool,
    /// How safe a row is that the host has confirmed: `memory`, `os` or `disk`; left out for `disk`.
    #[serde(default)]
    pub level: Option<String>,
}

impl Start {
    /// A machine that is about to read its store, and what it asks first.
    ///
    /// # Errors
    /// The policies are none.
    pub fn open(self) -> Result<(Machine, Vec<output::Output>), Unreadable> {
        let policies = match self.policies {
            Some(Json(policies)) => Policies::read(&policies).map_err(|flaw| Unreadable::new("policies", flaw))?,
            None => Policies::default(),
        };
        let key_use = if self.is_copied { KeyUse::Copied } else { KeyUse::Own };
        let id_key = u64::from_ne_bytes(self.id_key.0);
        let (mut machine, first) = Machine::open(Config { author: Author(self.author.0), key_use, id_key, policies });
        if self.leaves_content {
            machine.leave_content();
        }
        if let Some(level) = self.level {
            machine.keep_at(
                Level::parse(&level).ok_or_else(|| Unreadable::new("level", "is none of memory, os and disk"))?,
            );
        }
        Ok((machine, first))
    }
}

/// The ops that a row brings, or completes by a body, in order.
///
/// # Errors
/// The row is not what was written.
pub fn brought_by(seq: u32, headers: &[u8], digest: &str) -> Result<Vec<Hex<32>>, Unreadable> {
    let digest = hex::parse(digest).ok_or_else(damaged)?;
    let mut brought = Vec::new();
    let visit = |record: Record<'_>| match record {
        Record::Op { op, .. } => brought.push(Hex(op.id().0)),
        Record::Body { id, .. } => brought.push(Hex(id.0)),
        Record::Signature(..) => {}
    };
    row::read_row(seq, headers, &digest, visit).map_err(|_| damaged())?;
    Ok(brought)
}

/// The ops that the last of some rows brings, or completes by a body, in order; those before it hold ops that it completes.
pub fn ops_brought(rows: Vec<RowBytes>) -> Vec<row::StoredOp> {
    let last = rows.last().map_or(0, |row| row.seq);
    let rows: Vec<rows::RowBytes> = rows.into_iter().map(Into::into).collect();
    let brought = rows::ops_brought(&by_seq(&rows), last.saturating_sub(1), last);
    brought.into_iter().map(|(_, op)| op).collect()
}

fn damaged() -> Unreadable {
    Unreadable::new("row", "is not as it was written")
}
