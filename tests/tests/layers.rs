//! The rooms of the core know only the rooms below them, and no product code is unsafe.
//!
//! A source file is read as tokens: whatever is reached by `crate::` or `super::`, in a `use` or inline, leads to a
//! room, and a table says which rooms may lead where. Comments and strings are not tokens, so words in them do not count.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What each room of the core may import beside itself. A room that is not here has no place yet.
const ROOMS: &[(&str, &[&str])] = &[
    ("planted", &[]),
    ("limits", &[]),
    ("ordered", &[]),
    ("sort", &[]),
    ("time", &["limits"]),
    ("op", &["limits", "time"]),
    ("log", &["limits", "op", "time"]),
    ("error", BELOW_ERROR),
    ("admit", BELOW_RULES),
    ("merge", BELOW_RULES),
    ("link", BELOW_RULES),
    ("view", BELOW_VIEW),
    ("input", BELOW_MACHINE),
    ("output", BELOW_MACHINE),
    ("ticket", BELOW_MACHINE),
    ("machine", BELOW_MACHINE),
    ("federation", BELOW_FEDERATION),
    ("reconcile", BELOW_MACHINE),
    ("surface", BELOW_SURFACE),
];

/// What every room may use, since it knows nothing of ops.
const TOOLS: &[&str] = &["ordered", "sort"];
const BELOW_ERROR: &[&str] = &["limits", "log", "op", "time"];
/// `admit`, `merge` and `link` do not import one another.
const BELOW_RULES: &[&str] = &["error", "limits", "log", "op", "time"];
const BELOW_FEDERATION: &[&str] = &["input", "limits", "op"];
const BELOW_VIEW: &[&str] = &["admit", "error", "limits", "link", "log", "merge", "op", "time"];
const BELOW_MACHINE: &[&str] =
    &["admit", "error", "input", "limits", "link", "log", "merge", "op", "output", "ticket", "time", "view"];
const BELOW_SURFACE: &[&str] = &[
    "admit",
    "error",
    "federation",
    "input",
    "limits",
    "link",
    "log",
    "machine",
    "merge",
    "op",
    "output",
    "reconcile",
    "ticket",
    "time",
    "view",
];

/// The words that no file of a package may hold, by the package's folder.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("core", &["std", "unsafe"]),
    ("native", &["unsafe"]),
    ("bindings-node", &["unsafe"]),
    ("bindings-py", &["unsafe"]),
];

/// Where planted bugs ask for their names. A build without them has nothing of it, as the proof of `no_std` shows.
const MAY_NAME_STD: &str = "planted.rs";

#[test]
fn the_core_keeps_its_layers() {
    assert_clean("core", |path, tokens| layer_faults(&module_of(path), tokens));
}

#[test]
fn no_forbidden_word_stands_in_a_product_package() {
    for (package, words) in FORBIDDEN {
        assert_clean(package, |path, tokens| {
            let mut found = forbidden(words, &tokens);
            found.retain(|word| word != "std" || path != Path::new(MAY_NAME_STD));
            found
        });
    }
}

/// A planted import that breaks a layer is found, however it is written.
#[test]
fn a_planted_import_is_found() {
    for (path, source, found) in [
        ("op/id.rs", "use crate::log::Row;", "log"),
        ("op/id.rs", "use crate::{limits::A, log::Row};", "log"),
        ("op/id.rs", "use super::super::log;", "log"),
        ("op/id.rs", "use self::super::super::log;", "log"),
        ("op/id.rs", "use super::{kind::Kind, super::log::Row};", "log"),
        ("op/mod.rs", "use super::merge;", "merge"),
        ("op/json/value.rs", "fn f() { super::super::super::view::f() }", "view"),
        ("op/id.rs", "struct S { row: crate::log::Row }", "log"),
        ("op/id.rs", "fn f() { g(&crate::merge::value(1)) }", "merge"),
        ("op/id.rs", "fn f() { assert!(matches!(x, crate::admit::Held)) }", "admit"),
        ("op/id.rs", "macro_rules! m { () => { $crate::machine::Machine } }", "machine"),
        ("op/id.rs", "mod inner { use super::super::super::link::Frame; }", "link"),
        ("op/id.rs", "use crate::Machine;", "Machine"),
        ("op/id.rs", "use crate::*;", "*"),
        ("log/mod.rs", "use crate::admit::Verdict;", "admit"),
        ("admit/mod.rs", "use crate::merge::Value;", "merge"),
        ("admit/mod.rs", "use crate::link::Frame;", "link"),
        ("merge/mod.rs", "use crate::link::Frame;", "link"),
        ("merge/mod.rs", "use crate::admit::Verdict;", "admit"),
        ("link/mod.rs", "use crate::merge::Value;", "merge"),
        ("link/mod.rs", "use crate::admit::Verdict;", "admit"),
        ("view/mod.rs", "use crate::machine::Machine;", "machine"),
        ("time.rs", "use crate::op::OpId;", "op"),
        ("attic/mod.rs", "", "attic has no place in the table"),
    ] {
        assert_eq!(faults_of(path, source), [found], "{path}: {source}");
    }
}

