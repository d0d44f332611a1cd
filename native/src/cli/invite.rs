//! `trellis invite`: lets somebody become a member.

use std::io;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde::Serialize;
use trellis_sync::core::input::Role;
use trellis_sync::core::op::id::Author;
use trellis_sync::core::output::Invitation as Standing;
use trellis_sync::core::time::{Hlc, Millis};
use trellis_sync::{Code, InviteOptions, Repo, Result, TrellisError};

use super::context::Context;
use super::page::{Cell, Look, Page};
use super::report::{Outcome, Told, done};
use super::words::{count, local_time, timestamp};

/// Invite somebody: whoever has the line that is printed may join, with `trellis join`
///
/// The line is a secret. Give it to whom it is meant for, and to nobody else.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Example:
  trellis invite --name Bob --expires 2d
  trellis invite list

As long as there are no members, everybody may write; with the first invitation that ends, and who has written becomes a member.")]
pub(crate) struct Invite {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    offer: Offer,
}

/// What is offered.
#[derive(Debug, Args)]
struct Offer {
    /// What whoever joins may do
    #[arg(long, default_value = "writer", value_parser = PossibleValuesParser::new(["writer", "reader"]))]
    role: String,
    /// How long it holds: a number of `s`, `m`, `h` or `d`, as in 12h
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = span)]
    expires: Duration,
    /// How many may join by it, each once
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    uses: u32,
    /// What people call whoever joins by it
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the invitations, and who joined by them
    #[command(after_help = "Example:\n  trellis invite list")]
    List,
    /// End an invitation; who joined by it stays a member
    #[command(after_help = "Example:\n  trellis invite revoke ea61c122")]
    Revoke {
        /// The invitation's public key, or its first digits
        key: String,
    },
}

impl Invite {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        match self.command {
            None => make(context, &repo, self.offer).await,
            Some(Command::List) => done(Listed::of(&repo, None).await?),
            Some(Command::Revoke { key }) => revoke(context, &repo, &key).await,
        }
    }
}

async fn make(context: &Context, repo: &Repo, offer: Offer) -> Outcome {
    let was_open = repo.status().await?.is_open;
    let role = Role::parse(&offer.role).ok_or_else(|| invalid("A role is writer or reader."))?;
    let options = InviteOptions { role, holds: offer.expires, uses: offer.uses, name: offer.name };
    let invitation = repo.invite(options).await?;
    let listed = Listed::of(repo, Some(invitation.key())).await?;
    context.note(&format!(
        "{} may join by this, until {}. Its public key is {}; `trellis invite revoke` ends it.",
        count(offer.uses as usize, role.name()),
        local_time(clock(invitation.until())),
        invitation.key().short()
    ));
    if was_open {
        context.note(
            "Until now everybody could write. From now on only members can: you, and all who have written so far.",
        );
    }
    done(Listed { invitation: Some(invitation.reveal().to_string()), closed: was_open.then_some(true), ..listed })
}

async fn revoke(context: &Context, repo: &Repo, digits: &str) -> Outcome {
    let invitations = repo.invitations().await?;
    let is_meant = |found: &&Standing| digits.len() >= 4 && found.key.to_string().starts_with(digits);
    let key = match invitations.iter().filter(is_meant).collect::<Vec<_>>().as_slice() {
        [found] => found.key,
        [] => return Err(TrellisError::new(Code::NotFound, "There is no such invitation; see `trellis invite list`.")),
        _ => return Err(invalid("Several invitations begin so; give more digits of the key.")),
    };
    if !context.is_confirmed(&format!("End the invitation {}?", key.short())) {
        return Err(TrellisError::new(Code::Aborted, "Nothing was changed."));
    }
    repo.revoke(key).await?;
    done(Listed::of(repo, Some(key)).await?)
}

/// Reads how long something holds.
fn span(text: &str) -> std::result::Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let split = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, *seconds)));
    let seconds = split.and_then(|(number, seconds)| number.parse::<u64>().ok()?.checked_mul(seconds));
    match seconds.filter(|seconds| (1..=SECONDS_MAX).contains(seconds)) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => Err("this is a number and a unit, as in 90m, 12h or 7d, and at most 3650d".into()),
    }
}

/// Ten years.
const SECONDS_MAX: u64 = 3650 * 86_400;

fn invalid(message: &str) -> TrellisError {
    TrellisError::new(Code::InvalidArgument, message)
}

fn clock(time: Millis) -> Hlc {
    Hlc(time.0.saturating_mul(1 << 16))
}

/// The invitations, and the one that was made or ended.
#[derive(Serialize)]
struct Listed {
    /// The secret line of one that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<String>,
    /// Whether everybody could write until now.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<bool>,
    invitations: Vec<InvitationDoc>,
}

impl Listed {
    async fn of(repo: &Repo, changed: Option<Author>) -> Result<Listed> {
        let invitations = repo.invitations().await?.iter().map(InvitationDoc::new).collect();
        Ok(Listed { invitation: None, changed: changed.map(|key| key.to_string()), closed: None, invitations })
    }
}

/// An invitation, without its secret.
#[derive(Serialize)]
struct InvitationDoc {
    key: String,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    role: &'static str,
    until: String,
    uses: u32,
    joined: Vec<String>,
    revoked: bool,
    #[serde(skip)]
    shown_until: String,
}

impl InvitationDoc {
    fn new(standing: &Standing) -> InvitationDoc {
        let until = clock(standing.terms.until);
        InvitationDoc {
            key: standing.key.to_string(),
            by: standing.by.to_string(),
            name: standing.terms.name.clone(),
            role: standing.terms.role.name(),
            until: timestamp(until),
            uses: standing.terms.uses,
            joined: standing.joined.iter().map(Author::to_string).collect(),
            revoked: standing.is_revoked,
            shown_until: local_time(until),
        }
    }

    fn row(&self, page: &Page<'_>) -> Vec<Cell> {
        let until = if self.revoked { "revoked".to_owned() } else { format!("until {}", self.shown_until) };
        vec![
            page.id_cell(&self.key),
            Cell::new(Look::Plain, self.role),
            Cell::new(Look::Plain, &until),
            Cell::new(Look::Plain, &format!("{} of {} joined", self.joined.len(), self.uses)),
            Cell::new(Look::Name, self.name.as_deref().unwrap_or_default()),
        ]
    }
}

impl Told for Listed {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        if let Some(invitation) = &self.invitation {
            return page.line(invitation);
        }
        let rows: Vec<_> = self.invitations.iter().map(|invitation| invitation.row(page)).collect();
        page.table(&rows)?;
        match self.invitations.is_empty() {
            true => page.remark("Nobody is invited."),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        for (text, seconds) in [("1s", 1), ("90m", 5_400), ("12h", 43_200), ("7d", 604_800), ("3650d", SECONDS_MAX)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "7", "d", "0s", "-1d", "1.5h", "1w", "3651d", "99999999999999999999d", "7 d"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
