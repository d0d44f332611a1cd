//! What ops are defended against (reliability.md, "Defences that must exist"), each by a test of its name.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use trellis_core::admit::intrinsic::Invalid;
use trellis_core::admit::policy::{Policies, Stated};
use trellis_core::error::CommandError;
use trellis_core::input::{Command, Edit, EntityQuery, Frame, Role};
use trellis_core::limits::{CLOCK_AHEAD_MS_MAX, HOLD_AHEAD_PER_AUTHOR_MAX, LINKS_MAX};
use trellis_core::link::message::{Form, Message, Ops, RepoTag};
use trellis_core::log::row::StoredOp;
use trellis_core::merge::entity::Shown;
use trellis_core::op::id::{Author, OpId, RepoId};
use trellis_core::op::json::{Value, parse};
use trellis_core::op::kind::Format;
use trellis_core::op::sign::Unverified;
use trellis_core::output::{Answer, Event, ImportReport, Status};
use trellis_core::reconcile::reconcile;
use trellis_core::time::{Hlc, Millis};
use trellis_tests::hand::{Hand, Way};
use trellis_tests::host::{MemoryHost, REPO, START, author_of, test_key, written};
use trellis_tests::sealed::{Draft, SealedOp};

/// Nothing here takes so long unless it never ends.
const LIMIT: Duration = Duration::from_secs(300);
/// Whoever has no good in mind.
const MALLORY: u64 = 66;
const BOB: u64 = 20;
const CAROL: u64 = 21;

fn json(text: &str) -> Value {
    parse(text.as_bytes()).expect("the test's own JSON")
}

fn ops(host: &mut MemoryHost) -> Vec<SealedOp> {
    let Ok(Answer::Ops(ops)) = host.run(Command::Export { known: Vec::new() }) else { panic!("ops") };
    let sealed = |op: StoredOp| {
        let StoredOp { header, body, signature } = op;
        SealedOp { id: OpId::of_header(&header), header, body, signature }
    };
    ops.into_iter().map(sealed).collect()
}

/// The op that a host wrote last.
fn last(host: &mut MemoryHost) -> SealedOp {
    ops(host).pop().expect("it wrote one")
}

fn import(host: &mut MemoryHost, ops: Vec<StoredOp>) -> ImportReport {
    match host.run(Command::Import(ops)) {
        Ok(Answer::Imported(report)) => report,
        other => panic!("{other:?}"),
    }
}

fn status(host: &mut MemoryHost) -> Status {
    match host.run(Command::Status) {
        Ok(Answer::Status(status)) => status,
        other => panic!("{other:?}"),
    }
}

fn shown(host: &mut MemoryHost, key: &str) -> Shown {
    let query = EntityQuery { branch: "main".into(), collection: "notes".into(), key: key.into(), at: Vec::new() };
    match host.run(Command::Get(query)) {
        Ok(Answer::Entity(view)) => view.shown,
        other => panic!("{other:?}"),
    }
}

/// A repo that is open to everybody, its id, and its only note.
fn open_repo() -> (MemoryHost, RepoId, SealedOp) {
    let mut ann = MemoryHost::new(1);
    let repo = ann.create().into();
    ann.put("notes", "1", Value::from(1));
    let note = last(&mut ann);
    (ann, repo, note)
}

/// What a stranger writes beside the note: another one, of this number.
fn strange(repo: RepoId, after: &SealedOp, number: u64) -> Draft {
    let body = Some((Format::Json, number.to_string().into_bytes()));
    Draft { key: format!("strange-{number}"), body, ..Draft::first(repo, mallory(), "main", after) }
}

fn mallory() -> Author {
    author_of(&test_key(MALLORY))
}

fn by_mallory(draft: &Draft) -> SealedOp {
    draft.seal().signed(&test_key(MALLORY))
}

/// An id is computed here: what a peer says of it counts for nothing, and what was changed is another op, which nobody
/// has signed.
#[test]
fn ids_that_are_not_the_hash() {
    let (mut ann, repo, note) = open_repo();
    let good = by_mallory(&strange(repo, &note, 1));
    let changed = SealedOp { signature: good.signature, ..strange(repo, &note, 2).seal() };
    let report = import(&mut ann, vec![changed.stored()]);
    assert_eq!((report.admitted, report.dropped), (vec![], vec![changed.id]));
    let swapped = StoredOp { body: Some(b"2".to_vec()), ..good.stored() };
    let report = import(&mut ann, vec![swapped]);
    assert_eq!((report.admitted, report.malformed), (vec![], 1), "the body has its hash in the header");
    let hand = Hand::shaken_by(&mut ann, 1, &Way { form: Form::Text, ..Way::default() }, Some(RepoTag::of(&repo)));
    let said = Message::Ops(Ops { batch: 1, more: false, sent: 0, repo, ops: vec![good.stored()] });
    let told = said.to_json().expect("a message");
    let lie = told.replace(&good.id.to_string(), &OpId([7; 32]).to_string());
    assert_ne!(lie, told, "the copy for people names the op");
    hand.send(&mut ann, Frame::Text(lie));
    assert_eq!(last(&mut ann).id, good.id);
    assert_eq!(ann.run(Command::Show(vec![OpId([7; 32])])), Err(CommandError::NoOp(OpId([7; 32]))));
}

