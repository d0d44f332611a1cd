//! How trellis-sync is tested: vectors, a naive model of the design, and histories to compare the product with.

pub mod against;
pub mod dice;
pub mod documents;
pub mod entities;
pub mod fuzz;
pub mod hand;
pub mod history;
pub mod host;
pub mod json;
pub mod messages;
pub mod model;
pub mod model_op;
pub mod model_rules;
pub mod pair;
pub mod plain_bytes;
pub mod plain_host;
pub mod plain_machine;
pub mod player;
pub mod program;
pub mod proxy;
pub mod sealed;
pub mod session;
pub mod spoil;
pub mod vectors;
