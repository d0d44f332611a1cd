//! What every command shares: the global flags, the repos that it opens, and the way to tell people and programs.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, ColorChoice};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use trellis_sync::core::op::id::OpId;
use trellis_sync::core::output::Event;
use trellis_sync::files::Workspace;
use trellis_sync::folder::Folder;
use trellis_sync::{Access, Code, Missing, OpenOptions, Progress, Repo, Result, TrellisError};

use super::complete;
use super::page::{Detail, Look, Page, Paint, Reader, clean};
use super::pager::Pager;
use super::progress::Display;
use super::report::{Exit, Outcome, Report, error_document};

/// Flags of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Act as if started in this folder
    // The names of these must not be those of any command's own arguments, or clap takes one for the other.
    #[arg(
        id = "global_dir",
        short = 'C',
        value_name = "DIR",
        global = true,
        env = "TRELLIS_DIR",
        hide_env_values = true
    )]
    dir: Option<PathBuf>,
    /// The branch to work on
    #[arg(id = "global_branch", long = "branch", value_name = "NAME", global = true, env = "TRELLIS_BRANCH")]
    #[arg(hide_env_values = true, add = complete::branches())]
    branch: Option<String>,
    /// Print one JSON document instead of text, errors too
    #[arg(long, global = true, env = "TRELLIS_JSON", hide_env_values = true)]
    #[arg(action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    json: bool,
    /// Tell more: whole ids, and causes
    #[arg(short, long, global = true, conflicts_with = "quiet", env = "TRELLIS_VERBOSE", hide_env_values = true)]
    #[arg(action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    verbose: bool,
    /// Tell only what was asked for, and errors
    #[arg(short, long, global = true, env = "TRELLIS_QUIET", hide_env_values = true)]
    #[arg(action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    quiet: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", global = true, env = "TRELLIS_COLOR", default_value = "auto")]
    #[arg(hide_env_values = true)]
    color: ColorChoice,
    /// Print long answers as they are, without a pager
    #[arg(long, global = true, env = "TRELLIS_NO_PAGER", hide_env_values = true)]
    #[arg(action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    no_pager: bool,
    /// Answer every question with yes
    #[arg(long, global = true, env = "TRELLIS_YES", hide_env_values = true)]
    #[arg(action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    yes: bool,
}

/// What every command shares.
pub(crate) struct Context {
    globals: Globals,
    opened: RefCell<Vec<Repo>>,
    events: RefCell<UnboundedReceiver<Event>>,
    listener: UnboundedSender<Event>,
    display: Display,
    /// Whether the command has said already what it has to say.
    is_told: Cell<bool>,
}

impl Context {
    pub(crate) fn new(globals: Globals) -> Context {
        let (listener, events) = unbounded_channel();
        let display = Display::begin(globals.quiet);
        let (opened, events) = (RefCell::default(), RefCell::new(events));
        Context { globals, opened, events, listener, display, is_told: Cell::new(false) }
    }

    /// The folder that the command acts in.
    pub(crate) fn dir(&self) -> &Path {
        self.globals.dir.as_deref().unwrap_or(Path::new("."))
    }

