//! Plain data in and out: a host that knows nothing but JSON does all that a host does.

use serde_json::{Value, json};
use trellis_core::limits::JSON_DEPTH_MAX;
use trellis_core::log::row::StoredOp;
use trellis_core::op::json::parse;
use trellis_core::op::plain::{self, PlainError};
use trellis_tests::dice::seeds;
use trellis_tests::history::{Dials, History};
use trellis_tests::plain_host::{PlainHost, connection, write};
use trellis_tests::plain_machine::NotTaken;

fn begun(key: u64) -> PlainHost {
    let mut host = PlainHost::new(key);
    answer(&mut host, json!({ "type": "create", "name": "notes", "nonce": vec![1; 32] }));
    host
}

fn answer(host: &mut PlainHost, command: Value) -> Value {
    let reply = host.run(command).expect("a command");
    assert_eq!(reply.get("problem"), None, "{reply}");
    reply["answer"].clone()
}

fn shown(host: &mut PlainHost, key: &str) -> Value {
    let get = json!({ "type": "get", "branch": "main", "collection": "todo", "key": key });
    answer(host, get)["entity"]["shown"].clone()
}

/// Carries frames between two hosts until none is on its way.
fn carry(hosts: &mut [PlainHost; 2]) {
    loop {
        let sent = hosts.each_mut().map(|host| std::mem::take(&mut host.sent));
        if sent.iter().all(Vec::is_empty) {
            return;
        }
        for (from, frames) in sent.into_iter().enumerate() {
            for (link, frame) in frames {
                let input = match frame.is_null() {
                    true => json!({ "type": "disconnected", "link": link }),
                    false => json!({ "type": "received", "link": link, "frame": frame }),
                };
                hosts[1 - from].give(input).expect("a frame");
            }
        }
    }
}

#[test]
fn what_is_written_is_shown() {
    let mut host = begun(1);
    let written = answer(
        &mut host,
        write(json!([
            { "type": "set", "place": "todo/1/title", "value": "Buy milk" },
            { "type": "set", "place": "todo/1/count", "value": 1.5 },
            { "type": "change", "collection": "todo", "key": "2", "change": { "type": "bytes", "bytes": [0, 255] } },
            { "type": "change", "collection": "todo", "key": "3", "change": { "type": "put", "value": { "a": [null, true, -3] } } },
        ])),
    );
    assert_eq!(written["ops"].as_array().map(Vec::len), Some(4));
    assert_eq!(shown(&mut host, "1"), json!({ "type": "json", "value": { "count": 1.5, "title": "Buy milk" } }));
    assert_eq!(shown(&mut host, "2"), json!({ "type": "bytes", "bytes": [0, 255] }));
    assert_eq!(shown(&mut host, "4"), json!({ "type": "absent" }));
    let patch = json!({ "remove": ["/a"], "add": { "/n": 2 }, "insert": { "/s": ["x"] } });
    answer(
        &mut host,
        write(json!([
            { "type": "change", "collection": "todo", "key": "3", "change": { "type": "patch", "patch": patch } },
            { "type": "delete", "place": "todo/2" },
        ])),
    );
    assert_eq!(shown(&mut host, "3"), json!({ "type": "json", "value": { "n": 2, "s": ["x"] } }));
    let entries = answer(&mut host, json!({ "type": "entries", "branch": "main", "collection": "todo" }));
    assert_eq!(entries["entities"].as_array().map(Vec::len), Some(2));
    let log = answer(&mut host, json!({ "type": "log", "branch": "main", "entity": "todo/3", "opsMax": 10 }));
    assert_eq!(log["ops"][0]["kind"], "patch");
    let status = answer(&mut host, json!({ "type": "status" }));
    assert_eq!(status["status"]["ops"], 7);
    assert!(status["status"].get("clockBehind").is_none(), "what is absent is left out");
}

