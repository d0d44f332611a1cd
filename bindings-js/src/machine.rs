//! The machine behind its one door.

use trellis_core::surface::crossing;
use trellis_core::{machine, output};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert::{Result, whole};

/// The engine of one repo.
#[wasm_bindgen]
pub struct Machine {
    machine: machine::Machine,
    first: Vec<output::Output>,
}

#[wasm_bindgen]
impl Machine {
    /// A machine that is about to read its store. `start` is a `trellis_core::surface::Start`.
    #[wasm_bindgen(constructor)]
    pub fn new(start: &str) -> Result<Machine> {
        let (machine, first) = crossing::start(start)?;
        Ok(Machine { machine, first })
    }

    /// What is to be done first.
    pub fn begin(&mut self) -> Result<Vec<u8>> {
        Ok(whole(crossing::outputs(std::mem::take(&mut self.first))?))
    }

    /// Takes one input at the time `now`, in milliseconds since 1970, and returns what is to be done.
    pub fn step(&mut self, now: f64, input: &str, bytes: Option<Vec<u8>>) -> Result<Vec<u8>> {
        Ok(whole(crossing::step(&mut self.machine, now, input, bytes.as_deref())?))
    }

    /// When the machine next wants to be told the time.
    pub fn deadline(&self) -> Option<f64> {
        self.machine.deadline().map(|deadline| deadline.0 as f64)
    }
}
