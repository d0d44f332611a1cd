//! A repo in a folder, by commands.

use std::sync::{Arc, OnceLock};

use napi::bindgen_prelude::{Function, Uint8Array};
use napi_derive::napi;
use tokio::sync::mpsc::unbounded_channel;
use trellis_core::output;
use trellis_core::surface::{Answer, Command, Event};
use trellis_sync::keys::Identity;
use trellis_sync::surface::{LinkOptions, OpenOptions};
use trellis_sync::{Code, Repo, TrellisError};

use crate::clock::clock_of;
use crate::engine::seed_of;
use crate::error::Result;
use crate::link::Link;
use crate::plain::read;
use crate::port::{Port, runtime};
use crate::wire::Wire;

/// Commits that are read at once.
const COMMITS_MAX: usize = 1024;

/// A repo that is open, once `open` was answered.
#[napi]
pub struct Host {
    port: Port,
    repo: Arc<OnceLock<Repo>>,
}

#[napi]
impl Host {
    /// One that nothing was opened by yet.
    #[napi(constructor)]
    pub fn new(port: &Port) -> Host {
        Host { port: port.clone(), repo: Arc::default() }
    }

    /// Opens the repo in a folder. `options` are those of `trellis_sync::surface::OpenOptions`; `listener` hears its events.
    /// `seed` is that of the key to write under, and `clock` tells milliseconds since 1970.
    #[napi]
    pub fn open(
        &self,
        call: u32,
        path: String,
        options: String,
        listener: u32,
        seed: Option<Uint8Array>,
        clock: Option<Function<'_, (), f64>>,
    ) -> napi::Result<()> {
        let options: OpenOptions = read(&options, None)?;
        let mut own = Repo::options();
        if let Some(seed) = seed {
            own = own.identity(Identity::from_seed(seed_of(&seed)?));
        }
        if let Some(clock) = clock {
            own = own.clock(clock_of(&clock)?);
        }
        let (port, opened) = (self.port.clone(), Arc::clone(&self.repo));
        let work = async move {
            let (events, mut told) = unbounded_channel::<output::Event>();
            let repo = options.open(path, own.events(events)).await?;
            tokio::spawn(async move {
                while let Some(event) = told.recv().await {
                    port.tell(listener, &Event::from(event));
                }
                port.end(listener);
            });
            opened.get_or_init(|| repo);
            Ok::<_, TrellisError>(())
        };
        Ok(self.port.answer(call, work)?)
    }

    /// Carries a command of the surface out.
    #[napi]
    pub fn carry_out(&self, call: u32, command: String, bytes: Option<Uint8Array>) -> napi::Result<()> {
        let command: Command = read(&command, bytes.as_deref())?;
        let repo = self.repo()?;
        let work = async move { repo.carry_out(command).await as trellis_sync::Result<Answer> };
        Ok(self.port.answer(call, work)?)
    }

    /// The next commits behind a local sequence, in order: none where there are no more.
    #[napi]
    pub fn commits(&self, call: u32, since: u32) -> napi::Result<()> {
        let repo = self.repo()?;
        Ok(self.port.answer(call, async move { repo.commits(since, COMMITS_MAX) })?)
    }

    /// Begins to sync with a peer; returns at once. `options` are those of `trellis_sync::surface::LinkOptions`, and
    /// `listener` hears how the link stands.
    #[napi]
    pub fn sync(&self, url: String, options: String, listener: u32) -> napi::Result<Link> {
        let options: LinkOptions = read(&options, None)?;
        let repo = self.repo()?;
        let _entered = runtime()?.enter();
        let begun =
            options.try_into().and_then(|options| repo.sync_with(&url, options)).map_err(crate::error::Thrown::from)?;
        Ok(Link::new(self.port.clone(), begun, listener))
    }

    /// Syncs over a connection of JavaScript's. `listener` hears how the link stands, `frames` what is to be sent.
    #[napi]
    pub fn connect(
        &self,
        origin: String,
        binding: Uint8Array,
        is_initiator: bool,
        listener: u32,
        frames: u32,
    ) -> napi::Result<Wire> {
        let repo = self.repo()?;
        let _entered = runtime()?.enter();
        Ok(Wire::new(&self.port, &repo, (origin, binding.to_vec()), is_initiator, (listener, frames)))
    }

    /// The branch that it was opened on.
    #[napi]
    pub fn branch(&self) -> napi::Result<String> {
        Ok(self.repo()?.branch().to_owned())
    }

    /// Lets go of the store. Whatever is waited for here fails with `aborted`.
    #[napi]
    pub fn close(&self, call: u32) -> napi::Result<()> {
        let repo = self.repo()?;
        Ok(self.port.answer(call, repo.close())?)
    }
}

impl Host {
    fn repo(&self) -> Result<Repo> {
        let missing = || TrellisError::new(Code::Aborted, "The repo is not open yet.");
        Ok(self.repo.get().cloned().ok_or_else(missing)?)
    }
}
