//! What sides of a session write.

use serde_json::{Value, json};

use super::{Flaw, ask, taken};
use crate::dice::Dice;
use crate::plain_bytes::marked;
use crate::plain_host::PlainHost;

/// The branches that are written to.
pub(super) const BRANCHES: [&str; 2] = ["main", "draft"];
const COLLECTIONS: [&str; 2] = ["todo", "notes"];
const KEYS: [&str; 4] = ["1", "2", "é x", "__proto__"];
const FIELDS: [&str; 4] = ["title", "n", "tags", "__proto__"];
const TEXTS: [&str; 6] = ["", "Calm", "Storm\n\"\\", "\0\u{1}", "\u{2028}é\u{10ffff}", "\u{ffff}\0b0,2"];
const NUMBERS: [f64; 6] = [0.1, -2.5, 1e-7, 123_456.789, 5e-324, 9_007_199_254_740_991.0];
const BYTES_MAX: usize = 3_000;
/// How much time passes between two writes, at most.
const PAUSE_MS_MAX: usize = 200;

/// Chance that makes edits.
pub(super) struct Edits<'a>(&'a mut Dice);

impl Edits<'_> {
    pub(super) fn new(dice: &mut Dice) -> Edits<'_> {
        Edits(dice)
    }

    /// Writes so many transactions; what one is refused for is part of the session.
    pub(super) fn write(&mut self, host: &mut PlainHost, count: usize) -> Result<(), Flaw> {
        for _ in 0..count {
            host.now += 1 + self.0.below(PAUSE_MS_MAX) as u64;
            let branch = if self.0.chance(80) { BRANCHES[0] } else { BRANCHES[1] };
            let edits = self.transaction(host, branch)?;
            let random: Vec<u8> = (0..32).map(|_| self.0.number() as u8).collect();
            let write = json!({ "type": "write", "branch": branch, "edits": edits, "random": marked(&random) });
            taken(host.run(write))?;
        }
        Ok(())
    }

    fn transaction(&mut self, host: &mut PlainHost, branch: &str) -> Result<Value, Flaw> {
        Ok(match self.0.below(20) {
            0 => json!([{ "type": "undo" }]),
            1 | 2 => {
                let source = if branch == BRANCHES[0] { BRANCHES[1] } else { BRANCHES[0] };
                json!([{ "type": "merge", "source": source }])
            }
            3..=5 => self.resolution(host, branch)?,
            _ => (0..1 + self.0.below(3)).map(|_| self.edit()).collect(),
        })
    }

    /// Closes a conflict; an edit where none is open.
    fn resolution(&mut self, host: &mut PlainHost, branch: &str) -> Result<Value, Flaw> {
        let has_branch = ask(host, json!({ "type": "status" }))?["status"]["branches"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["name"] == branch));
        if !has_branch {
            return Ok(json!([self.edit()]));
        }
        let open = ask(host, json!({ "type": "conflicts", "branch": branch }))?["conflicts"].take();
        let open = open.as_array().expect("conflicts");
        if open.is_empty() {
            return Ok(json!([self.edit()]));
        }
        let conflict = self.0.pick(open).clone();
        let choice = match self.0.below(3) {
            0 => json!({ "type": "side", "op": self.0.pick(conflict["members"].as_array().expect("members")) }),
            1 => json!({ "type": "value", "value": self.value(2) }),
            _ => json!({ "type": "absent" }),
        };
        let conflict = json!({ "collection": conflict["collection"], "key": conflict["key"], "id": conflict["id"] });
        Ok(json!([{ "type": "resolve", "conflict": conflict, "choice": choice }]))
    }

    fn edit(&mut self) -> Value {
        let (collection, key) = (*self.0.pick(&COLLECTIONS), *self.0.pick(&KEYS));
        let field = *self.0.pick(&FIELDS);
        let place = format!("{collection}/{key}/{field}");
        let mut edit = match self.0.below(10) {
            0..=3 => json!({ "type": "set", "place": place, "value": self.value(2) }),
            4 => json!({ "type": "delete", "place": place }),
            5 => json!({ "type": "change", "collection": "log", "key": format!("{}", self.0.number()), "change": {
                "type": "append", "value": self.value(2) } }),
            _ => json!({ "type": "change", "collection": collection, "key": key, "change": self.change() }),
        };
        if self.0.chance(10) {
            edit["base"] = json!([]);
        }
        edit
    }

    fn change(&mut self) -> Value {
        match self.0.below(9) {
            0 => json!({ "type": "put", "value": self.object(2) }),
            1 => json!({ "type": "replace", "value": self.value(3) }),
            2 => {
                let bytes: Vec<u8> = (0..self.0.below(BYTES_MAX)).map(|_| self.0.number() as u8).collect();
                json!({ "type": "bytes", "bytes": marked(&bytes) })
            }
            3 => json!({ "type": "delete" }),
            4 => json!({ "type": "patch", "patch": { "add": { "/count": self.0.below(9) as i64 - 4 } } }),
            5 => json!({ "type": "patch", "patch": { "insert": { "/set": [self.value(0), self.value(1)] } } }),
            6 => json!({ "type": "patch", "patch": { "discard": { "/set": [self.value(0)] } } }),
            7 => json!({ "type": "patch", "patch": { "remove": [format!("/{}", self.0.pick(&FIELDS))] } }),
            _ => {
                let set = [self.value(1), self.value(0)];
                json!({ "type": "patch", "patch": { "set": { "/title": set[0], "/deep/er": set[1] } } })
            }
        }
    }

    /// A value that nests so deep at most.
    fn value(&mut self, depth: usize) -> Value {
        match self.0.below(if depth == 0 { 5 } else { 7 }) {
            0 => Value::Null,
            1 => json!(self.0.chance(50)),
            2 => json!(self.0.below(1_000_000) as i64 - 500_000),
            3 => json!(self.0.pick(&NUMBERS)),
            4 => json!(self.0.pick(&TEXTS)),
            5 => (0..self.0.below(3)).map(|_| self.value(depth - 1)).collect(),
            _ => self.object(depth - 1),
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        let members = (0..self.0.below(4)).map(|_| (self.0.pick(&FIELDS).to_string(), self.value(depth)));
        Value::Object(members.collect())
    }
}
