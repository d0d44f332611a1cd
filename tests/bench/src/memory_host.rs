//! A host without a disk: what the machine asks to be persisted is confirmed at once.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use trellis_core::admit::policy::Policies;
use trellis_core::input::{Command, EntityQuery, Input, Loaded, More, Request};
use trellis_core::log::row::StoredOp;
use trellis_core::machine::{Config, KeyUse, Machine};
use trellis_core::op::id::Author;
use trellis_core::output::{Answer, ImportReport, Output, Query};

use crate::corpus::{BRANCH, COLLECTION, NOW};
use crate::measure::worked;

/// A machine that writes nowhere.
pub(crate) struct Host {
    machine: Machine,
    requests: u64,
}

impl Host {
    /// A machine without ops, open.
    pub(crate) fn new() -> Result<Host> {
        let config = Config { author: Author([3; 32]), key_use: KeyUse::Own, id_key: 1, policies: Policies::default() };
        let (machine, outputs) = Machine::open(config);
        let mut host = Host { machine, requests: 0 };
        host.answer(outputs)?;
        Ok(host)
    }

    /// Takes ops in; returns how long that took, and what became of them.
    pub(crate) fn import(&mut self, ops: Vec<StoredOp>) -> Result<(Duration, ImportReport)> {
        let command = self.command(Command::Import(ops));
        let (time, answers) = worked(|| -> Result<Vec<Answer>> {
            let outputs = self.machine.step(command, NOW)?;
            self.answer(outputs)
        });
        match answers?.into_iter().next() {
            Some(Answer::Imported(report)) => Ok((time, report)),
            other => bail!("an import was answered with {other:?}"),
        }
    }

    /// How many ops have to be read to show an entity.
    pub(crate) fn ops_read_for(&mut self, key: String) -> Result<usize> {
        let query = EntityQuery { branch: BRANCH.into(), collection: COLLECTION.into(), key, at: Vec::new() };
        let command = self.command(Command::Get(query));
        let outputs = self.machine.step(command, NOW)?;
        let places = outputs.iter().find_map(|output| match output {
            Output::Load(_, Query::Ops(places)) => Some(places.len()),
            _ => None,
        });
        places.context("an entity was shown without a look at its ops")
    }

    fn command(&mut self, command: Command) -> Input {
        self.requests += 1;
        Input::Command(Request(self.requests), command)
    }

    /// Does what the machine asks for, until it asks for nothing more.
    fn answer(&mut self, mut outputs: Vec<Output>) -> Result<Vec<Answer>> {
        let mut answers = Vec::new();
        while !outputs.is_empty() {
            let mut inputs = Vec::new();
            for output in outputs.drain(..) {
                match output {
                    Output::Persist(ticket, _) => inputs.push(Input::Persisted(ticket)),
                    Output::Load(ticket, query) => inputs.push(Input::Loaded(ticket, nothing(&query))),
                    Output::Reply(_, answer) => answers.push(answer?),
                    _ => {}
                }
            }
            for input in inputs {
                outputs.extend(self.machine.step(input, NOW)?);
            }
        }
        Ok(answers)
    }
}

/// What an empty store has.
fn nothing(query: &Query) -> Loaded {
    match query {
        Query::Rows { .. } => Loaded::Rows { rows: Vec::new(), more: More::End },
        Query::Ops(places) | Query::OpsUpTo { ops: places, .. } => Loaded::Ops(vec![None; places.len()]),
        Query::LackingBlobs | Query::AbsentBlobs(_) => Loaded::Blobs(Vec::new()),
        Query::BlobPiece { .. } => Loaded::Piece(None),
        Query::Peers => Loaded::Peers(Vec::new()),
    }
}
