//! The proof that `trellis-core` and all it depends on need no std.
//!
//! The core is checked against a sysroot that holds only core, alloc and the crates that these are made of: whatever
//! names std does not find it. The target is given by name, so that build scripts and procedural macros, which run on
//! this machine, keep the whole sysroot. A second run, in which a dependency asks for std, must fail: so the proof
//! cannot become empty unseen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::child;

/// All that the sysroot of the proof holds.
const CRATES: &[&str] =
    &["core", "alloc", "compiler_builtins", "rustc_std_workspace_core", "rustc_std_workspace_alloc"];

/// A feature that brings std into a dependency.
const WITH_STD: &[&str] = &["--features", "blake3/std"];

/// What rustc says where std is named and absent.
const NO_STD_FOUND: &str = "can't find crate for `std`";

/// Checks the core without std, then that the same check fails with std.
///
/// # Errors
/// The core or a dependency of it needs std, or the check does not notice std.
pub(crate) fn prove() -> Result<()> {
    let target_dir = child::target_dir()?.join("no-std");
    let host = child::read(child::program("rustc", &["--print", "host-tuple"]))?.trim().to_owned();
    let sysroot = lay_sysroot(&target_dir.join("sysroot"), &host)?;
    child::run(check_core(&target_dir, &sysroot, &host, &[]))?;
    let counter = check_core(&target_dir, &sysroot, &host, WITH_STD).output()?;
    let errors = String::from_utf8_lossy(&counter.stderr);
    ensure!(!counter.status.success() && errors.contains(NO_STD_FOUND), "the proof does not notice std:\n{errors}");
    Ok(())
}

/// Makes a sysroot of copies of [`CRATES`] for `host` in the folder `sysroot`, anew.
fn lay_sysroot(sysroot: &Path, host: &str) -> Result<PathBuf> {
    let whole = child::read(child::program("rustc", &["--print", "sysroot"]))?;
    let libraries = |sysroot: &Path| sysroot.join("lib/rustlib").join(host).join("lib");
    let (from, to) = (libraries(Path::new(whole.trim())), libraries(sysroot));
    if sysroot.exists() {
        fs::remove_dir_all(sysroot)?;
    }
    fs::create_dir_all(&to)?;
    for file in fs::read_dir(&from).with_context(|| format!("no libraries in {}", from.display()))? {
        let name = file?.file_name();
        if name.to_str().is_some_and(is_wanted) {
            fs::copy(from.join(&name), to.join(&name))?;
        }
    }
    Ok(sysroot.to_owned())
}

/// True for `libcore-<hash>.rlib` and the like, of [`CRATES`] alone.
fn is_wanted(file: &str) -> bool {
    let name = file.strip_prefix("lib").and_then(|rest| rest.split_once('-'));
    name.is_some_and(|(name, _)| CRATES.contains(&name))
}

fn check_core(target_dir: &Path, sysroot: &Path, host: &str, extra: &[&str]) -> Command {
    let mut command = child::cargo(&["check", "--package", "trellis-core", "--lib", "--locked", "--target", host]);
    command.args(["--features", "surface"]);
    // Only build scripts and macros are compiled to the end here; they do little, so do not optimize them.
    command.args(["--config", "profile.dev.package.'*'.opt-level=0"]).args(extra);
    command.arg("--target-dir").arg(target_dir);
    command.env("CARGO_ENCODED_RUSTFLAGS", format!("--sysroot\u{1f}{}", sysroot.display()));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn std_is_not_among_the_wanted() {
        assert!(is_wanted("libcore-120cbae4e86ec454.rlib"));
        assert!(is_wanted("librustc_std_workspace_alloc-5bc57914b232292d.rmeta"));
        for file in ["libstd-d1237ef7159db0a2.so", "librustc_std_workspace_std-5bc5.rlib", "core", "libcore.rlib"] {
            assert!(!is_wanted(file), "{file}");
        }
    }
}
