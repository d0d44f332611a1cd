//! Validity: every rule kept, and every rule broken alone.

use hashbrown::HashMap;
use serde_json::{Map, Value, json};
use trellis_core::admit::cover::{Replica, Verdict, judge};
use trellis_core::admit::intrinsic::Invalid;
use trellis_core::log::graph::{Graph, Keeping, Presence};
use trellis_core::log::hold::Hold;
use trellis_core::log::row::{Origin, Place};
use trellis_core::op::hex;
use trellis_core::op::id::{Author, OpId, RepoId};
use trellis_core::op::kind::{Format, Kind};
use trellis_core::op::sign::{Signature, Unverified};
use trellis_core::time::{Hlc, Millis};

use super::{By, bytes_of, case, expect};
use crate::dice::Dice;
use crate::history::{Dials, History};
use crate::model_op::decode;
use crate::model_rules;
use crate::sealed::{Draft, SealedOp, author, key};
use crate::spoil::spoil;

/// What the file is.
pub const ABOUT: &str = "`ops` in any order, each signed, and by id what the rules say of them: `valid`, `waits` (for an op that is not among \
     them), or the number of the first rule that is broken. The repo is that of the first op.";

/// The cases.
pub fn cases() -> Vec<Value> {
    let mut cases = [rule2(), rule3(), rule4(), rule5(), rule6(), rule7(), rule8(), genesis(), waiting()].concat();
    for seed in 1..=8 {
        let mut dice = Dice::new(seed);
        let history = History::generate(seed, &Dials { bodyless: 0, ..Dials::small(seed, 9) });
        let ops = [history.ops.clone(), spoil(&history, &mut dice, 5)].concat();
        let verdicts = model_rules::judge(&ops.iter().map(|op| (op.id, decode(op))).collect());
        let is_foreign = |op: &SealedOp| op.header().repo.map_or(op.id, |repo| OpId(repo.0)) != history.ops[0].id;
        let said = ops.iter().map(|op| (op, if is_foreign(op) { json!(2) } else { rule(verdicts[&op.id]) }));
        let why = "ops of a history, and some of them with a field changed";
        cases.push(case(By::Model, &format!("spoiled-{seed}"), why, fields(said)));
    }
    cases
}

fn rule(verdict: model_rules::Verdict) -> Value {
    match verdict {
        model_rules::Verdict::Valid => json!("valid"),
        model_rules::Verdict::Waits => json!("waits"),
        model_rules::Verdict::Breaks(rule) => json!(rule),
    }
}

fn fields<'a>(said: impl Iterator<Item = (&'a SealedOp, Value)>) -> Value {
    let (mut ops, mut verdicts) = (Vec::new(), Map::new());
    for (op, verdict) in said {
        let signature = hex::encode(&signed(op).signature.unwrap_or([0; 64]));
        ops.push(json!({ "header": hex::encode(&op.header), "signature": signature }));
        verdicts.insert(op.id.to_string(), verdict);
    }
    json!({ "ops": ops, "verdicts": verdicts })
}

const NAMES: [&str; 12] = ["ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ivy", "jon", "kim", "lea"];

fn signed(op: &SealedOp) -> SealedOp {
    let signer = NAMES.iter().map(|name| key(name)).find(|key| author(key) == op.header().author);
    op.clone().signed(&signer.expect("a test key wrote it"))
}

/// A few valid ops to stand on.
struct World {
    genesis: SealedOp,
    /// Ann's first on `main`, a put of `notes/1`.
    ann: SealedOp,
    /// Bob's first on `main`, after Ann's; a put of `notes/2`.
    bob: SealedOp,
    /// Bob's first on `side`; a put of `notes/1`.
    side: SealedOp,
    /// Cat's first on `third`.
    third: SealedOp,
    /// Another repo's genesis.
    foreign: SealedOp,
}

fn me(name: &str) -> Author {
    author(&key(name))
}

impl World {
    fn new() -> World {
        let genesis = Draft::genesis(me("ann"), "world", 1, Hlc(1 << 32)).seal();
        let repo = RepoId::from(genesis.id);
        let ann = Draft::first(repo, me("ann"), "main", &genesis).seal();
        let bob = Draft { key: "2".into(), ..Draft::first(repo, me("bob"), "main", &ann) }.seal();
        let side = Draft::first(repo, me("bob"), "side", &genesis).seal();
        let third = Draft::first(repo, me("cat"), "third", &genesis).seal();
        let foreign = Draft::genesis(me("bob"), "foreign", 2, Hlc(1 << 32)).seal();
        World { genesis, ann, bob, side, third, foreign }
    }

