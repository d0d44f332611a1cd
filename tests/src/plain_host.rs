//! A host as another language would write it: whatever it gives the machine and gets of it is JSON.

use std::fmt;
use std::mem;

use ed25519_dalek::Signer;
use serde_json::{Value, json};
use trellis_core::input;
use trellis_core::log::row::{Origin, Record, Row, read_row};
use trellis_core::op::hex;
use trellis_core::op::id::OpId;
use trellis_core::output;
use trellis_core::surface::Loaded;

use crate::host::{START, author_of, load_rows, test_key};
use crate::plain_bytes::{marked, read};
use crate::plain_machine::{Here, NotTaken, PlainMachine};

/// A machine, its store and its clock.
pub struct PlainHost {
    machine: Box<dyn PlainMachine>,
    rows: Vec<Row>,
    key: u64,
    requests: u64,
    /// The time, in milliseconds since 1970.
    pub now: u64,
    /// What the machine emitted.
    pub events: Vec<Value>,
    /// Frames that are to go out, by their link, and null for the end of one.
    pub sent: Vec<(u64, Value)>,
    /// What was last remembered of a peer.
    pub remembered: Option<Value>,
    /// What the machine gave, in order; nothing unless it is to be kept.
    pub kept: Option<Vec<Value>>,
}

impl fmt::Debug for PlainHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainHost").field("key", &self.key).field("events", &self.events).finish_non_exhaustive()
    }
}

impl PlainHost {
    /// A host without ops that writes under the test key `key`.
    ///
    /// # Panics
    /// The machine does not begin.
    pub fn new(key: u64) -> PlainHost {
        let mut host = PlainHost::over(key, Box::new(Here::default()));
        host.open().expect("a machine begins");
        host
    }

    /// The same with a machine that is not open yet.
    pub fn over(key: u64, machine: Box<dyn PlainMachine>) -> PlainHost {
        PlainHost {
            machine,
            rows: Vec::new(),
            key,
            requests: 0,
            now: START.0,
            events: Vec::new(),
            sent: Vec::new(),
            remembered: None,
            kept: None,
        }
    }

    /// Opens the store, anew if it was open.
    ///
    /// # Errors
    /// [`NotTaken`]: the machine does not begin.
    pub fn open(&mut self) -> Result<(), NotTaken> {
        self.sent.clear();
        let outputs = self.machine.open(author_of(&test_key(self.key)))?;
        self.carry_out(outputs).map(|_| ())
    }

    /// Carries a command out; returns the reply.
    ///
    /// # Errors
    /// [`NotTaken`]: it is no command.
    pub fn run(&mut self, command: Value) -> Result<Value, NotTaken> {
        self.requests += 1;
        let replies = self.give(json!({ "type": "command", "request": self.requests, "command": command }))?;
        let [reply] = replies.as_slice() else { panic!("a command is answered once: {replies:?}") };
        assert_eq!(reply["request"], json!(self.requests));
        Ok(reply.clone())
    }

    /// Gives the machine an input, and does all that it asks for; returns its replies.
    ///
    /// # Errors
    /// [`NotTaken`]: it is no input.
    pub fn give(&mut self, input: Value) -> Result<Vec<Value>, NotTaken> {
        self.give_all(vec![input])
    }

    /// Gives the machine inputs, and then does all that it asks for; returns its replies.
    ///
    /// # Errors
    /// [`NotTaken`]: one of them is no input.
    pub fn give_all(&mut self, inputs: Vec<Value>) -> Result<Vec<Value>, NotTaken> {
        let outputs = self.machine.step(inputs, self.now)?;
        self.carry_out(outputs)
    }

