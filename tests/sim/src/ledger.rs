//! What a replica may have sent on each of its links, and what it has.

use std::collections::BTreeMap;

use trellis_core::input::{Frame, LinkId};
use trellis_core::limits::CREDIT_BYTES;
use trellis_core::link::message::Message;

use crate::wires::read;

/// The credit of one link.
#[derive(Clone, Copy, Debug)]
struct Account {
    /// Bytes of ops and blobs that went out.
    sent: u64,
    /// What the peer allowed, at most.
    allowed: u64,
}

/// The credit of every link of a replica.
#[derive(Clone, Debug, Default)]
pub struct Ledger(BTreeMap<LinkId, Account>);

impl Ledger {
    /// A link begins.
    pub fn open(&mut self, id: LinkId) {
        self.0.insert(id, Account { sent: 0, allowed: CREDIT_BYTES });
    }

    /// A link ends.
    pub fn close(&mut self, id: LinkId) {
        self.0.remove(&id);
    }

    /// A frame arrives.
    pub fn received(&mut self, id: LinkId, frame: &Frame) {
        if let (Some(account), Ok(Message::Ack(ack))) = (self.0.get_mut(&id), read(frame)) {
            account.allowed = account.allowed.max(ack.credit);
        }
    }

    /// A frame goes out.
    ///
    /// # Errors
    /// It is beyond the credit, or says something else of what was sent before.
    pub fn sent(&mut self, id: LinkId, message: &Message, frame: &Frame) -> Result<(), String> {
        let Some(account) = self.0.get_mut(&id) else { return Ok(()) };
        let (said, bytes) = match message {
            Message::Ops(ops) => (ops.sent, frame.len() as u64),
            Message::Blob(blob) => (blob.sent, frame.len() as u64),
            Message::Have(have) => (have.sent, 0),
            _ => return Ok(()),
        };
        if said != account.sent {
            return Err(format!("said that {said} bytes of ops were sent when it was {}", account.sent));
        }
        account.sent += bytes;
        match account.sent > account.allowed {
            true => Err(format!("sent {} bytes of ops where {} were allowed", account.sent, account.allowed)),
            false => Ok(()),
        }
    }
}
