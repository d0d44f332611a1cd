//! The Python package: its lints, and its tests against a wheel as people install it.

use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use zip::{ZipArchive, ZipWriter};

use crate::child;
use crate::paths;
use crate::setup::{self, NODE, NPM};
use crate::steps;
use crate::tally::Tally;

const FOLDER: &str = "bindings-py";
/// The folder outside of it that has Python.
const PLAYERS: &str = "tests/runtimes";
/// What the linter is told.
const RULES: &str = "bindings-py/pyproject.toml";
/// What builds and lints the package.
const TOOLS: &str = "bindings-py/requirements-tools.txt";
/// What its tests need beside the wheel.
const TEST: &str = "bindings-py/requirements-test.txt";
/// The profile of what is published.
const PUBLISHED: &str = "wheel";
/// What a wheel may have; the goal is [`WHEEL_BYTES_GOAL`].
const WHEEL_BYTES_MAX: u64 = 2_800_000;
/// What it shall have one day.
const WHEEL_BYTES_GOAL: u64 = 2_000_000;
/// How C is compiled for it: without tables to unwind by, and of zstd what frames are packed by and read by in little code.
const C_FLAGS: &str = "-fno-asynchronous-unwind-tables -fno-unwind-tables \
                       -DZSTD_EXCLUDE_DFAST_BLOCK_COMPRESSOR -DZSTD_EXCLUDE_GREEDY_BLOCK_COMPRESSOR \
                       -DZSTD_EXCLUDE_LAZY_BLOCK_COMPRESSOR -DZSTD_EXCLUDE_LAZY2_BLOCK_COMPRESSOR \
                       -DZSTD_EXCLUDE_BTLAZY2_BLOCK_COMPRESSOR -DZSTD_EXCLUDE_BTOPT_BLOCK_COMPRESSOR \
                       -DZSTD_EXCLUDE_BTULTRA_BLOCK_COMPRESSOR -DZSTD_STRIP_ERROR_STRINGS \
                       -DHUF_FORCE_DECOMPRESS_X1 -DZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT";
/// The level from which on `zip` deflates by zopfli, and how often that looks again for something smaller.
const ZOPFLI: i64 = 9 + 15;
/// How it is linked: of functions with the same code there is one.
const LINKED: &[&str] = &["-Clink-arg=-Wl,--icf=all"];
/// The tools of the file beside an environment, once they are all there.
const INSTALLED: &str = "installed.txt";

/// Lints and tests the package.
///
/// # Errors
/// As [`lints`] and [`test()`].
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    if !args.is_empty() {
        return Ok(crate::wrong_usage());
    }
    child::run(child::cargo(&["build", "--locked", "--package", "trellis-sync", "--bin", "trellis"]))?;
    lints()?;
    let tally = test()?;
    println!("\n{tally}");
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Formats and lints; types are checked by the tests, which have the wheel.
///
/// # Errors
/// One of them does not hold, or a tool cannot be installed.
pub(crate) fn lints() -> Result<()> {
    let tools = Environment::tools()?;
    // The rules lie in the package's folder, and are not found from elsewhere.
    for words in [&[FOLDER][..], &["--config", RULES, PLAYERS]] {
        child::run(tools.program("ruff", &[&["format", "--check"], words].concat()))?;
        child::run(tools.program("ruff", &[&["check"], words].concat()))?;
    }
    Ok(())
}

/// Builds the wheel and runs every test of it in an environment that has nothing else of ours.
///
/// The wheel has the profile of the other tests, so that its build shares what it can with theirs.
///
/// # Errors
/// The wheel cannot be built or installed.
pub(crate) fn test() -> Result<Tally> {
    // One of the type checkers is a program of Node.
    setup::ensure_programs(&[NODE, NPM])?;
    let wheel = build("dev")?;
    let empty = Environment::new("wheel")?;
    child::run(empty.program("python", &["-m", "pip", "install", "--quiet", "--requirement", TEST]))?;
    child::run(empty.program("python", &["-m", "pip", "install", "--quiet", &wheel.to_string_lossy()]))?;
    let mut tests = empty.program("python", &["-m", "pytest", "-p", "no:cacheprovider", "--color=no"]);
    tests.current_dir(child::root().join(FOLDER)).env("TRELLIS", child::sibling("trellis")?);
    steps::count(tests)
}

/// The interpreter of the environment in which [`test()`] installed the wheel.
///
/// # Errors
/// The target directory is unknown.
pub(crate) fn interpreter() -> Result<PathBuf> {
    Ok(folder()?.join("wheel/bin/python"))
}