    /// The ids of all ops in the store.
    ///
    /// # Panics
    /// A row is not as it was written.
    pub fn ids(&self) -> Vec<OpId> {
        let mut ids = Vec::new();
        for row in &self.rows {
            let visit = |record: Record<'_>| {
                if let Record::Op { op, .. } = record {
                    ids.push(op.id());
                }
            };
            read_row(row.seq, &row.headers, &row.digest, visit).expect("a row");
        }
        ids
    }

    /// Does what outputs ask for, and what comes of that, all that was asked at one time together.
    fn carry_out(&mut self, mut outputs: Vec<Value>) -> Result<Vec<Value>, NotTaken> {
        let mut replies = Vec::new();
        while !outputs.is_empty() {
            if let Some(kept) = &mut self.kept {
                kept.extend(outputs.iter().cloned());
            }
            let asked = mem::take(&mut outputs);
            let answers: Vec<Value> =
                asked.into_iter().filter_map(|output| self.answer(output, &mut replies)).collect();
            if !answers.is_empty() {
                outputs = self.machine.step(answers, self.now)?;
            }
        }
        Ok(replies)
    }

    /// Does what an output asks for; returns the answer, if it wants one.
    fn answer(&mut self, output: Value, replies: &mut Vec<Value>) -> Option<Value> {
        match output["type"].as_str().expect("every output has a type") {
            "reply" => replies.push(output),
            "emit" => self.events.push(output["event"].clone()),
            "send" => self.sent.push((number(&output["link"]), output["frame"].clone())),
            "close" => self.sent.push((number(&output["link"]), Value::Null)),
            "remember" => self.remembered = Some(output["remembered"].clone()),
            "sign" => {
                let signature = test_key(self.key).sign(&read(&output["message"])).to_bytes();
                return Some(json!({ "type": "signed", "ticket": output["ticket"], "signature": marked(&signature) }));
            }
            "persist" => {
                self.rows.push(row(&output["row"]));
                return Some(json!({ "type": "persisted", "ticket": output["ticket"] }));
            }
            "load" => {
                let loaded = self.load(&output["query"]);
                return Some(json!({ "type": "loaded", "ticket": output["ticket"], "loaded": loaded }));
            }
            other => panic!("nothing here asks for {other}"),
        }
        None
    }

    fn load(&self, query: &Value) -> Value {
        let loaded = match query["type"].as_str().expect("every query has a type") {
            "ops" => return json!({ "type": "ops", "rows": self.rows_up_to(query) }),
            "lackingBlobs" | "absentBlobs" => input::Loaded::Blobs(Vec::new()),
            "peers" => input::Loaded::Peers(Vec::new()),
            "rows" => load_rows(&self.rows, &output::Query::Rows { after: number(&query["after"]) as u32 }),
            other => panic!("nothing here asks for {other}"),
        };
        plain(loaded)
    }

    /// Whole rows: at least one, and no more when they have as many bytes as may be read.
    fn rows_up_to(&self, query: &Value) -> Value {
        let bytes_max = query.get("bytesMax").map_or(usize::MAX, |max| number(max) as usize);
        let asked = query["rows"].as_array().expect("rows").iter();
        let rows = asked.map(|seq| &self.rows[number(seq) as usize - 1]).scan(0, |bytes, row| {
            let is_wanted = *bytes < bytes_max;
            *bytes += row.headers.len() + row.bodies.len();
            is_wanted.then_some(row)
        });
        let whole =
            |row: &Row| json!({ "seq": row.seq, "headers": marked(&row.headers), "bodies": marked(&row.bodies) });
        rows.map(whole).collect()
    }
}

/// What the store read, in the form in which a host gives it.
fn plain(loaded: input::Loaded) -> Value {
    match loaded {
        input::Loaded::Ops(_) | input::Loaded::OpsIn(_) => unreachable!("ops are asked for by their rows"),
        input::Loaded::Rows { rows, .. } => {
            json!({ "type": "rows", "rows": rows.iter().map(headers).collect::<Value>(), "more": false })
        }
        input::Loaded::Blobs(_) => json!(Loaded::Blobs { blobs: Vec::new() }),
        input::Loaded::Piece(_) => json!(Loaded::Piece { piece: None }),
        input::Loaded::Peers(_) => json!(Loaded::Peers { peers: Vec::new() }),
    }
}

fn headers(row: &input::RowHeaders) -> Value {
    json!({
        "seq": row.seq, "isLocal": row.origin == Origin::Local, "headers": marked(&row.headers),
        "digest": hex::encode(&row.digest),
    })
}

/// An op that came of a machine, as one takes it: its bytes are marked.
pub fn marked_op(op: &Value) -> Value {
    op.as_object().expect("an op").iter().map(|(name, bytes)| (name.clone(), marked(&read(bytes)))).collect()
}

fn row(row: &Value) -> Row {
    let digest = row["digest"].as_str().and_then(hex::parse).expect("32 bytes");
    Row {
        seq: number(&row["seq"]) as u32,
        origin: if row["isLocal"] == json!(true) { Origin::Local } else { Origin::Remote },
        headers: read(&row["headers"]),
        bodies: read(&row["bodies"]),
        digest,
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

/// A connection of one side, as JSON.
pub fn connection(is_initiator: bool) -> Value {
    json!({
        "isInitiator": is_initiator, "nonce": vec![u8::from(is_initiator); 32], "origin": "memory",
        "binding": b"memory".to_vec(), "isOpen": true,
    })
}

/// A write of edits to the branch `main`, as JSON.
pub fn write(edits: Value) -> Value {
    json!({ "type": "write", "branch": "main", "edits": edits, "random": vec![5; 32] })
}
