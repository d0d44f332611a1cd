//! What the tests of trellis-sync stand on.

pub mod host;
