//! A host as another language would write it: whatever it gives the machine and gets of it is JSON.

use ed25519_dalek::Signer;
use serde_json::{Value, json};
use trellis_core::admit::policy::Policies;
use trellis_core::input;
use trellis_core::log::row::{Origin, Place, Row};
use trellis_core::machine::{Config, KeyUse, Machine};
use trellis_core::output::{self, StoredAt};
use trellis_core::surface::{Input, Loaded, Output, StoredOp, Unreadable};

use crate::host::{START, author_of, load_rows, test_key};

/// Why the machine did not take an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// The JSON is none of the surface's inputs.
    Shape(String),
    /// A field of it cannot be read.
    Field(Unreadable),
}

/// A machine, its store and its clock, which stands still.
#[derive(Debug)]
pub struct PlainHost {
    machine: Machine,
    rows: Vec<Row>,
    key: u64,
    requests: u64,
    /// What the machine emitted.
    pub events: Vec<Value>,
    /// Frames that are to go out, by their link, and null for the end of one.
    pub sent: Vec<(u64, Value)>,
}

impl PlainHost {
    /// A host without ops that writes under the test key `key`.
    pub fn new(key: u64) -> PlainHost {
        let author = author_of(&test_key(key));
        let config = Config { author, key_use: KeyUse::Own, id_key: 7, policies: Policies::default() };
        let (machine, outputs) = Machine::open(config);
        let mut host = PlainHost { machine, rows: Vec::new(), key, requests: 0, events: Vec::new(), sent: Vec::new() };
        host.carry_out(outputs);
        host
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
        let outputs = self.step(input)?;
        Ok(self.carry_out(outputs))
    }

    fn step(&mut self, input: Value) -> Result<Vec<output::Output>, NotTaken> {
        let read: Input = serde_json::from_value(input).map_err(|error| NotTaken::Shape(error.to_string()))?;
        let input = input::Input::try_from(read).map_err(NotTaken::Field)?;
        Ok(self.machine.step(input, START).expect("the host keeps to its side"))
    }

    fn carry_out(&mut self, outputs: Vec<output::Output>) -> Vec<Value> {
        let (mut queue, mut replies) = (outputs, Vec::new());
        while !queue.is_empty() {
            let output = Output::from(queue.remove(0));
            let output = serde_json::to_value(&output).expect("an output is JSON");
            let answer = match output["type"].as_str().expect("every output has a type") {
                "reply" => {
                    replies.push(output);
                    continue;
                }
                "emit" => {
                    self.events.push(output["event"].clone());
                    continue;
                }
                "send" => {
                    self.sent.push((number(&output["link"]), output["frame"].clone()));
                    continue;
                }
                "close" => {
                    self.sent.push((number(&output["link"]), Value::Null));
                    continue;
                }
                "remember" => continue,
                "sign" => {
                    let signature = test_key(self.key).sign(&bytes(&output["message"])).to_bytes();
                    json!({ "type": "signed", "ticket": output["ticket"], "signature": signature.to_vec() })
                }
                "persist" => {
                    self.rows.push(row(&output["row"]));
                    json!({ "type": "persisted", "ticket": output["ticket"] })
                }
                "load" => {
                    let loaded = self.load(&output["query"]);
                    json!({ "type": "loaded", "ticket": output["ticket"], "loaded": loaded })
                }
                other => panic!("nothing here asks for {other}"),
            };
            queue.extend(self.step(answer).expect("an answer is an input"));
        }
        replies
    }

    fn load(&self, query: &Value) -> Value {
        let loaded = match query["type"].as_str().expect("every query has a type") {
            "ops" => {
                let places: Vec<StoredAt> = query["ops"].as_array().expect("places").iter().map(stored_at).collect();
                let bytes_max = query.get("bytesMax").map_or(usize::MAX, |max| number(max) as usize);
                load_rows(&self.rows, &output::Query::OpsUpTo { ops: places, bytes_max })
            }
            "lackingBlobs" | "absentBlobs" => input::Loaded::Blobs(Vec::new()),
            "peers" => input::Loaded::Peers(Vec::new()),
            "rows" => load_rows(&self.rows, &output::Query::Rows { after: number(&query["after"]) as u32 }),
            other => panic!("nothing here asks for {other}"),
        };
        serde_json::to_value(plain(loaded)).expect("JSON")
    }
}

/// What the store read, in the form in which a host gives it.
fn plain(loaded: input::Loaded) -> Loaded {
    match loaded {
        input::Loaded::Ops(ops) => {
            let ops = ops.into_iter().map(|op| op.map(StoredOp::from).into_iter().collect());
            Loaded::Ops { ops: ops.collect() }
        }
        input::Loaded::Rows { rows, .. } => {
            assert!(rows.is_empty(), "a store that is opened here is new");
            Loaded::Rows { rows: Vec::new(), more: false }
        }
        input::Loaded::Blobs(_) => Loaded::Blobs { blobs: Vec::new() },
        input::Loaded::Piece(_) => Loaded::Piece { piece: None },
        input::Loaded::Peers(_) => Loaded::Peers { peers: Vec::new() },
    }
}

fn row(row: &Value) -> Row {
    let digest = row["digest"].as_str().and_then(trellis_core::op::hex::parse).expect("32 bytes");
    Row {
        seq: number(&row["seq"]) as u32,
        origin: if row["isLocal"] == json!(true) { Origin::Local } else { Origin::Remote },
        headers: bytes(&row["headers"]),
        bodies: bytes(&row["bodies"]),
        digest,
    }
}

fn stored_at(at: &Value) -> StoredAt {
    StoredAt { op: place(&at["op"]), late_body: at.get("lateBody").map(place) }
}

fn place(place: &Value) -> Place {
    let at = |name: &str| number(&place[name]) as u32;
    Place { row: at("row"), header_at: at("headerAt"), body_at: at("bodyAt") }
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn bytes(value: &Value) -> Vec<u8> {
    value.as_array().expect("bytes").iter().map(|byte| number(byte) as u8).collect()
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
