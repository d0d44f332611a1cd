//! `ops` frames: the columns written down by hand, the ops that they stand for, and bytes that are no frame.

use serde_json::{Value, json};
use trellis_core::link::ops::{OpsFault, decode_ops, encode_ops};
use trellis_core::log::row::StoredOp;
use trellis_core::op::hex;
use trellis_core::op::id::RepoId;
use trellis_core::op::kind::{Format, Kind};
use trellis_core::op::sign::Unverified;
use trellis_core::time::Hlc;

use super::cbor::{self, DELETE, bytes};
use super::cbor_bad::reason;
use super::{By, bytes_of, case, expect};
use crate::sealed::{Draft, SealedOp, author, key};

/// What the file is.
pub const ABOUT: &str = "Frames of the type `ops`. Good: `frame` decodes to `repo` and `ops`, and these encode to `frame`; an op is \
     {header, body, signature}, without what it has not, and signatures are not checked. Bad: `frame` is `refused`.";

/// The cases.
pub fn cases() -> Vec<Value> {
    let good = good().into_iter().map(|(name, why, frame, ops)| {
        let repo = repo_of(&ops);
        case(By::Hand, name, why, json!({ "frame": hex::encode(&frame), "repo": repo, "ops": ops }))
    });
    let bad = bad().into_iter().map(|(name, why, frame, refused)| {
        case(By::Hand, name, why, json!({ "frame": hex::encode(&frame), "refused": refused }))
    });
    good.chain(bad).chain(generated()).collect()
}

fn generated() -> Vec<Value> {
    let (ops, bodyless) = (story(), story().into_iter().map(SealedOp::bodyless).collect());
    let from = |at: usize| story().split_off(at);
    let parts = [
        ("story", "a repo from its genesis, with real signatures", ops),
        ("story-bodyless", "the same without bodies", bodyless),
        ("story-later", "its later part, whose dependencies are not there", from(3)),
        ("story-last", "its last op", from(5)),
    ];
    let of_part = |(name, why, ops): (&str, &str, Vec<SealedOp>)| {
        let verified: Vec<_> = ops.iter().map(|op| op.unverified().verify().expect("a sealed op is an op")).collect();
        let frame = encode_ops(&verified).expect("the story is a batch");
        let ops: Vec<Value> = ops.iter().map(|op| op_of_stored(&op.stored())).collect();
        let repo = repo_of(&ops);
        case(By::Generated, name, why, json!({ "frame": hex::encode(&frame), "repo": repo, "ops": ops }))
    };
    parts.into_iter().map(of_part).collect()
}

/// Ann begins a repo and writes two notes at once. Bob edits the first of them while she deletes the second, a minute
/// later by his clock; then she merges the branch that he began.
pub fn story() -> Vec<SealedOp> {
    let [ann, bob] = ["ann", "bob"].map(key);
    let ms = |ms: u64| Hlc((1_700_000_000_000 + ms) << 16);
    let json = |text: &str| Some((Format::Json, text.as_bytes().to_vec()));
    let genesis = Draft::genesis(author(&ann), "notes", 1, ms(0)).seal().signed(&ann);
    let repo = RepoId::from(genesis.id);
    let first = Draft {
        hlc: ms(5_000),
        body: json("{\"title\":\"Calm\"}"),
        ..Draft::first(repo, author(&ann), "main", &genesis)
    };
    let first = first.seal();
    let second =
        Draft { key: "2".into(), seq: 2, prev: Some(first.id), ..Draft::first(repo, author(&ann), "main", &first) };
    let second = second.seal().signed(&ann);
    let edit = Draft {
        hlc: ms(65_000),
        base: vec![first.id],
        kind: Kind::Patch,
        body: json("{\"set\":{\"/title\":\"Storm\"}}"),
        actor: Some("the importer".into()),
        ..Draft::first(repo, author(&bob), "side", &genesis)
    };
    let edit = edit.seal().signed(&bob);
    let delete = Draft {
        key: "2".into(),
        hlc: ms(5_900),
        seq: 3,
        prev: Some(second.id),
        base: vec![second.id],
        kind: Kind::Delete,
        body: None,
        ..Draft::first(repo, author(&ann), "main", &second)
    };
    let delete = delete.seal().signed(&ann);
    let merge = Draft {
        parents: vec![delete.id, edit.id],
        hlc: ms(90_000),
        seq: 4,
        prev: Some(delete.id),
        collection: "_branch".into(),
        key: "side".into(),
        kind: Kind::Merge,
        ..Draft::first(repo, author(&ann), "main", &delete)
    };
    vec![genesis, first, second, edit, delete, merge.seal().signed(&ann)]
}

