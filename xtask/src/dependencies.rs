//! What we depend on: every licence is one that we accept, and the core links nothing twice.
//!
//! Read from `cargo tree`, so nothing is downloaded that the build does not need anyway.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

use crate::child;

/// The licences under which a dependency may stand, by SPDX name.
const ACCEPTED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "NCSA",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// What stands under another licence and is linked by the benchmarks alone, which are never given away: crates with their
/// licence. They come with loro.
const BENCH_ONLY: &[&str] = &["bitmaps v2.1.0|MPL-2.0+", "im v15.1.0|MPL-2.0+", "sized-chunks v0.6.5|MPL-2.0+"];

/// Crates that the core links in two versions, with the reason.
const TWICE: &[(&str, &str)] =
    &[("foldhash", "comes with hashbrown"), ("hashbrown", "similar 3.2 still asks for hashbrown 0.15")];

/// Checks the licences of the whole workspace and the duplicates of the core.
///
/// # Errors
/// A licence is not accepted, or the duplicates are others than those of the list.
pub(crate) fn check() -> Result<()> {
    check_licences(&["--workspace"])?;
    check_licences(&["--manifest-path", "bindings-js/pack/Cargo.toml"])?;
    let bench = tree(&["--package", "trellis-bench", "--all-features"])?;
    let found = refused(&bench);
    ensure!(found == BENCH_ONLY, "the benchmarks' licences that are not on the list:\n{}", found.join("\n"));
    let core = tree(&["--package", "trellis-core", "--edges", "normal,no-proc-macro"])?;
    let (found, known) = (twice(&core), known());
    ensure!(found == known, "the core links twice: {found:?}; on the list: {known:?}");
    Ok(())
}

/// Checks the licences of what `cargo tree` lists with these arguments.
///
/// # Errors
/// A licence is not accepted.
pub(crate) fn check_licences(which: &[&str]) -> Result<()> {
    let all = tree(which)?;
    let refused = refused(&all);
    ensure!(refused.is_empty(), "licences that are not on the list:\n{}", refused.join("\n"));
    Ok(())
}

/// Packages with their licences, a line each: `name v1.2.3|MIT OR Apache-2.0`.
fn tree(which: &[&str]) -> Result<String> {
    let mut command = child::cargo(&["tree", "--locked", "--prefix", "none", "--format", "{p}|{l}"]);
    command.args(which);
    child::read(command)
}

fn known() -> BTreeSet<&'static str> {
    TWICE.iter().map(|(name, _)| *name).collect()
}

/// The lines whose licence is not accepted.
fn refused(tree: &str) -> Vec<&str> {
    let lines: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    let is_refused = |line: &&str| line.split_once('|').is_some_and(|(_, licence)| !is_accepted(licence));
    lines.into_iter().filter(is_refused).collect()
}

/// Of a choice one licence must be accepted, of a conjunction all; of a mixture all too, which is safe and enough.
fn is_accepted(licence: &str) -> bool {
    let plain = licence.replace(['(', ')'], "").replace('/', " OR ");
    let mut names = plain.split(" AND ").flat_map(|part| part.split(" OR ")).map(str::trim);
    let is_known = |name: &str| ACCEPTED.contains(&name);
    if plain.contains(" AND ") { names.all(is_known) } else { names.any(is_known) }
}

/// The names that stand in the tree with more than one version.
fn twice(tree: &str) -> BTreeSet<&str> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in tree.lines() {
        let mut words = line.split([' ', '|']);
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            versions.entry(name).or_default().insert(version);
        }
    }
    versions.into_iter().filter(|(_, versions)| versions.len() > 1).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_judged_as_expressions() {
        for licence in ["MIT", "MIT/Apache-2.0", "LGPL-2.1-or-later OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
            assert!(is_accepted(licence), "{licence}");
        }
        for licence in ["", "GPL-3.0-only", "MIT AND GPL-3.0-only", "GPL-3.0-only WITH LLVM-exception"] {
            assert!(!is_accepted(licence), "{licence}");
        }
    }

    #[test]
    fn a_refused_licence_is_named() {
        let tree = "a v1.0.0|MIT\n\nb v2.0.0|GPL-3.0-only\nb v2.0.0|GPL-3.0-only (*)\n";
        assert_eq!(refused(tree), ["b v2.0.0|GPL-3.0-only"]);
    }

    #[test]
    fn two_versions_of_a_crate_are_found() {
        let tree = "a v1.0.0|MIT\nb v1.0.0|MIT\na v2.0.0|MIT\nb v1.0.0|MIT (*)\n";
        assert_eq!(twice(tree), BTreeSet::from(["a"]));
    }
}
