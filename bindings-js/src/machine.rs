//! The machine behind its one door.

use trellis_core::admit::policy::Policies;
use trellis_core::machine::{self, Config, KeyUse};
use trellis_core::op::id::Author;
use trellis_core::output;
use trellis_core::surface::FromPlain;
use trellis_core::surface::{Hex, Input, Json, Output, Unreadable};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert::{Result, give, millis, read};

/// How a machine begins.
#[derive(FromPlain)]
#[serde(rename_all = "camelCase")]
struct Start {
    /// The key that this device writes under.
    author: Hex<32>,
    /// Whether that key may be in use elsewhere.
    #[serde(default)]
    is_copied: bool,
    /// 8 random bytes, new for every machine.
    id_key: Hex<8>,
    /// The device's own branch policies, by pattern.
    #[serde(default)]
    policies: Option<Json>,
    /// Whether content is somebody else's matter.
    #[serde(default)]
    leaves_content: bool,
}

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
        let Start { author, is_copied, id_key, policies, leaves_content } = read(start)?;
        let policies = match policies {
            Some(Json(policies)) => Policies::read(&policies).map_err(|flaw| Unreadable::new("policies", flaw))?,
            None => Policies::default(),
        };
        let key_use = if is_copied { KeyUse::Copied } else { KeyUse::Own };
        let id_key = u64::from_ne_bytes(id_key.0);
        let (mut machine, first) =
            machine::Machine::open(Config { author: Author(author.0), key_use, id_key, policies });
        if leaves_content {
            machine.leave_content();
        }
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
