//! A repo, by commands.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pyo3::prelude::*;
use tokio::sync::mpsc::unbounded_channel;
use trellis_sync::core::time::Millis;
use trellis_sync::link::Welcome;
use trellis_sync::surface::{Answer, Command, Hex, LinkOptions, OpenOptions};
use trellis_sync::{Code, Repo, TrellisError};

use crate::calls::with_python;
use crate::connection::Connection;
use crate::error::raise;
use crate::events::{Events, Told};
use crate::federation::Repos;
use crate::link::Link;
use crate::ops::Identity;
use crate::plain;
use crate::wait::{Stop, runtime, wait};

/// Opens a repo. `options` are those of `trellis_sync::surface::OpenOptions`; `identity` is the key to write under, and
/// `clock` tells milliseconds since 1970.
#[pyfunction]
#[pyo3(signature = (path, options, identity=None, clock=None, stop=None))]
pub(crate) fn open(
    path: PathBuf,
    options: &Bound<'_, PyAny>,
    identity: Option<&Identity>,
    clock: Option<Bound<'_, PyAny>>,
    stop: Option<&Stop>,
) -> PyResult<Host> {
    let py = options.py();
    let options: OpenOptions = plain::read(options)?;
    let mut own = Repo::options();
    if let Some(identity) = identity {
        own = own.identity(identity.0.clone());
    }
    if let Some(clock) = clock {
        own = own.clock(time_by(&clock)?);
    }
    let opened = async {
        let (events, told) = unbounded_channel();
        let told = Told::from(told);
        Ok((options.open(path, own.events(events)).await?, told))
    };
    let (repo, told) = wait(py, stop, opened)?;
    Ok(Host { repo, told, process: std::process::id() })
}

