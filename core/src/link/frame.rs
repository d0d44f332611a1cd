//! The first byte of a frame says what the frame is.

/// What a frame is. Numbers that are not here belong to other versions, or to no message: 16 is kept for range-based
/// reconciliation and 17 for snapshots, and 18 stands before a packed frame ([`super::compress`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// The end of a bundle: how many ops stand in it, and the hash of all before.
    End,
    /// What the initiator speaks.
    Hello,
    /// The responder's answer.
    Welcome,
    /// The initiator's proof.
    Auth,
    /// What the sender has.
    Have,
    /// What the sender lacks.
    Want,
    /// A batch of ops.
    Ops,
    /// A piece of a blob.
    Blob,
    /// What the sender has durably.
    Ack,
    /// What the sender refuses.
    Nack,
    /// What was wanted and is not here.
    Missing,
    /// Presence.
    Ephemeral,
    /// Trouble of the link itself.
    Error,
    /// Is anybody there?
    Ping,
    /// The answer to a ping.
    Pong,
    /// A clean end.
    Bye,
}

/// Every kind, each at the place that its byte says.
const KINDS: [(FrameKind, &str); 16] = [
    (FrameKind::End, "end"),
    (FrameKind::Hello, "hello"),
    (FrameKind::Welcome, "welcome"),
    (FrameKind::Auth, "auth"),
    (FrameKind::Have, "have"),
    (FrameKind::Want, "want"),
    (FrameKind::Ops, "ops"),
    (FrameKind::Blob, "blob"),
    (FrameKind::Ack, "ack"),
    (FrameKind::Nack, "nack"),
    (FrameKind::Missing, "missing"),
    (FrameKind::Ephemeral, "ephemeral"),
    (FrameKind::Error, "error"),
    (FrameKind::Ping, "ping"),
    (FrameKind::Pong, "pong"),
    (FrameKind::Bye, "bye"),
];

impl FrameKind {
    /// The byte.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The kind with this byte.
    pub fn from_code(code: u8) -> Option<FrameKind> {
        KINDS.get(usize::from(code)).map(|(kind, _)| *kind)
    }

    /// The word, as `type` has it in JSON.
    pub fn word(self) -> &'static str {
        KINDS[usize::from(self.code())].1
    }

    /// The kind with this word.
    pub fn from_word(word: &str) -> Option<FrameKind> {
        KINDS.iter().find(|(_, name)| *name == word).map(|(kind, _)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_at_the_place_of_its_byte() {
        for (at, (kind, word)) in KINDS.into_iter().enumerate() {
            assert_eq!((usize::from(kind.code()), kind.word()), (at, word));
            assert_eq!((FrameKind::from_code(at as u8), FrameKind::from_word(word)), (Some(kind), Some(kind)));
        }
        assert_eq!((FrameKind::from_code(16), FrameKind::from_code(17)), (None, None));
    }
}
