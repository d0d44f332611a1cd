//! The built `trellis`, for tests that run it as a person would.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

static TRELLIS: LazyLock<PathBuf> = LazyLock::new(build);

/// The path of the `trellis` binary, built from the sources as they are now.
///
/// # Panics
/// It does not compile.
pub fn trellis() -> &'static Path {
    &TRELLIS
}

/// Builds with the features and the profile of the tests themselves, so that nothing is compiled a second time.
fn build() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--locked", "--workspace", "--bin", "trellis"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    assert!(command.current_dir(root).status().expect("cargo starts").success(), "trellis does not compile");
    let test = env::current_exe().expect("a test has a path");
    let profile = test.ancestors().nth(2).expect("a test lies in <profile>/deps");
    profile.join("trellis").with_extension(env::consts::EXE_EXTENSION)
}
