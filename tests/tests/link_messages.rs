//! Messages of a link: both forms hold every message, each has one encoding, and all bounds hold.

use serde_json::{Value, json};
use trellis_core::limits::{
    AUDIENCE_BYTES_MAX, BLOB_BYTES_MAX, BLOB_CHUNK_BYTES, CAPABILITIES_MAX, CAPABILITY_BYTES_MAX, EPHEMERAL_BYTES_MAX,
    FRAME_BYTES_MAX, FRAME_IDS_MAX, FRAME_TIPS_MAX, INTEREST_MAX, NAME_BYTES_MAX, SAFE_INTEGER_MAX, SEGMENT_OPS_MAX,
    VERSIONS_MAX,
};
use trellis_core::link::message::{
    Ack, Blob, BlobWant, Ephemeral, Have, Hello, Level, Message, MessageFault, MessageRefused, Missing, Nack, Ops,
    OutOfBounds, Range, Reason, Tip, TipId, Want, Without,
};
use trellis_core::link::ops::{OnLink, OpsFault, OpsRefused, decode_ops, encode_ops, encode_ops_on_link};
use trellis_core::op::id::{Author, ContentHash, OpId, RepoId};
use trellis_core::op::kind::{Format, Kind};
use trellis_core::time::Hlc;
use trellis_tests::dice::{Dice, seeds};
use trellis_tests::fuzz::mutate;
use trellis_tests::messages::{KINDS, any, of_kind};
use trellis_tests::sealed::{Draft, SealedOp, author, key};
use trellis_tests::vectors::cbor::bytes;

#[test]
fn any_message_comes_back_from_both_forms() {
    for seed in seeds(300) {
        let mut dice = Dice::new(seed);
        for kind in 0..KINDS {
            let message = of_kind(kind, &mut dice);
            let frame = message.encode().unwrap();
            assert_eq!(Message::decode(&frame).as_ref(), Ok(&message), "seed {seed}");
            let text = message.to_json().unwrap();
            assert_eq!(Message::from_json(&text).as_ref(), Ok(&message), "seed {seed}: {text}");
        }
    }
}

/// Whatever is accepted is the one frame of what it says: a change that a reader does not see does not exist.
#[test]
fn a_changed_frame_is_refused_or_says_something_else() {
    let (mut refused, mut accepted) = (0, 0);
    for seed in seeds(40) {
        let mut dice = Dice::new(seed);
        let messages: Vec<Message> = (0..40).map(|_| any(&mut dice)).collect();
        let frames: Vec<Vec<u8>> = messages.iter().map(|message| message.encode().unwrap()).collect();
        for _ in 0..400 {
            let changed = mutate(&frames, &mut dice);
            match Message::decode(&changed) {
                Err(_) => refused += 1,
                Ok(message) => {
                    accepted += 1;
                    assert_eq!(message.encode().as_ref(), Ok(&changed), "seed {seed}");
                }
            }
        }
    }
    println!("{refused} refused, {accepted} accepted");
    assert!(refused > accepted && accepted > 100);
}