    fn ops(&self) -> Vec<&SealedOp> {
        vec![&self.genesis, &self.ann, &self.bob, &self.side, &self.third]
    }

    /// Cat's first on `main`, after Ann's and Bob's, with a clock well above all.
    fn next(&self) -> Draft {
        let draft = Draft::first(RepoId::from(self.genesis.id), me("cat"), "main", &self.bob);
        Draft { hlc: Hlc((1 << 32) + 100), ..draft }
    }

    /// Ann's second on `main`.
    fn second(&self) -> Draft {
        Draft { author: me("ann"), seq: 2, prev: Some(self.ann.id), ..self.next() }
    }

    /// Cat's merge of `side` into `main`.
    fn merge(&self) -> Draft {
        let parents = vec![self.bob.id, self.side.id];
        Draft { parents, kind: Kind::Merge, collection: "_branch".into(), key: "side".into(), ..self.next() }
    }

    /// The case of one op more, whose verdict is `verdict`.
    fn and(&self, name: &str, why: &str, draft: Draft, verdict: impl Into<Value>) -> Value {
        self.and_all(name, why, vec![(draft.seal(), verdict.into())])
    }

    fn and_all(&self, name: &str, why: &str, more: Vec<(SealedOp, Value)>) -> Value {
        let world = self.ops().into_iter().map(|op| (op, json!("valid")));
        case(By::Hand, name, why, fields(world.chain(more.iter().map(|(op, verdict)| (op, verdict.clone())))))
    }
}

fn json_body(text: &str) -> Option<(Format, Vec<u8>)> {
    Some((Format::Json, text.as_bytes().to_vec()))
}

fn rule2() -> Vec<Value> {
    let w = World::new();
    let late = Draft { hlc: w.bob.header().hlc, ..w.next() }.seal();
    let on_late = Draft { parents: vec![late.id], author: me("dan"), hlc: Hlc((1 << 32) + 200), ..w.next() };
    let based = Draft { base: vec![late.id], ..on_late.clone() };
    let based = Draft { parents: vec![w.bob.id], ..based }.seal();
    let chained = Draft { author: me("cat"), seq: 2, prev: Some(late.id), ..on_late.clone() };
    let chained = Draft { parents: vec![w.bob.id], ..chained }.seal();
    let foreign_first = Draft::first(RepoId::from(w.foreign.id), me("bob"), "main", &w.foreign).seal();
    vec![
        w.and_all(
            "2-parent-invalid",
            "a parent breaks rule 7",
            vec![(late.clone(), json!(7)), (on_late.seal(), json!(2))],
        ),
        w.and_all(
            "2-base-invalid",
            "a member of base breaks rule 7",
            vec![(late.clone(), json!(7)), (based, json!(2))],
        ),
        w.and_all("2-prev-invalid", "prev breaks rule 7", vec![(late, json!(7)), (chained, json!(2))]),
        w.and(
            "2-other-repo",
            "it names another repo than its parents are of",
            Draft { repo: Some(RepoId([9; 32])), ..w.next() },
            2,
        ),
        w.and_all(
            "2-foreign",
            "another repo's ops, valid there",
            vec![(w.foreign.clone(), json!(2)), (foreign_first, json!(2))],
        ),
    ]
}

