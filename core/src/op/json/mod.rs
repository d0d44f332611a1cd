//! JSON values: strict reading, and RFC 8785 (JCS) writing, so that equal values have equal bytes everywhere.

mod value;

pub use value::{Number, Object, Value};
