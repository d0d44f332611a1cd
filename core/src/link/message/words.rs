//! Numbers and words for what messages say by choosing: promises, both of them.

use super::{Level, Reason, TroubleCode};

/// One of a few things, with a number in CBOR and a word in JSON.
pub(super) trait Word: Copy + PartialEq + Sized + 'static {
    /// All of them, with their numbers and words.
    const ALL: &'static [(Self, u64, &'static str)];

    /// The number.
    fn number(self) -> u64 {
        Self::ALL.iter().find(|(one, ..)| *one == self).map_or(0, |(_, number, _)| *number)
    }

    /// The word.
    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(one, ..)| *one == self).map_or("", |(.., word)| word)
    }

    /// The one with this number.
    fn from_number(number: u64) -> Option<Self> {
        Self::ALL.iter().find(|(_, one, _)| *one == number).map(|(one, ..)| *one)
    }

    /// The one with this word.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(.., one)| *one == word).map(|(one, ..)| *one)
    }
}

impl Word for Level {
    const ALL: &'static [(Level, u64, &'static str)] =
        &[(Level::Memory, 0, "memory"), (Level::Os, 1, "os"), (Level::Disk, 2, "disk")];
}

impl Word for Reason {
    const ALL: &'static [(Reason, u64, &'static str)] = &[
        (Reason::Invalid, 1, "invalid_op"),
        (Reason::NotPermitted, 2, "permission_denied"),
        (Reason::NotFastForward, 3, "not_fast_forward"),
    ];
}

impl Word for TroubleCode {
    const ALL: &'static [(TroubleCode, u64, &'static str)] = &[
        (TroubleCode::Malformed, 1, "invalid_op"),
        (TroubleCode::Version, 2, "version_mismatch"),
        (TroubleCode::AuthFailed, 3, "auth_failed"),
        (TroubleCode::RepoMismatch, 4, "repo_mismatch"),
        (TroubleCode::NoProgress, 5, "no_progress"),
        (TroubleCode::RateLimited, 6, "rate_limited"),
        (TroubleCode::QuotaExceeded, 7, "quota_exceeded"),
        (TroubleCode::StorageFull, 8, "storage_full"),
        (TroubleCode::Timeout, 9, "timeout"),
    ];
}

impl Level {
    /// The word, as in a receipt: `memory`, `os` or `disk`.
    pub fn name(self) -> &'static str {
        self.word()
    }

    /// The level of this word.
    pub fn parse(name: &str) -> Option<Level> {
        Level::from_word(name)
    }
}

impl Reason {
    /// The stable code (api.md, "Errors").
    pub fn code(self) -> &'static str {
        self.word()
    }
}

impl TroubleCode {
    /// The stable code (api.md, "Errors").
    pub fn code(self) -> &'static str {
        self.word()
    }

    /// Whether the same attempt may succeed later although nobody did anything: a proof that failed, another version
    /// and another repo stay what they are, and a quota is somebody's decision. Bytes that were no message may have
    /// been damaged on their way.
    pub fn is_retryable(self) -> bool {
        match self {
            TroubleCode::Version | TroubleCode::AuthFailed | TroubleCode::RepoMismatch => false,
            TroubleCode::QuotaExceeded => false,
            TroubleCode::Malformed | TroubleCode::NoProgress | TroubleCode::RateLimited => true,
            TroubleCode::StorageFull | TroubleCode::Timeout => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distinct<W: Word + core::fmt::Debug>() {
        for (one, number, word) in W::ALL {
            assert_eq!((one.number(), one.word()), (*number, *word));
            assert_eq!((W::from_number(*number), W::from_word(word)), (Some(*one), Some(*one)));
        }
        assert_eq!((W::from_number(99), W::from_word("")), (None, None));
    }

    #[test]
    fn numbers_and_words_lead_back() {
        distinct::<Level>();
        distinct::<Reason>();
        distinct::<TroubleCode>();
    }

    #[test]
    fn what_somebody_has_to_mend_is_not_tried_again() {
        let stays: alloc::vec::Vec<_> = TroubleCode::ALL.iter().filter(|(code, ..)| !code.is_retryable()).collect();
        let codes: alloc::vec::Vec<_> = stays.iter().map(|(code, ..)| code.code()).collect();
        assert_eq!(codes, ["version_mismatch", "auth_failed", "repo_mismatch", "quota_exceeded"]);
    }
}
