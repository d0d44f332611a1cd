//! A machine behind JSON, wherever it runs: inputs in, outputs out.

use serde_json::{Value, json};
use trellis_core::admit::policy::Policies;
use trellis_core::input;
use trellis_core::machine::{Config, KeyUse, Machine};
use trellis_core::op::id::Author;
use trellis_core::output;
use trellis_core::surface::{Input, Output, Unreadable};
use trellis_core::time::Millis;

use crate::plain_bytes::listed;

/// What machines are told to keep their tables from being guessed by. Every runtime reads it as the same number.
pub const ID_KEY: [u8; 8] = 7_u64.to_ne_bytes();

/// Why a machine did not take an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// The JSON is none of the surface's inputs.
    Shape(String),
    /// A field of it cannot be read.
    Field(Unreadable),
    /// What another runtime says of it.
    Refused(String),
}

/// A machine. Bytes stand in inputs in either form of [`crate::plain_bytes`], and in outputs as lists.
pub trait PlainMachine {
    /// Begins anew, for a key; returns what is to be done first.
    ///
    /// # Errors
    /// [`NotTaken`].
    fn open(&mut self, author: Author) -> Result<Vec<Value>, NotTaken>;

    /// Takes inputs one after the other, at a time in milliseconds since 1970; returns the outputs of all.
    ///
    /// # Errors
    /// [`NotTaken`]: of the first that is not taken.
    fn step(&mut self, inputs: Vec<Value>, now: u64) -> Result<Vec<Value>, NotTaken>;
}

/// A machine in this process.
#[derive(Debug, Default)]
pub struct Here(Option<Machine>);

impl PlainMachine for Here {
    fn open(&mut self, author: Author) -> Result<Vec<Value>, NotTaken> {
        let id_key = u64::from_ne_bytes(ID_KEY);
        let config = Config { author, key_use: KeyUse::Own, id_key, policies: Policies::default() };
        let (machine, outputs) = Machine::open(config);
        self.0 = Some(machine);
        Ok(plain(outputs))
    }

    fn step(&mut self, inputs: Vec<Value>, now: u64) -> Result<Vec<Value>, NotTaken> {
        let machine = self.0.as_mut().expect("it was opened");
        let mut all = Vec::new();
        for input in inputs {
            let read: Input =
                serde_json::from_value(listed(input)).map_err(|error| NotTaken::Shape(error.to_string()))?;
            let input = input::Input::try_from(read).map_err(NotTaken::Field)?;
            let outputs = machine.step(input, Millis(now)).map_err(|error| NotTaken::Refused(error.to_string()))?;
            all.extend(plain(outputs));
        }
        Ok(all)
    }
}

fn plain(outputs: Vec<output::Output>) -> Vec<Value> {
    outputs.into_iter().map(|output| json!(Output::from(output))).collect()
}
