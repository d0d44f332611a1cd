//! The machine itself, for whoever is the host: inputs in, outputs out.

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use trellis_core::surface::crossing;
use trellis_core::{machine, output};

use crate::error::Thrown;
use crate::plain::{Given, given};

/// The engine of one repo: no clock, no keys, no disk.
#[napi]
pub struct Machine {
    /// Nothing once its memory was given back.
    machine: Option<machine::Machine>,
    first: Vec<output::Output>,
}

#[napi]
impl Machine {
    /// A machine that is about to read its store. `start` is a `trellis_core::surface::Start`.
    #[napi(constructor)]
    pub fn new(start: String) -> napi::Result<Machine> {
        let (machine, first) = crossing::start(&start).map_err(Thrown::from)?;
        Ok(Machine { machine: Some(machine), first })
    }

    /// What is to be done first.
    #[napi]
    pub fn begin(&mut self) -> napi::Result<Given> {
        given(crossing::outputs(std::mem::take(&mut self.first)))
    }

    /// Takes one input at the time `now`, in milliseconds since 1970, and returns what is to be done.
    #[napi]
    pub fn step(&mut self, now: f64, input: String, bytes: Option<Uint8Array>) -> napi::Result<Given> {
        let machine = self.machine.as_mut().ok_or_else(|| Thrown::bad("the machine was freed"))?;
        given(crossing::step(machine, now, &input, bytes.as_deref()))
    }

    /// When it next wants to be told the time, in milliseconds since 1970.
    #[napi]
    pub fn deadline(&self) -> Option<f64> {
        self.machine.as_ref()?.deadline().map(|deadline| deadline.0 as f64)
    }

    /// Gives its memory back. It is of no use afterwards.
    #[napi]
    pub fn free(&mut self) {
        self.machine = None;
    }
}
