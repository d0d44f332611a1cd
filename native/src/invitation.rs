//! Invitations: what an owner hands to somebody whose device is to become a member.
//!
//! An invitation is the seed of a key, the repo and when it ends. Whoever has its text may join, so it goes from hand to
//! hand and never into a URL, an argument, a log or an error. The repo keeps its public half alone.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use trellis_core::input::Role;
use trellis_core::op::id::{Author, RepoId};
use trellis_core::time::Millis;
use zeroize::Zeroizing;

use crate::error::{Code, Result, TrellisError};
use crate::keys::Identity;

/// What the text of an invitation begins with.
const PREFIX: &str = "trellis-invitation:";
const VERSION: u8 = 1;
/// The version, the seed, the repo and the end.
const BYTES: usize = 1 + 32 + 32 + 8;
/// The longest text that is looked at, in bytes, white space around it included: twice what one has.
pub const TEXT_BYTES_MAX: usize = 256;

/// What an invitation is to allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteOptions {
    /// What whoever joins may do: `Writer` or `Reader`.
    pub role: Role,
    /// How long it holds, from now on.
    pub holds: Duration,
    /// How many may join by it: 1 to 1,000.
    pub uses: u32,
    /// What people call whoever joins by it.
    pub name: Option<String>,
}

impl Default for InviteOptions {
    /// One writer, within seven days.
    fn default() -> InviteOptions {
        InviteOptions { role: Role::Writer, holds: Duration::from_secs(7 * 24 * 60 * 60), uses: 1, name: None }
    }
}

/// An invitation, with its secret. What is shown of it, in `Debug` as well, is its public half.
#[derive(Clone)]
pub struct Invitation {
    key: Identity,
    repo: RepoId,
    until: Millis,
}

impl Invitation {
    pub(crate) fn new(repo: RepoId, until: Millis) -> Result<Invitation> {
        Ok(Invitation { key: Identity::generate()?, repo, until })
    }

    /// Its public key: its name in the repo.
    pub fn key(&self) -> Author {
        self.key.author()
    }

    /// The repo that it is to.
    pub fn repo(&self) -> RepoId {
        self.repo
    }

    /// The last moment at which somebody is let in by it, as its maker said. An owner may end it earlier.
    pub fn until(&self) -> Millis {
        self.until
    }

    /// Its text, which is all that somebody needs to join: a secret.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        bytes[0] = VERSION;
        bytes[1..33].copy_from_slice(self.key.seed().as_ref());
        bytes[33..65].copy_from_slice(self.repo.as_bytes());
        bytes[65..].copy_from_slice(&self.until.0.to_be_bytes());
        let text = Zeroizing::new(Base64UrlUnpadded::encode_string(bytes.as_ref()));
        Zeroizing::new([PREFIX, &text].concat())
    }

    /// What a device with this key shows a peer.
    #[cfg(feature = "ws")]
    pub(crate) fn shown_by(&self, joiner: &Author) -> trellis_core::input::Joining {
        use trellis_core::op::invitation::{InvitationProof, invited_message};
        let signature = self.key.sign(&invited_message(&self.repo, joiner));
        trellis_core::input::Joining { repo: self.repo, proof: InvitationProof { key: self.key(), signature } }
    }

    /// Refuses one that has ended by the clock of this device.
    ///
    /// # Errors
    /// `auth_failed`.
    pub fn expect_open(&self, now: Millis) -> Result<()> {
        match now <= self.until {
            true => Ok(()),
            false => Err(TrellisError::new(
                Code::AuthFailed,
                "This invitation has expired. Ask who made it for a new one; if it should still hold, check the clock.",
            )),
        }
    }

    pub(crate) fn is_elsewhere(&self) -> TrellisError {
        let message = "This invitation is to another repo than the one here. Join that one in a folder of its own.";
        TrellisError::new(Code::RepoMismatch, message).in_repo(self.repo)
    }
}

impl FromStr for Invitation {
    type Err = TrellisError;

    /// Reads the text; white space around it does not count.
    fn from_str(text: &str) -> Result<Invitation> {
        let text = text.trim();
        let Some(encoded) = text.strip_prefix(PREFIX) else { return Err(no_invitation("it does not begin as one")) };
        let mut bytes = Zeroizing::new([0; BYTES]);
        let is_whole = Base64UrlUnpadded::decode(encoded, bytes.as_mut()).is_ok_and(|read| read.len() == BYTES);
        if !is_whole {
            return Err(no_invitation("a part of it is missing, or was changed on the way"));
        }
        if bytes[0] != VERSION {
            let message = "This invitation was made by a newer version of Trellis. Install that one, and join again.";
            return Err(TrellisError::new(Code::VersionMismatch, message));
        }
        let mut seed = Zeroizing::new([0; 32]);
        seed.copy_from_slice(&bytes[1..33]);
        let (mut repo, mut until) = ([0; 32], [0; 8]);
        repo.copy_from_slice(&bytes[33..65]);
        until.copy_from_slice(&bytes[65..]);
        let until = Millis(u64::from_be_bytes(until));
        Ok(Invitation { key: Identity::from_seed(&seed), repo: RepoId(repo), until })
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation")
            .field("key", &self.key())
            .field("repo", &self.repo)
            .field("until", &self.until)
            .finish()
    }
}

fn no_invitation(why: &str) -> TrellisError {
    let message = format!(
        "This is no invitation: {why}. Copy the whole line that `trellis invite` printed, from `{PREFIX}` to its end."
    );
    TrellisError::new(Code::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in docs/format.md.
    const TEXT: &str = "trellis-invitation:AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEAAAGLz-VoAA";

    fn invitation() -> Invitation {
        Invitation { key: Identity::from_seed(&[7; 32]), repo: RepoId([1; 32]), until: Millis(1_700_000_000_000) }
    }

    #[test]
    fn the_text_is_the_one_that_is_documented() {
        assert!(include_str!("../../docs/format.md").contains(TEXT));
        assert_eq!(*invitation().reveal(), TEXT);
        let read: Invitation = format!("  {TEXT}\n").parse().unwrap();
        assert_eq!(
            (read.key(), read.repo(), read.until()),
            (invitation().key(), RepoId([1; 32]), invitation().until())
        );
    }

    #[test]
    fn texts_that_are_none_are_refused_and_not_repeated() {
        let text = invitation().reveal();
        let (head, tail) = text.split_at(60);
        let newer = text.replacen(":AQ", ":Ag", 1);
        for (wrong, code) in [
            (String::new(), Code::InvalidArgument),
            (text.replacen("invitation", "invite", 1), Code::InvalidArgument),
            (head.to_owned(), Code::InvalidArgument),
            (format!("{}A", *text), Code::InvalidArgument),
            (format!("{head} {tail}"), Code::InvalidArgument),
            (format!("{}=", *text), Code::InvalidArgument),
            (newer, Code::VersionMismatch),
        ] {
            let error = wrong.parse::<Invitation>().unwrap_err();
            assert_eq!(error.code(), code, "{wrong}");
            assert!(!format!("{error:?}{error}").contains("BwcHBw"), "{error}");
        }
    }

    #[test]
    fn what_is_shown_of_it_is_public() {
        let shown = format!("{:?}", invitation());
        assert!(shown.contains(&invitation().key().short()), "{shown}");
        assert!(!shown.contains("0707") && !shown.contains("7, 7") && !shown.contains("BwcH"), "{shown}");
    }
}
