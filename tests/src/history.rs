//! Histories as a small crowd would write them: offline, late, twice, on stale screens and with wrong clocks.
//!
//! Every author has a view, a set of ops closed under dependencies, and writes on top of it; now and then a view learns
//! another, or is thrown back to an older state of itself, which forks the author's chain. So every op is valid, and
//! nothing but the dials and the seed decides what it is.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::{Signer, SigningKey};
use trellis_core::op::hex;
use trellis_core::op::id::{OpId, RepoId};
use trellis_core::op::invitation::invited_message;
use trellis_core::op::kind::{Format, Kind};
use trellis_core::time::Hlc;

use crate::dice::Dice;
use crate::sealed::{Draft, SealedOp, author, key};

/// When the histories begin, in milliseconds since 1970.
pub const BEGIN_MS: u64 = 1_700_000_000_000;

/// Whose keys write histories.
const NAMES: [&str; 12] = ["ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ivy", "jon", "kim", "lea"];

/// Which ops carry a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// The last of every transaction.
    TransactionEnds,
    /// All.
    Every,
    /// None, for what does not look at signatures.
    Nobody,
}

/// What a history is like. Chances are in percent.
#[derive(Clone, Debug)]
pub struct Dials {
    /// How many ops, the genesis among them.
    pub ops: usize,
    /// How many authors, the owner among them.
    pub authors: usize,
    /// How many branches at most, beside `_repo`.
    pub branches: usize,
    /// How many entities; a few get most of the writes.
    pub entities: usize,
    /// That a view learns another before a write.
    pub meet: u32,
    /// That a write's `base` is not the frontier that its author sees.
    pub stale_base: u32,
    /// That a write's parents are older heads than its author sees.
    pub stale_parents: u32,
    /// That an author continues from a backup.
    pub fork: u32,
    /// That a transaction is a `merge`.
    pub merge: u32,
    /// That a body is left out.
    pub bodyless: u32,
    /// That a body is void, or a kind or format unknown.
    pub void: u32,
    /// That a transaction is about members.
    pub members: u32,
    /// That such a one is about an invitation.
    pub invitations: u32,
    /// How far clocks are off, in milliseconds either way.
    pub skew_ms: u64,
    /// Which ops are signed.
    pub signing: Signing,
}

impl Default for Dials {
    /// A lively repo of 100 ops by 5 authors, everybody a writer.
    fn default() -> Dials {
        Dials {
            ops: 100,
            authors: 5,
            branches: 3,
            entities: 6,
            meet: 35,
            stale_base: 15,
            stale_parents: 10,
            fork: 3,
            merge: 8,
            bodyless: 3,
            void: 3,
            members: 0,
            invitations: 0,
            skew_ms: 60_000,
            signing: Signing::Nobody,
        }
    }
}

impl Dials {
    /// Dials that a seed chooses, up to `ops_max` ops by 12 authors; one history in three has members.
    pub fn any(seed: u64, ops_max: usize) -> Dials {
        let mut dice = Dice::new(seed ^ 0x6469_616c);
        Dials {
            ops: 2 + dice.below(ops_max - 1),
            authors: 1 + dice.below(12),
            branches: 1 + dice.below(4),
            entities: 1 + dice.below(8),
            meet: *dice.pick(&[3, 15, 35, 70]),
            stale_base: *dice.pick(&[0, 15, 50]),
            stale_parents: *dice.pick(&[0, 10, 40]),
            fork: *dice.pick(&[0, 3, 15]),
            merge: *dice.pick(&[0, 8, 20]),
            bodyless: *dice.pick(&[0, 0, 3, 15]),
            void: *dice.pick(&[0, 3, 10]),
            members: *dice.pick(&[0, 0, 15]),
            invitations: 0,
            skew_ms: *dice.pick(&[0, 1_000, 120_000]),
            signing: Signing::Nobody,
        }
    }

    /// Dials for a history whose every permutation can be tried: two or three authors at one or two entities.
    pub fn small(seed: u64, ops: usize) -> Dials {
        Dials { ops, authors: 3, branches: 2, entities: 2, meet: 25, ..Dials::any(seed, 7) }
    }
}

/// A set of valid ops, closed under dependencies.
#[derive(Clone, Debug)]
pub struct History {
    /// What made it.
    pub seed: u64,
    /// The repo.
    pub repo: RepoId,
    /// The ops as they were written; dependencies come first, and the genesis is the first of all.
    pub ops: Vec<SealedOp>,
}