/// The order of the group, little-endian (RFC 8032, section 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The same signature with `S + L` in place of `S`: another one of the same message, where that is let in.
fn malleated(mut signature: [u8; 64]) -> [u8; 64] {
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    signature
}

/// A key of order one, under which one signature holds for every message where small orders are let in.
#[test]
fn small_order_and_malleable_signatures() {
    let (mut ann, repo, note) = open_repo();
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut for_every_message = [0; 64];
    for_every_message[0] = 1;
    let weak = Draft { author: Author(identity), ..strange(repo, &note, 1) }.seal();
    let weak = SealedOp { signature: Some(for_every_message), ..weak };
    let good = by_mallory(&strange(repo, &note, 2));
    let malleable = SealedOp { signature: good.signature.map(malleated), ..good.clone() };
    let report = import(&mut ann, vec![weak.stored(), malleable.stored()]);
    assert_eq!((report.admitted, report.dropped.len()), (vec![], 2));
    assert_eq!(import(&mut ann, vec![good.stored()]).admitted, [good.id]);
    assert_eq!(import(&mut ann, vec![malleable.stored()]).known, 1);
    assert_eq!(last(&mut ann).signature, good.signature);
}

/// The branch stands in the header, so what was signed for one branch is no op of another.
#[test]
fn replay_of_ops_in_another_branch() {
    let (mut ann, repo, note) = open_repo();
    let genesis = ops(&mut ann).swap_remove(0);
    let said = by_mallory(&strange(repo, &genesis, 1));
    let moved = Draft { branch: "other".into(), ..Draft::of(&said) }.seal();
    let replayed = SealedOp { signature: said.signature, ..moved };
    let report = import(&mut ann, vec![replayed.stored()]);
    assert_eq!((report.admitted, report.dropped), (vec![], vec![replayed.id]));
    // On top of a chain of the other branch it is not even valid.
    let other = by_mallory(&Draft { branch: "other".into(), ..strange(repo, &genesis, 2) });
    let next = Draft { seq: 2, prev: Some(other.id), ..strange(repo, &note, 3) };
    let next = by_mallory(&Draft { hlc: Hlc(other.header().hlc.0.max(note.header().hlc.0) + 1), ..next });
    let report = import(&mut ann, vec![other.stored(), next.stored()]);
    assert_eq!((report.admitted, report.refused), (vec![other.id], vec![(next.id, Invalid::Prev)]));
}

/// Whoever tells two replicas different things in one place of its chain is shown to everybody, and both have the same
/// in the end.
#[test]
fn equivocation() {
    let (mut ann, repo, note) = open_repo();
    let mut bob = MemoryHost::new(2);
    ann.send_to(&mut bob);
    let [one, two] = [1, 2].map(|number| by_mallory(&Draft { key: "2".into(), ..strange(repo, &note, number) }));
    let child = by_mallory(&Draft { seq: 2, prev: Some(one.id), ..strange(repo, &one, 3) });
    import(&mut ann, vec![one.stored(), child.stored()]);
    import(&mut bob, vec![two.stored()]);
    assert_eq!([&mut ann, &mut bob].map(|host| status(host).forks.len()), [0, 0]);
    ann.send_to(&mut bob);
    bob.send_to(&mut ann);
    let told = Event::ChainForked { author: mallory(), ops: [one.id, two.id] };
    let turned = Event::ChainForked { author: mallory(), ops: [two.id, one.id] };
    for host in [&mut ann, &mut bob] {
        let forks = host.events.iter().filter(|event| [&told, &turned].contains(event)).count();
        assert_eq!((forks, status(host).forks.len()), (1, 1), "{:?}", host.events);
        assert!(host.run(Command::ForkProof([one.id, two.id])).is_ok(), "it convinces others, too");
        assert!(
            matches!(host.run(Command::Conflicts { branch: "main".into() }), Ok(Answer::Conflicts(open)) if open.len() == 1)
        );
    }
    assert_eq!(shown(&mut ann, "2"), shown(&mut bob, "2"));
    ann.put("notes", "2", Value::from(9));
    ann.send_to(&mut bob);
    assert_eq!(shown(&mut bob, "2"), Shown::Json(json("9")), "others go on");
}

