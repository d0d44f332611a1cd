//! `graph_merge`, the default: what does not conflict is merged, what does is kept, shown and left to people.
//!
//! The same reading serves the whole history and what the members of a conflict had seen in common, because both are
//! sets of writes that have all that their members have seen.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::super::conflict::{Beneath, Conflict, Contest, SideValue, contests};
use super::super::entity::{Entity, EntityRef, Shown};
use super::super::history::{History, Past};
use super::super::lines::merge_lines;
use super::super::live::{Live, View};
use super::super::manifest::{Manifest, OnConflict, Tiebreak};
use super::super::parts::{Parts, Written};
use super::super::value::{Precedence, value};
use crate::limits::{CONFLICT_LEVELS_MAX, CONFLICT_SIDES_MAX};
use crate::op::json::Value;
use crate::op::pointer::Pointer;
use crate::ordered::{Map, Set};

/// The collection of links: one that is deleted and put at once stays, and nobody is asked.
const LINKS_COLLECTION: &str = "_links";

pub(in super::super) fn merge(
    entity: &EntityRef<'_>,
    history: &History<'_>,
    manifest: &Manifest,
    on_conflict: OnConflict,
    tiebreak: Tiebreak,
) -> Entity {
    let parts = Parts::of(history);
    let precedence = Precedence { tiebreak, owner: entity.owner };
    let texts = manifest.texts().collect();
    let known_unwritten = RefCell::default();
    let reader = Reader { history, parts: &parts, texts, on_conflict, precedence, known_unwritten };
    let (shown, conflicts) = reader.read(entity).unwrap_or((Shown::BodyMissing, Vec::new()));
    let (conflicts, settled) = match on_conflict {
        OnConflict::Flag => (conflicts, Vec::new()),
        OnConflict::Auto => (Vec::new(), conflicts),
    };
    Entity { frontier: history.ids(history.frontier()), shown, conflicts, settled }
}

struct Reader<'v> {
    history: &'v History<'v>,
    parts: &'v Parts<'v>,
    texts: Set<&'v Pointer>,
    on_conflict: OnConflict,
    precedence: Precedence,
    /// What was found for [`Reader::provisional`], by the set of writes.
    known_unwritten: RefCell<Map<Past, Set<usize>>>,
}

/// A body that decides is not here.
struct Bodyless;

/// Texts that were merged, by place.
type Texts<'v> = Vec<(&'v Pointer, String)>;

impl<'v> Reader<'v> {
    fn read(&self, entity: &EntityRef<'_>) -> Result<(Shown, Vec<Conflict>), Bodyless> {
        let view = self.view(self.history.everything(), Set::new());
        let live = self.live(&view, &Pointer::ROOT)?;
        let mut contests = contests(self.history, &live);
        let texts = self.merge_texts(&mut contests)?;
        let deletes = self.unwritten(&contests);
        let shown = match deletes.is_empty() {
            true => value(self.history, &live, texts, self.precedence),
            false => self.shown(&self.view(view.past, deletes), &Pointer::ROOT)?,
        };
        if entity.collection == LINKS_COLLECTION {
            forget_deletes(&mut contests);
        }
        let conflicts =
            contests.iter().map(|contest| entity.conflict(self.history, contest, self.common_base(contest)));
        Ok((shown, conflicts.collect()))
    }

