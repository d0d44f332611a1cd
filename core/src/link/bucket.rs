//! How fast a peer may talk: a bucket of tokens that refills with time.

use crate::time::Millis;

/// What a peer has left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    burst: u64,
    per_second: u64,
    /// In thousandths of a token.
    left: u64,
    at: Millis,
}

const WHOLE: u64 = 1000;

impl Bucket {
    /// A full one: so many tokens at once, and then so many in a second.
    pub(super) fn new(burst: u64, per_second: u64, now: Millis) -> Bucket {
        Bucket { burst, per_second, left: burst * WHOLE, at: now }
    }

    /// Takes a token; tells whether there was one.
    pub(super) fn take(&mut self, now: Millis) -> bool {
        let passed = now.0.saturating_sub(self.at.0);
        self.at = now;
        self.give_parts(passed.saturating_mul(self.per_second));
        let is_there = self.left >= WHOLE;
        self.left -= if is_there { WHOLE } else { 0 };
        is_there
    }

    /// Gives some back.
    pub(super) fn give(&mut self, tokens: u64) {
        self.give_parts(tokens * WHOLE);
    }

    fn give_parts(&mut self, parts: u64) {
        self.left = self.left.saturating_add(parts).min(self.burst * WHOLE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_empty_after_a_burst_and_refills_with_time() {
        let mut bucket = Bucket::new(100, 10, Millis(5));
        assert!((0..100).all(|_| bucket.take(Millis(5))));
        assert!(!bucket.take(Millis(5)));
        assert!(!bucket.take(Millis(0)), "a clock that goes back gives nothing");
        bucket.give(1);
        assert!(bucket.take(Millis(0)) && !bucket.take(Millis(0)));
        assert!((0..10).all(|_| bucket.take(Millis(1000))));
        assert!(!bucket.take(Millis(1000)));
    }
}
