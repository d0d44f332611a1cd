//! What a world's repo and its devices ask for: which branches are linear, and how collections merge.

use trellis_core::admit::policy::Policies;
use trellis_core::op::hex;
use trellis_core::op::json::Value;
use trellis_tests::dice::Dice;
use trellis_tests::host::{author_of, test_key};

use crate::dials::Dials;

/// The branches of every world; one with fewer has the first ones.
const BRANCHES: [&str; 3] = ["main", "side", "third"];
/// The collections that are written to where some are declared; else only the first.
const COLLECTIONS: [&str; 3] = ["notes", "sums", "texts"];

/// What collections declare.
const MANIFESTS: [&str; 8] = [
    "{}",
    r#"{"mergeStrategy":{"name":"crdt"}}"#,
    r#"{"mergeStrategy":{"name":"graph_merge","onConflict":"auto"}}"#,
    r#"{"mergeStrategy":{"name":"graph_merge","onConflict":"auto","tiebreak":"owner_first"}}"#,
    r#"{"mergeStrategy":{"name":"graph_merge","tiebreak":"owner_first"},"policyClass":"high"}"#,
    r#"{"fields":{"/n":"counter","/t":"set","/b":"text","/l":{"list":"id"}}}"#,
    r#"{"mergeStrategy":"crdt","fields":{"/b":"text","/t":"set"}}"#,
    r#"{"supportsTombstones":false,"supportsRollback":false}"#,
];

/// The branches of a world.
pub fn branches(dials: &Dials) -> &'static [&'static str] {
    &BRANCHES[..dials.branches]
}

/// Those that are linear.
pub fn linear(dials: &Dials) -> &'static [&'static str] {
    &BRANCHES[dials.branches - dials.linear..dials.branches]
}

/// What every device asks of those who write to linear branches. The first replica serialises them under its first key.
pub fn policies(dials: &Dials) -> Policies {
    let policy = match dials.is_serialised {
        true => format!(r#"{{"linear":true,"serialiser":"{}"}}"#, hex::encode(author_of(&test_key(0)).as_bytes())),
        false => r#"{"linear":true}"#.into(),
    };
    let members: Vec<String> = linear(dials).iter().map(|branch| format!(r#""{branch}":{policy}"#)).collect();
    let text = format!("{{{}}}", members.join(","));
    Policies::read(&text.parse().expect("JSON")).expect("policies")
}

/// Some collection.
pub fn collection(dials: &Dials, dice: &mut Dice) -> &'static str {
    let count = if dials.schemas > 0 { COLLECTIONS.len() } else { 1 };
    COLLECTIONS[dice.below(count)]
}

/// Something that a collection may declare.
pub fn manifest(dice: &mut Dice) -> Value {
    dice.pick(&MANIFESTS).parse().expect("JSON")
}
