//! The first byte of a frame says what the frame is.

/// What a frame is. Numbers that are not here belong to other versions, or to no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// The end of a bundle: how many ops stand in it, and the hash of all before.
    End,
    /// A batch of ops.
    Ops,
    /// A piece of a blob.
    Blob,
}

impl FrameKind {
    /// The byte.
    pub fn code(self) -> u8 {
        match self {
            FrameKind::End => 0,
            FrameKind::Ops => 6,
            FrameKind::Blob => 7,
        }
    }

    /// The kind with this byte.
    pub fn from_code(code: u8) -> Option<FrameKind> {
        [FrameKind::End, FrameKind::Ops, FrameKind::Blob].into_iter().find(|kind| kind.code() == code)
    }
}
