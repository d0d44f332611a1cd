//! The generator of histories keeps its word: valid, reproducible, and with everything in them that it promises.

use std::collections::BTreeSet;

use trellis_core::op::kind::Kind;
use trellis_tests::dice::{Dice, seeds};
use trellis_tests::history::{Dials, History, Signing};
use trellis_tests::model::Model;
use trellis_tests::model_rules::{Verdict, judge};

#[test]
fn histories_are_valid_and_repeat() {
    for seed in seeds(40) {
        let dials = Dials::any(seed, 200);
        let history = History::generate(seed, &dials);
        assert_eq!(history.ops, History::generate(seed, &dials).ops);
        assert_eq!(history.ops.len(), dials.ops);
        let verdicts = judge(&Model::new(&history.ops).ops);
        let bad: Vec<_> = verdicts.iter().filter(|(_, verdict)| **verdict != Verdict::Valid).collect();
        assert!(bad.is_empty(), "seed {seed}: {bad:?}");
        let part = judge(&Model::new(&history.part(&mut Dice::new(seed))).ops);
        assert!(part.values().all(|verdict| *verdict == Verdict::Valid), "seed {seed}: a part is not closed");
    }
}

/// What no history of the lot has is not tested by any of them.
#[test]
fn histories_have_everything() {
    let mut found = BTreeSet::new();
    for seed in 1..=60 {
        let ops = History::generate(seed, &Dials::any(seed, 300)).ops;
        let model = Model::new(&ops);
        let chains: BTreeSet<_> = model.ops.values().map(|op| (op.author, op.branch.clone(), op.seq)).collect();
        found.extend((chains.len() < ops.len()).then_some("chain forks"));
        for op in model.ops.values() {
            let is_write = !matches!(op.kind, Kind::Merge | Kind::Delete);
            let no_body = ops.iter().any(|sealed| sealed.id == op.id && sealed.body.is_none());
            let is_removal = op.json.as_ref().is_some_and(|body| body["role"] == "removed");
            let kinds = [
                (op.kind == Kind::Merge, "merges"),
                (op.kind == Kind::Delete, "deletes"),
                (op.kind == Kind::Append, "appends"),
                (is_write && no_body, "bodyless"),
                (op.kind == Kind::Patch && !no_body && op.says.parts.is_empty(), "void or discards alone"),
                (!op.says.discards.is_empty(), "discards"),
                (op.parents.len() > 1, "several parents"),
                (op.base.len() > 1, "several bases"),
                (is_removal, "removals"),
                (op.seq > 5, "chains"),
            ];
            found.extend(kinds.iter().filter(|(is, _)| *is).map(|(_, name)| *name));
            found.extend(
                (op.kind == Kind::Merge && op.parents.iter().all(|id| model.ops[id].branch != op.branch))
                    .then_some("branches begun by a merge"),
            );
        }
        for branch in ["main", "feature/a"] {
            let shown = model.entity(branch, "notes", "0");
            found.extend((!shown.conflicts.is_empty()).then_some("conflicts"));
            found.extend(shown.conflicts.values().any(|c| c.members.len() > 2).then_some("conflicts of three"));
            found.extend(shown.conflicts.keys().any(|path| path.0.len() > 1).then_some("conflicts below"));
            found.extend(shown.body_missing.then_some("missing bodies"));
        }
    }
    let expected = BTreeSet::from([
        "appends",
        "bodyless",
        "branches begun by a merge",
        "chain forks",
        "chains",
        "conflicts",
        "conflicts below",
        "conflicts of three",
        "deletes",
        "discards",
        "merges",
        "missing bodies",
        "removals",
        "several bases",
        "several parents",
        "void or discards alone",
    ]);
    assert_eq!(found, expected);
}

#[test]
fn signatures_stand_where_the_dials_say() {
    for signing in [Signing::Nobody, Signing::TransactionEnds, Signing::Every] {
        let history = History::generate(5, &Dials { signing, ..Dials::default() });
        let signed = history.ops.iter().filter(|op| op.signature.is_some()).count();
        let kept = history.ops.iter().filter(|op| op.unverified().verify().unwrap().signature().is_some()).count();
        assert_eq!(signed, kept, "every signature holds");
        match signing {
            Signing::Nobody => assert_eq!(signed, 0),
            Signing::Every => assert_eq!(signed, history.ops.len()),
            Signing::TransactionEnds => assert!(signed > 10 && signed < history.ops.len()),
        }
    }
}