    fn view(&self, past: Past, unwritten: Set<usize>) -> View<'v> {
        View { history: self.history, parts: self.parts, past, unwritten }
    }

    fn live(&self, view: &View<'v>, around: &Pointer) -> Result<Live<'v>, Bodyless> {
        let live = view.live(around);
        if live.is_bodyless { Err(Bodyless) } else { Ok(live) }
    }

    /// The deletes that count as not written while they stand in a conflict.
    fn unwritten(&self, contests: &[Contest<'_>]) -> Set<usize> {
        match self.on_conflict {
            OnConflict::Flag => contests.iter().flat_map(Contest::deletes).collect(),
            OnConflict::Auto => Set::new(),
        }
    }

    /// How a set of writes is read. Which deletes count is asked of the whole entity, and so once per set.
    fn provisional(&self, past: Past) -> View<'v> {
        let view = self.view(past, Set::new());
        if view.live_deletes().is_empty() {
            return view;
        }
        let known = self.known_unwritten.borrow().get(&view.past).cloned();
        let unwritten = known.unwrap_or_else(|| {
            let unwritten = self.unwritten(&contests(self.history, &view.live(&Pointer::ROOT)));
            self.known_unwritten.borrow_mut().insert(view.past.clone(), unwritten.clone());
            unwritten
        });
        self.view(view.past, unwritten)
    }

    fn shown(&self, view: &View<'v>, around: &Pointer) -> Result<Shown, Bodyless> {
        let live = self.live(view, around)?;
        let texts = match self.texts.is_empty() {
            true => Vec::new(),
            false => self.merge_texts(&mut contests(self.history, &live))?,
        };
        Ok(value(self.history, &live, texts, self.precedence))
    }

    /// What all members of a contest had seen at its place, and the contests beneath it.
    fn common_base(&self, contest: &Contest<'_>) -> (Shown, Vec<Beneath>) {
        let (base, mut next) = self.base_of(contest);
        let mut beneath = Vec::new();
        while let Some(below) = next.filter(|_| beneath.len() < CONFLICT_LEVELS_MAX) {
            let (base, deeper) = self.base_of(&below);
            let sides = below.members().into_values().take(CONFLICT_SIDES_MAX).map(SideValue::from);
            beneath.push(Beneath { base, sides: sides.collect() });
            next = deeper;
        }
        (base, beneath)
    }

    /// What all members of a contest had seen at its place, and the contest that stood there.
    fn base_of(&self, contest: &Contest<'_>) -> (Shown, Option<Contest<'v>>) {
        let view = self.provisional(self.history.seen_by_all(contest.members().into_keys()));
        let shown = self.shown(&view, contest.at).map_or(Shown::BodyMissing, |shown| shown.at(contest.at));
        let live = self.live(&view, contest.at).ok();
        let below =
            live.and_then(|live| contests(self.history, &live).into_iter().find(|below| below.at == contest.at));
        (shown, below)
    }
}

fn forget_deletes(contests: &mut Vec<Contest<'_>>) {
    contests.iter_mut().for_each(|contest| contest.deletions.clear());
    contests.retain(|contest| !contest.is_empty());
}

/// Declared texts.
impl<'v> Reader<'v> {
    /// Merges the texts that stand against one another where a text is declared, and takes what merges out of the
    /// contests.
    fn merge_texts(&self, contests: &mut Vec<Contest<'v>>) -> Result<Texts<'v>, Bodyless> {
        let mut merged = Vec::new();
        for contest in contests.iter_mut().filter(|contest| self.texts.contains(contest.at)) {
            if let Some(text) = self.merge_text(contest)? {
                merged.push((contest.at, text));
                contest.overwrites.clear();
            }
        }
        contests.retain(|contest| !contest.is_empty());
        Ok(merged)
    }

    /// What texts that have not seen one another make together; none where they touch the same lines.
    ///
    /// What they all had seen may be such texts too, and so on. The levels are collected downwards and merged upwards.
    fn merge_text(&self, contest: &Contest<'v>) -> Result<Option<String>, Bodyless> {
        let mut levels = Vec::new();
        let mut next = texts_of(contest).map(|sides| (sides, self.seen_by_overwriters(contest)));
        while let Some((sides, past)) = next {
            let view = self.provisional(past);
            let live = self.live(&view, contest.at)?;
            let below = contests(self.history, &live).into_iter().find(|below| below.at == contest.at);
            next = below.and_then(|below| Some((texts_of(&below)?, self.seen_by_overwriters(&below))));
            let unmerged = value(self.history, &live, Vec::new(), self.precedence).at(contest.at);
            levels.push(Level { sides, base: unmerged });
        }
        let merge_level = |merged: Option<String>, level: Level<'_>| level.merge(merged);
        Ok(levels.into_iter().rev().fold(None, merge_level))
    }

    fn seen_by_overwriters(&self, contest: &Contest<'_>) -> Past {
        self.history.seen_by_all(contest.overwrites.keys().copied())
    }
}

/// Texts that have not seen one another, and what stood in their place in what they all had seen.
struct Level<'v> {
    sides: Vec<&'v str>,
    /// Without merging texts.
    base: Shown,
}

impl Level<'_> {
    /// The texts merged. `merged` is what the texts that the base is made of merged to, where they did.
    fn merge(self, merged: Option<String>) -> Option<String> {
        let base = match (self.base, merged) {
            (Shown::Json(Value::String(_)), Some(merged)) => merged,
            (Shown::Json(Value::String(text)), None) => text,
            (Shown::Absent, _) => String::new(),
            _ => return None,
        };
        merge_lines(&base, self.sides)
    }
}

/// What the overwrites of a contest say, in order, where all are texts.
fn texts_of<'v>(contest: &Contest<'v>) -> Option<Vec<&'v str>> {
    let text = |value: &Written<'v>| match value {
        Written::Json(Value::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let texts: Vec<&str> = contest.overwrites.values().map(text).collect::<Option<_>>()?;
    (!texts.is_empty()).then_some(texts)
}
