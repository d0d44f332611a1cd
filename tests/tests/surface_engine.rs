//! Plain data for programs with a store of their own: two logs are compared, and the next op of one is made, by JSON alone.

use ed25519_dalek::Signer;
use serde_json::{Value, json};
use trellis_core::error::CommandError;
use trellis_core::log::row;
use trellis_core::op::id::{OpId, RepoId};
use trellis_core::op::sign::Unverified;
use trellis_core::reconcile::{self, Log, create_genesis};
use trellis_core::surface::{NewOp, Reconciled, SealedOp, StoredOp, op_of, op_shown};
use trellis_core::time::Millis;
use trellis_tests::host::{START, author_of, test_key};

/// A program's ops, and what makes more of them.
struct Program {
    log: Log,
    ops: Vec<row::StoredOp>,
}

impl Program {
    fn begun() -> Program {
        let genesis = create_genesis("notes", &[1; 32], author_of(&test_key(1)), START).expect("a name that fits");
        let mut program = Program { log: Log::new(RepoId(genesis.id.0)), ops: Vec::new() };
        program.take(signed(genesis.into(), 1));
        program
    }

    fn take(&mut self, op: row::StoredOp) {
        self.ops.push(op.clone());
        self.log.extend([op]);
    }

    /// Makes an op of JSON and takes it in; returns its id.
    fn write(&mut self, key: u64, op: Value) -> Result<String, CommandError> {
        let made = self.create(key, op, START)?;
        let id = id_of(&made);
        self.take(made);
        Ok(id)
    }

    fn create(&self, key: u64, op: Value, now: Millis) -> Result<row::StoredOp, CommandError> {
        let op: NewOp = serde_json::from_value(op).expect("an op to make");
        let op = op.try_into().expect("an op to make");
        let sealed = self.log.create_op(&op, author_of(&test_key(key)), now)?;
        Ok(signed(sealed.into(), key))
    }

    fn unverified(&self) -> Vec<Unverified<'_>> {
        self.ops.iter().map(row::StoredOp::unverified).collect()
    }
}

/// Signs as a host does that knows nothing but JSON.
fn signed(sealed: SealedOp, key: u64) -> row::StoredOp {
    let mut sealed = serde_json::to_value(sealed).expect("JSON");
    let message: Vec<u8> = serde_json::from_value(sealed["message"].clone()).expect("bytes");
    sealed["op"]["signature"] = json!(test_key(key).sign(&message).to_bytes().to_vec());
    let op: StoredOp = serde_json::from_value(sealed["op"].clone()).expect("an op");
    op.try_into().expect("an op")
}

fn id_of(op: &row::StoredOp) -> String {
    OpId::of_header(&op.header).to_string()
}

fn object_of(op: &row::StoredOp) -> Value {
    serde_json::to_value(op_shown(op.clone().into()).expect("an op")).expect("JSON")
}

fn reconciled(local: &Program, remote: &Program) -> Value {
    let made = reconcile::reconcile(&local.unverified(), &remote.unverified());
    serde_json::to_value(Reconciled::from(made)).expect("JSON")
}

#[test]
fn an_op_stands_on_what_the_log_shows() {
    let mut program = Program::begun();
    let genesis = id_of(&program.ops[0]);
    let todo = |body: Value| json!({ "collection": "todo", "key": "1", "body": body });
    let first = program.write(1, todo(json!({ "title": "Calm" }))).expect("an op");
    let shown = object_of(&program.ops[1]);
    assert_eq!((&shown["hash"], &shown["seq"], &shown["parents"]), (&json!(first), &json!(1), &json!([genesis])));
    assert_eq!((&shown["branch"], &shown["kind"], &shown["base"]), (&json!("main"), &json!("put"), &json!([])));
    let patch = json!({ "collection": "todo", "key": "1", "kind": "patch", "body": { "set": { "/title": "Storm" } } });
    program.write(1, patch).expect("an op");
    let shown = object_of(&program.ops[2]);
    assert_eq!((&shown["seq"], &shown["previousHash"]), (&json!(2), &json!(first)));
    assert_eq!((&shown["parents"], &shown["base"]), (&json!([first]), &json!([first])));
    assert!(program.log.invalid().is_empty() && program.log.missing().is_empty());
    assert!(program.ops.iter().all(|op| op.unverified().verify().expect("an op").signature().is_some()));
    for (kind, body) in
        [("append", json!({ "body": null })), ("delete", json!({})), ("put", json!({ "bytes": [0, 1] }))]
    {
        let mut op = json!({ "collection": "log", "key": "1", "kind": kind, "actor": "robot" });
        op.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
        program.write(1, op).expect(kind);
    }
    assert_eq!(program.log.len(), 6);
    assert_eq!(object_of(&program.ops[3])["base"], json!([]), "a record replaces nothing");
    assert_eq!(object_of(&program.ops[5])["body"], "AAE");
}