    /// A path of the command line, which is meant from the folder that the command acts in.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.dir().join(path)
    }

    /// The repo that the command acts on: the nearest one upwards.
    pub(crate) async fn repo(&self) -> Result<Repo> {
        self.open(Folder::find(self.dir())?.root(), Access::Write).await
    }

    /// The folder that the command works in, to change it or record it.
    pub(crate) async fn workspace(&self) -> Result<Workspace> {
        self.on_its_branch(Workspace::open(&self.repo().await?)?.with_index().await?)
    }

    /// The same, to look at it. The repo's ops are not read unless something asks for them.
    pub(crate) async fn workspace_seen(&self) -> Result<Workspace> {
        let folder = Folder::find(self.dir())?;
        let repo = self.options().missing(Missing::Refuse).when_asked().open(folder.root()).await?;
        self.on_its_branch(Workspace::look(&self.keep(repo))?.with_index().await?)
    }

    /// A folder shows one branch, and no option makes it another.
    fn on_its_branch(&self, workspace: Workspace) -> Result<Workspace> {
        match &self.globals.branch {
            Some(branch) if branch != workspace.branch() => {
                let shown = workspace.branch();
                let message = format!(
                    "This folder shows the branch {shown}. Bring it to {branch} first: `trellis switch {branch}`."
                );
                Err(TrellisError::new(Code::InvalidArgument, message))
            }
            _ => Ok(workspace),
        }
    }

    /// The repo in that very folder.
    pub(crate) async fn open(&self, root: &Path, access: Access) -> Result<Repo> {
        let repo = self.options().access(access).missing(Missing::Refuse).open(root).await?;
        Ok(self.keep(repo))
    }

    /// How to open a repo under the global flags.
    pub(crate) fn options(&self) -> OpenOptions {
        let display = self.display.clone();
        let options = Repo::options().events(self.listener.clone()).progress(move |progress| display.tell(progress));
        match &self.globals.branch {
            Some(branch) => options.branch(branch),
            None => options,
        }
    }

    /// Remembers a repo, to close it when the command is done.
    pub(crate) fn keep(&self, repo: Repo) -> Repo {
        self.opened.borrow_mut().push(repo.clone());
        repo
    }

    /// Closes what the command opened. What was written is on the disk already, so this cannot fail the command.
    pub(crate) async fn close(&self) {
        let opened = self.opened.take();
        for repo in opened {
            if let Err(error) = repo.close().await {
                self.note(error.message());
            }
        }
    }

    /// Tells what the command has to say, and how it ends.
    pub(crate) fn tell(&self, outcome: Outcome) -> Exit {
        self.display.end();
        self.tell_events();
        match outcome {
            Ok(report) => self.tell_report(report.as_ref()),
            Err(error) => self.tell_error(&error),
        }
    }

    /// Asks, if there is somebody to answer; where there is nobody, the command itself is the answer.
    pub(crate) fn is_confirmed(&self, question: &str) -> bool {
        let is_silent = self.globals.yes || self.globals.json;
        if is_silent || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return true;
        }
        self.display.end();
        let mut answer = String::new();
        let asked = write!(io::stderr(), "{question} [y/N] ").and_then(|()| io::stdin().read_line(&mut answer));
        asked.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }

    /// Takes the display away, for somebody is asked.
    pub(crate) fn end_progress(&self) {
        self.display.end();
    }

    /// Shows how far the command is.
    pub(crate) fn tell_progress(&self, progress: Progress) {
        self.display.tell(progress);
    }

    /// Tells people a part of what the command has to say, before it is done. A document is told as a whole.
    ///
    /// # Errors
    /// What writing fails with.
    pub(crate) fn say(&self, report: &dyn Report) -> Result<()> {
        if self.globals.json {
            return Ok(());
        }
        self.display.end();
        let told = self.print(report, &mut BufWriter::new(io::stdout().lock()));
        told.map_err(|cause| {
            TrellisError::new(Code::Aborted, "The output could not be written, so the command stopped.")
                .caused_by(cause)
        })
    }

    /// Says on stderr what is no failure.
    pub(crate) fn note(&self, text: &str) {
        if self.detail() != Detail::Quiet {
            self.display.end();
            let mut stderr = io::stderr().lock();
            let mut page = self.page(&mut stderr, io::stderr().is_terminal());
            let mark = page.paint(Look::Name, "note");
            let _ = page.line(format!("{mark}: {}", clean(text)));
        }
    }

    /// Tells now what the command has to say, which then goes on; at its end nothing more is told but a failure.
    pub(crate) fn tell_early(&self, report: &dyn Report) {
        self.display.end();
        self.tell_report(report);
        self.is_told.set(true);
    }

    fn tell_report(&self, report: &dyn Report) -> Exit {
        if self.is_told.get() {
            return report.exit();
        }
        let told = match self.pager_for(report) {
            Some(mut pager) => {
                let told = self.print(report, &mut BufWriter::new(&mut pager));
                pager.wait();
                told
            }
            None => self.print(report, &mut BufWriter::new(io::stdout().lock())),
        };
        match told {
            Ok(()) => report.exit(),
            // Whoever read us has seen enough: `trellis log | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => report.exit(),
            Err(error) => {
                self.note(&format!("The output could not be written: {error}."));
                Exit::Error
            }
        }
    }

    fn pager_for(&self, report: &dyn Report) -> Option<Pager> {
        let is_wanted = report.is_long() && !self.globals.json && !self.globals.no_pager;
        if is_wanted && io::stdout().is_terminal() { Pager::start() } else { None }
    }

    fn print(&self, report: &dyn Report, out: &mut dyn Write) -> io::Result<()> {
        match self.globals.json {
            true => report.document().map_err(io::Error::other).and_then(|text| writeln!(out, "{text}")),
            false => report.print(&mut self.page(out, io::stdout().is_terminal())),
        }?;
        out.flush()
    }

    fn tell_error(&self, error: &TrellisError) -> Exit {
        if let Some(text) = error_document(error).ok().filter(|_| self.globals.json && !self.is_told.get()) {
            print_line(&text);
            return Exit::Error;
        }
        let mut stderr = io::stderr().lock();
        let mut page = self.page(&mut stderr, io::stderr().is_terminal());
        let mark = page.paint(Look::Bad, "error");
        let _ = page.line(format!("{mark}[{}]: {}", error.code(), clean(error.message())));
        if page.detail() == Detail::Verbose {
            let mut cause = error.source();
            while let Some(because) = cause {
                let _ = page.line(format!("  because: {}", clean(&because.to_string())));
                cause = because.source();
            }
        }
        Exit::Error
    }

    fn tell_events(&self) {
        while let Ok(event) = self.events.borrow_mut().try_recv() {
            match event {
                Event::ChainForked { author, .. } => {
                    self.note(&format!("The chain of {} forked: its key was used in two places.", author.short()));
                }
                Event::KeyChanged { to, .. } => {
                    self.note(&format!("This folder is a copy, so it writes under a new key: {}.", to.short()));
                }
                Event::Corrupt { row } => {
                    self.note(&format!("Row {row} of the store is damaged; run `trellis verify`."));
                }
                Event::Opened | Event::Admitted { .. } | Event::Link(..) => {}
            }
        }
    }

    fn page<'a>(&self, out: &'a mut dyn Write, is_terminal: bool) -> Page<'a> {
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let paint = match self.globals.color {
            ColorChoice::Always => Paint::Coloured,
            ColorChoice::Auto if is_terminal && !is_plain => Paint::Coloured,
            _ => Paint::Plain,
        };
        let reader = if is_terminal { Reader::Terminal } else { Reader::Program };
        Page::new(out, paint, self.detail(), reader)
    }

    /// How much is told.
    pub(crate) fn detail(&self) -> Detail {
        match (self.globals.quiet, self.globals.verbose) {
            (true, _) => Detail::Quiet,
            (_, true) => Detail::Verbose,
            _ => Detail::Usual,
        }
    }
}

/// The ops that a name of the command line stands for: an op, or the heads of a branch. Without a name there are none,
/// which means now.
///
/// # Errors
/// As [`Repo::find_heads`].
pub(crate) async fn heads_named(repo: &Repo, name: Option<&str>) -> Result<Vec<OpId>> {
    match name {
        Some(name) => repo.find_heads(name).await,
        None => Ok(Vec::new()),
    }
}

/// A line on stdout. Nobody may be reading.
pub(crate) fn print_line(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}