#[test]
fn two_hosts_sync_and_close_a_conflict() {
    let mut hosts = [begun(1), PlainHost::new(2)];
    answer(&mut hosts[0], write(json!([{ "type": "set", "place": "todo/1/title", "value": "Calm" }])));
    for (host, is_initiator) in [(1, false), (0, true)] {
        let connected = json!({ "type": "connected", "link": 1, "connection": connection(is_initiator) });
        hosts[host].give(connected).expect("a connection");
    }
    carry(&mut hosts);
    assert_eq!(shown(&mut hosts[1], "1"), json!({ "type": "json", "value": { "title": "Calm" } }));
    for (host, title) in hosts.iter_mut().zip(["Storm", "Rain"]) {
        answer(host, write(json!([{ "type": "set", "place": "todo/1/title", "value": title }])));
    }
    carry(&mut hosts);
    let open = hosts.each_mut().map(|host| answer(host, json!({ "type": "conflicts", "branch": "main" })));
    assert_eq!(open[0], open[1]);
    let conflict = &open[0]["conflicts"][0];
    assert_eq!(conflict["base"], json!({ "type": "json", "value": "Calm" }));
    let choice = json!({ "type": "side", "op": conflict["members"][0] });
    answer(&mut hosts[1], write(json!([{ "type": "resolve", "conflict": conflict, "choice": choice }])));
    carry(&mut hosts);
    let closed = answer(&mut hosts[0], json!({ "type": "conflicts", "branch": "main" }));
    assert_eq!(closed, json!({ "type": "conflicts", "conflicts": [] }));
    assert!(hosts.iter().all(|host| host.events.iter().any(|event| event["type"] == "linkInSync")));
    let ops = answer(&mut hosts[0], json!({ "type": "export", "known": [] }))["ops"].clone();
    let mut third = PlainHost::new(3);
    let report = answer(&mut third, json!({ "type": "import", "ops": ops }));
    assert_eq!(report["report"]["admitted"].as_array().map(Vec::len), Some(5));
    assert_eq!(shown(&mut third, "1"), shown(&mut hosts[1], "1"));
}

#[test]
fn what_cannot_be_read_is_named() {
    let mut host = begun(1);
    let mut problem = |command: Value| match host.run(command) {
        Err(NotTaken::Field(unreadable)) => unreadable.to_string(),
        Err(NotTaken::Shape(said) | NotTaken::Refused(said)) => said,
        Ok(reply) => reply["problem"]["code"].as_str().expect("a problem").to_owned(),
    };
    let set = |place: &str, value: Value| write(json!([{ "type": "set", "place": place, "value": value }]));
    for (command, said) in [
        (set("todo", json!(1)), "`place`"),
        (set("todo/1", json!(9_007_199_254_740_993_i64)), "2^53"),
        (json!({ "type": "frobnicate" }), "`type` is none of those"),
        (json!({ "type": "show", "ops": ["00"] }), "64 lower-case hex digits"),
        (json!({ "type": "durable", "ops": [], "tier": "moon", "until": 0 }), "`tier`"),
        (json!({ "type": "create", "name": "x", "nonce": [1, 2] }), "`nonce` is not 32 bytes"),
        (json!({ "type": "create", "name": "x", "nonce": vec![1; 32] }), "already_exists"),
        (json!({ "type": "get", "branch": "main", "collection": "todo" }), "key"),
    ] {
        let problem = problem(command.clone());
        assert!(problem.contains(said), "{command}: {problem}");
    }
}

#[test]
fn an_op_comes_back_from_its_object() {
    for seed in seeds(40) {
        let history = History::generate(seed, &Dials::any(seed, 60));
        for sealed in &history.ops {
            let stored = sealed.stored();
            let op = stored.rehash().expect("an op");
            let object = plain::write(&op, JSON_DEPTH_MAX);
            let text = parse(object.to_string().as_bytes()).expect("JSON");
            assert_eq!(plain::read(&text), Ok(stored.clone()), "seed {seed}: {object}");
        }
    }
}

#[test]
fn an_object_that_was_changed_is_no_op() {
    let history = History::generate(1, &Dials::any(1, 60));
    let stored = history.ops.iter().map(|op| op.stored()).find(|op| op.body.is_some()).expect("an op with a body");
    let object = plain::write(&stored.rehash().expect("an op"), JSON_DEPTH_MAX);
    let read = |change: &dyn Fn(&mut Value)| {
        let mut changed: Value = serde_json::from_str(&object.to_string()).expect("JSON");
        change(&mut changed);
        plain::read(&parse(changed.to_string().as_bytes()).expect("JSON"))
    };
    assert_eq!(read(&|_| ()), Ok(stored.clone()));
    assert_eq!(read(&|op| op["timestamp"] = json!("2001-01-01T00:00:00.000Z")), Ok(stored.clone()));
    for (field, value, error) in [
        ("key", json!("another"), PlainError::Hash),
        ("seq", json!(77), PlainError::Hash),
        ("body", json!({ "another": 1 }), PlainError::Field("body")),
        ("bodyLen", json!(1), PlainError::Field("body")),
        ("agentId", json!("x"), PlainError::Field("agentId")),
        ("kind", json!("3"), PlainError::Field("kind")),
        ("parents", json!(3), PlainError::Field("parents")),
        ("v", json!(2), PlainError::Field("v")),
        ("hash", json!(null), PlainError::Field("hash")),
    ] {
        assert_eq!(read(&|op| op[field] = value.clone()), Err(error), "{field}");
    }
    let bare = read(&|op| drop(op.as_object_mut().expect("an object").remove("signature")));
    assert_eq!(bare, Ok(StoredOp { signature: None, ..stored }));
}
