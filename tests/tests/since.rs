//! Whoever keeps the entities of a collection, and asks for those that changed, has what whoever asks for all of them has.

use std::collections::BTreeMap;

use trellis_core::admit::policy::{Policies, Stated};
use trellis_core::error::CommandError;
use trellis_core::input::{Base, Change, Command, Edit, Mark};
use trellis_core::op::id::OpId;
use trellis_core::op::json::{Value, parse};
use trellis_core::output::{Answer, EntityView, EntriesSince};
use trellis_tests::dice::{Dice, seeds};
use trellis_tests::history::{Dials, History, Signing};
use trellis_tests::host::MemoryHost;

const BRANCHES: [&str; 3] = ["main", "draft", "b1"];
const COLLECTIONS: [&str; 2] = ["notes", "tasks"];

/// Somebody who keeps a collection of a branch.
#[derive(Debug)]
struct Keeper {
    branch: &'static str,
    collection: &'static str,
    mark: Option<Mark>,
    kept: BTreeMap<String, EntityView>,
    /// How often it was told changes alone, and of how many entities.
    told: (usize, usize),
}

impl Keeper {
    fn new(branch: &'static str, collection: &'static str) -> Keeper {
        Keeper { branch, collection, mark: None, kept: BTreeMap::new(), told: (0, 0) }
    }

    fn all() -> Vec<Keeper> {
        let of = |branch: &&'static str| COLLECTIONS.map(|collection| Keeper::new(branch, collection));
        BRANCHES.iter().flat_map(of).collect()
    }

    /// Asks for what changed, and compares with all that there is.
    fn look(&mut self, host: &mut MemoryHost, seed: u64) {
        let (branch, collection, since) = (self.branch.to_owned(), self.collection.to_owned(), self.mark);
        match host.run(Command::EntriesSince { branch, collection, since }) {
            Ok(Answer::EntriesSince(since)) => self.take(since),
            other => panic!("{other:?}"),
        }
        let all: Vec<EntityView> = entries(host, self.branch, self.collection);
        let kept: Vec<EntityView> = self.kept.values().cloned().collect();
        assert_eq!(kept, all, "seed {seed}, {} of {}", self.collection, self.branch);
    }

    fn take(&mut self, EntriesSince { mark, is_whole, entities, gone }: EntriesSince) {
        self.mark = Some(mark);
        match is_whole {
            true => self.kept.clear(),
            false => self.told = (self.told.0 + 1, self.told.1 + entities.len() + gone.len()),
        }
        assert!(entities.is_sorted_by_key(|view| view.key.clone()), "ascending by key");
        self.kept.extend(entities.into_iter().map(|view| (view.key.clone(), view)));
        for key in gone {
            self.kept.remove(&key);
        }
    }
}

fn entries(host: &mut MemoryHost, branch: &str, collection: &str) -> Vec<EntityView> {
    let (branch, collection) = (branch.to_owned(), Some(collection.to_owned()));
    match host.run(Command::Entries { branch, collection, key_prefix: String::new(), at: Vec::new() }) {
        Ok(Answer::Entries(entities)) => entities,
        Err(CommandError::NoBranch) => Vec::new(),
        other => panic!("{other:?}"),
    }
}

/// Ops come in any order and in pieces, some of them before their bodies, and the store is opened anew now and then.
#[test]
fn who_keeps_a_history_that_comes_in_pieces() {
    let mut told = (0, 0);
    for seed in seeds(120) {
        let mut dice = Dice::new(seed);
        let dials = Dials { signing: Signing::TransactionEnds, ..Dials::any(seed, 120) };
        let history = History::generate(seed, &dials);
        let linear = Stated { linear: Some(true), ..Stated::default() };
        let policies = if dice.chance(15) { Policies::everywhere(linear) } else { Policies::default() };
        let (mut host, mut keepers) = (MemoryHost::under(1, policies), Keeper::all());
        let mut ops = if dice.chance(50) { history.ops.clone() } else { history.shuffled(&mut dice) };
        let late: Vec<_> = ops.iter().filter(|_| dice.chance(4)).cloned().collect();
        for op in &mut ops {
            if late.iter().any(|late| late.id == op.id) {
                op.body = None;
            }
        }
        ops.extend(late);
        while !ops.is_empty() {
            let piece = ops.drain(..ops.len().min(1 + dice.below(12)));
            host.run(Command::Import(piece.map(|op| op.stored()).collect())).expect("an import");
            if dice.chance(4) {
                host = host.reopened();
            }
            for keeper in keepers.iter_mut().filter(|_| dice.chance(60)) {
                keeper.look(&mut host, seed);
            }
        }
        for keeper in &mut keepers {
            keeper.look(&mut host, seed);
            told = (told.0 + keeper.told.0, told.1 + keeper.told.1);
        }
    }
    assert!(told.0 > 300 && told.1 > 100, "changes alone were told {told:?}");
}

fn any_edit(dice: &mut Dice, written: &[OpId]) -> (&'static str, Edit) {
    let collection = dice.pick(&COLLECTIONS).to_string();
    let key = dice.pick(&["1", "2", "é", "\u{ffff}", "\u{1f600}"]).to_string();
    let value = parse(format!(r#"{{"n":{},"t":["{}"]}}"#, dice.below(3), dice.below(3)).as_bytes()).expect("JSON");
    let branch = *dice.pick(&["main", "main", "draft"]);
    let base = if dice.chance(20) { Base::Ops(Vec::new()) } else { Base::Shown };
    let change = |change| Edit::Entity { collection: collection.clone(), key, change, base };
    match dice.below(12) {
        0 if !written.is_empty() => ("_repo", Edit::Redact { ops: vec![*dice.pick(written)], pointers: Vec::new() }),
        1 => ("_repo", Edit::Declare { collection, manifest: parse(br#"{"mergeStrategy":"crdt"}"#).expect("JSON") }),
        2 | 3 => (branch, change(Change::Delete)),
        4 => {
            let source = if branch == "main" { "draft" } else { "main" };
            (branch, Edit::Merge { source: source.into(), at: Vec::new(), plan: None, message: None })
        }
        5 => (branch, change(Change::Replace(Value::from(dice.below(3) as i32)))),
        _ => (branch, change(Change::Put(value))),
    }
}

/// Somebody writes to both branches, merges them, redacts and declares, while a device of the same repo writes, too. Who
/// keeps what there is asks either of them, whose marks say nothing to the other.
#[test]
fn who_keeps_what_is_written_merged_redacted_and_declared() {
    let mut told = (0, 0);
    for seed in seeds(80) {
        let mut dice = Dice::new(seed);
        let (mut ann, mut bob) = (MemoryHost::new(1), MemoryHost::new(2));
        ann.create();
        ann.send_to(&mut bob);
        let (mut keepers, mut ops) = (Keeper::all(), Vec::new());
        for _ in 0..40 {
            let host = if dice.chance(70) { &mut ann } else { &mut bob };
            let (branch, edit) = any_edit(&mut dice, &ops);
            if let Ok(Answer::Written(new)) = host.write(branch, vec![edit]) {
                ops.extend(new.into_iter().filter(|_| branch != "_repo"));
            }
            if dice.chance(30) {
                bob.send_to(&mut ann);
                ann.send_to(&mut bob);
            }
            for keeper in keepers.iter_mut() {
                keeper.look(if dice.chance(10) { &mut bob } else { &mut ann }, seed);
            }
        }
        told = keepers.iter().fold(told, |told, keeper| (told.0 + keeper.told.0, told.1 + keeper.told.1));
    }
    assert!(told.0 > 1000 && told.1 > 500, "changes alone were told {told:?}");
}