/// A removal names the last op that counts. What its key signs later says that it was before, and has no effect: neither
/// behind the cut, nor beside it, nor on a chain of its own.
#[test]
fn revoked_keys_writing_in_the_past() {
    let (mut ann, repo, note) = open_repo();
    written(ann.write(REPO, vec![Edit::AddMember { author: mallory(), name: "Mallory".into(), role: Role::Writer }]));
    let honest = Draft { key: "2".into(), ..strange(repo, &note, 1) };
    let honest = by_mallory(&Draft { hlc: Hlc(note.header().hlc.0 + 1), ..honest });
    assert_eq!(import(&mut ann, vec![honest.stored()]).admitted, [honest.id]);
    ann.now = Millis(START.0 + 60_000);
    written(ann.write(REPO, vec![Edit::RemoveMember { author: mallory() }]));
    assert_eq!(shown(&mut ann, "2"), Shown::Json(json("1")), "what was accepted stays");
    let body = Some((Format::Json, b"666".to_vec()));
    let behind = Draft { seq: 2, prev: Some(honest.id), base: vec![honest.id], ..Draft::of(&honest) };
    let behind = Draft { parents: vec![honest.id], hlc: Hlc(honest.header().hlc.0 + 1), ..behind };
    let beside = Draft { hlc: Hlc(honest.header().hlc.0 + 1), ..Draft::of(&honest) };
    let elsewhere = Draft { branch: "main".into(), base: vec![honest.id], seq: 1, prev: None, ..behind.clone() };
    for backdated in [behind, beside, elsewhere] {
        let forged = by_mallory(&Draft { body: body.clone(), ..backdated });
        assert!(forged.header().hlc.millis() < Millis(START.0 + 60_000), "it says that it was before");
        assert_eq!(import(&mut ann, vec![forged.stored()]).admitted, [forged.id]);
        let Ok(Answer::Log(log)) = ann.run(Command::Show(vec![forged.id])) else { panic!("an op") };
        assert!(!log[0].is_effective);
        assert_eq!(shown(&mut ann, "2"), Shown::Json(json("1")));
        assert_eq!(shown(&mut ann.reopened(), "2"), Shown::Json(json("1")));
    }
}

/// Ops that are too far ahead wait, so many of an author and no more; meanwhile they are nobody's parents, move no clock and
/// go to nobody.
#[test]
fn future_clocks() {
    let (mut ann, repo, note) = open_repo();
    let ahead = |number: u64| Hlc((START.0 + CLOCK_AHEAD_MS_MAX + number) << 16);
    let drafts = (1..=200).map(|number| Draft { hlc: ahead(number), ..strange(repo, &note, number) });
    let floods: Vec<SealedOp> = drafts.map(|draft| by_mallory(&draft)).collect();
    import(&mut ann, floods.iter().map(SealedOp::stored).collect());
    assert_eq!((status(&mut ann).ops, status(&mut ann).held), (2, HOLD_AHEAD_PER_AUTHOR_MAX));
    ann.put("notes", "2", Value::from(2));
    let own = last(&mut ann);
    assert_eq!(own.header().parents.iter().collect::<Vec<_>>(), [note.id]);
    assert!(own.header().hlc.millis() <= START);
    let mut bob = MemoryHost::new(2);
    ann.send_to(&mut bob);
    assert_eq!((status(&mut bob).ops, status(&mut bob).held), (3, 0));
    ann.wait_until(Millis(START.0 + HOLD_AHEAD_PER_AUTHOR_MAX as u64));
    assert_eq!(status(&mut ann).ops, 3 + HOLD_AHEAD_PER_AUTHOR_MAX, "the farthest were left out");
}