impl History {
    /// The history of a seed. The same seed and dials give the same bytes.
    pub fn generate(seed: u64, dials: &Dials) -> History {
        let mut crowd = Crowd::new(seed, dials);
        while crowd.ops.len() < dials.ops {
            crowd.transaction();
        }
        let repo = RepoId::from(crowd.ops[0].id);
        crowd.ops.truncate(dials.ops);
        History { seed, repo, ops: crowd.ops }
    }

    /// The ops in any order.
    pub fn shuffled(&self, dice: &mut Dice) -> Vec<SealedOp> {
        let mut ops = self.ops.clone();
        dice.shuffle(&mut ops);
        ops
    }

    /// A subset that is closed under dependencies: what some replica might hold. Never without the genesis.
    pub fn part(&self, dice: &mut Dice) -> Vec<SealedOp> {
        let by_id: BTreeMap<OpId, usize> = self.ops.iter().enumerate().map(|(at, op)| (op.id, at)).collect();
        let mut kept = BTreeSet::from([0]);
        for _ in 0..1 + dice.below(3) {
            kept.insert(dice.below(self.ops.len()));
        }
        for at in (0..self.ops.len()).rev().filter(|at| *at > 0) {
            if kept.contains(&at) {
                kept.extend(self.ops[at].header().dependencies().map(|id| by_id[&id]));
            }
        }
        kept.into_iter().map(|at| self.ops[at].clone()).collect()
    }
}

/// Ops of a history, with a signature wherever the next op does not continue the chain: nothing is left that no
/// signature vouches for, though a history forks or ends inside a transaction.
///
/// # Panics
/// If an op is not by an author of histories.
pub fn covered(ops: &[SealedOp]) -> Vec<SealedOp> {
    let mut covered = ops.to_vec();
    for (at, op) in covered.iter_mut().enumerate() {
        let goes_on = ops.get(at + 1).is_some_and(|next| next.header().prev == Some(op.id));
        if op.signature.is_none() && !goes_on {
            let written_by = |name: &&&str| author(&key(name)) == op.header().author;
            let name = NAMES.iter().find(written_by).expect("an author of histories");
            *op = op.clone().signed(&key(name));
        }
    }
    covered
}

/// What one author knows: indexes of ops.
type View = BTreeSet<usize>;

struct Crowd<'a> {
    dials: &'a Dials,
    dice: Dice,
    keys: Vec<SigningKey>,
    skews: Vec<i64>,
    views: Vec<View>,
    backups: Vec<View>,
    drafts: Vec<Draft>,
    ops: Vec<SealedOp>,
    at: BTreeMap<OpId, usize>,
    now_ms: u64,
}