fn rule3() -> Vec<Value> {
    let w = World::new();
    let second = w.second().seal();
    let fork = Draft { key: "9".into(), ..w.second() }.seal();
    let third = Draft { seq: 3, prev: Some(second.id), hlc: Hlc((1 << 32) + 101), ..w.second() };
    let on_repo = |seq, prev| Draft { branch: "_repo".into(), parents: vec![w.genesis.id], seq, prev, ..w.second() };
    vec![
        w.and_all(
            "3-chain",
            "seq 2 and 3",
            vec![(second.clone(), json!("valid")), (third.clone().seal(), json!("valid"))],
        ),
        w.and_all(
            "3-fork",
            "two ops at seq 2: a chain fork is valid, and shown",
            vec![(second, json!("valid")), (fork, json!("valid"))],
        ),
        w.and(
            "3-genesis-is-first",
            "the genesis is the owner's seq 1 on _repo",
            on_repo(2, Some(w.genesis.id)),
            "valid",
        ),
        w.and("3-genesis-forked", "the owner's second seq 1 on _repo is a chain fork", on_repo(1, None), "valid"),
        w.and(
            "3-genesis-not-on-main",
            "for chains the genesis is on _repo alone",
            Draft { prev: Some(w.genesis.id), ..w.second() },
            3,
        ),
        w.and("3-no-prev", "seq 2 without prev", Draft { prev: None, ..w.second() }, 3),
        w.and("3-prev-at-1", "seq 1 with prev", Draft { seq: 1, ..w.second() }, 3),
        w.and("3-gap", "seq 3 on seq 1", Draft { seq: 3, ..w.second() }, 3),
        w.and("3-greatest", "seq 2^32 - 1 on seq 1", Draft { seq: u32::MAX, ..w.second() }, 3),
        w.and("3-other-author", "prev is Ann's", Draft { author: me("cat"), ..w.second() }, 3),
        w.and(
            "3-other-branch",
            "prev is on main",
            Draft { branch: "side".into(), parents: vec![w.side.id], ..w.second() },
            3,
        ),
    ]
}

fn rule4() -> Vec<Value> {
    let w = World::new();
    let with =
        |parents: &[&SealedOp], draft: Draft| Draft { parents: parents.iter().map(|op| op.id).collect(), ..draft };
    vec![
        w.and("4-genesis", "the genesis is on every branch", with(&[&w.genesis], w.next()), "valid"),
        w.and("4-two-heads", "two parents on the own branch", with(&[&w.ann, &w.bob], w.next()), "valid"),
        w.and(
            "4-genesis-beside",
            "the genesis beside an op of the own branch",
            with(&[&w.genesis, &w.bob], w.next()),
            "valid",
        ),
        w.and("4-other-branch", "the only parent is on another branch", with(&[&w.side], w.next()), 4),
        w.and("4-one-other", "one of two parents is on another branch", with(&[&w.bob, &w.side], w.next()), 4),
        w.and("4-merge", "a merge has parents on its own branch and on the one that its key names", w.merge(), "valid"),
        w.and(
            "4-merge-begins",
            "a merge may begin a branch: all parents on the source",
            with(&[&w.side], Draft { branch: "new".into(), ..w.merge() }),
            "valid",
        ),
        w.and("4-merge-genesis", "the genesis is on the source branch too", with(&[&w.genesis], w.merge()), "valid"),
        w.and(
            "4-merge-self",
            "a merge of a branch into itself joins heads",
            with(&[&w.ann, &w.bob], Draft { key: "main".into(), ..w.merge() }),
            "valid",
        ),
        w.and("4-merge-without-source", "no parent on the source branch", with(&[&w.bob], w.merge()), 4),
        w.and("4-merge-lone", "a merge without parents has none on the source branch", with(&[], w.merge()), 4),
        w.and("4-merge-third", "a parent on a third branch", with(&[&w.bob, &w.side, &w.third], w.merge()), 4),
        w.and(
            "4-merge-other-key",
            "the key names another branch than the parent's",
            Draft { key: "third".into(), ..w.merge() },
            4,
        ),
    ]
}

fn rule5() -> Vec<Value> {
    let w = World::new();
    let lone = |draft: Draft| Draft { parents: vec![], ..draft };
    vec![
        w.and("5-put", "a put without parents", lone(w.next()), 5),
        w.and("5-chained", "prev is no parent", lone(w.second()), 5),
        w.and("5-based", "base is no parent", lone(Draft { base: vec![w.ann.id], ..w.next() }), 5),
        w.and(
            "5-unknown-kind",
            "kinds of later versions have parents too",
            lone(Draft { kind: Kind::Unknown(5), ..w.next() }),
            5,
        ),
        w.and(
            "5-like-genesis",
            "all of a genesis but that it names a repo",
            Draft { repo: Some(RepoId::from(w.genesis.id)), ..Draft::genesis(me("dan"), "x", 3, Hlc(1 << 33)) },
            5,
        ),
    ]
}

