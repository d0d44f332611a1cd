//! Bytes as a script: what a fuzzer changes, read as choices and pieces.

/// The rest of a script.
#[derive(Clone, Copy)]
pub(super) struct Script<'a>(pub(super) &'a [u8]);

impl<'a> Script<'a> {
    /// The next choice; none at the end.
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next number below 65,536; 0 beyond the end.
    pub(super) fn number(&mut self) -> usize {
        let [high, low] = [self.byte(), self.byte()].map(|byte| usize::from(byte.unwrap_or_default()));
        high << 8 | low
    }

    /// The next piece, which stands behind its length; what is left, where that is less.
    pub(super) fn piece(&mut self) -> &'a [u8] {
        let len = self.number().min(self.0.len());
        let (piece, rest) = self.0.split_at(len);
        self.0 = rest;
        piece
    }
}

/// A piece as a script has it.
pub(super) fn piece(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&len.to_be_bytes(), &bytes[..usize::from(len)]].concat()
}
