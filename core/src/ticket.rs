//! Tickets: what the host was asked and has not answered, and what goes on when it does.

use crate::error::UsageError;
use crate::input::Ticket;
use crate::ordered::Map;

/// Open tickets, each with what waits behind it.
#[derive(Clone, Debug)]
pub(crate) struct Tickets<T> {
    next: u64,
    open: Map<Ticket, T>,
}

impl<T> Tickets<T> {
    pub(crate) fn new() -> Tickets<T> {
        Tickets { next: 1, open: Map::new() }
    }

    /// Opens a ticket.
    pub(crate) fn open(&mut self, waiting: T) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.open.insert(ticket, waiting);
        ticket
    }

    /// Closes a ticket whose answer has come, and returns what waited behind it.
    ///
    /// # Errors
    /// [`UsageError::UnknownTicket`] where it is not open, or `is_asked` does not know it as the kind that was answered;
    /// then it stays open.
    pub(crate) fn close(&mut self, ticket: Ticket, is_asked: impl FnOnce(&T) -> bool) -> Result<T, UsageError> {
        match self.open.get(&ticket) {
            Some(waiting) if is_asked(waiting) => self.open.remove(&ticket).ok_or(UsageError::UnknownTicket),
            _ => Err(UsageError::UnknownTicket),
        }
    }
}

impl<T> Tickets<T> {
    /// Closes all tickets without an answer, in the order in which they were opened.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        core::mem::take(&mut self.open).into_values()
    }
}
