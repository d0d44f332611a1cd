//! `trellis members`: who may write.

use std::io;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde::Serialize;
use trellis_sync::core::input::Role;
use trellis_sync::core::op::id::Author;
use trellis_sync::core::output::{Joined, Member};
use trellis_sync::{Code, Repo, Result, TrellisError};

use super::context::Context;
use super::page::{Cell, Look, Page};
use super::report::{Outcome, Told, done};

/// Say who may write to the repo
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
#[command(after_help = "Example:\n  trellis members list\n\n\
                        As long as there are no members, everybody may write. `trellis sync status -v` shows a device's key.")]
pub(crate) struct Members {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make somebody a member, or change the role
    #[command(
        after_help = "Example:\n  trellis members add ea61c1224772ddb6bb63f634b172ee0fa7123e1d679c9da250f2904898419ea2 \
                            --name Bob --role writer\n\nThe first member brings everybody along who has written so far."
    )]
    Add {
        /// The public key of the device: 64 hex digits
        author: String,
        /// What people call whoever holds the key
        #[arg(long)]
        name: String,
        /// What the member may do
        #[arg(long, default_value = "writer", value_parser = PossibleValuesParser::new(["owner", "writer", "reader"]))]
        role: String,
    },
    /// List the members
    #[command(after_help = "Example:\n  trellis members list")]
    List,
    /// End a membership; what was written up to now keeps its effect
    #[command(after_help = "Example:\n  trellis members remove ea61c122")]
    Remove {
        /// The member's key, its first digits, or the name
        member: String,
    },
}

impl Members {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let repo = context.repo().await?;
        let done_to = match self.command {
            Command::List => None,
            Command::Add { author, name, role } => Some(add(&repo, &author, &name, &role).await?),
            Command::Remove { member } => Some(remove(context, &repo, &member).await?),
        };
        let members = repo.members().await?.iter().map(MemberDoc::new).collect();
        let is_open = repo.status().await?.is_open;
        done(Listed { changed: done_to.map(|author| author.to_string()), members, is_open })
    }
}

async fn add(repo: &Repo, author: &str, name: &str, role: &str) -> Result<Author> {
    let author = Author::parse_hex(author).ok_or_else(|| invalid("A key is written as 64 lower-case hex digits."))?;
    let role = Role::parse(role).ok_or_else(|| invalid("A role is owner, writer or reader."))?;
    repo.add_member(author, name, role).await?;
    Ok(author)
}

async fn remove(context: &Context, repo: &Repo, member: &str) -> Result<Author> {
    let members = repo.members().await?;
    let is_meant = |found: &&Member| {
        let key = found.author.to_string();
        found.name.as_deref() == Some(member) || (member.len() >= 4 && key.starts_with(member))
    };
    let author = match members.iter().filter(is_meant).collect::<Vec<_>>().as_slice() {
        [found] => found.author,
        [] => return Err(TrellisError::new(Code::NotFound, "There is no such member; see `trellis members list`.")),
        _ => return Err(invalid("Several members are called so; give more digits of the key.")),
    };
    if !context.is_confirmed(&format!("End the membership of {}?", author.short())) {
        return Err(TrellisError::new(Code::Aborted, "Nothing was changed."));
    }
    repo.remove_member(author).await?;
    Ok(author)
}

fn invalid(message: &str) -> TrellisError {
    TrellisError::new(Code::InvalidArgument, message)
}

/// The members, and whose membership was changed.
#[derive(Serialize)]
struct Listed {
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<String>,
    members: Vec<MemberDoc>,
    #[serde(skip)]
    is_open: bool,
}

/// A member.
#[derive(Serialize)]
struct MemberDoc {
    author: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    predecessor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined: Option<JoinedDoc>,
}

/// By which invitation a member joined.
#[derive(Serialize)]
struct JoinedDoc {
    invitation: String,
    /// Whether it was used up already.
    extra: bool,
}

impl JoinedDoc {
    fn new(joined: Joined) -> JoinedDoc {
        JoinedDoc { invitation: joined.invitation.to_string(), extra: joined.is_extra }
    }

    fn words(&self) -> String {
        let key = self.invitation.get(..12).unwrap_or_default();
        match self.extra {
            true => format!("joined by {key}, beyond its uses"),
            false => format!("joined by {key}"),
        }
    }
}

impl MemberDoc {
    fn new(member: &Member) -> MemberDoc {
        MemberDoc {
            author: member.author.to_string(),
            name: member.name.clone(),
            role: member.role.map_or("removed", Role::name),
            predecessor: member.predecessor.map(|author| author.to_string()),
            joined: member.joined.map(JoinedDoc::new),
        }
    }
}

impl Told for Listed {
    fn print(&self, page: &mut Page<'_>) -> io::Result<()> {
        let row = |member: &MemberDoc| {
            vec![
                page.id_cell(&member.author),
                Cell::new(Look::Plain, member.role),
                Cell::new(Look::Name, member.name.as_deref().unwrap_or_default()),
                Cell::new(Look::Plain, &member.joined.as_ref().map(JoinedDoc::words).unwrap_or_default()),
            ]
        };
        let rows: Vec<_> = self.members.iter().map(row).collect();
        page.table(&rows)?;
        match self.is_open {
            true => page.remark("As long as nobody is added, everybody may write."),
            false => Ok(()),
        }
    }
}
