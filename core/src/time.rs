//! Time as the core sees it: milliseconds from the host, and the hybrid logical clock of ops.
//!
//! The core never reads a clock. The host says what time it is, and an op's clock is that time moved past everything
//! the op depends on, so that sorting by clock is a causal order.

use crate::limits::CLOCK_AHEAD_MS_MAX;

/// Wall time in milliseconds since 1970, as the host tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

/// A hybrid logical clock: milliseconds since 1970 × 2^16 + counter (ops.md, header key 6).
///
/// In a valid header it lies from [`Hlc::MIN`] to [`Hlc::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hlc(pub u64);

impl Hlc {
    /// The smallest clock that a header may carry: 2^16.
    pub const MIN: Hlc = Hlc(1 << 16);
    /// The greatest clock that a header may carry: 2^63 - 1.
    pub const MAX: Hlc = Hlc((1 << 63) - 1);

    /// The clock of a write at `now` that must exceed `greatest`, the greatest clock among its dependencies and its
    /// author's own ops. Not bounded: the caller refuses a result beyond [`Hlc::is_ahead`].
    pub fn next(now: Millis, greatest: Option<Hlc>) -> Hlc {
        let wall = Hlc(now.0.saturating_mul(1 << 16)).max(Hlc::MIN);
        greatest.map_or(wall, |hlc| wall.max(Hlc(hlc.0.saturating_add(1))))
    }

    /// Whether this clock lies more than the clock bound (300 s) ahead of `now`.
    pub fn is_ahead(self, now: Millis) -> bool {
        self.millis().0 > now.0.saturating_add(CLOCK_AHEAD_MS_MAX)
    }

    /// The wall time part, for ordering and display only: never evidence of when something happened.
    pub fn millis(self) -> Millis {
        Millis(self.0 >> 16)
    }
}
