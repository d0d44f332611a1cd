//! Histories of chance for git: what people do, and what git allows although nobody does it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use trellis_tests::dice::Dice;

use super::git::git_with;

/// What a commit has at a path: git's mode, and what the file holds.
pub(crate) type Files = BTreeMap<Vec<u8>, (&'static str, Vec<u8>)>;

const FILE: &str = "100644";
const EXEC: &str = "100755";
const LINK: &str = "120000";
const SUBMODULE: &str = "160000";

/// Names of files and folders, odd ones among them.
const NAMES: [&[u8]; 18] = [
    b"a",
    b"b.txt",
    b"README.md",
    b"src",
    b"lib.rs",
    b"with space",
    b"quo\"te",
    b"back\\slash",
    b"caf\xe9",
    b"new\nline",
    "größe".as_bytes(),
    b"-dash",
    b"tab\t",
    b"UP",
    b"up",
    b".hidden",
    b"x~1",
    b"core",
];
/// Who commits.
pub(crate) const AUTHORS: [&str; 3] = ["Ann <ann@example.org>", "Bob Größe <bob@example.org>", "<nobody@example.org>"];
/// Paths that git takes and no repo does.
pub(crate) const REFUSED: [&[u8]; 2] = [b".trellis/x", b"a/.trellis"];
/// Where another repository may stand.
pub(crate) const SUBMODULES: [&[u8]; 2] = [b"sub", b"core/sub"];

/// How a history is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dials {
    /// How often something odd happens, in percent.
    pub(crate) oddity: u32,
    /// How often a commit joins others, in percent.
    pub(crate) merges: u32,
    /// How many lines there are at most at one time.
    pub(crate) lines_max: usize,
    /// How many files the first commit has.
    pub(crate) files: usize,
}

impl Dials {
    /// Few files, much that is odd.
    pub(crate) const ODD: Dials = Dials { oddity: 12, merges: 22, lines_max: 6, files: 12 };
    /// As a project is.
    pub(crate) const USUAL: Dials = Dials { oddity: 1, merges: 8, lines_max: 8, files: 60 };
}

/// A commit as it was drawn.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    pub(crate) parents: Vec<usize>,
    pub(crate) files: Files,
    pub(crate) message: String,
    /// Its id in git.
    pub(crate) id: String,
}

/// A history that grows, and the git repository that it is written to.
pub(crate) struct World {
    dice: Dice,
    dials: Dials,
    pub(crate) commits: Vec<Drawn>,
    /// The ends of lines that go on: whether git has a name for it, and the commit.
    lines: Vec<(Option<String>, usize)>,
    /// The heads of git.
    pub(crate) heads: BTreeMap<String, usize>,
    written: usize,
    blobs: BTreeMap<Vec<u8>, usize>,
    stream: Vec<u8>,
    names: usize,
}

impl World {
    pub(crate) fn new(seed: u64, dials: Dials) -> World {
        World {
            dice: Dice::new(seed),
            dials,
            commits: Vec::new(),
            lines: Vec::new(),
            heads: BTreeMap::new(),
            written: 0,
            blobs: BTreeMap::new(),
            stream: Vec::new(),
            names: 0,
        }
    }

    /// Draws so many more commits.
    pub(crate) fn grow(&mut self, count: usize) {
        for _ in 0..count {
            self.draw();
        }
        for (name, tip) in &self.lines {
            if let Some(name) = name {
                self.heads.insert(name.clone(), *tip);
            }
        }
    }

    /// Sets some heads to commits that they do not follow from, and some lines without a name to an end.
    pub(crate) fn move_heads(&mut self, dice: &mut Dice) {
        let count = self.commits.len();
        for line in &mut self.lines {
            if line.0.is_some() && dice.chance(40) {
                line.1 = dice.below(count);
            }
        }
        let lines = self.lines.iter().filter_map(|(name, tip)| Some((name.clone()?, *tip)));
        self.heads = lines.collect();
    }