impl<'a> Crowd<'a> {
    fn new(seed: u64, dials: &'a Dials) -> Crowd<'a> {
        let mut dice = Dice::new(seed);
        let keys: Vec<_> = NAMES.iter().take(dials.authors.clamp(1, NAMES.len())).map(|name| key(name)).collect();
        let skew = dials.skew_ms as i64;
        let skews = keys.iter().map(|_| dice.below(2 * dials.skew_ms as usize + 1) as i64 - skew).collect();
        let genesis = Draft::genesis(author(&keys[0]), "repo", seed, Hlc((BEGIN_MS - dials.skew_ms) << 16));
        let everywhere = vec![View::from([0]); keys.len()];
        let mut crowd = Crowd {
            dials,
            dice,
            skews,
            backups: everywhere.clone(),
            views: everywhere,
            keys,
            drafts: Vec::new(),
            ops: Vec::new(),
            at: BTreeMap::new(),
            now_ms: BEGIN_MS,
        };
        crowd.push(0, genesis);
        crowd.sign(0, 0);
        crowd
    }

    /// One author meets another or not, and writes one to four ops on one branch.
    fn transaction(&mut self) {
        self.now_ms += self.dice.below(4_000) as u64;
        let who = self.dice.below(self.keys.len());
        self.meet(who);
        if self.dice.chance(self.dials.fork) {
            self.views[who] = self.backups[who].clone();
        } else if self.dice.chance(20) {
            self.backups[who] = self.views[who].clone();
        }
        let first = self.ops.len();
        if self.dice.chance(self.dials.members) {
            match self.dials.invitations > 0 && self.dice.chance(self.dials.invitations) {
                true => self.invitation_op(who),
                false => self.member_op(who),
            }
        } else if self.dice.chance(self.dials.merge) {
            self.merge_op(who);
        } else {
            let branch = self.branch(who);
            for _ in 0..*self.dice.pick(&[1, 1, 1, 2, 4]) {
                self.write_op(who, &branch);
            }
        }
        self.sign(who, first);
    }

    fn meet(&mut self, who: usize) {
        if self.dice.chance(self.dials.meet) {
            let other = self.dice.below(self.keys.len());
            let known = self.views[other].clone();
            self.views[who].extend(known);
        }
    }

    /// A branch that the author sees, or a new name now and then.
    fn branch(&mut self, who: usize) -> String {
        let mut known: Vec<&str> = self.views[who].iter().map(|at| self.drafts[*at].branch.as_str()).collect();
        known.retain(|name| *name != "_repo");
        known.sort();
        known.dedup();
        if known.is_empty() || known.len() < self.dials.branches && self.dice.chance(5) {
            let names = ["main", "feature/a", "feature/b", "side", "next"];
            return names[known.len().min(self.dials.branches - 1)].into();
        }
        (*self.dice.pick(&known)).into()
    }

    /// What a write of `who` on `branch` has but for its entity and body.
    fn draft(&mut self, who: usize, branch: &str) -> Draft {
        let mut seen: View = self.views[who].clone();
        if self.dice.chance(self.dials.stale_parents) {
            let last = self.dice.below(self.ops.len());
            seen.retain(|at| *at <= last);
        }
        let parents = self.heads(&seen, branch);
        let prev = self.tip(who, branch);
        Draft {
            repo: Some(RepoId::from(self.ops[0].id)),
            branch: branch.into(),
            author: author(&self.keys[who]),
            seq: prev.map_or(1, |prev| self.drafts[prev].seq + 1),
            prev: prev.map(|prev| self.ops[prev].id),
            hlc: Hlc(0),
            parents: parents.iter().map(|at| self.ops[*at].id).collect(),
            collection: "notes".into(),
            key: "0".into(),
            base: Vec::new(),
            kind: Kind::Put,
            body: None,
            schema: None,
            actor: self.dice.chance(2).then(|| "someone else".into()),
        }
    }

    /// The heads of `branch` among `seen`, at most 32; the genesis where the branch has no op.
    fn heads(&self, seen: &View, branch: &str) -> Vec<usize> {
        let on: Vec<usize> = seen.iter().copied().filter(|at| self.drafts[*at].branch == branch).collect();
        let named: BTreeSet<OpId> =
            on.iter().flat_map(|at| self.drafts[*at].parents.iter().chain(&self.drafts[*at].prev)).copied().collect();
        let heads: Vec<usize> = on.into_iter().filter(|at| !named.contains(&self.ops[*at].id)).take(32).collect();
        if heads.is_empty() { vec![0] } else { heads }
    }

    /// The last op of the author's chain as it sees it; any end of a chain that is forked.
    fn tip(&mut self, who: usize, branch: &str) -> Option<usize> {
        let me = author(&self.keys[who]);
        let mine = |at: &usize| self.drafts[*at].author == me && self.drafts[*at].branch == branch;
        let mine: Vec<usize> = self.views[who].iter().copied().filter(mine).collect();
        let named: BTreeSet<OpId> = mine.iter().filter_map(|at| self.drafts[*at].prev).collect();
        let ends: Vec<usize> = mine.into_iter().filter(|at| !named.contains(&self.ops[*at].id)).collect();
        if ends.is_empty() { None } else { Some(*self.dice.pick(&ends)) }
    }

    fn write_op(&mut self, who: usize, branch: &str) {
        let mut draft = self.draft(who, branch);
        let entity = self.dice.below(self.dials.entities);
        let entity = if self.dice.chance(50) { 0 } else { entity };
        draft.key = entity.to_string();
        draft.collection = if entity == 3 { "tasks".into() } else { "notes".into() };
        (draft.kind, draft.body) = body(&mut self.dice, self.dials.void);
        draft.base = self.base(who, &draft);
        self.push(who, draft);
    }

    /// The frontier of the entity that the author sees, or something staler.
    fn base(&mut self, who: usize, draft: &Draft) -> Vec<OpId> {
        if draft.kind == Kind::Append {
            return Vec::new();
        }
        let wrote = |at: &usize| {
            let other = &self.drafts[*at];
            other.collection == draft.collection && other.key == draft.key && other.kind != Kind::Merge
        };
        let past = self.past(draft);
        if self.dice.chance(self.dials.stale_base) {
            let mut any: Vec<usize> = self.views[who].iter().copied().filter(wrote).collect();
            self.dice.shuffle(&mut any);
            any.truncate(self.dice.below(3));
            return any.into_iter().map(|at| self.ops[at].id).collect();
        }
        let writes: Vec<usize> = past.into_iter().filter(wrote).collect();
        let named: BTreeSet<OpId> = writes.iter().flat_map(|at| self.drafts[*at].base.iter().copied()).collect();
        let ids = writes.into_iter().map(|at| self.ops[at].id);
        ids.filter(|id| !named.contains(id)).take(32).collect()
    }

    /// Everything that the draft's parents and `prev` reach.
    fn past(&self, draft: &Draft) -> View {
        let mut past = View::new();
        let mut next: Vec<usize> = draft.parents.iter().chain(&draft.prev).map(|id| self.at[id]).collect();
        while let Some(at) = next.pop() {
            if past.insert(at) {
                let draft = &self.drafts[at];
                next.extend(draft.parents.iter().chain(&draft.prev).chain(&draft.base).map(|id| self.at[id]));
            }
        }
        past
    }

    fn merge_op(&mut self, who: usize) {
        let (into, from) = (self.branch(who), self.branch(who));
        let mut draft = self.draft(who, &into);
        let others = self.heads(&self.views[who], &from);
        let is_new = draft.parents == [self.ops[0].id];
        if is_new {
            draft.parents.clear();
        }
        draft.parents.extend(others.into_iter().map(|at| self.ops[at].id));
        draft.parents.truncate(32);
        draft.parents.sort();
        draft.parents.dedup();
        let on_source = |id: &OpId| *id == self.ops[0].id || self.drafts[self.at[id]].branch == from;
        if !draft.parents.iter().any(on_source) {
            return;
        }
        (draft.collection, draft.key) = ("_branch".into(), from);
        (draft.kind, draft.body) = (Kind::Merge, Some((Format::Json, b"{}".to_vec())));
        self.push(who, draft);
    }

    /// The owner, or somebody who is or claims to be one, adds, changes or removes a member.
    fn member_op(&mut self, who: usize) {
        let who = if self.dice.chance(70) { 0 } else { who };
        self.meet(who);
        let whom = self.dice.below(self.keys.len());
        let mut draft = self.draft(who, "_repo");
        draft.collection = "_members".into();
        draft.key = author(&self.keys[whom]).to_string();
        draft.base = self.base(who, &draft);
        let body = match self.dice.below(10) {
            0..=2 => format!("{{\"cut\":{{{}}},\"role\":\"removed\"}}", self.cut(who, whom)),
            3 => "{\"name\":\"x\",\"role\":\"reader\"}".into(),
            4 | 5 => "{\"name\":\"x\",\"role\":\"owner\"}".into(),
            _ => "{\"name\":\"x\",\"role\":\"writer\"}".into(),
        };
        draft.body = Some((Format::Json, body.into_bytes()));
        self.push(who, draft);
    }

    /// The owner invites, or ends an invitation; or anybody lets somebody in by one, or pretends to.
    fn invitation_op(&mut self, who: usize) {
        let secret = key(if self.dice.chance(50) { "invitation" } else { "another invitation" });
        let is_offer = self.dice.chance(45);
        let who = if is_offer && self.dice.chance(85) { 0 } else { who };
        self.meet(who);
        let mut draft = self.draft(who, "_repo");
        if is_offer {
            (draft.collection, draft.key) = ("_invitations".into(), author(&secret).to_string());
            draft.base = self.base(who, &draft);
            match self.dice.chance(20) {
                true => (draft.kind, draft.body) = (Kind::Delete, None),
                false => draft.body = Some((Format::Json, self.terms().into_bytes())),
            }
            return self.push(who, draft);
        }
        let whom = author(&self.keys[self.dice.below(self.keys.len())]);
        (draft.collection, draft.key) = ("_members".into(), whom.to_string());
        draft.base = self.base(who, &draft);
        let repo = if self.dice.chance(90) { RepoId::from(self.ops[0].id) } else { RepoId([9; 32]) };
        let proof = hex::encode(&secret.sign(&invited_message(&repo, &whom)).to_bytes());
        let role = *self.dice.pick(&["reader", "writer", "writer", "owner"]);
        let key = author(&secret);
        let body = format!("{{\"invitation\":\"{key}\",\"proof\":\"{proof}\",\"role\":\"{role}\"}}");
        draft.body = Some((Format::Json, body.into_bytes()));
        self.push(who, draft);
    }

    fn terms(&mut self) -> String {
        let role = *self.dice.pick(&["reader", "writer", "writer", "writer", "owner"]);
        let until = self.now_ms + self.dice.below(200_000) as u64;
        format!("{{\"role\":\"{role}\",\"until\":{until},\"uses\":1}}")
    }

    /// The members of `cut`: for some branches, an op of `whom` there that `who` knows.
    fn cut(&mut self, who: usize, whom: usize) -> String {
        let author = author(&self.keys[whom]);
        let mut cuts: BTreeMap<String, OpId> = BTreeMap::new();
        for at in self.views[who].clone() {
            let draft = &self.drafts[at];
            if draft.author == author && self.dice.chance(75) {
                cuts.insert(draft.branch.clone(), self.ops[at].id);
            }
        }
        cuts.iter().map(|(branch, id)| format!("\"{branch}\":\"{id}\"")).collect::<Vec<_>>().join(",")
    }

    /// Gives the draft its clock, seals it and shows it to its author.
    fn push(&mut self, who: usize, mut draft: Draft) {
        let dependencies = draft.parents.iter().chain(&draft.prev).chain(&draft.base);
        let greatest = dependencies.map(|id| self.drafts[self.at[id]].hlc.0 + 1).max();
        let wall = self.now_ms.saturating_add_signed(self.skews[who]) << 16;
        draft.hlc = if self.ops.is_empty() { draft.hlc } else { Hlc(wall.max(greatest.unwrap_or(0))) };
        let op = draft.seal();
        if self.at.contains_key(&op.id) {
            return;
        }
        let at = self.ops.len();
        self.at.insert(op.id, at);
        self.views[who].insert(at);
        let bodyless = at > 0 && self.dice.chance(self.dials.bodyless);
        self.ops.push(if bodyless { op.bodyless() } else { op });
        self.drafts.push(draft);
    }

    /// Signs what the transaction wrote since `first`.
    fn sign(&mut self, who: usize, first: usize) {
        let from = match self.dials.signing {
            Signing::Nobody => return,
            Signing::Every => first,
            Signing::TransactionEnds => (self.ops.len() - 1).max(first),
        };
        for at in from..self.ops.len() {
            let author = self.drafts[at].author;
            let key = self.keys.iter().find(|key| self::author(key) == author).unwrap_or(&self.keys[who]);
            self.ops[at] = self.ops[at].clone().signed(key);
        }
    }
}

/// A kind and a body for it. Values are few, so that authors agree now and then.
fn body(dice: &mut Dice, void: u32) -> (Kind, Option<(Format, Vec<u8>)>) {
    if dice.chance(void) {
        return void_body(dice);
    }
    let (kind, text) = match dice.below(100) {
        0..=27 => (Kind::Put, object(dice)),
        28..=31 => (Kind::Put, scalar(dice)),
        32..=41 => return (Kind::Delete, None),
        42..=44 => (Kind::Append, object(dice)),
        _ => (Kind::Patch, patch(dice)),
    };
    match dice.below(20) {
        0 => (kind, Some((Format::SaltedJson, [b"0123456789abcdef", text.as_bytes()].concat()))),
        1 if kind == Kind::Put => (kind, Some((Format::Bytes, text.into_bytes()))),
        _ => (kind, Some((Format::Json, text.into_bytes()))),
    }
}

fn void_body(dice: &mut Dice) -> (Kind, Option<(Format, Vec<u8>)>) {
    let deep = "[".repeat(65) + &"]".repeat(65);
    let bodies: [(Kind, &str); 16] = [
        (Kind::Put, "{\"b\":1,\"a\":2}"),
        (Kind::Put, "{\"a\": 1}"),
        (Kind::Put, "1.0"),
        (Kind::Put, "9007199254740992"),
        (Kind::Put, "{\"a\":1,\"a\":1}"),
        (Kind::Put, "\"\\ud800\""),
        (Kind::Put, &deep),
        (Kind::Put, ""),
        (Kind::Patch, "[]"),
        (Kind::Patch, "{\"set\":{\"a\":1}}"),
        (Kind::Patch, "{\"remove\":[\"/m\"],\"set\":{\"/m/x\":1}}"),
        (Kind::Patch, "{\"add\":{\"/n\":0.5}}"),
        (Kind::Patch, "{\"insert\":{\"/t\":\"a\"}}"),
        (Kind::Patch, "{\"unknown\":{}}"),
        (Kind::Unknown(9), "{}"),
        (Kind::Put, "{}"),
    ];
    let at = dice.below(bodies.len());
    let format = if at == 15 { Format::Unknown(9) } else { Format::Json };
    (bodies[at].0, Some((format, bodies[at].1.as_bytes().to_vec())))
}

fn scalar(dice: &mut Dice) -> String {
    (*dice.pick(&["0", "1", "2", "-0.5", "null", "true", "\"a\"", "\"b\"", "[]", "[\"a\",\"b\"]"])).into()
}

/// Members `a`, `b`, the object `m`, the counter `n`, the set `t` and the text `x`, each or not.
fn object(dice: &mut Dice) -> String {
    let mut members = Vec::new();
    for name in ["a", "b"] {
        if dice.chance(60) {
            members.push(format!("\"{name}\":{}", scalar(dice)));
        }
    }
    if dice.chance(40) {
        members.push(format!("\"m\":{{\"x\":{}}}", scalar(dice)));
    }
    if dice.chance(40) {
        members.push(format!("\"n\":{}", dice.below(3)));
    }
    if dice.chance(40) {
        members.push(format!("\"t\":{}", set(dice)));
    }
    if dice.chance(40) {
        members.push(format!("\"x\":{}", text(dice)));
    }
    format!("{{{}}}", members.join(","))
}

/// Three lines, each of which somebody may have changed.
fn text(dice: &mut Dice) -> String {
    let lines: Vec<_> = ["one", "two", "three"]
        .iter()
        .map(|line| if dice.chance(30) { line.to_uppercase() } else { (*line).into() })
        .collect();
    format!("\"{}\\n\"", lines.join("\\n"))
}

fn set(dice: &mut Dice) -> String {
    let values: Vec<_> = (0..dice.below(3)).map(|_| *dice.pick(&["\"a\"", "\"b\"", "1", "{\"k\":1}"])).collect();
    format!("[{}]", values.join(","))
}

/// One to three places, none above another.
fn patch(dice: &mut Dice) -> String {
    let mut parts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut removed = Vec::new();
    let mut places = vec!["/a", "/b", if dice.chance(50) { "/m" } else { "/m/x" }, "/n", "/t", "/x", "/a~1b"];
    if dice.chance(3) {
        places = vec![""];
    }
    dice.shuffle(&mut places);
    places.truncate(*dice.pick(&[1, 1, 2, 3]));
    places.sort();
    for place in places {
        let how = match (place, dice.below(10)) {
            ("/n", 0..=6) => "add",
            ("/t", 0..=4) => "insert",
            ("/t", 5..=7) => "discard",
            ("/x", 0..=8) => "set",
            (_, 0) => *dice.pick(&["add", "insert", "discard"]),
            (_, 1 | 2) => "remove",
            _ => "set",
        };
        let value = match how {
            "remove" => {
                removed.push(format!("\"{place}\""));
                continue;
            }
            "add" => (dice.below(7) as i64 - 3).to_string(),
            "set" if place == "/x" => text(dice),
            "set" if dice.chance(10) => object(dice),
            "set" => scalar(dice),
            _ => set(dice),
        };
        parts.entry(how).or_default().push(format!("\"{place}\":{value}"));
    }
    let mut members: Vec<(&str, String)> =
        parts.into_iter().map(|(how, places)| (how, format!("{{{}}}", places.join(",")))).collect();
    if !removed.is_empty() {
        members.push(("remove", format!("[{}]", removed.join(","))));
    }
    members.sort();
    let members: Vec<_> = members.into_iter().map(|(how, text)| format!("\"{how}\":{text}")).collect();
    format!("{{{}}}", members.join(","))
}