fn rule6() -> Vec<Value> {
    let w = World::new();
    let on = |base: &SealedOp, draft: Draft| Draft { base: vec![base.id], ..draft };
    let merge = w.merge().seal();
    let over_merge = Draft {
        author: me("dan"),
        parents: vec![merge.id],
        base: vec![merge.id],
        hlc: Hlc((1 << 32) + 101),
        kind: Kind::Put,
        ..w.merge()
    };
    let append = Draft { kind: Kind::Append, ..w.next() }.seal();
    let later = Draft { kind: Kind::Unknown(7), ..w.next() }.seal();
    let over = |op: &SealedOp| {
        Draft { author: me("dan"), parents: vec![op.id], base: vec![op.id], hlc: Hlc((1 << 32) + 101), ..w.next() }
            .seal()
    };
    vec![
        w.and("6-same-entity", "base wrote the same entity", on(&w.ann, w.next()), "valid"),
        w.and("6-other-branch", "on any branch", on(&w.side, w.next()), "valid"),
        w.and("6-two", "several members", Draft { base: vec![w.ann.id, w.side.id], ..w.next() }, "valid"),
        w.and_all(
            "6-append",
            "an append wrote the entity",
            vec![(append.clone(), json!("valid")), (over(&append), json!("valid"))],
        ),
        w.and_all(
            "6-unknown-kind",
            "so did an op of a later version's kind",
            vec![(later.clone(), json!("valid")), (over(&later), json!("valid"))],
        ),
        w.and("6-other-key", "base wrote another key", on(&w.bob, w.next()), 6),
        w.and(
            "6-other-collection",
            "base wrote another collection",
            on(&w.ann, Draft { collection: "tasks".into(), ..w.next() }),
            6,
        ),
        w.and("6-one-other", "one of two wrote another key", Draft { base: vec![w.ann.id, w.bob.id], ..w.next() }, 6),
        w.and(
            "6-delete-other-key",
            "a delete too",
            on(&w.bob, Draft { kind: Kind::Delete, body: None, ..w.next() }),
            6,
        ),
        w.and_all(
            "6-merge",
            "a merge writes no entity, not even the one that it looks like",
            vec![(merge, json!("valid")), (over_merge.seal(), json!(6))],
        ),
    ]
}

fn rule7() -> Vec<Value> {
    let w = World::new();
    let bob = w.bob.header().hlc.0;
    let hlc = |hlc: u64, draft: Draft| Draft { hlc: Hlc(hlc), ..draft };
    let late = hlc(bob + 50, Draft { author: me("dan"), ..w.next() }).seal();
    let over_late = Draft { parents: vec![w.bob.id], base: vec![late.id], ..w.next() };
    let chain = |at| hlc(at, Draft { author: me("dan"), seq: 2, prev: Some(late.id), ..w.next() }).seal();
    vec![
        w.and("7-one-more", "one above the parent", hlc(bob + 1, w.next()), "valid"),
        w.and("7-equal", "the parent's clock", hlc(bob, w.next()), 7),
        w.and("7-less", "below the parent's clock", hlc(bob - 1, w.next()), 7),
        w.and("7-least", "the smallest clock of a header", hlc(1 << 16, w.next()), 7),
        w.and_all(
            "7-base-equal",
            "the clock of a member of base",
            vec![(late.clone(), json!("valid")), (hlc(bob + 50, over_late.clone()).seal(), json!(7))],
        ),
        w.and_all(
            "7-base-one-more",
            "one above a member of base",
            vec![(late.clone(), json!("valid")), (hlc(bob + 51, over_late).seal(), json!("valid"))],
        ),
        w.and_all(
            "7-prev-equal",
            "the clock of prev",
            vec![(late.clone(), json!("valid")), (chain(bob + 50), json!(7))],
        ),
        w.and_all(
            "7-prev-one-more",
            "one above prev",
            vec![(late.clone(), json!("valid")), (chain(bob + 51), json!("valid"))],
        ),
        w.and(
            "7-greatest",
            "no clock is too great for the graph; the time holds it",
            hlc((1 << 63) - 1, w.next()),
            "valid",
        ),
    ]
}