/// An op as the cases have it.
pub fn op_of_stored(op: &StoredOp) -> Value {
    op_of(&op.header, op.body.as_deref(), op.signature.as_ref().map(<[u8; 64]>::as_slice))
}

/// An op as the cases have it, by its parts.
pub fn op_of(header: &[u8], body: Option<&[u8]>, signature: Option<&[u8]>) -> Value {
    let mut op = json!({ "header": hex::encode(header) });
    for (name, bytes) in [("body", body), ("signature", signature)] {
        if let Some(bytes) = bytes {
            op[name] = json!(hex::encode(bytes));
        }
    }
    op
}

fn repo_of(ops: &[Value]) -> String {
    let header = bytes_of(&ops[0], "header").expect("an op has a header");
    let has_repo = header[3] == 1;
    if has_repo { hex::encode(&header[6..38]) } else { id(&header) }
}

/// The id of a header, in hex.
fn id(header: &[u8]) -> String {
    blake3::hash(&[b"trellis/op/1\n", header].concat()).to_hex().to_string()
}

/// The columns of a frame in their notation; the lengths before them are counted here.
#[derive(Clone)]
pub struct Columns {
    repo: Option<String>,
    columns: [String; 9],
}

const RUNS: usize = 0;
const SHAPES: usize = 1;
const TIMES: usize = 2;
const COUNTERS: usize = 3;
const KEYS: usize = 4;
const PARENTS: usize = 5;
const BASES: usize = 6;
const BODIES: usize = 7;
const SIGNATURES: usize = 8;

impl Columns {
    /// The columns of one op, the plain `delete` of [`DELETE`].
    pub fn delete() -> Columns {
        let columns = [
            "5820 32*22 64 'main' 01 01",
            // The pairs 8 (collection) and 11 (kind).
            "4a a2 08 65 'notes' 0b 02",
            // Twice 1,700,000,000,000 ms, for it is above the 0 before it.
            "1b 0000 0317 9fca d000",
            "00",
            "61 '1'",
            "81 5820 32*11",
            "80",
            "",
            "64*aa",
        ];
        Columns { repo: Some("5820 32*11".into()), columns: columns.map(String::from) }
    }

    fn with(mut self, column: usize, notation: &str) -> Columns {
        self.columns[column] = notation.into();
        self
    }

    fn and(mut self, column: usize, notation: &str) -> Columns {
        self.columns[column] += &format!(" {notation}");
        self
    }

    /// The frame with this in the column of parents.
    pub fn parents(self, notation: &str) -> Columns {
        self.with(PARENTS, notation)
    }

    /// The frame of another repo, or of one that begins here.
    pub fn repo(mut self, repo: Option<&str>) -> Columns {
        self.repo = repo.map(String::from);
        self
    }

    /// The frame.
    pub fn frame(&self) -> Vec<u8> {
        let mut frame = bytes(if self.repo.is_some() { "06 aa" } else { "06 a9" });
        if let Some(repo) = &self.repo {
            frame.extend(bytes(&format!("00 {repo}")));
        }
        for (column, key) in self.columns.iter().zip(1..) {
            frame.push(key);
            frame.extend(string(&bytes(column)));
        }
        frame
    }
}

/// A CBOR byte string of less than 65,536 bytes.
fn string(bytes: &[u8]) -> Vec<u8> {
    let head = match bytes.len() {
        len @ 0..24 => vec![0x40 | len as u8],
        len @ 24..256 => vec![0x58, len as u8],
        len => vec![0x59, (len >> 8) as u8, len as u8],
    };
    [head.as_slice(), bytes].concat()
}

