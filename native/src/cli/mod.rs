//! The command line: words to calls, answers to text or to one JSON document.
//!
//! Every command returns a report, which is data. Whether it becomes text for people or a document for programs is
//! decided in one place, so both say the same.

mod complete;
mod context;
mod doc;
mod page;
mod pager;
mod progress;
mod report;
mod words;

mod blame;
mod branch;
mod clone;
mod completions;
mod config;
mod conflicts;
mod diff;
mod export;
mod files;
mod fork;
mod get;
mod history;
mod import;
mod import_git;
mod init;
mod invite;
mod join;
mod log;
mod ls;
mod manifest;
mod members;
mod merge;
mod mv;
mod record;
mod resolve;
mod restore;
mod rm;
mod serve;
mod set;
mod show;
mod status;
mod switch;
mod sync;
mod undo;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::CompleteEnv;

use context::{Context, Globals};
use report::{Exit, Outcome, usage_error};

/// Local-first sync: write offline, sync with anybody, see every conflict.
#[derive(Debug, Parser)]
#[command(name = "trellis", version, arg_required_else_help = true, after_help = HELP)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Example:
  trellis init && trellis set notes/1/title Calm && trellis get notes/1

A place is written collection/key or collection/key/field; inside a name / is ~1 and ~ is ~0.
Exit codes: 0 done, 1 error, 2 conflicts are open, 3 queued for later, 64 wrong usage.";

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Clone(clone::Clone),
    Join(join::Join),
    Status(status::Status),
    Diff(diff::Diff),
    Record(record::Record),
    Restore(restore::Restore),
    Mv(mv::Mv),
    Switch(switch::Switch),
    Set(set::Set),
    Get(get::Get),
    Rm(rm::Rm),
    Ls(ls::Ls),
    Log(log::Log),
    Show(show::Show),
    Blame(blame::Blame),
    Conflicts(conflicts::Conflicts),
    Resolve(resolve::Resolve),
    Undo(undo::Undo),
    Branch(branch::Branch),
    Merge(merge::Merge),
    Members(members::Members),
    Invite(invite::Invite),
    Manifest(manifest::Manifest),
    Config(config::Config),
    Export(export::Export),
    Import(import::Import),
    Verify(verify::Verify),
    Fork(fork::Fork),
    Sync(sync::Sync),
    Serve(serve::Serve),
    Completions(completions::Completions),
}

/// Does what the arguments say.
pub(crate) fn run(args: Vec<OsString>) -> ExitCode {
    // A shell that completes a word asks so, and gets nothing but its answer.
    CompleteEnv::with_factory(Cli::command).var(completions::VARIABLE).complete();
    if join::is_given_away(&args) {
        return report::refuse_usage(&join::given_away(), &args).into();
    }
    match Cli::try_parse_from(&args) {
        Ok(cli) => start(cli).into(),
        Err(error) => explain(&error, &args).into(),
    }
}

fn start(cli: Cli) -> Exit {
    let context = Context::new(cli.globals);
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(async {
            let outcome = dispatch(cli.command, &context).await;
            context.close().await;
            context.tell(outcome)
        }),
        Err(cause) => context.tell(Err(report::no_runtime(cause))),
    }
}

async fn dispatch(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Init(args) => args.run(context).await,
        Command::Clone(args) => args.run(context).await,
        Command::Join(args) => args.run(context).await,
        Command::Status(args) => args.run(context).await,
        Command::Diff(args) => args.run(context).await,
        Command::Record(args) => args.run(context).await,
        Command::Restore(args) => args.run(context).await,
        Command::Mv(args) => args.run(context).await,
        Command::Switch(args) => args.run(context).await,
        Command::Set(args) => args.run(context).await,
        Command::Get(args) => args.run(context).await,
        Command::Rm(args) => args.run(context).await,
        Command::Ls(args) => args.run(context).await,
        Command::Log(args) => args.run(context).await,
        Command::Show(args) => args.run(context).await,
        Command::Blame(args) => args.run(context).await,
        Command::Conflicts(args) => args.run(context).await,
        Command::Resolve(args) => args.run(context).await,
        Command::Undo(args) => args.run(context).await,
        Command::Branch(args) => args.run(context).await,
        Command::Merge(args) => args.run(context).await,
        Command::Members(args) => args.run(context).await,
        Command::Invite(args) => args.run(context).await,
        Command::Manifest(args) => args.run(context).await,
        Command::Config(args) => args.run(context).await,
        Command::Export(args) => args.run(context).await,
        Command::Import(args) => args.run(context).await,
        Command::Verify(args) => args.run(context).await,
        Command::Fork(args) => args.run(context).await,
        Command::Sync(args) => args.run(context).await,
        Command::Serve(args) => args.run(context).await,
        Command::Completions(args) => args.run().await,
    }
}

/// Help and the version are answers; everything else that clap says is wrong usage.
fn explain(error: &clap::Error, args: &[OsString]) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            Exit::Done
        }
        _ => usage_error(error, git_word(error), args),
    }
}

/// What people who know git type, and what they find here.
const GIT_WORDS: [(&str, &str); 13] = [
    ("add", "Nothing is staged: `trellis record` records all that changed, `trellis record PATH...` only that."),
    ("checkout", "`trellis switch BRANCH` brings the folder to a branch, `trellis restore PATH...` gives files back."),
    ("cherry-pick", "`trellis restore --from OP PATH...` brings files of any op or branch into the folder."),
    ("commit", "`trellis record -m TEXT` records what changed in the folder."),
    ("fetch", "`trellis sync reconcile --remote PATH` shows what another copy has, and takes it with --apply."),
    ("ls-files", "`trellis ls files` lists what is recorded, `trellis status` what changed."),
    ("pull", "`trellis sync reconcile --remote PATH --apply` brings two copies together."),
    ("push", "`trellis sync reconcile --remote PATH --apply` brings two copies together."),
    ("rebase", "Branches merge: `trellis merge BRANCH`. On a linear branch see `trellis sync reconcile --keep`."),
    ("remote", "Name the other copy where it is needed: `trellis sync reconcile --remote PATH`."),
    ("reset", "`trellis undo` takes the last record back, `trellis restore PATH...` gives files back."),
    ("revert", "`trellis undo` takes the last record back, `trellis restore --from OP PATH...` brings older files."),
    ("stash", "Record on a branch instead: `trellis switch --create BRANCH`, then `trellis record`."),
];

/// A word about a command that git has and `trellis` calls otherwise.
fn git_word(error: &clap::Error) -> Option<&'static str> {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    GIT_WORDS.iter().find(|(word, _)| word == typed).map(|(_, advice)| *advice)
}
