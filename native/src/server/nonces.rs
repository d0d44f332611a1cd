//! Words of signed requests that were seen: none counts twice.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use trellis_core::op::id::Author;

use super::metrics::Refusal;
use crate::transport::exchange::signature::{Nonce, Params};

/// How far the time of a request may be from ours, in seconds.
const WINDOW_SECONDS: u64 = 300;
/// Requests that are remembered. When there are more within the window, no further one is taken: forgetting one would
/// make it good again.
const NONCES_MAX: usize = 100_000;

/// The requests of the last minutes.
#[derive(Debug)]
pub(super) struct Nonces {
    /// In seconds since 1970. What was signed before, an earlier process may have seen.
    started: u64,
    seen: Mutex<BTreeSet<(u64, Author, Nonce)>>,
}

impl Nonces {
    pub(super) fn new(now: u64) -> Nonces {
        Nonces { started: now, seen: Mutex::default() }
    }

    /// Whether a request was signed in time.
    pub(super) fn check_time(&self, created: u64, now: u64) -> Result<(), Refusal> {
        match created {
            _ if created.abs_diff(now) > WINDOW_SECONDS => Err(Refusal::Signature),
            _ if created < self.started => Err(Refusal::Early),
            _ => Ok(()),
        }
    }

    /// Remembers a request, if it is new.
    pub(super) fn take(&self, params: &Params, now: u64) -> Result<(), Refusal> {
        self.check_time(params.created, now)?;
        let nonce = params.nonce.ok_or(Refusal::Signature)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = (now.saturating_sub(WINDOW_SECONDS), Author([0; 32]), Nonce::default());
        *seen = seen.split_off(&oldest);
        if seen.contains(&(params.created, params.key, nonce)) {
            return Err(Refusal::Replay);
        }
        if seen.len() >= NONCES_MAX {
            return Err(Refusal::Busy);
        }
        seen.insert((params.created, params.key, nonce));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(created: u64, word: u32) -> Params {
        let mut nonce = Nonce::default();
        nonce[..4].copy_from_slice(&word.to_be_bytes());
        Params { created, key: Author([1; 32]), nonce: Some(nonce) }
    }

    #[test]
    fn a_word_counts_once_within_its_time() {
        let nonces = Nonces::new(1000);
        assert_eq!(nonces.take(&params(1000, 1), 1000), Ok(()));
        assert_eq!(nonces.take(&params(1000, 1), 1300), Err(Refusal::Replay));
        assert_eq!(nonces.take(&params(1000, 1), 1301), Err(Refusal::Signature), "it is too old by now");
        assert_eq!(nonces.take(&params(1700, 2), 1400), Ok(()));
        assert_eq!(nonces.take(&params(1700, 2), 2000), Err(Refusal::Replay), "from its first moment to its last");
        assert_eq!(nonces.take(&params(1701, 3), 1400), Err(Refusal::Signature));
        assert_eq!(nonces.take(&params(999, 3), 1200), Err(Refusal::Early));
    }

    #[test]
    fn what_is_too_old_makes_room_and_nothing_else_does() {
        let nonces = Nonces::new(0);
        for word in 0..NONCES_MAX as u32 {
            nonces.take(&params(1000, word), 1000).unwrap();
        }
        assert_eq!(nonces.take(&params(1300, 1), 1300), Err(Refusal::Busy));
        assert_eq!(nonces.take(&params(1301, 1), 1301), Ok(()));
        assert_eq!(nonces.seen.lock().unwrap().len(), 1);
    }
}
