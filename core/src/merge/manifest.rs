//! temp
/// temp
#[derive(Default)]
pub struct Manifest;