    /// The commits that the heads reach.
    pub(crate) fn reached(&self) -> BTreeSet<usize> {
        let (mut reached, mut open) = (BTreeSet::new(), self.heads.values().copied().collect::<Vec<_>>());
        while let Some(at) = open.pop() {
            if reached.insert(at) {
                open.extend(&self.commits[at].parents);
            }
        }
        reached
    }

    fn draw(&mut self) {
        if self.commits.is_empty() || (self.dice.below(1_000) as u32) < self.dials.oddity {
            return self.draw_root();
        }
        let at = self.dice.below(self.lines.len());
        if self.lines.len() < self.dials.lines_max && self.dice.chance(8) {
            let back = self.dice.below(12.min(self.commits.len()));
            let from = if self.dice.chance(70) { self.lines[at].1 } else { self.commits.len() - 1 - back };
            let name = self.dice.chance(30).then(|| self.new_name());
            self.lines.push((name, from));
            return self.go_on(self.lines.len() - 1, Vec::new());
        }
        if self.lines.len() > 1 && self.dice.chance(self.dials.merges) {
            return self.join(at);
        }
        self.go_on(at, Vec::new());
    }

    fn draw_root(&mut self) {
        let mut files = Files::new();
        for _ in 0..self.dials.files {
            self.add(&mut files);
        }
        let name = if self.commits.is_empty() { "main".into() } else { self.new_name() };
        self.lines.push((Some(name), self.commits.len()));
        self.push(Vec::new(), files);
    }

    fn new_name(&mut self) -> String {
        self.names += 1;
        format!("{}/{}", ["topic", "fix", "größe"][self.names % 3], self.names)
    }

    /// Joins one or several other lines into one; those without a name end with that, mostly.
    fn join(&mut self, at: usize) {
        let mut others: Vec<usize> = (0..self.lines.len()).filter(|other| *other != at).collect();
        self.dice.shuffle(&mut others);
        let count = if self.dice.chance(10 + self.dials.oddity) { 1 + self.dice.below(4) } else { 1 };
        others.truncate(count);
        let mut joined: Vec<usize> = others.iter().map(|other| self.lines[*other].1).collect();
        joined.retain(|tip| *tip != self.lines[at].1);
        joined.dedup();
        let before = self.lines[at].1;
        self.go_on(at, joined.clone());
        if let ([other], true) = (others.as_slice(), self.dice.chance(self.dials.oddity)) {
            // Both join what the other was.
            return self.go_on(*other, vec![before]);
        }
        let mut ended: Vec<usize> = others.into_iter().filter(|other| self.lines[*other].0.is_none()).collect();
        ended.sort_unstable();
        if self.dice.chance(85) {
            ended.into_iter().rev().for_each(|other| drop(self.lines.remove(other)));
        }
    }

    fn go_on(&mut self, line: usize, joined: Vec<usize>) {
        let tip = self.lines[line].1;
        let mut files = self.commits[tip].files.clone();
        for other in &joined {
            self.mix(&mut files, *other);
        }
        let edits = match joined.is_empty() {
            true if self.dice.chance(self.dials.oddity) => 0,
            true => 1 + self.dice.below(4),
            false => usize::from(self.dice.chance(15)),
        };
        for _ in 0..edits {
            self.edit(&mut files);
        }
        self.lines[line].1 = self.commits.len();
        self.push([vec![tip], joined].concat(), files);
    }

    /// Takes some of what is different in another commit.
    fn mix(&mut self, files: &mut Files, other: usize) {
        let theirs = self.commits[other].files.clone();
        let paths: BTreeSet<Vec<u8>> = files.keys().chain(theirs.keys()).cloned().collect();
        for path in paths {
            if files.get(&path) != theirs.get(&path) && self.dice.chance(60) {
                match theirs.get(&path) {
                    Some(file) => put(files, path, file.clone()),
                    None => drop(files.remove(&path)),
                }
            }
        }
    }

