//! The clients of a relay as its process sees them: a child that says when all are there, and when all have a frame.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use cpu_time::ProcessTime;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How long a look takes at whether this process works.
const LOOK: Duration = Duration::from_millis(20);
/// Looks in a row at which it has to be idle: on a busy machine it may have to wait for its turn.
const LOOKS: usize = 4;
/// What a process that is idle works in that time.
const IDLE: Duration = Duration::from_micros(500);

/// Clients in a process of their own; they end when this is dropped.
pub(super) struct Crowd {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What all clients got.
#[derive(Clone, Copy)]
pub(super) struct Got {
    pub(super) frame_bytes: usize,
    pub(super) answer_bytes: usize,
}

impl Crowd {
    /// So many clients that are connected and idle, and by how many bytes each made this process grow.
    pub(super) fn gather(url: &str, how: &[&str], count: usize, steps: usize) -> Result<(Crowd, f64)> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("--clients").arg(url).args(how).args([count.to_string(), steps.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take().context("a way in")?, child.stdout.take().context("a way out")?);
        let mut crowd = Crowd { child, input, output: BufReader::new(output) };
        let mut sizes = Vec::new();
        for step in 1..=steps {
            ensure!(crowd.line()? == format!("ready {}", count / steps * step), "the clients are connected");
            settle();
            sizes.push(resident()?);
            writeln!(crowd.input, "go on")?;
        }
        // What the first of them brought is the server's own.
        let grown = (sizes[steps - 1] - sizes[0]) as f64 / (count - count / steps) as f64;
        Ok((crowd, grown))
    }

    /// Waits until all of them have the next frame.
    pub(super) fn got(&mut self) -> Result<Got> {
        let line = self.line()?;
        let numbers: Vec<usize> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [frame_bytes, answer_bytes] if line.starts_with("got ") => Ok(Got { frame_bytes, answer_bytes }),
            _ => bail!("the clients say {line:?}"),
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.output.read_line(&mut line)? > 0, "the clients are gone");
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // One that has ended by itself needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until this process has nothing to do.
pub(super) fn settle() {
    let mut idle = 0;
    while idle < LOOKS {
        let begun = ProcessTime::now();
        thread::sleep(LOOK);
        idle = if begun.elapsed() < IDLE { idle + 1 } else { 0 };
    }
}

/// The memory of this process that is in use.
fn resident() -> Result<i64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the system tells it")?;
    let kilobytes: i64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}

/// Lets this process open so many files, if the system has no harder bound.
pub(super) fn allow_files(count: u64) -> Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < count) {
        let raised = maximum.map_or(count, |maximum| maximum.min(count));
        setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum })?;
    }
    Ok(())
}
