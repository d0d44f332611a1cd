//! A new key for this device, where the old one is in use elsewhere: a copied folder, a restored backup.
//!
//! The host makes the key, the old one signs for it, and the new one's first op says so.

use alloc::vec::Vec;

use super::seal::Draw;
use super::write::{Waiter, Writing};
use super::{KeyUse, Machine, Outputs, Waiting};
use crate::admit::authority;
use crate::admit::members::{MEMBERS, successor_message};
use crate::error::UsageError;
use crate::input::{Ticket, Transaction};
use crate::op::header::REPO_BRANCH;
use crate::op::hex;
use crate::op::id::Author;
use crate::op::kind::{Format, Kind};
use crate::op::sign::Signature;
use crate::output::{Event, Output};

impl Machine {
    pub(super) fn ask_key(&mut self, out: &mut Outputs) {
        self.is_writing = true;
        let ticket = self.tickets.open(Waiting::NewKey);
        out.push(Output::MakeKey { ticket });
    }

    pub(super) fn on_key_made(&mut self, ticket: Ticket, author: Author, out: &mut Outputs) -> Result<(), UsageError> {
        self.tickets.close(ticket, |waiting| matches!(waiting, Waiting::NewKey))?;
        match self.graph.repo() {
            None => self.take_key(author, out),
            Some(repo) => {
                let message = successor_message(&repo, &author);
                let ticket = self.tickets.open(Waiting::SuccessorProof(author));
                out.push(Output::Sign { ticket, author: self.author, message });
            }
        }
        Ok(())
    }

    /// The old key has signed for the new one: from here on this device writes under the new one, and says so first.
    pub(super) fn succeed(&mut self, author: Author, proof: &Signature, out: &mut Outputs) {
        let body = authority::successor_body(&self.author, proof).to_jcs();
        let own = Some(Draw {
            collection: MEMBERS.into(),
            key: hex::encode(&author.0),
            kind: Kind::Put,
            body: Some((Format::Json, body)),
            base: Vec::new(),
        });
        let transaction =
            Transaction { branch: REPO_BRANCH.into(), actor: None, edits: Vec::new(), note: None, random: [0; 32] };
        self.writes.push_front(Writing { waiter: Waiter::Nobody, transaction, own });
        self.take_key(author, out);
    }

    fn take_key(&mut self, author: Author, out: &mut Outputs) {
        let from = core::mem::replace(&mut self.author, author);
        (self.key_use, self.own_clock, self.is_writing) = (KeyUse::Own, None, false);
        out.push(Output::Emit(Event::KeyChanged { from, to: author }));
    }
}
