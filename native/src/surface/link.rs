//! Links as plain data: how one is dialled, and how it stands.

use serde::Serialize;
use tokio::sync::watch;
use trellis_core::op::id::Author;
use trellis_core::surface::FromPlain;
use trellis_core::surface::{Hex, Progress, Unreadable};

use crate::error::{Result, TrellisError};
use crate::link::{self, Interest, Link, until_in_sync};
use crate::repo::unreadable;

/// How a link is dialled; everything may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromPlain)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkOptions {
    /// The key that has to answer, where it is known.
    pub expected: Option<Hex<32>>,
    /// The branches that are synced, as patterns; left out for every one.
    pub branches: Vec<String>,
    /// The text of an invitation, for a device that is no member yet.
    pub invitation: Option<String>,
    /// Hosts that may be dialled in plain text although they are other machines.
    pub allow_plain: Vec<String>,
}

impl TryFrom<LinkOptions> for link::LinkOptions {
    type Error = TrellisError;

    fn try_from(options: LinkOptions) -> Result<link::LinkOptions> {
        let LinkOptions { expected, branches, invitation, allow_plain } = options;
        let no_pattern = || unreadable(Unreadable::new("branches", "holds what is no pattern, or too many"));
        let mut read = link::LinkOptions {
            expected: expected.map(|key| Author(key.0)),
            branches: Interest::parse(&branches).ok_or_else(no_pattern)?,
            invitation: invitation.map(|text| text.parse()).transpose()?,
            ..link::LinkOptions::default()
        };
        read.connect.allow_plain = allow_plain;
        Ok(read)
    }
}

/// How a link stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkStatus {
    /// `connecting`, `connected`, `offline`, `needs-auth`, `rejected` or `closed`.
    pub state: &'static str,
    /// The code of what ended the last connection, or kept it from being made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// The same in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The peer's key, once it was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<Hex<32>>,
    /// Whether the peer stores and forwards for others.
    pub is_relay: bool,
    /// Whether both had the same when that was last looked at.
    pub is_in_sync: bool,
    /// What the peer refused, or gave no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nacked: Option<Nacked>,
    /// The invitation by which this device became a member on the link, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined_by: Option<Hex<32>>,
}

/// Ops that a peer refuses, or gives no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Nacked {
    /// How many, since the link began.
    pub ops: u64,
    /// Why, for the last of them.
    pub code: &'static str,
    /// With `not_fast_forward`, the head of the line that they do not continue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<Hex<32>>,
}

impl From<link::LinkStatus> for LinkStatus {
    fn from(status: link::LinkStatus) -> LinkStatus {
        LinkStatus {
            state: status.state.name(),
            code: status.failure.as_ref().map(|failure| failure.code().as_str()),
            reason: status.failure.as_ref().map(|failure| failure.message().to_owned()),
            peer: status.peer.map(|key| Hex(key.0)),
            is_relay: status.is_relay,
            is_in_sync: status.is_in_sync,
            nacked: status.nacked.map(Into::into),
            joined_by: status.joined_by.map(|key| Hex(key.0)),
        }
    }
}

impl From<link::Nacked> for Nacked {
    fn from(nacked: link::Nacked) -> Nacked {
        Nacked { ops: nacked.ops, code: nacked.code.as_str(), head: nacked.head.map(|op| Hex(op.0)) }
    }
}

/// Sees how a link stands, and every change of it, whoever holds the link.
#[derive(Clone, Debug)]
pub struct LinkFollower(pub(crate) watch::Receiver<link::LinkStatus>);

impl LinkFollower {
    /// How the link stands.
    pub fn status(&self) -> LinkStatus {
        self.0.borrow().clone().into()
    }

    /// Waits until it stands otherwise than when this was last called; nothing once it has ended and that was told.
    pub async fn next(&mut self) -> Option<LinkStatus> {
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().clone().into())
    }

    /// As [`Link::in_sync`].
    ///
    /// # Errors
    /// As there.
    pub async fn in_sync(&mut self) -> Result<()> {
        until_in_sync(&mut self.0).await
    }
}

impl Link {
    /// Follows how it stands. What it shows first is how it stands now.
    pub fn follow(&self) -> LinkFollower {
        LinkFollower(self.status_seen())
    }

    /// As [`Link::progress`].
    ///
    /// # Errors
    /// As there.
    pub async fn plain_progress(&self) -> Result<Option<Progress>> {
        Ok(self.progress().await?.map(Into::into))
    }
}
