//! What people see of long work: a bar on a terminal, a line for every tenth elsewhere, and nothing of what takes less
//! than a second.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use trellis_sync::{Progress, Work};

/// What takes less is not worth a word.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the bar moves although nothing is told.
const TICK: Duration = Duration::from_millis(100);

/// Shows how far a command is.
#[derive(Clone)]
pub(crate) struct Display(Arc<Mutex<Shown>>);

/// How it is shown.
enum Shown {
    Bar(ProgressBar),
    Lines(Lines),
    Nothing,
}

/// A line for every tenth of what takes long.
#[derive(Default)]
struct Lines {
    now: Option<Piece>,
}

/// A piece of work that is under way.
struct Piece {
    work: Work,
    since: Instant,
    told: Option<u64>,
}

impl Display {
    /// From now on; `is_quiet` shows nothing.
    pub(crate) fn begin(is_quiet: bool) -> Display {
        let shown = match (is_quiet, io::stderr().is_terminal()) {
            (true, _) => Shown::Nothing,
            (_, false) => Shown::Lines(Lines::default()),
            (_, true) => Shown::Bar(hidden_bar()),
        };
        let display = Display(Arc::new(Mutex::new(shown)));
        display.show_when_due();
        display
    }

    /// Takes note of progress.
    pub(crate) fn tell(&self, progress: Progress) {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Shown::Bar(bar) => tell_bar(bar, progress),
            Shown::Lines(lines) => {
                if let Some(line) = lines.line(progress, Instant::now()) {
                    let _ = writeln!(io::stderr(), "{line}");
                }
            }
            Shown::Nothing => {}
        }
    }

    /// Leaves the screen to others, for good.
    pub(crate) fn end(&self) {
        let shown = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), Shown::Nothing);
        if let Shown::Bar(bar) = shown {
            bar.finish_and_clear();
        }
    }

    /// Shows the bar when the command has taken long enough, whether it tells how far it is or not.
    fn show_when_due(&self) {
        let Shown::Bar(bar) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) else { return };
        let bar = bar.downgrade();
        let show = move || {
            std::thread::sleep(PATIENCE);
            if let Some(bar) = bar.upgrade().filter(|bar| !bar.is_finished()) {
                bar.set_draw_target(ProgressDrawTarget::stderr());
                bar.enable_steady_tick(TICK);
            }
        };
        // Without a thread there is no bar, and that is all.
        let _ = std::thread::Builder::new().name("progress".into()).spawn(show);
    }
}

fn hidden_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    bar.set_style(style("{spinner} {msg} {elapsed}"));
    bar.set_message("Working");
    bar
}

fn tell_bar(bar: &ProgressBar, progress: Progress) {
    if bar.message() != words(progress.work) {
        bar.set_style(style("{msg} [{bar:30}] {percent:>3} % {prefix} {elapsed}"));
        bar.set_message(words(progress.work));
    }
    bar.set_length(progress.total);
    bar.set_position(progress.done);
    bar.set_prefix(amount(progress));
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

impl Lines {
    /// The line that is due, if one is.
    fn line(&mut self, progress: Progress, now: Instant) -> Option<String> {
        if self.now.as_ref().is_none_or(|piece| piece.work != progress.work) {
            self.now = Some(Piece { work: progress.work, since: now, told: None });
        }
        let piece = self.now.as_mut()?;
        let tenth = (progress.done * 10).checked_div(progress.total).unwrap_or(0).min(10);
        if piece.told == Some(tenth) || now.duration_since(piece.since) < PATIENCE {
            return None;
        }
        piece.told = Some(tenth);
        Some(format!("{}: {} %, {}", words(progress.work), tenth * 10, amount(progress)))
    }
}

fn words(work: Work) -> &'static str {
    match work {
        Work::Comparing => "Comparing files",
        Work::Keeping => "Keeping contents",
        Work::Writing => "Writing files",
        Work::Carrying => "Carrying contents",
        Work::Checking => "Checking contents",
        Work::Importing => "Taking commits",
        Work::Syncing => "Syncing ops",
    }
}

fn amount(progress: Progress) -> String {
    match progress.work {
        Work::Comparing | Work::Importing | Work::Syncing => {
            format!("{} of {}", HumanCount(progress.done), HumanCount(progress.total))
        }
        _ => format!("{} of {}", HumanBytes(progress.done), HumanBytes(progress.total)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeping(done: u64) -> Progress {
        Progress { work: Work::Keeping, done, total: 2048 }
    }

    #[test]
    fn there_is_a_line_for_every_tenth_of_what_takes_long() {
        let (mut lines, start) = (Lines::default(), Instant::now());
        assert_eq!(lines.line(keeping(0), start), None);
        let told: Vec<String> = (0..=2048).filter_map(|done| lines.line(keeping(done), start + PATIENCE)).collect();
        assert_eq!(told.len(), 11);
        assert_eq!(told[0], "Keeping contents: 0 %, 0 B of 2.00 KiB");
        assert_eq!(told[10], "Keeping contents: 100 %, 2.00 KiB of 2.00 KiB");
    }

    #[test]
    fn what_is_quick_is_not_told_whatever_was_before() {
        let (mut lines, start) = (Lines::default(), Instant::now());
        lines.line(keeping(0), start);
        lines.line(keeping(2048), start + PATIENCE);
        let next = Progress { work: Work::Comparing, done: 3, total: 3 };
        assert_eq!(lines.line(next, start + PATIENCE), None);
        assert_eq!(lines.line(next, start + PATIENCE * 2).as_deref(), Some("Comparing files: 100 %, 3 of 3"));
    }
}
