//! What does it mean? Values, conflicts and merges, of a set and never of the order in which it came.

pub mod conflict;
pub mod entity;
mod history;
pub mod json_diff;
pub mod json_patch;
pub mod lines;
mod live;
pub mod manifest;
mod parts;
pub mod patching;
pub mod redact;
mod strategy;
pub mod three_way;
mod value;