/// A header: [`DELETE`] with these pairs in the place of its own, or in key order.
fn header(changes: &[String]) -> Vec<u8> {
    let mut pairs: Vec<&str> = DELETE.to_vec();
    for change in changes {
        let at = pairs.partition_point(|pair| pair[..2] < change[..2]);
        if pairs.get(at).is_some_and(|pair| pair[..2] == change[..2]) {
            pairs[at] = change;
        } else {
            pairs.insert(at, change);
        }
    }
    cbor::header(&pairs)
}

fn changed(changes: &[&str]) -> Vec<u8> {
    header(&changes.iter().map(|change| (*change).into()).collect::<Vec<_>>())
}

fn signed(header: &[u8]) -> Value {
    op_of(header, None, Some(&[0xaa; 64]))
}

fn unsigned(header: &[u8]) -> Value {
    op_of(header, None, None)
}

/// The op after [`DELETE`] in its chain: the same once more, one tick later, its parent and `prev` the first.
fn second() -> Vec<u8> {
    let first = id(&cbor::header(DELETE));
    header(&[
        "04 02".into(),
        format!("05 5820 {first}"),
        "06 1b 018bcfe568000001".into(),
        format!("07 81 5820 {first}"),
    ])
}

/// Both in one run.
fn run_of_two() -> Columns {
    let columns = Columns::delete().with(RUNS, "5820 32*22 64 'main' 02 01").and(SHAPES, "00").and(TIMES, "00");
    columns.and(COUNTERS, "01").and(KEYS, "00").and(PARENTS, "81 00").and(BASES, "80")
}

/// Both signed, so in two runs.
fn two_runs() -> Columns {
    run_of_two().with(RUNS, "5820 32*22 64 'main' 01 01  00 00 01 02 00").and(SIGNATURES, "64*bb")
}

type Good = (&'static str, &'static str, Vec<u8>, Vec<Value>);

fn good() -> Vec<Good> {
    [good_runs(), good_references(), good_fields()].concat()
}

fn good_runs() -> Vec<Good> {
    let first = cbor::header(DELETE);
    let last = op_of(&second(), None, Some(&[0xbb; 64]));
    let other = changed(&["03 5820 32*44", "06 1b 018bcfe567ff0000"]);
    let other_columns = two_runs()
        .with(RUNS, "5820 32*22 64 'main' 01 01  5820 32*44 00 01 01")
        .with(TIMES, "1b 0000 0317 9fca d000 01")
        .with(COUNTERS, "00 00")
        .with(PARENTS, "81 5820 32*11 81 01");
    let genesis_pairs =
        ["00 01", "02 65 '_repo'", DELETE[3], "04 01", DELETE[5], "08 65 '_repo'", "09 67 'genesis'", "0b 02"];
    let genesis = cbor::header(&genesis_pairs);
    let repo = id(&genesis);
    let child = header(&[format!("01 5820 {repo}"), "06 1b 018bcfe568000001".into(), format!("07 81 5820 {repo}")]);
    let from_genesis = two_runs()
        .repo(None)
        .with(RUNS, "5820 32*22 65 '_repo' 01 01  00 64 'main' 01 01")
        .with(SHAPES, "4a a2 08 65 '_repo' 0b 02  4a a2 08 65 'notes' 0b 02")
        .with(KEYS, "67 'genesis' 61 '1'")
        .with(PARENTS, "80 81 00");
    let greatest = changed(&["04 1a ffffffff", "05 5820 32*44"]);
    vec![
        ("delete", "one op: every value stands whole", Columns::delete().frame(), vec![signed(&first)]),
        (
            "run",
            "two ops, one signature: `seq` and `prev` follow, and the parent is the op before, at distance 0",
            run_of_two().frame(),
            vec![unsigned(&first), signed(&second())],
        ),
        (
            "two-runs",
            "a signed op ends its run; the next begins with author, branch, length, `seq` and `prev`",
            two_runs().frame(),
            vec![signed(&first), last.clone()],
        ),
        (
            "two-authors",
            "the second op is 1 ms before the first; its parent came before the first op, so at distance 1",
            other_columns.frame(),
            vec![signed(&first), op_of(&other, None, Some(&[0xbb; 64]))],
        ),
        (
            "genesis",
            "a frame without a repo begins with the genesis, whose id is the repo of the others",
            from_genesis.frame(),
            vec![signed(&genesis), op_of(&child, None, Some(&[0xbb; 64]))],
        ),
        (
            "seq-greatest",
            "2^32 - 1, with its `prev` outside of the frame",
            Columns::delete().with(RUNS, "5820 32*22 64 'main' 01 1a ffffffff 5820 32*44").frame(),
            vec![signed(&greatest)],
        ),
    ]
}

