//! A link that lives until both sides have the same.

use std::sync::Arc;
#[cfg(feature = "http")]
use std::sync::PoisonError;

use tokio_util::sync::CancellationToken;
use trellis_core::input::{Guests, Interest};
use trellis_core::op::id::Author;

#[cfg(feature = "http")]
use super::exchange::Exchange;
use super::pump::{Ended, Pump};
use super::status::Teller;
use super::tally::Tally;
use super::{LinkStatus, Nacked, Terms, progress};
use crate::driver::Handle;
use crate::error::{Code, Result, TrellisError};
#[cfg(feature = "http")]
use crate::transport::Requests;
use crate::transport::{Connection, Way};

/// What a link has carried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried {
    pub(crate) peer: Author,
    pub(crate) ops_sent: u64,
    pub(crate) ops_received: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    pub(crate) rounds: u64,
    /// What the peer refuses, or gives no effect.
    pub(crate) nacked: Option<Nacked>,
}

/// Syncs on a way to a peer until both have the same, and ends the link.
///
/// # Errors
/// What ended the link before.
pub(crate) async fn once(driver: &Handle, way: Way) -> Result<Carried> {
    let ((teller, mut status), stop) = (Teller::new(), CancellationToken::new());
    let tally = Arc::default();
    let mut running = std::pin::pin!(carry(driver, way, &teller, &stop, &tally));
    tokio::select! {
        ended = &mut running => return Err(ended.failure.unwrap_or_else(gone)),
        // The sender lives as long as this.
        _ = status.wait_for(|status| status.is_in_sync) => {}
    }
    let LinkStatus { id, peer, nacked, .. } = status.borrow().clone();
    let reached = match id {
        Some(id) => progress(driver, id).await?,
        None => None,
    };
    stop.cancel();
    running.await;
    let (bytes_sent, bytes_received, rounds) = tally.read();
    let (now, peer) = (reached.unwrap_or_default(), peer.ok_or_else(gone)?);
    Ok(Carried { peer, ops_sent: now.ops_out, ops_received: now.ops_in, bytes_sent, bytes_received, rounds, nacked })
}

async fn carry(driver: &Handle, way: Way, teller: &Arc<Teller>, stop: &CancellationToken, tally: &Arc<Tally>) -> Ended {
    match way {
        Way::Link(connection) => {
            let (terms, gate, invitation, tally) = (Terms::dialling(), None, None, Some(tally));
            Pump { driver, terms, invitation, teller, stop, gate, tally }.run(connection, None).await
        }
        #[cfg(feature = "http")]
        Way::Exchange(Requests { caller, key }) => {
            let known = *key.lock().unwrap_or_else(PoisonError::into_inner);
            let ended =
                Exchange { driver, caller, expected: None, interest: Interest::default(), known, teller, stop, tally }
                    .run()
                    .await;
            *key.lock().unwrap_or_else(PoisonError::into_inner) = teller.status.borrow().peer;
            ended
        }
    }
}

/// Answers on a connection that a peer opened, until it has had enough.
pub(crate) async fn answer(driver: &Handle, connection: Connection, stop: &CancellationToken) {
    let (terms, teller) = (Terms::answering(Guests::Anyone), Teller::new().0);
    let pump = Pump { driver, terms, invitation: None, teller: &teller, stop, gate: None, tally: None };
    pump.run(connection, None).await;
}

fn gone() -> TrellisError {
    TrellisError::new(Code::Offline, "The peer went away before both had the same. Try again later.")
}
