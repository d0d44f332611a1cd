//! The npm package: the core as WebAssembly, what JavaScript loads of it, the addon, and its tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::setup::{self, CHROMIUM, FIREFOX};
use crate::tally::Tally;
use crate::{addon, bench, browser, child, paths, steps};

/// Where the package is made.
const FOLDER: &str = "bindings-js";
/// What measures it in a browser.
const BENCH_WEB: &str = "bindings-js/bench/web";
/// The compiler's name for what browsers run.
const TRIPLE: &str = "wasm32-unknown-unknown";
/// The profile of Cargo.toml by which the core is compiled for them.
const PROFILE: &str = "wasm";
/// Names that say what a function is made of, by which they are put in order, and nothing written into its callers but what
/// gets smaller by it.
const FLAGS: &[&str] = &["-Csymbol-mangling-version=v0", "-Cllvm-args=-inline-threshold=0"];
/// How the module is made smaller. What counts is its size when it is compressed: there, a function written into its one
/// caller costs a seventh more, and like functions beside each other, as their names have them, save a twentieth.
const SMALLER: &[&str] =
    &["-g", "-Oz", "--converge", "-ocimfs", "0", "-aimfs", "0", "-fimfs", "0", "--reorder-functions-by-name"];
const NAMELESS: &[&str] = &["--strip-debug", "--strip-producers"];

/// `cargo xtask npm`: makes the package with its addon.
///
/// # Errors
/// As [`build`], and as [`addon::build`].
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let how = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => addon::Build::Test,
        ["--release"] => addon::Build::Publish,
        _ => return Ok(crate::wrong_usage()),
    };
    build()?;
    addon::build(how)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes the package in [`FOLDER`], without an addon.
///
/// # Errors
/// Something that it needs cannot be installed, or does not compile.
pub(crate) fn build() -> Result<()> {
    let target_dir = child::target_dir()?;
    let module = compile(&target_dir)?;
    browser::install_tools(FOLDER)?;
    pack(&module, &target_dir)?;
    child::run(child::program("node", &["bindings-js/build.mjs"]))
}

/// As [`build`], with the addon that lies beside this program, and checks the types of what tests it.
///
/// # Errors
/// As [`build`].
pub(crate) fn build_to_test() -> Result<()> {
    build()?;
    addon::put_built()?;
    // The pages' browser is driven by what these tests install.
    browser::install_tools(browser::FOLDER)?;
    child::run(child::program(
        "node",
        &["bindings-js/node_modules/typescript-7/bin/tsc", "--project", "bindings-js/test"],
    ))
}

/// Runs the package's tests with the `trellis` that lies beside this program.
///
/// # Errors
/// Something that the tests need cannot be installed.
pub(crate) fn test() -> Result<Tally> {
    setup::ensure_programs(&[CHROMIUM, FIREFOX])?;
    let mut command =
        child::program("node", &["--test", "--test-reporter=tap", "--experimental-websocket", "--no-warnings"]);
    command.args(browser::tests(&format!("{FOLDER}/test"))?).env("TRELLIS", child::sibling("trellis")?);
    steps::count(command)
}

/// `cargo xtask bench-js`: how fast the package is in Node, with its addon as it is published.
///
/// # Errors
/// As [`build`] and [`addon::build`], and the benchmarks fail.
pub(crate) fn bench(args: &[String]) -> Result<ExitCode> {
    build()?;
    addon::build(addon::Build::Publish)?;
    let mut command = child::program("node", &["--no-warnings", "bindings-js/bench/main.mjs"]);
    command.args(args);
    child::run(command).map(|()| ExitCode::SUCCESS)
}

/// `cargo xtask bench-web`: how fast the package is in a browser, beside Yjs, with a `trellis` built in release as the server.
///
/// # Errors
/// As [`build`], something else that it needs cannot be installed or built, and the benchmarks fail.
pub(crate) fn bench_web(args: &[String]) -> Result<ExitCode> {
    setup::ensure_programs(&[CHROMIUM])?;
    build()?;
    for folder in [browser::FOLDER, BENCH_WEB] {
        browser::install_tools(folder)?;
    }
    let tsc = format!("{FOLDER}/node_modules/typescript-7/bin/tsc");
    child::run(child::program("node", &[tsc.as_str(), "--project", BENCH_WEB]))?;
    child::run(child::cargo(bench::BUILD_TRELLIS))?;
    let trellis = child::target_dir()?.join("release/trellis").with_extension(std::env::consts::EXE_EXTENSION);
    let mut command = child::program("node", &["--no-warnings", &format!("{BENCH_WEB}/main.mjs")]);
    command.args(args).env("TRELLIS", trellis);
    child::run(command).map(|()| ExitCode::SUCCESS)
}

/// Compiles the core; returns where the module is.
fn compile(target_dir: &Path) -> Result<PathBuf> {
    let rustc = child::read(child::program("bash", &["xtask/wasm-toolchain.sh"]))?;
    let into = target_dir.join("wasm");
    let mut command = child::cargo(&["build", "--package", "trellis-wasm", "--lib", "--locked"]);
    command.args(["--profile", PROFILE, "--target", TRIPLE, "--target-dir"]).arg(&into);
    command.env("RUSTC", rustc.trim()).env(paths::FLAGS, paths::flags(rustc.trim(), FLAGS)?);
    child::run(command)?;
    Ok(into.join(TRIPLE).join(PROFILE).join("trellis_wasm.wasm"))
}

/// Writes what JavaScript loads of a module.
fn pack(module: &Path, target_dir: &Path) -> Result<()> {
    let (into, made) = (target_dir.join("pack"), child::root().join(FOLDER).join("wasm"));
    let manifest = format!("{FOLDER}/pack/Cargo.toml");
    let mut command = child::cargo(&["run", "--quiet", "--locked", "--manifest-path", &manifest, "--target-dir"]);
    command.arg(&into).arg("--").arg(module).arg(&made);
    child::run(command)?;
    let (whole, small) = (made.join("trellis_bg.wasm"), made.join("trellis_small.wasm"));
    optimise(SMALLER, &whole, &small)?;
    optimise(NAMELESS, &small, &whole)?;
    fs::remove_file(&small).with_context(|| format!("cannot remove {}", small.display()))
}

fn optimise(passes: &[&str], from: &Path, to: &Path) -> Result<()> {
    let optimiser = child::root().join(FOLDER).join("node_modules/.bin/wasm-opt");
    let mut command = child::program(&optimiser.to_string_lossy(), passes);
    command.arg(from).arg("-o").arg(to);
    child::run(command)
}
