//! Trees, and what two people do to them, as a seed chooses.

use std::fmt::Write;

use trellis_tests::dice::Dice;

use crate::tree::{Mode, Node, Tree, is_below, is_free};

/// Folders in which each side edits, apart from the others; a pair of edits is compared in each.
const FOLDERS: usize = 4;
/// How often each side records.
const RECORDS: usize = 2;
/// How often in a hundred both sides do the very same.
const SAME_PERCENT: u32 = 15;

/// Files that a folder may begin with.
const BEGUN: [(&str, Content); 12] = [
    ("lines.txt", |dice| Node::file(text(dice, 24, "\n"))),
    ("crlf.txt", |dice| Node::file(text(dice, 20, "\r\n"))),
    ("no end", |dice| Node::file(text(dice, 16, "\n").trim_end())),
    ("größe/é.txt", |dice| Node::file(text(dice, 20, "\n"))),
    ("empty", |_| Node::file("")),
    ("binary", binary),
    ("link", |_| Node::link("lines.txt")),
    ("run.sh", |dice| Node { mode: Mode::Exec, ..Node::file(text(dice, 20, "\n")) }),
    ("sub/a", |dice| Node::file(text(dice, 22, "\n"))),
    ("sub/b", |dice| Node::file(text(dice, 18, "\n"))),
    ("sub/deep/c", |dice| Node::file(text(dice, 18, "\n"))),
    ("one line", |dice| Node::file(text(dice, 1, "\n"))),
];

/// Draws a file.
type Content = fn(&mut Dice) -> Node;

/// Where files are added and moved to, beside the places of those that are gone. Few, so that both sides choose one.
const TARGETS: [&str; 9] =
    ["new", "new/inner", "moved.txt", "sub/new", "sub2/a", "other/ü", "sub", "lines.txt/inner", "größe/new"];

/// Where each side ends up, record by record, from one beginning.
pub(crate) struct Pair {
    pub(crate) base: Tree,
    pub(crate) sides: [Vec<Tree>; 2],
    pub(crate) folders: Vec<String>,
}

impl Pair {
    /// The pair of a seed.
    pub(crate) fn generate(seed: u64) -> Pair {
        let mut dice = Dice::new(seed);
        let folders: Vec<String> = (0..FOLDERS).map(|number| format!("k{number}")).collect();
        let mut base = Tree::new();
        for folder in &folders {
            begin(&mut base, folder, &mut dice);
        }
        let (shared, own) = (dice.number(), [dice.number(), dice.number()]);
        let sides = own.map(|own| {
            let mut own = Dice::new(own);
            let mut states = Vec::new();
            let mut tree = base.clone();
            for record in 0..RECORDS {
                for folder in &folders {
                    let mut same = Dice::new(shared.wrapping_add(record as u64));
                    for _ in 0..own.below(5) {
                        let is_same = own.chance(SAME_PERCENT);
                        edit(&mut tree, &base, folder, if is_same { &mut same } else { &mut own });
                    }
                }
                states.push(tree.clone());
            }
            states
        });
        Pair { base, sides, folders }
    }
}

fn begin(tree: &mut Tree, folder: &str, dice: &mut Dice) {
    for (path, node) in BEGUN {
        if dice.chance(55) {
            tree.insert(format!("{folder}/{path}"), node(dice));
        }
    }
}

/// One thing that somebody does in a folder. Where the dice want what cannot be done, nothing is.
fn edit(tree: &mut Tree, base: &Tree, folder: &str, dice: &mut Dice) {
    let files: Vec<String> = tree.keys().filter(|path| is_below(path, folder)).cloned().collect();
    let Some(path) = (!files.is_empty()).then(|| dice.pick(&files).clone()) else { return };
    let target = format!("{folder}/{}", dice.pick(&TARGETS));
    let node = tree[&path].clone();
    match dice.below(29) {
        0..=6 => drop(tree.insert(path, edited(node, dice))),
        7 | 8 => drop(tree.remove(&path)),
        9 | 10 => moved(tree, &path, target, node),
        11 => {
            let node = edited(node, dice);
            moved(tree, &path, target, node);
        }
        12 => {
            let node = half(node, dice);
            moved(tree, &path, target, node);
        }
        13 | 14 => added(tree, target, dice),
        27 | 28 => added(tree, format!("{folder}/sub/{}", pick(dice, &["new", "ü"])), dice),
        15 if node.mode == Mode::File => drop(tree.insert(path, Node { mode: Mode::Exec, ..node })),
        15 if node.mode == Mode::Exec => drop(tree.insert(path, Node { mode: Mode::File, ..node })),
        16 => drop(tree.insert(path, Node::link(pick(dice, &["lines.txt", "../outside", "nowhere"])))),
        17 => {
            tree.remove(&path);
            let inner = if dice.chance(50) { node } else { Node::file(text(dice, 9, "\n")) };
            tree.insert(format!("{path}/inner"), inner);
        }
        18 => folder_to_file(tree, &path, dice),
        19 | 26 => move_folder(tree, &path, folder, dice),
        20 => drop(tree.insert(path, binary(dice))),
        21 => drop(tree.insert(path, Node { mode: Mode::File, ..Node::file(text(dice, 15, "\n")) })),
        22 | 23 => taken_back(tree, base, folder, dice),
        24 if node.is_text() => {
            let text = String::from_utf8_lossy(&node.bytes).into_owned();
            let other = if text.contains('\r') { text.replace("\r\n", "\n") } else { text.replace('\n', "\r\n") };
            tree.insert(path, Node { bytes: other.into(), ..node });
        }
        25 if node.mode != Mode::Link => drop(tree.insert(path, Node { bytes: Vec::new(), ..node })),
        _ => {}
    }
}