fn any_ops(seed: u64) -> Ops {
    match of_kind(5, &mut Dice::new(seed)) {
        Message::Ops(ops) => ops,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ops_on_a_link_are_those_of_a_bundle_and_what_only_links_say() {
    for seed in seeds(50) {
        let ops = any_ops(seed);
        let verified: Vec<_> = ops.ops.iter().map(|op| op.rehash().unwrap()).collect();
        let in_bundle = encode_ops(&verified).unwrap();
        let on_link =
            encode_ops_on_link(OnLink { batch: ops.batch, more: ops.more, sent: ops.sent }, &verified, &|_| false)
                .unwrap();
        assert_eq!(Message::Ops(ops.clone()).encode(), Ok(on_link.clone()), "seed {seed}");
        assert_eq!((on_link[1], &on_link[2..in_bundle.len()]), (in_bundle[1] + 1, &in_bundle[2..]));
        assert_eq!(decode_ops(&on_link).err(), Some(OpsFault::Fields));
        assert_eq!(Message::decode(&in_bundle).err(), Some(OpsFault::Fields.into()));
    }
}

#[test]
fn ops_that_make_no_frame_make_no_message() {
    let mut ops = any_ops(1);
    let repo = core::mem::replace(&mut ops.repo, [9; 32].into());
    let other = Message::Ops(ops.clone());
    let refused = MessageRefused::OtherRepo([9; 32].into());
    assert_eq!((other.encode(), refused.code()), (Err(refused), "repo_mismatch"));
    assert_eq!(other.to_json(), other.encode().map(|_| String::new()));
    ops.repo = repo;
    ops.ops.clear();
    let none = Message::Ops(ops);
    assert_eq!(none.encode(), Err(OpsRefused::Empty.into()));
    assert_eq!(none.to_json(), Err(OpsRefused::Empty.into()));
}

/// A message of each bound, as much as it may hold and a little more, and the field that is to blame.
fn at_bounds(beyond: usize) -> Vec<(Message, &'static str)> {
    let ids = |count: usize| (0..count).map(|at| OpId(number32(at))).collect::<Vec<_>>();
    let blobs = |count: usize| (0..count).map(|at| ContentHash(number32(at))).collect::<Vec<_>>();
    let tips = |count: usize| (0..count).map(|at| tip("main", at)).collect::<Vec<_>>();
    let have = |have: Have| Message::Have(have);
    let name = "x".repeat(NAME_BYTES_MAX + beyond);
    let hello = Hello { versions: vec![1], nonce: [1; 32], audience: String::new(), capabilities: vec![], tag: None };
    let ack = Ack {
        ends: vec![],
        without: Without::default(),
        level: Level::Disk,
        credit: 0,
        knows: None,
        state: None,
        integrated: vec![],
    };
    let ephemeral = Ephemeral { topic: String::new(), bytes: vec![], signature: [3; 64] };
    let half = FRAME_IDS_MAX / 2;
    let without = Without { ops: ids(half), blobs: blobs(half + beyond) };
    let wants = (0..beyond).map(|at| BlobWant { blob: ContentHash(number32(at)), from: 0 }).collect();
    let refused = ids(FRAME_IDS_MAX + beyond).into_iter().map(|id| (id, Reason::Invalid)).collect();
    let range = |at: usize| Range { branch: "main".into(), author: Author(number32(at)), from: 1, to: 1 };
    let heads = vec![("a".into(), ids(half)), ("b".into(), ids(half + beyond))];
    let chunk = Blob {
        blob: ContentHash([1; 32]),
        len: BLOB_BYTES_MAX,
        offset: 0,
        bytes: vec![0; BLOB_CHUNK_BYTES + beyond],
        sent: 0,
    };
    let words = |count: usize| (0..count).map(|at| format!("{at:032}")).collect::<Vec<_>>();
    vec![
        (
            Message::Hello(Hello { versions: (1..=(VERSIONS_MAX + beyond) as u64).collect(), ..hello.clone() }),
            "versions",
        ),
        (Message::Hello(Hello { capabilities: words(CAPABILITIES_MAX + beyond), ..hello.clone() }), "capabilities"),
        (
            Message::Hello(Hello { capabilities: vec!["x".repeat(CAPABILITY_BYTES_MAX + beyond)], ..hello.clone() }),
            "capabilities",
        ),
        (Message::Hello(Hello { audience: "x".repeat(AUDIENCE_BYTES_MAX + beyond), ..hello }), "audience"),
        (have(Have { interest: vec![name.clone(); 1], ..Have::default() }), "interest"),
        (have(Have { interest: vec!["x".into(); INTEREST_MAX + beyond], ..Have::default() }), "interest"),
        (have(Have { tips: tips(FRAME_TIPS_MAX + beyond), ..Have::default() }), "tips"),
        (have(Have { tips: vec![tip(&name, 1)], ..Have::default() }), "tips"),
        (have(Have { heads: vec![(name.clone(), ids(1))], ..Have::default() }), "heads"),
        (have(Have { heads, ..Have::default() }), "heads"),
        (have(Have { without: without.clone(), ..Have::default() }), "without"),
        (have(Have { sent: SAFE_INTEGER_MAX + beyond as u64, ..Have::default() }), "sent"),
        (Message::Want(Want { ids: ids(half), bodies: ids(half), blobs: wants, ..Want::default() }), "blobs"),
        (
            Message::Want(Want {
                ids: ids(1),
                ranges: (1..FRAME_IDS_MAX + beyond).map(range).collect(),
                ..Want::default()
            }),
            "ids",
        ),
        (Message::Ack(Ack { ends: tips(FRAME_TIPS_MAX + beyond), ..ack.clone() }), "ends"),
        (Message::Ack(Ack { without, ..ack.clone() }), "without"),
        (Message::Ack(Ack { integrated: ids(FRAME_IDS_MAX + beyond), ..ack }), "integrated"),
        (Message::Nack(Nack { ops: refused, head: None }), "ops"),
        (Message::Missing(Missing { ids: ids(half), blobs: blobs(half + beyond) }), "blobs"),
        (Message::Blob(chunk), "bytes"),
        (Message::Ephemeral(Ephemeral { topic: name, ..ephemeral.clone() }), "topic"),
        (Message::Ephemeral(Ephemeral { bytes: vec![0; EPHEMERAL_BYTES_MAX + beyond], ..ephemeral }), "bytes"),
        (Message::Ping(SAFE_INTEGER_MAX + beyond as u64), "number"),
    ]
}

fn number32(at: usize) -> [u8; 32] {
    let mut bytes = [0xee; 32];
    bytes[..8].copy_from_slice(&(at as u64).to_be_bytes());
    bytes
}

fn tip(branch: &str, at: usize) -> Tip {
    Tip { branch: branch.into(), author: Author(number32(at)), seq: u32::MAX, id: TipId::Full(OpId(number32(at))) }
}

#[test]
fn a_message_holds_as_much_as_its_bounds_say() {
    for (message, field) in at_bounds(0) {
        let frame = message.encode().expect(field);
        assert_eq!(Message::decode(&frame).as_ref(), Ok(&message), "{field}");
        assert_eq!(Message::from_json(&message.to_json().expect(field)).as_ref(), Ok(&message), "{field}");
    }
}

#[test]
fn a_message_holds_no_more() {
    for (message, field) in at_bounds(1) {
        let refused = MessageRefused::Bounds(OutOfBounds(field));
        assert_eq!(message.encode(), Err(refused.clone()));
        assert_eq!((message.to_json(), refused.code()), (Err(refused), "invalid_argument"));
    }
}

/// Frames and texts that say one more than they may, which no writer of ours writes.
#[test]
fn a_reader_takes_no_more() {
    let id = |at: u64| format!("5820 24*ee {at:016x}");
    let ids = |from: u64, count: u64| (from..from + count).map(id).collect::<Vec<_>>().join(" ");
    let tips = |count: u64| (0..count).map(|at| format!("00 {} 01 50 16*44", id(at + 1))).collect::<Vec<_>>().join(" ");
    for (notation, field) in [
        (format!("05 a1 01 99 1001 {}", ids(0, 4097)), "ids"),
        (format!("05 a2 01 99 1000 {} 02 81 {}", ids(0, 4096), id(0)), "bodies"),
        (format!("0a a2 00 99 1000 {} 01 81 {}", ids(0, 4096), id(0)), "blobs"),
        (format!("08 a1 06 99 1001 {}", ids(0, 4097)), "integrated"),
        (format!("04 a1 04 99 1004 61 'a' {} 01 50 16*44 {}", id(0), tips(1024)), "tips"),
        (format!("04 a1 02 84 61 'a' 99 0800 {} 61 'b' 99 0801 {}", ids(0, 2048), ids(0, 2049)), "heads"),
    ] {
        assert_eq!(Message::decode(&bytes(&notation)), Err(OutOfBounds(field).into()), "{field}");
    }
    let digits = (0..4097).map(|at| format!("{at:064x}")).collect::<Vec<_>>();
    let halves = (&digits[..2048], &digits[..2049]);
    for (text, field) in [
        (json!({ "type": "missing", "ids": digits }), "ids"),
        (json!({ "type": "missing", "ids": halves.0, "blobs": halves.1 }), "blobs"),
        (json!({ "type": "want", "ids": halves.0, "bodies": halves.1 }), "bodies"),
        (json!({ "type": "have", "interest": vec!["a"; 65] }), "interest"),
        (json!({ "type": "ack", "without": { "ops": halves.0, "blobs": halves.1 } }), "without"),
        (json!({ "type": "have", "tips": vec![json!({}); 1025] }), "tips"),
    ] {
        assert_eq!(Message::from_json(&text.to_string()), Err(OutOfBounds(field).into()), "{field}");
    }
}

#[test]
fn no_form_is_longer_than_a_frame() {
    let spaces = format!("{{\"type\":\"bye\"{}}}", " ".repeat(FRAME_BYTES_MAX - 14));
    assert_eq!((spaces.len(), Message::from_json(&spaces)), (FRAME_BYTES_MAX, Ok(Message::Bye)));
    assert_eq!(Message::from_json(&format!("{spaces} ")), Err(MessageFault::TooLong));
    let long = [&[4], vec![0xa0; FRAME_BYTES_MAX].as_slice()].concat();
    assert_eq!(Message::decode(&long), Err(MessageFault::TooLong));
    let range = |at: usize| Range { branch: format!("{at:0255}"), author: Author(number32(at)), from: 1, to: 1 };
    let ranges = Message::Want(Want { ranges: (0..FRAME_IDS_MAX).map(range).collect(), ..Want::default() });
    assert_eq!(ranges.encode(), Err(MessageRefused::TooLong));
    assert_eq!(ranges.to_json(), Err(MessageRefused::TooLong));
    assert_eq!([MessageFault::TooLong.code(), MessageRefused::TooLong.code()], ["payload_too_large"; 2]);
}

/// A run of as many puts by one author, each with this body.
fn run_of(count: u32, body: &[u8]) -> Ops {
    let (ann, genesis) = (key("ann"), RepoId([1; 32]).genesis());
    let mut ops: Vec<SealedOp> = Vec::new();
    for seq in 1..=count {
        let prev = ops.last().map(|op| op.id);
        let draft = Draft {
            repo: Some(RepoId([1; 32])),
            branch: "main".into(),
            author: author(&ann),
            seq,
            prev,
            hlc: Hlc((1 << 57) + u64::from(seq)),
            parents: vec![prev.unwrap_or(genesis)],
            collection: "notes".into(),
            key: "1".into(),
            base: prev.into_iter().collect(),
            kind: Kind::Put,
            body: Some((Format::Json, body.to_vec())),
            schema: None,
            actor: None,
        };
        ops.push(draft.seal());
    }
    let last = ops.pop().expect("an op").signed(&ann);
    ops.push(last);
    let ops = ops.iter().map(SealedOp::stored).collect();
    Ops { batch: 0, more: false, sent: 0, repo: RepoId([1; 32]), ops }
}

fn copies(text: &str) -> Vec<Value> {
    let message: Value = serde_json::from_str(text).unwrap();
    message["ops"].as_array().unwrap().iter().map(|op| op["op"].clone()).collect()
}

#[test]
fn whatever_one_signature_vouches_for_fits_into_json() {
    let text = format!("\"{}\"", "x".repeat(250_000));
    let many = run_of(SEGMENT_OPS_MAX as u32, b"{}");
    for (ops, readable) in [(run_of(1, text.as_bytes()), true), (run_of(2, text.as_bytes()), false), (many, false)] {
        let message = Message::Ops(ops);
        let text = message.to_json().unwrap();
        assert!(copies(&text).iter().all(|copy| copy.is_object() == readable));
        assert_eq!(Message::from_json(&text).as_ref(), Ok(&message));
    }
}

/// A body may nest as deep as a message may, and stands in the copy as long as the message can be read with it.
#[test]
fn a_deep_body_is_left_out_of_the_copy() {
    for (levels, shown) in [(60, true), (61, false), (64, false)] {
        let message = Message::Ops(run_of(1, ["[".repeat(levels), "]".repeat(levels)].concat().as_bytes()));
        let text = message.to_json().unwrap();
        assert_eq!(copies(&text)[0]["body"].is_array(), shown, "{levels}");
        assert_eq!(Message::from_json(&text).as_ref(), Ok(&message), "{levels}");
    }
}

#[test]
fn a_copy_says_what_the_header_says() {
    let ops = run_of(2, b"{\"a\":1}");
    let second = ops.ops[1].rehash().unwrap().id().to_string();
    let first = ops.ops[0].rehash().unwrap().id().to_string();
    let text = Message::Ops(ops).to_json().unwrap();
    let copy = json!({
        "hash": second, "v": 1, "repo": "01".repeat(32), "kind": "put", "timestamp": "2039-09-07T15:47:35.552Z",
        "hlc": "144115188075855874", "agentId": author(&key("ann")).to_string(), "branch": "main", "seq": 2,
        "previousHash": first, "parents": [first], "base": [first], "collection": "notes", "key": "1",
        "format": "json", "bodyHash": ContentHash::of(b"{\"a\":1}").to_string(), "bodyLen": 7, "body": { "a": 1 }
    });
    assert_eq!(copies(&text)[1], copy);
}
