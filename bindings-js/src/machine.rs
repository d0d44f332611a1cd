//! The machine behind its one door.

use trellis_core::surface::{Input, Output, Start};
use trellis_core::{machine, output};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert::{Result, give, millis, read};

/// The engine of one repo.
#[wasm_bindgen]
pub struct Machine {
    machine: machine::Machine,
    first: Vec<output::Output>,
}

#[wasm_bindgen]
impl Machine {
    /// A machine that is about to read its store.
    #[wasm_bindgen(constructor)]
    pub fn new(start: JsValue) -> Result<Machine> {
        let start: Start = read(start)?;
        let (machine, first) = start.open()?;
        Ok(Machine { machine, first })
    }

    /// What is to be done first.
    pub fn begin(&mut self) -> Result<JsValue> {
        given(std::mem::take(&mut self.first))
    }

    /// Takes one input at the time `now`, in milliseconds since 1970, and returns what is to be done.
    pub fn step(&mut self, input: JsValue, now: f64) -> Result<JsValue> {
        let input: Input = read(input)?;
        given(self.machine.step(input.try_into()?, millis(now))?)
    }

    /// When the machine next wants to be told the time.
    pub fn deadline(&self) -> Option<f64> {
        self.machine.deadline().map(|deadline| deadline.0 as f64)
    }

    /// The key that this device writes under.
    pub fn author(&self) -> Vec<u8> {
        self.machine.author().0.to_vec()
    }
}

fn given(outputs: Vec<output::Output>) -> Result<JsValue> {
    give(&outputs.into_iter().map(Output::from).collect::<Vec<Output>>())
}
