//! The addon of the npm package: the host for Node, as a file in the package.

use std::env::consts::{ARCH, DLL_PREFIX, DLL_SUFFIX, OS};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{child, paths};

const CRATE: &str = "trellis-node";
/// Where the package looks for addons.
const INTO: &str = "bindings-js/dist/native";

/// How an addon is compiled.
#[derive(Clone, Copy)]
pub(crate) enum Build {
    /// As the tests are, which is quick.
    Test,
    /// As it is published.
    Publish,
}

impl Build {
    /// The profile of Cargo.toml, and its folder below the target directory.
    fn profile(self) -> (&'static str, &'static str) {
        match self {
            Build::Test => ("dev", "debug"),
            Build::Publish => ("release", "release"),
        }
    }
}

/// Compiles the addon and puts it into the package, which has been made.
///
/// # Errors
/// It does not compile, or cannot be written.
pub(crate) fn build(build: Build) -> Result<()> {
    let (profile, folder) = build.profile();
    let mut command = child::cargo(&["build", "--locked", "--package", CRATE, "--profile", profile]);
    if let Build::Publish = build {
        paths::leave_out(&mut command)?;
    }
    child::run(command)?;
    put(&child::target_dir()?.join(folder))
}

/// Puts the addon that was compiled with the rest of the workspace into the package, which has been made.
///
/// # Errors
/// It cannot be written.
pub(crate) fn put_built() -> Result<()> {
    let beside = child::sibling("trellis")?;
    put(beside.parent().context("xtask lies in no folder")?)
}

fn put(folder: &Path) -> Result<()> {
    let into = child::root().join(INTO);
    fs::create_dir_all(&into)?;
    let file = into.join(format!("trellis.{}.node", platform()));
    let library = folder.join(library());
    fs::copy(&library, &file).with_context(|| format!("cannot copy {}", library.display()))?;
    without_debug_info(file)
}

/// What debuggers read is most of the file. Where it cannot be taken out it stays.
fn without_debug_info(file: PathBuf) -> Result<()> {
    if OS == "linux" && child::succeeds(child::program("strip", &["--version"])) {
        child::run(child::program("strip", &["--strip-debug", &file.to_string_lossy()]))?;
    }
    Ok(())
}

fn library() -> String {
    format!("{DLL_PREFIX}trellis_node{DLL_SUFFIX}")
}

/// This platform, as Node's packages name it.
fn platform() -> String {
    let arch = match ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let libc = if cfg!(target_env = "musl") { "-musl" } else { "-gnu" };
    match OS {
        "linux" => format!("linux-{arch}{libc}"),
        "macos" => format!("darwin-{arch}"),
        "windows" => format!("win32-{arch}-msvc"),
        other => format!("{other}-{arch}"),
    }
}
