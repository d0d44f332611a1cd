//! Machines in another process, in another runtime: a player.
//!
//! A player is a program of `tests/runtimes`. It reads lines of JSON, each a list of calls, carries them out, and answers
//! each line with one: `{"outputs": [...]}`, a list for each call, or `{"refused": why}`. A call is
//!
//! - `{"type": "open", "machine": number, "start": {"author": hex, "idKey": hex}}`,
//! - `{"type": "step", "machine": number, "input": input, "now": milliseconds}`, or
//! - `{"type": "forget", "machine": number}`.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use trellis_core::op::hex;
use trellis_core::op::id::Author;

use crate::plain_bytes::listed;
use crate::plain_machine::{ID_KEY, NotTaken, PlainMachine};

/// No line takes so long to answer, nor does a player to begin.
const LIMIT: Duration = Duration::from_secs(60);

/// A player that runs.
#[derive(Debug)]
pub struct Player {
    child: Child,
    /// Nothing once the player is to end.
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    machines: u64,
    /// How many lines it was given.
    pub asked: u64,
}

impl Player {
    /// Starts a program.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(mut command: Command) -> io::Result<Player> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("stdout is piped"));
        let (told, lines) = channel();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| told.send(line))
        });
        Ok(Player { child, input, lines, machines: 0, asked: 0 })
    }

    fn ask(&mut self, calls: Value) -> Result<Vec<Value>, NotTaken> {
        self.asked += 1;
        let refused = |why: &dyn ToString| NotTaken::Refused(why.to_string());
        let input = self.input.as_mut().expect("it is not to end");
        input.write_all(format!("{calls}\n").as_bytes()).map_err(|error| refused(&error))?;
        let line = self.lines.recv_timeout(LIMIT).map_err(|error| refused(&error))?;
        let answer: Value = serde_json::from_str(&line).map_err(|error| refused(&error))?;
        let Some(outputs) = answer["outputs"].as_array() else { return Err(refused(&answer["refused"])) };
        Ok(outputs.iter().flat_map(|of| of.as_array().expect("outputs").clone()).map(listed).collect())
    }
}

impl Drop for Player {
    /// Ends it: there are no more lines for it. One that does not hear is killed.
    fn drop(&mut self) {
        self.input = None;
        if self.lines.recv_timeout(LIMIT).is_ok() || !matches!(self.child.try_wait(), Ok(Some(_))) {
            // It may be about to end by itself; what is dead by now cannot be killed, and need not be.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// A machine in a player.
#[derive(Debug)]
pub struct There {
    player: Rc<RefCell<Player>>,
    number: u64,
}

impl There {
    /// One that is not open yet.
    pub fn new(player: Rc<RefCell<Player>>) -> There {
        player.borrow_mut().machines += 1;
        let number = player.borrow().machines;
        There { player, number }
    }
}

impl PlainMachine for There {
    fn open(&mut self, author: Author) -> Result<Vec<Value>, NotTaken> {
        let start = json!({ "author": hex::encode(&author.0), "idKey": hex::encode(&ID_KEY) });
        self.player.borrow_mut().ask(json!([{ "type": "open", "machine": self.number, "start": start }]))
    }

    fn step(&mut self, inputs: Vec<Value>, now: u64) -> Result<Vec<Value>, NotTaken> {
        let step = |input| json!({ "type": "step", "machine": self.number, "input": input, "now": now });
        self.player.borrow_mut().ask(inputs.into_iter().map(step).collect())
    }
}

impl Drop for There {
    fn drop(&mut self) {
        // Whoever is gone has forgotten it.
        let _ = self.player.borrow_mut().ask(json!([{ "type": "forget", "machine": self.number }]));
    }
}
