//! Replaying: each commit becomes a record on its branch, after which the branch shows the commit's files.
//!
//! A branch that only goes on costs what the commit changed. Where a commit joins others they are merged first, the
//! repo says what it makes of the files that are not the same on all sides, and the record says what the commit made
//! of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use gix::ObjectId;
use trellis_core::input::{Base, Change, Command, Edit, EntityQuery, Note, Transaction};
use trellis_core::limits::LINKS_MAX;
use trellis_core::merge::entity::Shown;
use trellis_core::op::blob::BlobRef;
use trellis_core::op::id::OpId;
use trellis_core::output::{Answer, EntityView};
use trellis_core::view::files::{FILES, FilePath};

use super::GitImport;
use super::branches::{BranchNumber, Branches};
use super::changes::{FileChange, Outcome, changes, file_edit, present_as, present_in};
use super::history::{At, History};
use super::known::{Known, Place, Written, move_key, note_key, run};
use super::plan::{Plan, Present, Wanted};
use super::source::{GitFile, Held, Said, Source};
use super::tree::{Differences, Entry, Folder, Side, Tracked};
use crate::driver::{Group, random};
use crate::error::Result;
use crate::files::COMPARED_BYTES_MAX;
use crate::files::rename::Lines;
use crate::repo::no_answer;

/// A history on its way into a repo.
pub(super) struct Replay<'s> {
    source: &'s Source,
    pub(super) history: History,
    pub(super) branches: Branches,
    known: Known,
    written: BTreeMap<At, Written>,
    positions: HashMap<BranchNumber, Option<Position>>,
    states: HashMap<At, Arc<Folder>>,
    /// By commit, how often its files are still asked for.
    needs: Vec<u32>,
    contents: HashMap<ObjectId, BlobRef>,
    pub(super) report: GitImport,
}

/// Where a branch is, and its files as they were written.
#[derive(Clone, Debug)]
struct Position {
    /// None where nothing on the branch is from git.
    place: Option<Place>,
    files: Arc<Folder>,
}

/// What a branch is to show.
struct Goal {
    at: At,
    tree: ObjectId,
    note: Note,
    actor: String,
}

/// How a branch comes to the commits that are joined.
enum Way {
    /// They are all behind it.
    On(Arc<Folder>),
    /// It goes to this one, which descends from where it is.
    Forward(At, Arc<Folder>),
    /// They are merged into it.
    Join(Vec<At>, Arc<Folder>),
}