#[test]
fn two_logs_that_parted_make_a_conflict() {
    let mut here = Program::begun();
    let title = |title: &str| json!({ "collection": "todo", "key": "1", "body": { "title": title } });
    let base = here.write(1, title("Base")).expect("an op");
    let mut there = Program { log: here.log.clone(), ops: here.ops.clone() };
    assert_eq!(reconciled(&here, &there)["relation"], "equal");
    let ours = here.write(1, title("Calm")).expect("an op");
    assert_eq!(reconciled(&here, &there)["relation"], "ahead");
    let theirs = there.write(2, title("Storm")).expect("an op");
    let made = reconciled(&here, &there);
    assert_eq!((&made["relation"], &made["clean"]), (&json!("diverged"), &json!(false)));
    assert_eq!((&made["forkPoint"], &made["forkHeads"]), (&json!(base), &json!([base])));
    assert_eq!((&made["onlyLocal"], &made["onlyRemote"]), (&json!([ours]), &json!([theirs])));
    assert_eq!((&made["conflicts"], &made["missing"]), (&json!(["todo/1"]), &json!([])));
    assert_eq!(made["conflictRecords"], made["newConflicts"]);
    assert_eq!(made["conflictRecords"][0]["base"], json!({ "type": "json", "value": { "title": "Base" } }));
    assert_eq!(made["merged"].as_array().map(Vec::len), Some(4));
    let nothing = Program { log: here.log.clone(), ops: Vec::new() };
    assert!(reconciled(&here, &nothing).get("forkPoint").is_none(), "what is absent is left out");
    for op in there.ops.split_off(2) {
        here.take(op);
    }
    let both = json!([ours, theirs]);
    here.write(2, json!({ "collection": "todo", "key": "1", "base": both, "body": { "title": "Both" } }))
        .expect("an op");
    assert!(here.log.conflicts().is_empty());
}

#[test]
fn an_op_that_cannot_be_made_says_why() {
    let mut program = Program::begun();
    let first = program.write(1, json!({ "collection": "a", "key": "1", "body": 1 })).expect("an op");
    let entity = |more: Value| {
        let mut op = json!({ "collection": "b", "key": "1" });
        op.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        op
    };
    for (op, code) in [
        (entity(json!({})), "invalid_argument"),
        (entity(json!({ "kind": "delete", "body": 1 })), "invalid_argument"),
        (entity(json!({ "kind": "patch", "body": { "set": { "a": 1 } } })), "invalid_argument"),
        (entity(json!({ "kind": "patch", "bytes": [1] })), "invalid_argument"),
        (entity(json!({ "body": 1, "base": [first] })), "invalid_argument"),
        (entity(json!({ "body": 1, "collection": "_members" })), "invalid_argument"),
        (entity(json!({ "body": 1, "branch": "_repo" })), "invalid_argument"),
        (entity(json!({ "body": 1, "key": "a\u{0}b" })), "invalid_argument"),
        (entity(json!({ "bytes": vec![0; 262_145] })), "payload_too_large"),
    ] {
        assert_eq!(program.create(1, op.clone(), START).map_err(|error| error.code()), Err(code), "{op}");
    }
    let early = program.create(1, entity(json!({ "body": 1 })), Millis(START.0 - 300_001));
    assert_eq!(early.map_err(|error| error.code()), Err("clock_ahead"));
    let empty = Program { log: Log::new(RepoId([0; 32])), ops: Vec::new() };
    let none = empty.create(1, entity(json!({ "body": 1 })), START);
    assert_eq!(none.map_err(|error| error.code()), Err("not_found"));
    let twin = program.create(1, entity(json!({ "body": 1 })), START).expect("an op");
    program.write(1, entity(json!({ "body": 2 }))).expect("an op");
    program.take(twin);
    let forked = program.create(1, entity(json!({ "body": 3 })), START);
    assert_eq!(forked.map_err(|error| error.code()), Err("chain_forked"));
    for (op, at) in [(json!({ "kind": "merge" }), "kind"), (json!({ "body": 1, "bytes": [1] }), "bytes")] {
        let op: NewOp = serde_json::from_value(entity(op)).expect("an op");
        assert_eq!(reconcile::NewOp::try_from(op).map_err(|unreadable| unreadable.at), Err(at));
    }
}

#[test]
fn an_object_comes_back_as_the_same_op() {
    let mut program = Program::begun();
    program.write(1, json!({ "collection": "todo", "key": "__proto__", "body": { "then": 1.5 } })).expect("an op");
    for op in &program.ops {
        let object = op_shown(op.clone().into()).expect("an op");
        assert_eq!(op_of(object), Ok(op.clone().into()));
    }
    let changed = |at: &str, value: Value| {
        let mut object = object_of(&program.ops[1]);
        object[at] = value;
        op_of(serde_json::from_value(object).expect("JSON")).map_err(|unreadable| unreadable.at)
    };
    assert_eq!(changed("seq", json!(2)), Err("hash"));
    assert_eq!(changed("agentId", json!("me")), Err("agentId"));
    assert_eq!(changed("timestamp", json!("yesterday")), Ok(program.ops[1].clone().into()));
}