/// The time by a function of the program. Where it raises, that is told as Python tells what nobody can catch, and time
/// stands still.
fn time_by(clock: &Bound<'_, PyAny>) -> PyResult<impl Fn() -> Millis + Send + Sync + 'static> {
    let read = |clock: &Bound<'_, PyAny>| -> PyResult<u64> { Ok(clock.call0()?.extract::<f64>()? as u64) };
    let last = AtomicU64::new(read(clock)?);
    let clock = clock.clone().unbind();
    Ok(move || {
        let told = with_python(|py| {
            let clock = clock.bind(py);
            read(clock).inspect_err(|error| error.clone_ref(py).write_unraisable(py, Some(clock))).ok()
        });
        if let Some(now) = told.flatten() {
            last.store(now, Ordering::Relaxed);
        }
        Millis(last.load(Ordering::Relaxed))
    })
}

/// A repo that is open. It is closed by `close`, or when nothing refers to it any more.
#[pyclass(frozen, module = "trellis_sync._native")]
pub(crate) struct Host {
    repo: Repo,
    told: Told,
    /// A fork has none of the threads that a repo needs.
    process: u32,
}

#[pymethods]
impl Host {
    /// Carries a command of the surface out, and returns its answer.
    #[pyo3(signature = (command, stop=None))]
    fn carry_out<'py>(&self, command: &Bound<'py, PyAny>, stop: Option<&Stop>) -> PyResult<Bound<'py, PyAny>> {
        let py = command.py();
        let command: Command = plain::read(command)?;
        let answer: Answer = wait(py, stop, self.repo(py)?.carry_out(command))?;
        plain::write(py, &answer)
    }

    /// What stands at a place of a branch, now or when the ops `at` were its heads: an entity of the surface.
    fn find<'py>(
        &self,
        py: Python<'py>,
        branch: &str,
        place: &str,
        at: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let at: Vec<Hex<32>> = plain::read(at)?;
        let entity = wait(py, None, self.repo(py)?.on_branch(branch).find(place, at))?;
        plain::write(py, &entity)
    }

    /// What stands under the keys of a collection on a branch, now or when the ops `at` were its heads: a dictionary.
    fn values<'py>(
        &self,
        py: Python<'py>,
        branch: &str,
        collection: &str,
        at: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let at: Vec<Hex<32>> = plain::read(at)?;
        let values = wait(py, None, self.repo(py)?.on_branch(branch).values(collection, at))?;
        plain::write(py, &values)
    }

    /// Waits until ops are as safe as `tier` says, for `timeout_ms` at most.
    #[pyo3(signature = (ops, tier, timeout_ms, stop=None))]
    fn durable<'py>(
        &self,
        ops: &Bound<'py, PyAny>,
        tier: &str,
        timeout_ms: u64,
        stop: Option<&Stop>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = ops.py();
        let ops: Vec<Hex<32>> = plain::read(ops)?;
        let safe = wait(py, stop, self.repo(py)?.safe(ops, tier, Duration::from_millis(timeout_ms)))?;
        plain::write(py, &safe)
    }

    /// Commits behind a local sequence, in order, `rows_max` of them at most.
    fn changes<'py>(&self, py: Python<'py>, since: u32, rows_max: usize) -> PyResult<Bound<'py, PyAny>> {
        let changes = wait(py, None, self.repo(py)?.changes(since, rows_max))?;
        plain::write(py, &changes)
    }

    /// Begins the branch `name` from another one, and returns the ids of the ops written.
    fn begin_branch<'py>(&self, py: Python<'py>, source: &str, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let ops = wait(py, None, self.repo(py)?.on_branch(source).begin_plain_branch(name))?;
        plain::write(py, &ops)
    }

    /// Writes a bundle of everything to a new file.
    #[pyo3(signature = (path, stop=None))]
    fn export_bundle<'py>(&self, py: Python<'py>, path: PathBuf, stop: Option<&Stop>) -> PyResult<Bound<'py, PyAny>> {
        let exported = wait(py, stop, self.repo(py)?.export_to(path))?;
        plain::write(py, &exported)
    }

    /// Takes what a bundle's file holds.
    #[pyo3(signature = (path, stop=None))]
    fn import_bundle<'py>(&self, py: Python<'py>, path: PathBuf, stop: Option<&Stop>) -> PyResult<Bound<'py, PyAny>> {
        let report = wait(py, stop, self.repo(py)?.import_from(path))?;
        plain::write(py, &report)
    }

    /// Reads and rehashes everything.
    #[pyo3(signature = (stop=None))]
    fn verify<'py>(&self, py: Python<'py>, stop: Option<&Stop>) -> PyResult<Bound<'py, PyAny>> {
        let verified = wait(py, stop, self.repo(py)?.verified())?;
        plain::write(py, &verified)
    }

    /// Begins to sync with a peer; returns at once. `options` are those of `trellis_sync::surface::LinkOptions`.
    fn sync(&self, py: Python<'_>, url: &str, options: &Bound<'_, PyAny>) -> PyResult<Link> {
        let options: LinkOptions = plain::read(options)?;
        let options = options.try_into().map_err(|error| raise(py, &error))?;
        let runtime = runtime().map_err(|error| raise(py, &error))?;
        let _entered = runtime.enter();
        self.repo(py)?.sync_with(url, options).map(Link::new).map_err(|error| raise(py, &error))
    }

    /// Syncs over an end of a connection, which this side opened if it is the initiator.
    fn connect(&self, py: Python<'_>, connection: &Connection, is_initiator: bool) -> PyResult<Link> {
        let (repo, connection) = (self.repo(py)?, connection.take(py)?);
        let runtime = runtime().map_err(|error| raise(py, &error))?;
        let _entered = runtime.enter();
        let link = if is_initiator { repo.connect(connection) } else { repo.accept(connection, Welcome::Anyone) };
        Ok(Link::new(link))
    }

    /// The other repos that it links on a branch.
    fn repos(&self, py: Python<'_>, branch: &str) -> PyResult<Repos> {
        Ok(Repos::of(self.repo(py)?.on_branch(branch)))
    }

    /// What the repo tells from now on.
    fn events(&self) -> Events {
        self.told.listen()
    }

    /// The branch that it was opened on.
    fn branch(&self) -> &str {
        self.repo.branch()
    }

    /// The folder that it lies in.
    fn folder(&self) -> PathBuf {
        self.repo.folder().root().to_owned()
    }

    /// Closes it, and whatever is waited for here fails with `aborted`.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        wait(py, None, self.repo(py)?.clone().close())
    }
}

impl Host {
    fn repo(&self, py: Python<'_>) -> PyResult<&Repo> {
        if self.process == std::process::id() {
            return Ok(&self.repo);
        }
        let message = "This repo was opened before the process was forked. Open it again in this process.";
        Err(raise(py, &TrellisError::new(Code::Unsupported, message)))
    }
}