/// Builds the wheel as it is published.
///
/// # Errors
/// It cannot be built, or is larger than [`WHEEL_BYTES_MAX`].
pub(crate) fn wheel(args: &[String]) -> Result<ExitCode> {
    if !args.is_empty() {
        return Ok(crate::wrong_usage());
    }
    let wheel = build(PUBLISHED)?;
    let bytes = fs::metadata(&wheel)?.len();
    println!("{} has {bytes} bytes, of {WHEEL_BYTES_MAX} at most; the goal is {WHEEL_BYTES_GOAL}", wheel.display());
    Ok(if bytes <= WHEEL_BYTES_MAX { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `cargo xtask bench-py`: how fast the package is, as it is published.
///
/// # Errors
/// The wheel cannot be built or installed, and the benchmarks fail.
pub(crate) fn bench(args: &[String]) -> Result<ExitCode> {
    let wheel = build(PUBLISHED)?;
    let empty = Environment::new("bench")?;
    child::run(empty.program("python", &["-m", "pip", "install", "--quiet", &wheel.to_string_lossy()]))?;
    let mut bench = empty.program("python", &["bindings-py/bench/main.py"]);
    bench.args(args).current_dir(child::root());
    child::run(bench).map(|()| ExitCode::SUCCESS)
}

/// The wheel, built with a profile.
fn build(profile: &str) -> Result<PathBuf> {
    let tools = Environment::tools()?;
    let wheels = folder()?.join("wheels");
    if wheels.exists() {
        fs::remove_dir_all(&wheels)?;
    }
    let manifest = Path::new(FOLDER).join("Cargo.toml");
    let mut build = tools.program("maturin", &["build", "--locked", "--profile", profile]);
    build.arg("--manifest-path").arg(manifest).arg("--out").arg(&wheels);
    if profile == PUBLISHED {
        build.env(paths::FLAGS, paths::flags("rustc", LINKED)?);
        if cfg!(unix) {
            build.env("CFLAGS", C_FLAGS);
        }
    }
    child::run(build)?;
    let built = fs::read_dir(&wheels)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let [wheel] = &built[..] else { bail!("one wheel was to be built, and there are {}", built.len()) };
    if profile == PUBLISHED {
        pack_again(wheel)?;
    }
    Ok(wheel.clone())
}

/// Deflates what is in a wheel as small as that goes, which takes minutes.
fn pack_again(wheel: &Path) -> Result<()> {
    let mut packed = ZipArchive::new(fs::File::open(wheel)?)?;
    let mut again = ZipWriter::new(Cursor::new(Vec::new()));
    for at in 0..packed.len() {
        let mut file = packed.by_index(at)?;
        let (name, options) = (file.name()?.into_owned(), file.options().compression_level(Some(ZOPFLI)));
        again.start_file(name, options)?;
        io::copy(&mut file, &mut again)?;
    }
    Ok(fs::write(wheel, again.finish()?.into_inner())?)
}

/// Where wheels and environments are kept.
fn folder() -> Result<PathBuf> {
    Ok(child::target_dir()?.join("python"))
}

/// A virtual environment.
struct Environment(PathBuf);

impl Environment {
    /// One without packages.
    fn new(name: &str) -> Result<Environment> {
        setup::ensure_python()?;
        let path = folder()?.join(name);
        let mut make = child::program("python3", &["-m", "venv", "--clear"]);
        make.arg(&path);
        child::run(make)?;
        Ok(Environment(path))
    }

    /// The one with the tools, as the file has them.
    fn tools() -> Result<Environment> {
        let (path, wanted) = (folder()?.join("tools"), fs::read(child::root().join(TOOLS))?);
        if fs::read(path.join(INSTALLED)).is_ok_and(|there| there == wanted) {
            return Ok(Environment(path));
        }
        println!("setting up: pip install --requirement {TOOLS}");
        let tools = Environment::new("tools")?;
        child::run(tools.program("python", &["-m", "pip", "install", "--quiet", "--requirement", TOOLS]))?;
        fs::write(path.join(INSTALLED), wanted)?;
        Ok(tools)
    }

    /// One of its programs.
    fn program(&self, name: &str, args: &[&str]) -> Command {
        let path = self.0.join("bin").join(name);
        let mut command = child::program(&path.to_string_lossy(), args);
        command.env("PIP_DISABLE_PIP_VERSION_CHECK", "1").env("PYRIGHT_PYTHON_IGNORE_WARNINGS", "1");
        command.env("VIRTUAL_ENV", &self.0);
        command
    }
}