fn good_references() -> Vec<Good> {
    let first = cbor::header(DELETE);
    let key_2 = changed(&["03 5820 32*44", "09 61 '2'"]);
    let key_1 = changed(&["03 5820 32*55"]);
    let three = Columns::delete()
        .with(RUNS, "5820 32*22 64 'main' 01 01  5820 32*44 00 01 01  5820 32*55 00 01 01")
        .and(SHAPES, "00 00")
        .and(TIMES, "00 00")
        .with(COUNTERS, "00 00 00")
        .with(KEYS, "61 '1' 61 '2' 01")
        .with(PARENTS, "81 5820 32*11 81 01 81 02")
        .with(BASES, "80 80 80")
        .with(SIGNATURES, "192*aa");
    let with_base = changed(&["07 82 5820 32*11 5820 32*66", "0a 82 5820 32*66 5820 32*77"]);
    let based = Columns::delete().with(PARENTS, "82 5820 32*11 5820 32*66").with(BASES, "82 00 5820 32*77");
    vec![
        (
            "keys",
            "a key, another, and the first again, after which one other came; distances count distinct values",
            three.frame(),
            vec![signed(&first), signed(&key_2), signed(&key_1)],
        ),
        (
            "ids-outside",
            "ids of `prev`, `parents`, `base` and of the ops themselves are one list, in this order for each op",
            based.frame(),
            vec![signed(&with_base)],
        ),
    ]
}

fn good_fields() -> Vec<Good> {
    let put = |name, why, shape: &str, body: &str, changes: &[&str]| -> Good {
        let columns = Columns::delete().with(SHAPES, shape).with(BODIES, body);
        let body = &bytes(body)[1..];
        let hash = format!("0d 5820 {}", blake3::hash(body).to_hex());
        let len = format!("0e {:02x}", body.len());
        let changes = [changes, &[&hash, &len]].concat();
        (name, why, columns.frame(), vec![op_of(&changed(&changes), Some(body), Some(&[0xaa; 64]))])
    };
    let bodyless = changed(&["0b 00", "0c 00", "0d 5820 32*33", "0e 02"]);
    let put_shape = "4c a3 08 65 'notes' 0b 00 0c 00";
    let later = changed(&["0b 05", "0f 02", "10 63 'bob'", "11 00", "13 42 beef", "17 62 c3a9"]);
    let later_shape = "58 1b a7 08 65 'notes' 0b 05 0f 02 10 63 'bob' 11 00 13 42 beef 17 62 c3a9";
    let hlc = |hlc: &str| changed(&[&format!("06 {hlc}")]);
    let clock = |times, counters| Columns::delete().with(TIMES, times).with(COUNTERS, counters).frame();
    vec![
        put("body", "hash and length follow from the body", put_shape, "42 '{}'", &["0b 00", "0c 00"]),
        put("body-empty", "a body of no bytes is a body", put_shape, "40", &["0b 00", "0c 00"]),
        put(
            "format-unknown",
            "kind and format of a later version",
            "4c a3 08 65 'notes' 0b 09 0c 09",
            "42 '??'",
            &["0b 09", "0c 09"],
        ),
        (
            "body-absent",
            "in the place of a body that was not sent stand its length and its hash",
            Columns::delete().with(SHAPES, put_shape).with(BODIES, "02 5820 32*33").frame(),
            vec![signed(&bodyless)],
        ),
        (
            "later-fields",
            "schema, actor, an unknown kind and keys of later versions stand in the shape, without loss",
            Columns::delete().with(SHAPES, later_shape).frame(),
            vec![signed(&later)],
        ),
        ("clock-least", "1 ms, counter 0", clock("02", "00"), vec![signed(&hlc("1a 00010000"))]),
        (
            "clock-greatest",
            "2^47 - 1 ms, counter 65,535",
            clock("1b 0000 ffff ffff fffe", "19 ffff"),
            vec![signed(&hlc("1b 7fff ffff ffff ffff"))],
        ),
    ]
}