impl<'s> Replay<'s> {
    pub(super) fn new(source: &'s Source, history: History, branches: Branches, known: Known) -> Replay<'s> {
        let needs = vec![0; history.len()];
        let written = known.commits.clone();
        let mut replay = Replay {
            source,
            history,
            branches,
            known,
            written,
            positions: HashMap::new(),
            states: HashMap::new(),
            needs,
            contents: HashMap::new(),
            report: GitImport::default(),
        };
        for at in replay.missing() {
            replay.history.commit(at).parents.iter().for_each(|parent| replay.needs[*parent as usize] += 1);
        }
        replay
    }

    /// The commits that are not written yet, in order.
    pub(super) fn missing(&self) -> Vec<At> {
        (0..self.history.len() as At).filter(|at| !self.written.contains_key(at)).collect()
    }

    /// Writes a commit.
    pub(super) fn commit(&mut self, group: &mut Group<'_>, at: At) -> Result<()> {
        let commit = self.history.commit(at);
        let (id, parents) = (commit.id, commit.parents.clone());
        let Said { tree, actor, message, time } = self.source.said(id)?;
        let note = Note { key: note_key(&id), message, time, from: Some(("git".into(), id.to_string())) };
        let on = self.branches.of(at);
        let goal = Goal { at, tree, note, actor };
        let op = self.bring(group, on, &parents, goal)?;
        let written = Written { branch: self.branches.name(on).to_owned(), ops: vec![op] };
        self.written.insert(at, written);
        self.keep_state(at, self.positions[&on].as_ref().map(|position| position.files.clone()).unwrap_or_default());
        self.report.new_commits += 1;
        for parent in parents {
            self.needs[parent as usize] -= 1;
            if self.needs[parent as usize] == 0 {
                self.states.remove(&parent);
            }
        }
        Ok(())
    }

    /// Brings the branch of a head to its commit, where that is written on another branch.
    pub(super) fn move_head(&mut self, group: &mut Group<'_>, name: &str, tip: At) -> Result<()> {
        let on = self.branches.number(name);
        let place = self.place(group, on)?;
        if place.is_some_and(|place| place.at == Some(tip)) {
            return Ok(());
        }
        let is_there = place.is_some() || self.known.last_op(name).is_some();
        let is_forward = place.map_or(!is_there, |place| self.is_forward(place, tip));
        if self.branches.of(tip) != on && is_forward {
            self.positions.remove(&on);
            return self.transact(group, name, None, vec![self.merge(tip)], None).map(drop);
        }
        let id = self.history.commit(tip).id;
        let note = Note {
            key: move_key(&id, name, self.known.last_op(name)),
            message: Some(format!("{name} is at {}", id.to_hex_with_len(12))),
            time: None,
            from: Some(("git".into(), id.to_string())),
        };
        let Said { tree, actor, .. } = self.source.said(id)?;
        self.bring(group, on, &[tip], Goal { at: tip, tree, note, actor }).map(drop)
    }

    /// Makes a branch show a commit. Returns the note about it.
    fn bring(&mut self, group: &mut Group<'_>, on: BranchNumber, parents: &[At], goal: Goal) -> Result<OpId> {
        let way = self.way(group, on, parents)?;
        let (files, mut edits) = match &way {
            Way::On(files) | Way::Join(_, files) => (files.clone(), Vec::new()),
            Way::Forward(join, files) => (files.clone(), vec![self.merge(*join)]),
        };
        let differences = files.differences(self.source, goal.tree)?;
        let mut wanted = self.wanted(group, &differences)?;
        let mut present = present_in(&files, differences.paths.keys());
        if let Way::Join(joins, _) = &way {
            let merges = joins.iter().map(|join| self.merge(*join)).collect();
            self.transact(group, self.branches.name(on), Some(&goal.actor), merges, None)?;
            self.look_at_joined(group, on, joins, &files, &mut present, &mut wanted)?;
        }
        let present: Vec<Present> = present.into_values().collect();
        let plan = Plan::new(&wanted, &present, |content| lines(group, content))?;
        let changes = changes(&plan, &wanted, &present, &goal.note.key);
        edits.extend(changes.iter().map(FileChange::edit));
        let ops = self.transact(group, self.branches.name(on), Some(&goal.actor), edits, Some(goal.note))?;
        let (note, ops) = ops.split_last().ok_or_else(no_answer)?;
        let files = self.settled(files, &differences, Outcome { plan, wanted, present, changes, ops });
        let files = Arc::new(files);
        self.positions.insert(on, Some(Position { place: Some(Place { at: Some(goal.at), op: *note }), files }));
        Ok(*note)
    }

    fn way(&mut self, group: &mut Group<'_>, on: BranchNumber, parents: &[At]) -> Result<Way> {
        let position = self.position(group, on)?;
        let before = position.as_ref().and_then(|position| position.place?.at);
        let is_new =
            |at: At| self.branches.of(at) != on && !before.is_some_and(|before| self.history.reaches(before, at));
        let new: Vec<At> = parents.iter().copied().filter(|parent| is_new(*parent)).collect();
        let is_behind = |at: &At| new.iter().any(|other| other != at && self.history.reaches(*other, *at));
        let joins: Vec<At> = new.iter().copied().filter(|at| !is_behind(at)).collect();
        let files = position.as_ref().map(|position| position.files.clone()).unwrap_or_default();
        let is_forward = |to: At| match &position {
            Some(position) => position.place.is_some_and(|place| self.is_forward(place, to)),
            None => true,
        };
        match joins.as_slice() {
            [] => Ok(Way::On(files)),
            [join] if is_forward(*join) => Ok(Way::Forward(*join, self.state(group, *join)?)),
            _ => Ok(Way::Join(joins, files)),
        }
    }

    /// Whether a branch shows a commit when that is merged into it, and nothing else: all that it has is behind the
    /// commit. A branch that git set back has more.
    fn is_forward(&self, from: Place, to: At) -> bool {
        from.at.is_some_and(|at| self.is_note_of(at, from.op) && self.history.reaches(to, at))
    }

    /// The edit that joins a commit which is written on another branch.
    fn merge(&self, at: At) -> Edit {
        let ops = self.written.get(&at).map(|written| written.ops.clone()).unwrap_or_default();
        Edit::Merge { source: self.branches.name(self.branches.of(at)).to_owned(), at: ops, plan: None, message: None }
    }

    /// What a commit has at each path that is different.
    fn wanted(&mut self, group: &mut Group<'_>, differences: &Differences) -> Result<BTreeMap<FilePath, Wanted>> {
        let mut wanted = BTreeMap::new();
        for (path, held) in &differences.paths {
            match held {
                None | Some(Held::Folder(_)) => {}
                Some(Held::Submodule(_)) => drop(self.report.submodules.insert(lossy(path))),
                Some(Held::File(file)) => match FilePath::new(path.clone()) {
                    Ok(path) => drop(wanted.insert(path, self.keep(group, file)?)),
                    Err(_) => drop(self.report.refused.insert(lossy(path))),
                },
            }
        }
        Ok(wanted)
    }

    /// Keeps the content of a file, once.
    fn keep(&mut self, group: &mut Group<'_>, file: &GitFile) -> Result<Wanted> {
        if let Some(content) = self.contents.get(&file.blob) {
            return Ok(Wanted { content: *content, mode: file.mode });
        }
        let bytes = self.source.content(file.blob)?;
        let content = group.put_blob(bytes.as_slice(), self.source.path())?;
        self.contents.insert(file.blob, content);
        self.report.contents += 1;
        Ok(Wanted { content, mode: file.mode })
    }

    /// Asks the repo what became of the files that are not the same on all sides of a merge.
    fn look_at_joined(
        &mut self,
        group: &mut Group<'_>,
        on: BranchNumber,
        joins: &[At],
        files: &Folder,
        present: &mut BTreeMap<Arc<str>, Present>,
        wanted: &mut BTreeMap<FilePath, Wanted>,
    ) -> Result<()> {
        let mut unlike: BTreeMap<Arc<str>, Option<FilePath>> = BTreeMap::new();
        for join in joins {
            let other = self.state(group, *join)?;
            files.unlike(&other, &mut |side, path, file| {
                let before = unlike.entry(file.key.clone()).or_default();
                if side == Side::Here {
                    *before = FilePath::new(path).ok();
                }
            });
        }
        let branch = self.branches.name(on).to_owned();
        for (key, before) in unlike {
            let view = self.agreed(group, &branch, &key)?;
            let is_different = present.contains_key(&key);
            if let (Some(path), false) = (&before, is_different)
                && let Some(tracked) = files.get(path.as_bytes()).and_then(|entry| entry.tracked.as_ref())
            {
                wanted.insert(path.clone(), Wanted { content: tracked.content, mode: tracked.mode });
            }
            present.insert(key.clone(), present_as(key, before, view));
        }
        Ok(())
    }

    /// A file as the branch shows it, with no more writes than one op can name.
    fn agreed(&mut self, group: &mut Group<'_>, branch: &str, key: &str) -> Result<EntityView> {
        loop {
            let query =
                EntityQuery { branch: branch.into(), collection: FILES.into(), key: key.into(), at: Vec::new() };
            let view = match run(group, Command::Get(query), "read a file")? {
                Answer::Entity(view) => view,
                _ => return Err(no_answer()),
            };
            let (true, Shown::Json(value)) = (view.frontier.len() > LINKS_MAX, &view.shown) else { return Ok(view) };
            let base = Base::Ops(view.frontier[..LINKS_MAX].to_vec());
            let edit = file_edit(key, Change::Replace(value.clone()), base);
            self.transact(group, branch, None, vec![edit], None)?;
        }
    }

    fn transact(
        &self,
        group: &mut Group<'_>,
        branch: &str,
        actor: Option<&str>,
        edits: Vec<Edit>,
        note: Option<Note>,
    ) -> Result<Vec<OpId>> {
        let actor = actor.map(Into::into);
        let transaction = Transaction { branch: branch.into(), actor, edits, note, random: random()? };
        match run(group, Command::Write(transaction), &format!("write to the branch {branch}"))? {
            Answer::Written(ops) => Ok(ops),
            _ => Err(no_answer()),
        }
    }

    /// The files of the branch as they are now.
    fn settled(&mut self, files: Arc<Folder>, differences: &Differences, outcome: Outcome<'_>) -> Folder {
        let mut files = Arc::unwrap_or_clone(files);
        for present in &outcome.present {
            let stays = present.before.as_ref().is_some_and(|path| outcome.wanted.contains_key(path));
            if let (Some(path), false) = (&present.before, stays) {
                files.set(path.as_bytes(), None);
            }
        }
        let written = outcome.written();
        for (path, wanted) in &outcome.wanted {
            let git = match differences.paths.get(path.as_bytes()) {
                Some(held) => *held,
                None => files.get(path.as_bytes()).and_then(|entry| entry.git),
            };
            let tracked = written.get(path).map(|(key, base)| Tracked {
                key: key.clone(),
                content: wanted.content,
                mode: wanted.mode,
                base: base.clone(),
            });
            files.set(path.as_bytes(), Some(Entry { git, tracked }));
        }
        for (path, held) in &differences.paths {
            let is_file = FilePath::new(path.clone()).is_ok_and(|path| outcome.wanted.contains_key(&path));
            if !is_file {
                files.set(path, held.map(|held| Entry { git: Some(held), tracked: None }));
            }
        }
        files.settle(differences);
        self.report.files += outcome.changes.len();
        files
    }

    /// Where a branch is.
    fn place(&self, group: &mut Group<'_>, on: BranchNumber) -> Result<Option<Place>> {
        match self.positions.get(&on) {
            Some(position) => Ok(position.as_ref().and_then(|position| position.place)),
            None => self.known.place(group, self.branches.name(on), &self.history),
        }
    }

    /// Where a branch is, and its files; none where it is not there.
    fn position(&mut self, group: &mut Group<'_>, on: BranchNumber) -> Result<Option<Position>> {
        if let Some(position) = self.positions.get(&on) {
            return Ok(position.clone());
        }
        let place = self.place(group, on)?;
        let name = self.branches.name(on).to_owned();
        let files = match place {
            Some(Place { at: Some(at), op }) if self.is_note_of(at, op) => self.state(group, at)?,
            Some(Place { at: Some(at), op }) => Arc::new(self.files_of(group, &name, &[op], at)?),
            Some(Place { at: None, op }) => Arc::new(self.files_at(group, &name, &[op])?),
            None => Arc::default(),
        };
        let is_there = place.is_some() || self.known.last_op(&name).is_some();
        let position = is_there.then_some(Position { place, files });
        self.positions.insert(on, position.clone());
        Ok(position)
    }

    /// Whether an op is the note about a commit; others may have brought a branch there.
    fn is_note_of(&self, at: At, op: OpId) -> bool {
        self.written.get(&at).is_some_and(|written| written.ops.contains(&op))
    }

    /// The files of a commit as it was written.
    fn state(&mut self, group: &mut Group<'_>, at: At) -> Result<Arc<Folder>> {
        if let Some(files) = self.states.get(&at) {
            return Ok(files.clone());
        }
        let position = self.positions.get(&self.branches.of(at)).and_then(Option::as_ref);
        if let Some(Position { place: Some(place), files }) = position
            && self.is_note_of(at, place.op)
        {
            return Ok(files.clone());
        }
        let Some(Written { branch, ops }) = self.written.get(&at).cloned() else { return Ok(Arc::default()) };
        let files = Arc::new(self.files_of(group, &branch, &ops, at)?);
        self.keep_state(at, files.clone());
        Ok(files)
    }

    /// Keeps the files of a commit that is still asked for.
    fn keep_state(&mut self, at: At, files: Arc<Folder>) {
        if self.needs[at as usize] > 0 {
            self.states.insert(at, files);
        }
    }

    /// The files of a branch when these ops were its heads and it showed a commit. What else was recorded there is
    /// none of git's, and not among them.
    fn files_of(&self, group: &mut Group<'_>, branch: &str, ops: &[OpId], at: At) -> Result<Folder> {
        let mut files = self.files_at(group, branch, ops)?;
        let tree = self.source.said(self.history.commit(at).id)?.tree;
        let differences = files.differences(self.source, tree)?;
        for (path, held) in &differences.paths {
            let tracked = files.get(path).and_then(|entry| entry.tracked.clone());
            files.set(path, held.map(|held| Entry { git: Some(held), tracked }));
        }
        files.settle(&differences);
        Ok(files)
    }

    /// The files of a branch as they were when these ops were its heads.
    fn files_at(&self, group: &mut Group<'_>, branch: &str, ops: &[OpId]) -> Result<Folder> {
        let command = Command::Files { branch: branch.into(), at: ops.to_vec() };
        let view = match run(group, command, &format!("read the files of the branch {branch}"))? {
            Answer::Files(view) => view,
            _ => return Err(no_answer()),
        };
        let mut files = Folder::default();
        for (path, placed) in &view.tree.files {
            let base = view.files.get(&placed.file.key).map(|file| file.frontier.as_slice()).unwrap_or_default();
            let tracked = Tracked {
                key: placed.file.key.as_str().into(),
                content: placed.file.body.content,
                mode: placed.file.body.mode,
                base: base.into(),
            };
            files.set(path.as_bytes(), Some(Entry { git: None, tracked: Some(tracked) }));
        }
        Ok(files)
    }
}

/// The lines of content, where they are compared at all.
fn lines(group: &Group<'_>, content: &BlobRef) -> Result<Lines> {
    match content.size > COMPARED_BYTES_MAX {
        true => Ok(Lines::default()),
        false => Ok(Lines::of(&group.read_blob(&content.blob)?)),
    }
}

fn lossy(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
