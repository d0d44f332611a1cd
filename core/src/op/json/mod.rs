//! JSON values: strict reading, and RFC 8785 (JCS) writing, so that equal values have equal bytes everywhere.

#[cfg(any(target_arch = "wasm32", test))]
mod double;
mod jcs;
mod object;
mod parse;
mod value;

#[cfg(feature = "surface")]
pub(crate) use jcs::push_string;
pub use jcs::{text, write};
pub use object::Object;
pub use parse::{JsonError, JsonReason, parse, parse_canonical, parse_within};
pub use value::{Number, Value};
