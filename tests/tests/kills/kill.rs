//! Killing a process at a chosen moment.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;
use std::{fs, thread};

use trellis_tests::dice::Dice;

/// When a process is to be killed: so many signs that it writes, and so many turns of the scheduler later.
pub(crate) struct Moment {
    pub(crate) sign: Sign,
    pub(crate) signs: usize,
    pub(crate) turns: usize,
}

/// What tells that a process writes.
pub(crate) enum Sign {
    /// The file has another length than before.
    Length(PathBuf),
    /// The file or folder is there.
    Exists(PathBuf),
    /// The file was written later than before.
    Written(PathBuf),
}

/// What a killed process left behind.
pub(crate) struct Killed {
    /// Everything that it printed.
    pub(crate) printed: String,
    /// Whether its first sign of writing was seen.
    pub(crate) has_begun: bool,
}

impl Moment {
    /// Half of the kills follow at once, the others up to `turns_max` turns later.
    pub(crate) fn any(sign: Sign, signs: usize, turns_max: usize, dice: &mut Dice) -> Moment {
        let turns = if dice.chance(50) { 0 } else { dice.below(turns_max) };
        Moment { sign, signs, turns }
    }

    /// Lets the process run until the moment has come or it ends by itself; how many signs there were.
    fn wait(&self, child: &mut Child) -> usize {
        let (mut last, mut seen) = (self.sign.state(), 0);
        while seen < self.signs && child.try_wait().unwrap().is_none() {
            let now = self.sign.state();
            seen += usize::from(now > last);
            last = now;
        }
        for _ in 0..self.turns {
            thread::yield_now();
        }
        seen
    }
}

impl Sign {
    fn state(&self) -> u64 {
        match self {
            Sign::Length(path) => length(path),
            Sign::Exists(path) => u64::from(path.exists()),
            Sign::Written(path) => written(path),
        }
    }
}

/// When a file was written, in nanoseconds since 1970; 0 where there is none.
fn written(path: &Path) -> u64 {
    let since = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok();
    let written = fs::symlink_metadata(path).and_then(|file| file.modified()).ok().and_then(since);
    written.map_or(0, |since| since.as_nanos() as u64)
}

/// The length of a file in bytes; 0 where there is none.
pub(crate) fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

/// The write-ahead log of the repo in this folder: what grows when something is written.
pub(crate) fn log_of(repo: &Path) -> PathBuf {
    repo.join(".trellis").join("store.db-wal")
}

/// Starts the process and kills it at that moment.
///
/// # Panics
/// If it failed before.
pub(crate) fn kill(command: &mut Command, moment: &Moment) -> Killed {
    kill_after(command, moment, || ())
}

/// The same, with something done at the moment, before the process is killed.
pub(crate) fn kill_after(command: &mut Command, moment: &Moment, strike: impl FnOnce()) -> Killed {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let signs = moment.wait(&mut child);
    strike();
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let was_well = output.status.code().is_none_or(|code| code == 0);
    assert!(was_well, "{command:?}: {printed}{}", String::from_utf8_lossy(&output.stderr));
    Killed { printed, has_begun: signs > 0 }
}
