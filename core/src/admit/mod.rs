//! May it enter? Validity, cover and the time hold; and, as a view, who may write with effect.
//!
//! Validity and cover decide about the graph and give the same verdict everywhere. Authority and branch policies
//! decide about effect only.

pub mod authority;
pub mod cover;
pub mod intrinsic;
pub mod invitation;
pub mod linear;
pub mod members;
pub mod policy;
pub mod redaction;