fn moved(tree: &mut Tree, path: &str, target: String, node: Node) {
    let old = tree.remove(path);
    match is_free(tree, &target) {
        true => drop(tree.insert(target, node)),
        false => drop(tree.insert(path.into(), old.unwrap_or(node))),
    }
}

/// A new file: its content is often one that the other side may add too.
fn added(tree: &mut Tree, target: String, dice: &mut Dice) {
    if is_free(tree, &target) {
        let node = match dice.below(5) {
            0 => Node::file(""),
            1 => Node::file("the same on both sides\n"),
            2 => Node { mode: Mode::Exec, ..Node::file("the same on both sides\n") },
            _ => Node::file(text(dice, 8, "\n")),
        };
        tree.insert(target, node);
    }
}

/// A whole folder becomes a file of its name.
fn folder_to_file(tree: &mut Tree, path: &str, dice: &mut Dice) {
    let Some((folder, _)) = path.rsplit_once('/').filter(|(folder, _)| folder.contains('/')) else { return };
    tree.retain(|other, _| !is_below(other, folder));
    tree.insert(folder.into(), Node::file(text(dice, 7, "\n")));
}

/// A whole folder gets another name.
fn move_folder(tree: &mut Tree, path: &str, folder: &str, dice: &mut Dice) {
    let Some((from, _)) = path.rsplit_once('/').filter(|(from, _)| from.contains('/')) else { return };
    let to = format!("{folder}/{}", dice.pick(&["sub2", "other", "größer"]));
    if is_free(tree, &to) {
        let inner: Vec<String> = tree.keys().filter(|path| is_below(path, from)).cloned().collect();
        for path in inner {
            let node = tree.remove(&path);
            tree.extend(node.map(|node| (path.replacen(from, &to, 1), node)));
        }
    }
}

/// A file becomes again what it was at the beginning.
fn taken_back(tree: &mut Tree, base: &Tree, folder: &str, dice: &mut Dice) {
    let changed = base.iter().filter(|(path, node)| is_below(path, folder) && tree.get(*path) != Some(node));
    let changed: Vec<(String, Node)> = changed.map(|(path, node)| (path.clone(), node.clone())).collect();
    if let Some((path, node)) = (!changed.is_empty()).then(|| dice.pick(&changed).clone()) {
        let old = tree.remove(&path);
        match is_free(tree, &path) {
            true => drop(tree.insert(path, node)),
            false => tree.extend(old.map(|old| (path, old))),
        }
    }
}

/// The file with a few lines changed, added or removed, or another target or content where it has no lines.
fn edited(node: Node, dice: &mut Dice) -> Node {
    if !node.is_text() {
        let is_link = node.mode == Mode::Link;
        return if is_link { Node::link(pick(dice, &["other", "elsewhere"])) } else { binary(dice) };
    }
    let text = String::from_utf8_lossy(&node.bytes).into_owned();
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(ToOwned::to_owned).collect();
    for _ in 0..1 + dice.below(2) {
        let at = dice.below(lines.len() + 1);
        match dice.below(4) {
            0 => lines.insert(at, line(dice, end)),
            1 if at < lines.len() => drop(lines.remove(at)),
            _ if at < lines.len() => lines[at] = line(dice, end),
            _ => lines.push(line(dice, end)),
        }
    }
    let mut text = lines.concat();
    if dice.chance(10) {
        text.truncate(text.trim_end().len());
    }
    Node { bytes: text.into(), ..node }
}

/// A text of which half of the lines stay, and less than half of the bytes.
fn half(node: Node, dice: &mut Dice) -> Node {
    if !node.is_text() {
        return node;
    }
    let text = String::from_utf8_lossy(&node.bytes).into_owned();
    let lines = text.split_inclusive('\n').enumerate();
    let halved = lines.map(|(at, old)| match at % 2 {
        0 => old.to_owned(),
        _ => line(dice, "").repeat(5) + "\n",
    });
    Node { bytes: halved.collect::<String>().into(), ..node }
}

fn pick<'t>(dice: &mut Dice, texts: &[&'t str]) -> &'t str {
    dice.pick::<&str>(texts)
}

fn line(dice: &mut Dice, end: &str) -> String {
    match dice.below(8) {
        0 => end.into(),
        1 => format!("}}{end}"),
        _ => format!("{:016x} größer{end}", dice.number()),
    }
}

fn text(dice: &mut Dice, lines: usize, end: &str) -> String {
    let mut text = String::new();
    for _ in 0..lines {
        let _ = write!(text, "{}", line(dice, end));
    }
    text
}

fn binary(dice: &mut Dice) -> Node {
    let bytes = (0..8 + dice.below(30)).flat_map(|_| dice.number().to_le_bytes());
    Node::file([&b"\0"[..], &bytes.collect::<Vec<u8>>()].concat())
}