fn rule8() -> Vec<Value> {
    let w = World::new();
    let append = || Draft { kind: Kind::Append, ..w.next() };
    let patch = |format| Draft { kind: Kind::Patch, body: Some((format, b"{}".to_vec())), ..w.next() };
    let delete = || Draft { kind: Kind::Delete, body: None, ..w.next() };
    let on_branch = Draft { author: me("dan"), collection: "_branch".into(), key: "side".into(), ..w.next() }.seal();
    let merge_over = Draft { base: vec![on_branch.id], hlc: Hlc((1 << 32) + 200), ..w.merge() };
    let merge_of = |key: &str| Draft { key: key.into(), parents: vec![w.genesis.id], ..w.merge() };
    vec![
        w.and("8-append", "a record", append(), "valid"),
        w.and("8-append-base", "an append has no base", Draft { base: vec![w.ann.id], ..append() }, 8),
        w.and_all(
            "8-merge-base",
            "a merge has no base",
            vec![(on_branch, json!("valid")), (merge_over.seal(), json!(8))],
        ),
        w.and("8-merge-collection", "a merge stands in _branch", Draft { collection: "notes".into(), ..w.merge() }, 8),
        w.and(
            "8-merge-bytes",
            "a merge has format 0",
            Draft { body: Some((Format::Bytes, b"{}".to_vec())), ..w.merge() },
            8,
        ),
        w.and(
            "8-merge-salted",
            "a merge has format 0",
            Draft { body: Some((Format::SaltedJson, vec![0; 18])), ..w.merge() },
            8,
        ),
        w.and("8-merge-bodyless", "a merge has a body", Draft { body: None, ..w.merge() }, 8),
        w.and("8-merge-key-longest", "255 bytes are a branch name", merge_of(&"b".repeat(255)), "valid"),
        w.and("8-merge-key-too-long", "256 bytes are no branch name", merge_of(&"b".repeat(256)), 8),
        w.and("8-patch", "a patch in JSON", patch(Format::Json), "valid"),
        w.and("8-patch-sealed", "a sealed patch", patch(Format::Sealed), "valid"),
        w.and("8-patch-salted", "a salted patch", patch(Format::SaltedJson), "valid"),
        w.and("8-patch-bytes", "a patch is not bytes", patch(Format::Bytes), 8),
        w.and("8-patch-unknown", "nor of a later version's format", patch(Format::Unknown(4)), 8),
        w.and("8-patch-bodyless", "a patch has a body", Draft { body: None, ..patch(Format::Json) }, 8),
        w.and("8-delete", "a delete has no body", delete(), "valid"),
        w.and("8-delete-body", "a delete has no body", Draft { body: json_body("{}"), ..delete() }, 8),
        w.and("8-put-bodyless", "a put has a body", Draft { body: None, ..w.next() }, 8),
        w.and("8-append-bodyless", "an append has a body", Draft { body: None, ..append() }, 8),
        w.and(
            "8-put-unknown-format",
            "a format of a later version is valid",
            Draft { body: Some((Format::Unknown(4), vec![1])), ..w.next() },
            "valid",
        ),
        w.and(
            "8-unknown-kind",
            "a kind of a later version is valid",
            Draft { kind: Kind::Unknown(5), ..w.next() },
            "valid",
        ),
        w.and(
            "8-unknown-kind-bodyless",
            "a body is absent exactly in a delete",
            Draft { kind: Kind::Unknown(5), body: None, ..w.next() },
            8,
        ),
        w.and(
            "8-void-body",
            "a body that is not canonical is void, and its op valid",
            Draft { body: json_body("{ }"), ..w.next() },
            "valid",
        ),
    ]
}

/// Geneses, each the first op of a repo of its own.
fn genesis() -> Vec<Value> {
    let alone = |name: &str, why: &str, draft: Draft, verdict: Value| {
        case(By::Hand, name, why, fields([(&draft.seal(), verdict)].into_iter()))
    };
    let genesis = || Draft::genesis(me("ann"), "world", 1, Hlc(1 << 32));
    vec![
        alone("genesis", "the op that begins a repo", genesis(), json!("valid")),
        alone("genesis-branch", "it stands on _repo", Draft { branch: "main".into(), ..genesis() }, json!(8)),
        alone("genesis-collection", "in _repo", Draft { collection: "notes".into(), ..genesis() }, json!(8)),
        alone("genesis-key", "under genesis", Draft { key: "1".into(), ..genesis() }, json!(8)),
        alone("genesis-patch", "it is a put", Draft { kind: Kind::Patch, ..genesis() }, json!(8)),
        alone("genesis-append", "it is a put", Draft { kind: Kind::Append, ..genesis() }, json!(8)),
        alone("genesis-bodyless", "with a body", Draft { body: None, ..genesis() }, json!(8)),
        alone("genesis-seq-2", "at seq 1", Draft { seq: 2, ..genesis() }, json!(3)),
    ]
}

