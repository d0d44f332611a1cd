//! What does it mean? Values, conflicts and merges, of a set and never of the order in which it came.

pub mod json_diff;
pub mod json_patch;
pub mod patching;
pub mod three_way;
pub mod entity;
pub mod manifest;