    fn edit(&mut self, files: &mut Files) {
        let paths: Vec<Vec<u8>> = files.keys().cloned().collect();
        if paths.is_empty() || (paths.len() < 2 * self.dials.files && self.dice.chance(14)) {
            return self.add(files);
        }
        let path = self.dice.pick(&paths).clone();
        let (mode, content) = files[&path].clone();
        if mode == SUBMODULE || self.dice.chance(8) {
            files.remove(&path);
        } else if self.dice.chance(10) {
            self.rename(files, &path);
        } else if self.dice.chance(6) {
            let mode = if mode == FILE { EXEC } else { FILE };
            files.insert(path, (mode, content));
        } else {
            let content = self.edited(&content);
            files.insert(path, (mode, content));
        }
    }

    /// Moves a file, or a folder with all that is in it; the content may change on the way.
    fn rename(&mut self, files: &mut Files, path: &[u8]) {
        let folder = path.iter().rposition(|byte| *byte == b'/').filter(|_| self.dice.chance(30));
        let to = self.path();
        let moved: Vec<Vec<u8>> = match folder {
            Some(end) => files.keys().filter(|other| other.starts_with(&path[..=end])).cloned().collect(),
            None => vec![path.to_vec()],
        };
        for from in moved {
            let Some((mode, content)) = files.remove(&from) else { continue };
            let to = match folder {
                Some(end) => [&to, &from[end..]].concat(),
                None => to.clone(),
            };
            let content = if mode != SUBMODULE && self.dice.chance(40) { self.edited(&content) } else { content };
            put(files, to, (mode, content));
        }
    }

    fn add(&mut self, files: &mut Files) {
        if self.dice.chance(self.dials.oddity) {
            let odd = self.dice.below(3);
            let (path, mode) = match odd {
                0 => (self.dice.pick(&REFUSED).to_vec(), FILE),
                1 => (self.dice.pick(&SUBMODULES).to_vec(), SUBMODULE),
                _ => (self.path(), LINK),
            };
            let content = match mode {
                SUBMODULE => format!("{:040x}", self.dice.number()).into_bytes(),
                LINK => self.dice.pick(&NAMES).to_vec(),
                _ => b"refused".to_vec(),
            };
            return put(files, path, (mode, content));
        }
        let (path, content) = (self.path(), self.content());
        put(files, path, (if self.dice.chance(8) { EXEC } else { FILE }, content));
    }

    fn path(&mut self) -> Vec<u8> {
        let depth = 1 + self.dice.below(3);
        let mut path: Vec<u8> = Vec::new();
        for _ in 0..depth {
            path.extend_from_slice(self.dice.pick::<&[u8]>(&NAMES));
            path.push(b'/');
        }
        match self.dice.chance(30) {
            true => drop(path.pop()),
            false => path.extend(format!("f{}", self.dice.below(self.dials.files * 2)).bytes()),
        }
        path
    }

    fn content(&mut self) -> Vec<u8> {
        match self.dice.below(20) {
            0 => Vec::new(),
            1 => (0..self.dice.below(3_000)).map(|_| self.dice.number() as u8).collect(),
            2 => b"one\r\ntwo\r\nthree\r\n".to_vec(),
            3 => b"no end of line".to_vec(),
            _ => {
                let lines = 1 + self.dice.below(30);
                (0..lines).flat_map(|_| format!("{:x}\n", self.dice.below(500)).into_bytes()).collect()
            }
        }
    }

