//! How long to wait before a peer is dialled again: from a quarter of a second to half a minute, anywhere below what it is
//! by now, so that many who lost one relay do not come back at once.

use std::time::Duration;

use crate::driver::random;

const FIRST: Duration = Duration::from_millis(250);
const LAST: Duration = Duration::from_secs(30);

/// Growing pauses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    most: Duration,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { most: FIRST }
    }
}

impl Backoff {
    /// The next pause.
    pub(super) fn next(&mut self) -> Duration {
        let most = self.most;
        self.most = (most * 2).min(LAST);
        // Without random bytes everybody waits as long as may be.
        let part = random::<4>().map_or(u32::MAX, u32::from_ne_bytes);
        most.mul_f64(f64::from(part) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound() {
        let mut backoff = Backoff::default();
        let mut bound = FIRST;
        for _ in 0..20 {
            assert!(backoff.next() <= bound);
            bound = (bound * 2).min(LAST);
        }
        assert_eq!(backoff.most, LAST);
    }
}
