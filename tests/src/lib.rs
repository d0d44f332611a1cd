//! How trellis-sync is tested: vectors, a naive model of the design, and histories to compare the product with.

pub mod dice;
pub mod documents;
pub mod history;
pub mod host;
pub mod sealed;
pub mod vectors;