/// What is allowed, or only looks like an import, is not reported.
#[test]
fn an_allowed_import_is_not_reported() {
    for (path, source) in [
        ("op/id.rs", "use crate::{limits::A, op::kind::Kind, time::Hlc}; use alloc::vec::Vec; use core::fmt;"),
        ("op/id.rs", "use super::kind::Kind; use self::inner::A; mod tests { use super::*; }"),
        ("op/id.rs", "pub(crate) fn f() {} pub(super) fn g() {} pub(in crate::op) fn h() {}"),
        ("op/id.rs", "/// See [`crate::log`].\n// use crate::log;\nfn f() { g(\"crate::log\") }"),
        ("time.rs", "#[cfg(test)] mod tests { use super::*; }"),
        ("machine.rs", "use crate::{admit, link, log, merge, op, view};"),
        ("lib.rs", "pub use crate::machine::Machine; pub use machine::open;"),
    ] {
        let faults = faults_of(path, source);
        assert!(faults.is_empty(), "{path}: {source}: {faults:?}");
    }
}

#[test]
fn a_forbidden_word_is_found() {
    let found = |source: &str| forbidden(&["std", "unsafe"], &TokenStream::from_str(source).unwrap());
    assert_eq!(found("fn f() { unsafe { g() } }"), ["unsafe"]);
    assert_eq!(found("mod tests { extern crate std; }"), ["std"]);
    assert_eq!(found("#[cfg(feature = \"std\")] fn f() {}"), [""; 0]);
    assert_eq!(found("#![forbid(unsafe_code)] // unsafe\nfn f() {}"), [""; 0]);
}

/// Reads every source file of `package` and fails with the list of what `faults` finds, by file.
fn assert_clean(package: &str, faults: impl Fn(&Path, TokenStream) -> Vec<String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(package).join("src");
    let files = sources(&root);
    assert!(!files.is_empty(), "{package} has no sources");
    let mut found = Vec::new();
    for file in files {
        let tokens = TokenStream::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let path = file.strip_prefix(&root).unwrap();
        found.extend(faults(path, tokens).iter().map(|fault| format!("{package}/src/{}: {fault}", path.display())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let of_entry = |path: PathBuf| if path.is_dir() { sources(&path) } else { vec![path] };
    entries.into_iter().flat_map(of_entry).filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

fn faults_of(path: &str, source: &str) -> Vec<String> {
    layer_faults(&module_of(Path::new(path)), TokenStream::from_str(source).unwrap())
}

/// The module of a file: `op/id.rs` is op, id; `op/mod.rs` is op; `lib.rs` is the root.
fn module_of(path: &Path) -> Vec<String> {
    let path = path.with_extension("");
    let mut module: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    module.pop_if(|last| last == "mod" || last == "lib");
    module
}

/// What the tokens of `module` import and may not. The root may import every room.
fn layer_faults(module: &[String], tokens: TokenStream) -> Vec<String> {
    let Some(own) = module.first() else { return Vec::new() };
    let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| room == own) else {
        return vec![format!("{own} has no place in the table")];
    };
    let mut rooms = Vec::new();
    collect_rooms(tokens, module, &mut rooms);
    rooms.retain(|room| room != own && !TOOLS.contains(&room.as_str()) && !allowed.contains(&room.as_str()));
    rooms
}

/// Adds to `rooms` the first module from the root of every path that starts with `crate` or `super`.
fn collect_rooms(tokens: TokenStream, module: &[String], rooms: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                collect_rooms(group.stream(), &[module, &mod_name(&tokens[..at])].concat(), rooms);
            }
            _ if is_start(&tokens, at, "crate") => follow(&tokens[at + 3..], &[], rooms),
            _ if is_start(&tokens, at, "super") => follow(&tokens[at + 3..], parent(module), rooms),
            _ => {}
        }
    }
}

/// The name of the inline module whose body follows these tokens, if one does.
fn mod_name(before: &[TokenTree]) -> Vec<String> {
    match before {
        [.., word, TokenTree::Ident(name)] if is_word(word, "mod") => vec![name.to_string()],
        _ => Vec::new(),
    }
}

/// True if a path starts at `at` with `word`; the second `super` of `super::super::` starts none.
fn is_start(tokens: &[TokenTree], at: usize, word: &str) -> bool {
    let goes_on = at >= 3 && is_word(&tokens[at - 3], "super") && is_path(&tokens[at - 3..]);
    is_word(&tokens[at], word) && is_path(&tokens[at..]) && !goes_on
}

/// Follows what stands after `crate::` or `super::`, with `base` the module reached so far.
fn follow(rest: &[TokenTree], base: &[String], rooms: &mut Vec<String>) {
    match rest {
        [word, ..] if is_word(word, "super") && is_path(rest) => follow(&rest[3..], parent(base), rooms),
        [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Brace => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            inner.split(|token| is_mark(token, ',')).for_each(|branch| follow(branch, base, rooms));
        }
        [first, ..] => rooms.push(base.first().cloned().unwrap_or_else(|| first.to_string())),
        [] => {}
    }
}

fn parent(module: &[String]) -> &[String] {
    module.split_last().map_or(&[], |(_, parent)| parent)
}

/// True if the first token is followed by `::`.
fn is_path(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [_, first, second, ..] if is_mark(first, ':') && is_mark(second, ':'))
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

/// Those of `words` that stand among the tokens.
fn forbidden(words: &[&str], tokens: &TokenStream) -> Vec<String> {
    words.iter().filter(|word| holds(tokens, word)).map(|word| (*word).to_owned()).collect()
}

fn holds(tokens: &TokenStream, word: &str) -> bool {
    tokens.clone().into_iter().any(|token| match &token {
        TokenTree::Group(group) => holds(&group.stream(), word),
        _ => is_word(&token, word),
    })
}