    fn edited(&mut self, content: &[u8]) -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> = content.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let at = self.dice.below(lines.len() + 1);
        lines.insert(at, format!("{:x}\n", self.dice.number()).into_bytes());
        if lines.len() > 3 && self.dice.chance(40) {
            lines.remove(self.dice.below(lines.len()));
        }
        lines.concat()
    }

    /// A commit that was drawn goes into the stream for git.
    fn push(&mut self, parents: Vec<usize>, files: Files) {
        let number = self.commits.len();
        let before = parents.first().map(|parent| self.commits[*parent].files.clone()).unwrap_or_default();
        for (_, content) in files.values().filter(|(mode, _)| *mode != SUBMODULE) {
            let next = self.blobs.len() + 1;
            if let std::collections::btree_map::Entry::Vacant(blob) = self.blobs.entry(content.clone()) {
                blob.insert(next);
                self.stream.extend(format!("blob\nmark :{next}\ndata {}\n", content.len()).bytes());
                self.stream.extend_from_slice(content);
                self.stream.push(b'\n');
            }
        }
        let message = match self.dice.below(12) {
            0 => String::new(),
            1 => format!("Übergröße {number}\n\nAnd more.\n"),
            _ => format!("Commit {number}"),
        };
        self.write_commit(number, &parents, &message);
        for path in before.keys().filter(|path| !files.contains_key(*path)) {
            self.stream.extend([b"D ", quoted(path).as_slice(), b"\n"].concat());
        }
        for (path, (mode, content)) in files.iter().filter(|(path, file)| before.get(*path) != Some(file)) {
            let data = match *mode {
                SUBMODULE => String::from_utf8_lossy(content).into_owned(),
                _ => format!(":{}", self.blobs[content]),
            };
            self.stream.extend([format!("M {mode} {data} ").as_bytes(), quoted(path).as_slice(), b"\n"].concat());
        }
        self.stream.push(b'\n');
        self.commits.push(Drawn { parents, files, message, id: String::new() });
    }

    fn write_commit(&mut self, number: usize, parents: &[usize], message: &str) {
        let time = 1_600_000_000 + 60 * number as u64 - self.dice.below(300) as u64;
        let who = AUTHORS[number % 3];
        self.stream.extend(format!("commit refs/drawn/{number}\nmark :{}\n", mark(number)).bytes());
        self.stream.extend(format!("author {who} {time} +0130\ncommitter {who} {time} -0800\n").bytes());
        self.stream.extend(format!("data {}\n{message}\n", message.len()).bytes());
        for (at, parent) in parents.iter().enumerate() {
            let word = if at == 0 { "from" } else { "merge" };
            self.stream.extend(format!("{word} :{}\n", mark(*parent)).bytes());
        }
    }

    /// Writes what was drawn since to a bare repository, and makes its heads those of the world.
    pub(crate) fn write(&mut self, folder: &Path) {
        let marks = folder.join("marks");
        if !marks.exists() {
            git_with(folder, &["init", "--quiet", "--bare", "-b", "main", "."], b"");
            std::fs::write(&marks, b"").expect("a file for the marks");
        }
        let stream = std::mem::take(&mut self.stream);
        let args =
            ["fast-import", "--quiet", "--force", "--date-format=raw", "--import-marks=marks", "--export-marks=marks"];
        git_with(folder, &args, &stream);
        let text = std::fs::read_to_string(&marks).expect("marks");
        let ids: BTreeMap<&str, &str> = text.lines().filter_map(|line| line[1..].split_once(' ')).collect();
        for number in self.written..self.commits.len() {
            self.commits[number].id = ids[mark(number).to_string().as_str()].to_owned();
        }
        self.written = self.commits.len();
        let refs = git_with(folder, &["for-each-ref", "--format=delete %(refname)", "refs/heads", "refs/drawn"], b"");
        git_with(folder, &["update-ref", "--stdin"], &refs);
        let heads = self.heads.iter().map(|(name, tip)| (name, &self.commits[*tip].id));
        let set: Vec<u8> =
            heads.flat_map(|(name, id)| format!("update refs/heads/{name} {id}\n").into_bytes()).collect();
        git_with(folder, &["update-ref", "--stdin"], &set);
    }
}

/// Marks of commits stand behind those of blobs.
fn mark(number: usize) -> usize {
    100_000_000 + number
}

/// Puts a file at a path; what stands in its way goes.
fn put(files: &mut Files, path: Vec<u8>, file: (&'static str, Vec<u8>)) {
    let below = [path.as_slice(), b"/"].concat();
    files.retain(|other, _| !other.starts_with(&below));
    for end in path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at) {
        files.remove(&path[..end]);
    }
    files.insert(path, file);
}

fn quoted(path: &[u8]) -> Vec<u8> {
    let mut quoted = b"\"".to_vec();
    for byte in path {
        match byte {
            b'"' | b'\\' => quoted.extend([b'\\', *byte]),
            0x20..0x7f => quoted.push(*byte),
            _ => quoted.extend(format!("\\{byte:03o}").bytes()),
        }
    }
    quoted.push(b'"');
    quoted
}
