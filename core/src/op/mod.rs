//! What is a change? Headers, ids, bytes, values and drafts of a single op.
//!
//! Nothing here knows that there is more than one op.

pub mod blob;
pub mod body;
pub mod cbor;
pub mod draft;
pub mod header;
pub mod hex;
pub mod id;
pub mod invitation;
pub mod json;
pub mod kind;
pub mod patch;
pub mod pattern;
pub mod place;
pub mod plain;
pub mod pointer;
pub mod sign;
pub mod stored;