type Bad = (&'static str, &'static str, Vec<u8>, &'static str);

fn bad() -> Vec<Bad> {
    let columns = [bad_runs(), bad_references(), bad_shapes(), bad_clocks(), bad_columns()].concat();
    let columns = columns.into_iter().map(|(name, why, columns, refused)| (name, why, columns.frame(), refused));
    bad_maps().into_iter().chain(columns).collect()
}

fn bad_maps() -> Vec<Bad> {
    let good = Columns::delete().frame();
    let replaced = |at: usize, byte: u8| {
        let mut frame = good.clone();
        frame[at] = byte;
        frame
    };
    let and = |tail: &[u8]| [good.as_slice(), tail].concat();
    let with_head = |head: &str| [bytes(head), good[2..].to_vec()].concat();
    vec![
        ("nothing", "no type", vec![], "not_ops"),
        ("other-type", "another type of frame", replaced(0, 7), "not_ops"),
        ("type-alone", "no map", vec![6], "truncated"),
        ("array", "the body is a map", with_head("06 8a"), "wrong_type"),
        ("map-too-short", "a column is absent", with_head("06 a8"), "fields"),
        ("map-too-long", "more pairs than version 1 has", with_head("06 ab"), "fields"),
        ("map-nine", "nine pairs have no repo, so the first is 1", with_head("06 a9"), "fields"),
        ("map-long-form", "the length of the map has a shorter form", with_head("06 b8 0a"), "not_canonical"),
        ("key-twice", "columns stand in the order of their keys, each once", replaced(37, 0), "fields"),
        ("key-skipped", "columns stand in the order of their keys, each once", replaced(37, 2), "fields"),
        ("trailing", "a byte follows the map", and(&[0]), "trailing"),
        ("cut", "the last byte is missing", good[..good.len() - 1].to_vec(), "truncated"),
        ("column-text", "columns are byte strings", replaced(38, 0x78), "wrong_type"),
    ]
}

type BadColumns = (&'static str, &'static str, Columns, &'static str);

fn bad_runs() -> Vec<BadColumns> {
    let runs = |notation| Columns::delete().with(RUNS, notation);
    let signatures = |notation| Columns::delete().with(SIGNATURES, notation);
    let mut empty = Columns::delete();
    empty.columns = Default::default();
    vec![
        ("empty", "a frame has at least one op", empty, "empty"),
        ("run-empty", "a run has at least one op", runs("5820 32*22 64 'main' 00 01"), "empty_run"),
        ("run-too-long", "a run says more ops than there are", runs("5820 32*22 64 'main' 02 01"), "truncated"),
        (
            "run-endless",
            "a declared length proves nothing",
            runs("5820 32*22 64 'main' 1b ffff ffff ffff ffff 01"),
            "truncated",
        ),
        ("run-too-short", "an op belongs to no run", run_of_two().with(RUNS, "5820 32*22 64 'main' 01 01"), "trailing"),
        ("run-unsigned", "a run without its signature vouches for nothing", signatures(""), "signatures"),
        ("signature-63", "a signature has 64 bytes", signatures("63*aa"), "signatures"),
        ("signature-65", "a signature has 64 bytes", signatures("65*aa"), "signatures"),
        ("signature-more", "a signature belongs to a run", signatures("128*aa"), "signatures"),
        ("second-run-unsigned", "every run has a signature", two_runs().with(SIGNATURES, "64*aa"), "signatures"),
        ("seq-0", "chains begin at 1", runs("5820 32*22 64 'main' 01 00 5820 32*44"), "out_of_bounds:4"),
        (
            "seq-2-to-the-32",
            "2^32 - 1 is the most",
            runs("5820 32*22 64 'main' 01 1b 0000 0001 0000 0000"),
            "out_of_bounds:4",
        ),
        (
            "seq-beyond",
            "a run goes on behind 2^32 - 1",
            run_of_two().with(RUNS, "5820 32*22 64 'main' 02 1a ffffffff 5820 32*44"),
            "out_of_bounds:4",
        ),
        ("prev-missing", "an op beyond `seq` 1 has a `prev`", runs("5820 32*22 64 'main' 01 02"), "truncated"),
        ("prev-at-1", "the first op of a chain has none", runs("5820 32*22 64 'main' 01 01 5820 32*44"), "truncated"),
        ("author-31", "a key has 32 bytes", runs("581f 31*22 64 'main' 01 01"), "wrong_type"),
        ("author-text", "a key is bytes", runs("7820 32*22 64 'main' 01 01"), "wrong_type"),
        ("branch-bytes", "a branch is text", runs("5820 32*22 44 'main' 01 01"), "wrong_type"),
        ("branch-empty", "bounds are the header's", runs("5820 32*22 60 01 01"), "out_of_bounds:2"),
    ]
}

fn bad_references() -> Vec<BadColumns> {
    let with = |column, notation| two_runs().with(column, notation);
    let twice = "5820 32*22 64 'main' 01 01  00 00 01 01";
    let op_twice = two_runs().with(RUNS, twice).with(COUNTERS, "00 00").with(PARENTS, "81 5820 32*11 81 01");
    let second_id = id(&changed(&["03 5820 32*44"]));
    let too_early = two_runs()
        .with(RUNS, "5820 32*22 64 'main' 01 01  5820 32*44 00 01 01")
        .with(COUNTERS, "00 00")
        .with(PARENTS, &format!("81 5820 {second_id} 81 5820 32*11"));
    let thirty_three: String = (0..33).map(|id| format!("5820 31*00 {id:02x} ")).collect();
    vec![
        ("author-nothing", "a number before any author", with(RUNS, "00 64 'main' 01 01"), "reference"),
        (
            "author-too-far",
            "there is one author",
            with(RUNS, "5820 32*22 64 'main' 01 01  01 00 01 02 00"),
            "reference",
        ),
        (
            "branch-too-far",
            "there is one branch",
            with(RUNS, "5820 32*22 64 'main' 01 01  00 01 01 02 00"),
            "reference",
        ),
        (
            "prev-too-far",
            "there are two ids: the parent and the op",
            with(RUNS, "5820 32*22 64 'main' 01 01  00 00 01 02 02"),
            "reference",
        ),
        ("shape-too-far", "there is one shape", with(SHAPES, "4a a2 08 65 'notes' 0b 02 01"), "reference"),
        ("key-too-far", "there is one key", with(KEYS, "61 '1' 01"), "reference"),
        ("parent-too-far", "there are two ids", with(PARENTS, "81 5820 32*11 81 02"), "reference"),
        (
            "parent-endless",
            "a distance of 2^64 - 1",
            with(PARENTS, "81 5820 32*11 81 1b ffff ffff ffff ffff"),
            "reference",
        ),
        ("parent-nothing", "no id came before the parents", with(PARENTS, "81 00"), "reference"),
        (
            "author-whole-again",
            "a value stands whole once",
            with(RUNS, "5820 32*22 64 'main' 01 01  5820 32*22 00 01 02 00"),
            "repeated",
        ),
        (
            "branch-whole-again",
            "a value stands whole once",
            with(RUNS, "5820 32*22 64 'main' 01 01  00 64 'main' 01 02 00"),
            "repeated",
        ),
        (
            "shape-whole-again",
            "a value stands whole once",
            with(SHAPES, "4a a2 08 65 'notes' 0b 02 4a a2 08 65 'notes' 0b 02"),
            "repeated",
        ),
        ("key-whole-again", "a value stands whole once", with(KEYS, "61 '1' 61 '1'"), "repeated"),
        (
            "id-whole-again",
            "the parent of the second is the parent of the first",
            with(PARENTS, "81 5820 32*11 81 5820 32*11"),
            "repeated",
        ),
        (
            "op-id-whole",
            "an op of the frame is named by its distance",
            with(PARENTS, &format!("81 5820 32*11 81 5820 {}", id(&cbor::header(DELETE)))),
            "repeated",
        ),
        ("op-twice", "an op stands in a frame once", op_twice, "order"),
        ("op-too-early", "the first op names the second as its parent", too_early, "order"),
        (
            "parents-descending",
            "the header's order of parents",
            with(PARENTS, "82 5820 32*22 5820 32*11 81 00"),
            "out_of_bounds:7",
        ),
        (
            "parents-equal",
            "the header has each parent once",
            with(PARENTS, "82 5820 32*11 00 81 00"),
            "out_of_bounds:7",
        ),
        ("parents-33", "32 are the most", with(PARENTS, &format!("98 21 {thirty_three} 81 00")), "out_of_bounds:7"),
        ("parents-endless", "2^64 - 1 parents", with(PARENTS, "9b ffff ffff ffff ffff"), "out_of_bounds:7"),
        ("parent-31", "an id has 32 bytes", with(PARENTS, "81 581f 31*11 81 00"), "wrong_type"),
        ("parent-half", "halves are for links", with(PARENTS, "81 50 16*11 81 00"), "wrong_type"),
        ("parent-text", "an id is bytes", with(PARENTS, "81 7820 32*11 81 00"), "wrong_type"),
    ]
}

fn bad_shapes() -> Vec<BadColumns> {
    let shape = |notation| Columns::delete().with(SHAPES, notation);
    vec![
        ("shape-no-collection", "every op has a collection", shape("43 a1 0b 02"), "shape"),
        ("shape-no-kind", "every op has a kind", shape("48 a1 08 65 'notes'"), "shape"),
        ("shape-key", "the key is no part of a shape", shape("4d a3 08 65 'notes' 09 61 '1' 0b 02"), "shape"),
        ("shape-key-24", "no header has key 24", shape("4d a3 08 65 'notes' 0b 02 18 18 00"), "shape"),
        ("shape-descending", "keys ascend", shape("4a a2 0b 02 08 65 'notes'"), "not_canonical"),
        ("shape-key-twice", "keys ascend", shape("4c a3 08 65 'notes' 0b 02 0b 02"), "not_canonical"),
        ("shape-cut", "the map says more pairs than follow", shape("4a a3 08 65 'notes' 0b 02"), "truncated"),
        ("shape-trailing", "a byte follows the map", shape("4b a2 08 65 'notes' 0b 02 00"), "trailing"),
        ("shape-array", "a shape is a map", shape("4a 82 08 65 'notes' 0b 02"), "wrong_type"),
        ("shape-text", "a shape is wrapped in bytes", shape("6a 10*61"), "wrong_type"),
        ("shape-kind-long", "a kind has one form", shape("4b a2 08 65 'notes' 0b 18 02"), "not_canonical"),
        ("shape-collection-empty", "bounds are the header's", shape("45 a2 08 60 0b 02"), "out_of_bounds:8"),
        (
            "shape-schema-1",
            "schema 1 is written by leaving it out",
            shape("4c a3 08 65 'notes' 0b 02 0f 01"),
            "out_of_bounds:15",
        ),
    ]
}

fn bad_clocks() -> Vec<BadColumns> {
    let clock = |times, counters| Columns::delete().with(TIMES, times).with(COUNTERS, counters);
    let time = "1b 0000 0317 9fca d000";
    vec![
        ("counter-65536", "a counter has 16 bits", clock(time, "1a 00010000"), "clock"),
        ("time-below-0", "1 ms before 1970", clock("01", "00"), "clock"),
        ("time-2-to-the-47", "2^47 - 1 ms are the most", clock("1b 0001 0000 0000 0000", "00"), "clock"),
        ("time-greatest", "a difference of 2^63 - 1", clock("1b ffff ffff ffff fffe", "00"), "clock"),
        ("time-least", "a difference of -2^63", clock("1b ffff ffff ffff ffff", "00"), "clock"),
        ("clock-below-least", "0 ms, where 1 ms is the least that a header has", clock("00", "05"), "out_of_bounds:6"),
        ("time-long-form", "a number has one form", clock("18 02", "00"), "not_canonical"),
    ]
}

fn bad_columns() -> Vec<BadColumns> {
    let put = Columns::delete().with(SHAPES, "4c a3 08 65 'notes' 0b 00 0c 00");
    let body = |notation| put.clone().with(BODIES, notation);
    let and = |column, notation| Columns::delete().and(column, notation);
    vec![
        ("shapes-more", "a shape of no op", and(SHAPES, "00"), "trailing"),
        ("times-more", "a time of no op", and(TIMES, "00"), "trailing"),
        ("counters-more", "a counter of no op", and(COUNTERS, "00"), "trailing"),
        ("keys-more", "a key of no op", and(KEYS, "00"), "trailing"),
        ("parents-more", "parents of no op", and(PARENTS, "80"), "trailing"),
        ("bases-more", "a base of no op", and(BASES, "80"), "trailing"),
        ("bodies-more", "a body of an op whose shape has no format", and(BODIES, "42 '{}'"), "trailing"),
        ("body-missing", "a shape with a format has a body or its hash", body(""), "truncated"),
        ("body-text", "a body is bytes", body("62 '{}'"), "wrong_type"),
        ("body-hash-31", "a hash has 32 bytes", body("02 581f 31*33"), "wrong_type"),
        ("body-hash-missing", "a length alone", body("02"), "truncated"),
        ("body-len", "262,144 bytes are the most", body("1a 00040001 5820 32*33"), "out_of_bounds:14"),
        ("body-len-2-to-the-32", "a length that wraps", body("1b 0000 0001 0000 0000 5820 32*33"), "out_of_bounds:14"),
        ("key-empty", "bounds are the header's", Columns::delete().with(KEYS, "60"), "out_of_bounds:9"),
        ("key-bytes", "a key is text", Columns::delete().with(KEYS, "41 '1'"), "wrong_type"),
        ("key-not-utf8", "text is UTF-8", Columns::delete().with(KEYS, "61 ff"), "not_utf8"),
        ("repo-31", "a repo has 32 bytes", Columns::delete().repo(Some("581f 31*11")), "wrong_type"),
    ]
}

/// Why a frame was refused, in a word.
pub fn refused(fault: OpsFault) -> String {
    match fault {
        OpsFault::NotOps => "not_ops".into(),
        OpsFault::TooLong => "too_long".into(),
        OpsFault::TooManyOps => "too_many_ops".into(),
        OpsFault::Empty => "empty".into(),
        OpsFault::Fields => "fields".into(),
        OpsFault::Shape => "shape".into(),
        OpsFault::EmptyRun => "empty_run".into(),
        OpsFault::RunTooLong => "run_too_long".into(),
        OpsFault::Signatures => "signatures".into(),
        OpsFault::Reference => "reference".into(),
        OpsFault::UnknownHalf => "unknown_half".into(),
        OpsFault::Repeated => "repeated".into(),
        OpsFault::Order => "order".into(),
        OpsFault::Clock => "clock".into(),
        OpsFault::Cbor(error) => reason(error.into()),
        OpsFault::Header(error) => reason(error),
    }
}

/// The op of a case.
///
/// # Errors
/// The name of the field that is not there or not hex.
pub fn stored(op: &Value) -> Result<StoredOp, String> {
    let optional = |name: &str| op.get(name).map(|_| bytes_of(op, name)).transpose();
    let signature = optional("signature")?.map(|bytes| bytes.try_into().map_err(|_| "signature")).transpose()?;
    Ok(StoredOp { header: bytes_of(op, "header")?, body: optional("body")?, signature })
}

/// Checks one case.
///
/// # Errors
/// What differs.
pub fn check(case: &Value) -> Result<(), String> {
    let frame = bytes_of(case, "frame")?;
    let Some(ops) = case["ops"].as_array() else {
        let came = decode_ops(&frame).map(|_| ()).map_err(refused);
        return expect("refused", json!(came.err()), case["refused"].clone());
    };
    let batch = decode_ops(&frame).map_err(refused)?;
    expect("repo", json!(batch.repo.to_string()), case["repo"].clone())?;
    let expected = ops.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
    expect("ops", &batch.ops, &expected)?;
    let ops = expected.iter().map(StoredOp::unverified).map(Unverified::rehash).collect::<Result<Vec<_>, _>>();
    let again = encode_ops(&ops.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    expect("frame", hex::encode(&again), hex::encode(&frame))
}