/// An op is behind all that it names, so nothing is older than its repo; and what says that it is old overwrites nothing
/// that it has not seen, and hides nothing.
#[test]
fn backdated_clocks() {
    let (mut ann, repo, note) = open_repo();
    let genesis = ops(&mut ann).swap_remove(0);
    for (after, hlc) in [(&note, note.header().hlc), (&note, genesis.header().hlc), (&genesis, Hlc(1 << 16))] {
        let old = by_mallory(&Draft { hlc, ..strange(repo, after, 1) });
        assert_eq!(import(&mut ann, vec![old.stored()]).refused, [(old.id, Invalid::Clock)]);
    }
    ann.now = Millis(START.0 + 60_000);
    ann.put("notes", "1", Value::from(2));
    let early = by_mallory(&Draft { key: "1".into(), ..strange(repo, &genesis, 7) });
    assert_eq!(import(&mut ann, vec![early.stored()]).admitted, [early.id]);
    assert_eq!(shown(&mut ann, "1"), Shown::Json(json("2")));
    let Ok(Answer::Conflicts(open)) = ann.run(Command::Conflicts { branch: "main".into() }) else { panic!() };
    assert_eq!(open.len(), 1, "and it is shown");
}

/// A text of policies that says this of every branch.
fn everywhere(linear: Option<bool>, require_signing: Option<bool>) -> Policies {
    Policies::everywhere(Stated { linear, require_signing, serialiser: None })
}

/// What the branches shall be like, as somebody says who has seen all that others said of it.
fn policy(seen: &[SealedOp], number: u64, text: &str) -> SealedOp {
    let (key, genesis) = (test_key(number), &seen[0]);
    let by_all: Vec<OpId> = seen.iter().filter(|op| op.header().key == "branch_policy").map(|op| op.id).collect();
    let own = seen.iter().rev().find(|op| op.header().author == author_of(&key) && op.header().branch == REPO);
    let clock = seen.iter().map(|op| op.header().hlc.0).max().expect("a genesis");
    Draft {
        seq: own.map_or(1, |own| own.header().seq + 1),
        prev: own.map(|own| own.id),
        hlc: Hlc(clock + 1),
        parents: by_all.iter().copied().chain([genesis.id]).collect(),
        collection: "_repo".into(),
        key: "branch_policy".into(),
        base: by_all.clone(),
        body: Some((Format::Json, text.as_bytes().to_vec())),
        ..Draft::first(genesis.id.into(), author_of(&key), REPO, genesis)
    }
    .seal()
    .signed(&key)
}

fn is_diverged(host: &mut MemoryHost) -> bool {
    status(host).branches.iter().any(|branch| branch.name == "main" && branch.is_diverged)
}

/// Whatever a repo says, its owners included, a device stays as strict as it was told to be; and who is no owner says
/// nothing.
#[test]
fn remote_weakening_of_policy() {
    const LOOSE: &str = r#"{"**":{"linear":false,"requireSigning":false}}"#;
    const STRICT: &str = r#"{"**":{"linear":true,"requireSigning":true}}"#;
    let (mut ann, repo, note) = open_repo();
    let add = |number, role| Edit::AddMember { author: author_of(&test_key(number)), name: "x".into(), role };
    written(ann.write(REPO, vec![add(BOB, Role::Writer), add(CAROL, Role::Owner)]));
    let said = policy(&ops(&mut ann), CAROL, LOOSE);
    assert_eq!(import(&mut ann, vec![said.stored()]).admitted, [said.id]);
    let mut strict = MemoryHost::under(2, everywhere(Some(true), Some(true)));
    let (mut usual, mut loose) = (MemoryHost::new(2), MemoryHost::under(2, everywhere(None, Some(false))));
    let strangers = [1, 2].map(|number| by_mallory(&strange(repo, &note, number)).stored());
    let by_bob = Draft { author: author_of(&test_key(BOB)), ..strange(repo, &note, 3) };
    let by_bob = by_bob.seal().signed(&test_key(BOB)).stored();
    ann.put("notes", "2", Value::from(2));
    for host in [&mut strict, &mut usual, &mut loose] {
        ann.send_to(host);
        import(host, strangers.iter().cloned().chain([by_bob.clone()]).collect());
    }
    // What a stranger writes counts only where the device itself leaves it open.
    let effects = [&mut strict, &mut usual, &mut loose].map(|host| shown(host, "strange-1"));
    assert_eq!(effects, [Shown::Absent, Shown::Absent, Shown::Json(json("1"))]);
    assert_eq!([&mut strict, &mut usual, &mut loose].map(is_diverged), [true, false, false]);
    // An owner makes the repo strict; a writer and a stranger say that it is not.
    let said = policy(&ops(&mut loose), CAROL, STRICT);
    assert_eq!(import(&mut loose, vec![said.stored()]).admitted, [said.id]);
    assert_eq!((shown(&mut loose, "strange-1"), is_diverged(&mut loose)), (Shown::Absent, true));
    for number in [BOB, MALLORY] {
        let weaker = policy(&ops(&mut loose), number, LOOSE);
        assert_eq!(import(&mut loose, vec![weaker.stored()]).admitted, [weaker.id]);
        assert_eq!((shown(&mut loose, "strange-1"), is_diverged(&mut loose)), (Shown::Absent, true));
    }
}