fn waiting() -> Vec<Value> {
    let w = World::new();
    let gone = OpId([7; 32]);
    let later = Draft { author: me("dan"), hlc: Hlc((1 << 32) + 200), ..w.next() };
    let waits = Draft { parents: vec![gone], ..w.next() }.seal();
    let on_it = Draft { parents: vec![waits.id], ..later.clone() }.seal();
    let based_on_it = Draft { base: vec![waits.id], ..later }.seal();
    vec![
        w.and("waits-parent", "a parent is not here", Draft { parents: vec![w.bob.id, gone], ..w.next() }, "waits"),
        w.and("waits-base", "a member of base is not here", Draft { base: vec![gone], ..w.next() }, "waits"),
        w.and("waits-prev", "prev is not here", Draft { prev: Some(gone), ..w.second() }, "waits"),
        w.and(
            "waits-merge",
            "the parent on the source branch is not here",
            Draft { parents: vec![w.bob.id, gone], ..w.merge() },
            "waits",
        ),
        w.and_all(
            "waits-behind",
            "what depends on an op that waits, waits",
            vec![(waits.clone(), json!("waits")), (on_it, json!("waits"))],
        ),
        w.and_all("waits-behind-base", "by base too", vec![(waits, json!("waits")), (based_on_it, json!("waits"))]),
    ]
}

/// Checks one case, with the ops in the file's order and in the opposite one.
///
/// # Errors
/// What differs.
pub fn check(case: &Value) -> Result<(), String> {
    let listed = case["ops"].as_array().ok_or("ops")?;
    let read = |op: &Value| Some((bytes_of(op, "header").ok()?, bytes_of(op, "signature").ok()?.try_into().ok()?));
    let mut ops = listed.iter().map(read).collect::<Option<Vec<(Vec<u8>, Signature)>>>().ok_or("op")?;
    same(verdicts(&ops)?, &case["verdicts"])?;
    ops[1..].reverse();
    same(verdicts(&ops)?, &case["verdicts"])
}

fn same(came: Map<String, Value>, expected: &Value) -> Result<(), String> {
    came.into_iter().try_for_each(|(id, verdict)| expect(&id, verdict, expected[&id].clone()))
}

/// What the core says once it has been asked, as a replica does, until nothing new enters the graph.
fn verdicts(ops: &[(Vec<u8>, Signature)]) -> Result<Map<String, Value>, String> {
    let unverified = |(header, signature)| Unverified { header, body: None, signature: Some(signature) };
    let verified = ops.iter().map(|(header, signature)| unverified((header, signature)).verify());
    let verified = verified.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let (mut graph, mut refused, mut said) = (Graph::default(), HashMap::default(), Map::new());
    let (hold, now) = (Hold::default(), Millis(u64::MAX >> 1));
    // The first op alone decides which repo this is.
    let (mut waiting, mut later) = (verified[..1].to_vec(), verified[1..].to_vec());
    loop {
        let (verdicts, order) = judge(&waiting, Replica { graph: &graph, hold: &hold, refused: &refused, now });
        for admitted in order {
            graph.append(&waiting[admitted.at], KEEPING);
        }
        for (op, verdict) in waiting.iter().zip(&verdicts) {
            said.insert(op.id().to_string(), word(*verdict));
            if let Verdict::Refuse(reason) = verdict {
                refused.insert(op.id(), *reason);
            }
        }
        let decided = verdicts.iter().any(|verdict| !matches!(verdict, Verdict::Hold(_)));
        if later.is_empty() && !decided {
            return Ok(said);
        }
        let held = waiting.into_iter().zip(verdicts).filter(|(_, verdict)| matches!(verdict, Verdict::Hold(_)));
        waiting = held.map(|(op, _)| op).chain(later.drain(..)).collect();
    }
}

const KEEPING: Keeping =
    Keeping { place: Place { row: 1, header_at: 0, body_at: 0 }, body: Presence::Absent, origin: Origin::Remote };

fn word(verdict: Verdict) -> Value {
    match verdict {
        Verdict::Admit => json!("valid"),
        Verdict::Hold(_) => json!("waits"),
        Verdict::Refuse(reason) => json!(number(reason)),
        Verdict::Known => json!("known"),
        Verdict::Drop => json!("dropped"),
    }
}

/// The rule that a reason is about.
pub fn number(reason: Invalid) -> u8 {
    match reason {
        Invalid::Encoding | Invalid::Body => 1,
        Invalid::Dependency | Invalid::RepoMismatch => 2,
        Invalid::Prev => 3,
        Invalid::ParentBranch => 4,
        Invalid::NoParent => 5,
        Invalid::BaseEntity => 6,
        Invalid::Clock => 7,
        Invalid::Shape => 8,
    }
}