/// As many authors as an op may name, who each write in every layer, on top of all ops of the layer before: the paths are as
/// many as no machine ever walks.
fn lattice(repo: RepoId, first: &SealedOp, layers: u32) -> Vec<SealedOp> {
    let keys: Vec<SigningKey> = (0..LINKS_MAX as u64).map(|number| test_key(1000 + number)).collect();
    let mut all: Vec<SealedOp> = Vec::new();
    for layer in 0..layers {
        let before: Vec<OpId> = all.iter().rev().take(keys.len()).map(|op| op.id).collect();
        let ops = keys.iter().enumerate().map(|(at, key)| {
            let own = all.len().checked_sub(keys.len()).map(|start| all[start + at].id);
            let draft = Draft::first(repo, author_of(key), "main", first);
            let body = Some((Format::Json, format!("{{\"{at}\":{layer}}}").into_bytes()));
            let named = if before.is_empty() { vec![first.id] } else { before.clone() };
            let hlc = Hlc(first.header().hlc.0 + 1 + u64::from(layer));
            Draft { seq: layer + 1, prev: own, hlc, parents: named.clone(), base: named, body, ..draft }
                .seal()
                .signed(key)
        });
        let ops: Vec<SealedOp> = ops.collect();
        all.extend(ops);
    }
    all
}

/// A chain of so many ops, signed as seldom as can be.
fn long_chain(repo: RepoId, first: &SealedOp, length: u32) -> Vec<SealedOp> {
    let mut all = vec![by_mallory(&Draft::first(repo, mallory(), "main", first))];
    for seq in 2..=length {
        let prev = all.last().expect("the first");
        let next = Draft { seq, prev: Some(prev.id), ..Draft::first(repo, mallory(), "main", prev) };
        let next = Draft { base: vec![prev.id], ..next }.seal();
        let is_signed = seq % 500 == 0 || seq == length;
        all.push(if is_signed { next.signed(&test_key(MALLORY)) } else { next });
    }
    all
}

/// Takes ops in both directions, and asks everything that walks the graph.
fn walked(mut host: MemoryHost, bomb: Vec<SealedOp>) -> usize {
    let stored: Vec<StoredOp> = bomb.iter().map(SealedOp::stored).collect();
    let mut backwards = host.clone();
    backwards.run(Command::Import(stored.iter().rev().cloned().collect())).expect("an import is answered");
    import(&mut host, stored);
    let middle = vec![bomb[bomb.len() / 2].id];
    let entity = |at| EntityQuery { branch: "main".into(), collection: "notes".into(), key: "1".into(), at };
    for at in [Vec::new(), middle.clone()] {
        host.run(Command::Get(entity(at.clone()))).expect("a value");
        let (branch, collection, key_prefix) = ("main".into(), None, String::new());
        host.run(Command::Entries { branch, collection, key_prefix, at }).expect("entries");
    }
    host.run(Command::Conflicts { branch: "main".into() }).expect("conflicts");
    host.run(Command::Export { known: middle }).expect("ops");
    let all = ops(&mut host);
    let (some, whole): (Vec<Unverified<'_>>, Vec<Unverified<'_>>) = (
        all.iter().take(all.len() / 2).map(SealedOp::unverified).collect(),
        all.iter().map(SealedOp::unverified).collect(),
    );
    assert_eq!(reconcile(&some, &whole).merged.len(), all.len());
    host.put("notes", "1", Value::from("on top"));
    let mut again = host.reopened();
    assert_eq!(shown(&mut again, "1"), Shown::Json(json(r#""on top""#)));
    status(&mut again).ops
}

/// Graphs that are made to cost: with more paths than can be walked, and deeper than any stack.
#[test]
fn graph_bombs() {
    let (sender, done) = mpsc::channel();
    let work = move || {
        let (ann, repo, note) = open_repo();
        let (wide, deep) = (lattice(repo, &note, 40), long_chain(repo, &note, 4000));
        let ops = [wide.len(), deep.len()];
        let walked = [wide, deep].map(|bomb| walked(ann.clone(), bomb));
        sender.send((ops, walked)).expect("somebody waits");
    };
    thread::Builder::new().stack_size(512 * 1024).spawn(work).expect("a thread");
    let (ops, walked) = done.recv_timeout(LIMIT).expect("it ends");
    assert_eq!(walked, ops.map(|count| count + 3), "the genesis, the note, and what was written on top");
}
