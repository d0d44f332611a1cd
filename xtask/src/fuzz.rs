//! `cargo xtask fuzz`: the fuzz targets of `trellis-tests` under libFuzzer, guided by coverage.
//!
//! The instrumentation is LLVM's and needs no other toolchain than the stable one. Everything that a run makes lies in
//! `fuzz` in the target directory: the corpora from the vectors, what was found beyond them, logs and crashes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use crate::{child, dependencies};

/// What LLVM adds to the code: counters that libFuzzer reads, and the operands of comparisons.
const INSTRUMENTATION: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
const MANIFEST: &str = "tests/fuzz/Cargo.toml";
const SECONDS: u32 = 60;

/// Fuzzes one target or all, each for some seconds; or runs a target on one file.
///
/// # Errors
/// The build fails, or an input was found on which a target breaks a promise.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (target, seconds) = match args[..] {
        [target, "--repeat", file] => return repeat(target, file),
        [] => (None, Some(SECONDS)),
        ["--seconds", seconds] => (None, seconds.parse().ok()),
        [target] => (Some(target), Some(SECONDS)),
        [target, "--seconds", seconds] => (Some(target), seconds.parse().ok()),
        _ => (None, None),
    };
    match seconds {
        Some(seconds) => fuzz(target, seconds),
        None => Ok(crate::wrong_usage()),
    }
}

fn repeat(target: &str, file: &str) -> Result<ExitCode> {
    child::run(child::cargo(&[WITHOUT_FUZZER, &[target, file]].concat()))?;
    Ok(ExitCode::SUCCESS)
}

const WITHOUT_FUZZER: &[&str] = &["run", "--quiet", "--locked", "--package", "trellis-tests", "--bin", "fuzz", "--"];

fn fuzz(wanted: Option<&str>, seconds: u32) -> Result<ExitCode> {
    let folder = child::target_dir()?.join("fuzz");
    let corpora = folder.join("corpus");
    let mut write = child::cargo(WITHOUT_FUZZER);
    write.arg("corpus").arg(&corpora);
    child::run(write)?;
    let mut targets = names_in(&corpora)?;
    targets.retain(|target| wanted.is_none_or(|wanted| wanted == target));
    ensure!(!targets.is_empty(), "there is no such target; there are: {}", names_in(&corpora)?.join(" "));
    let fuzzer = build(&folder)?;
    let mut is_clean = true;
    for target in targets {
        is_clean &= Run { fuzzer: &fuzzer, folder: &folder, target: &target }.run(seconds)?;
    }
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn names_in(folder: &Path) -> Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<Result<_>>()?;
    names.sort();
    Ok(names)
}

/// Builds the fuzzer with instrumentation. A target is named, or build scripts and macros would be instrumented too.
fn build(folder: &Path) -> Result<PathBuf> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    let has_compiler = child::succeeds(child::program(&compiler, &["--version"]));
    ensure!(has_compiler, "missing: a C++ compiler, which libFuzzer is built with. Install g++ or clang++.");
    let rustc = child::read(child::program("rustc", &["--version", "--verbose"]))?;
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not name its host")?;
    fs::copy(child::root().join("Cargo.lock"), child::root().join(MANIFEST).with_file_name("Cargo.lock"))?;
    let mut command = child::cargo(&["build", "--release", "--manifest-path", MANIFEST, "--target", host]);
    let target_dir = folder.join("build");
    command.arg("--target-dir").arg(&target_dir).env("RUSTFLAGS", INSTRUMENTATION.join(" "));
    child::run(command)?;
    dependencies::check_licences(&["--manifest-path", MANIFEST])?;
    Ok(target_dir.join(host).join("release").join("trellis-fuzz"))
}

/// One target, fuzzed.
struct Run<'a> {
    fuzzer: &'a Path,
    folder: &'a Path,
    target: &'a str,
}

impl Run<'_> {
    /// Says how many inputs were executed; false where one of them breaks a promise.
    fn run(&self, seconds: u32) -> Result<bool> {
        let (found, crashes) = (self.folder.join("found").join(self.target), self.folder.join("crashes"));
        fs::create_dir_all(&found)?;
        fs::create_dir_all(&crashes)?;
        let prefix = format!("{}/{}-", crashes.display(), self.target);
        let log_path = self.folder.join(format!("{}.log", self.target));
        let mut fuzzer = child::program(&self.fuzzer.to_string_lossy(), &["-print_final_stats=1", "-timeout=20"]);
        fuzzer.arg(format!("-max_total_time={seconds}")).arg(format!("-artifact_prefix={prefix}"));
        fuzzer.arg(&found).arg(self.folder.join("corpus").join(self.target));
        fuzzer.env("TRELLIS_FUZZ_TARGET", self.target).stdout(File::create(&log_path)?);
        fuzzer.stderr(File::options().append(true).open(&log_path)?);
        let is_clean = fuzzer.status().context("cannot start the fuzzer")?.success();
        self.report(is_clean, &fs::read_to_string(&log_path).unwrap_or_default(), seconds);
        Ok(is_clean)
    }

    fn report(&self, is_clean: bool, log: &str, seconds: u32) {
        let target = self.target;
        println!("fuzz {target}: {} executions in {seconds} s", executions(log).unwrap_or("an unknown number of"));
        if is_clean {
            return;
        }
        println!("fuzz {target}: FAILED; the log is {}", self.folder.join(format!("{target}.log")).display());
        match crash(log) {
            Some(file) => println!("repeat with: cargo xtask fuzz {target} --repeat {file}"),
            None => println!("{log}"),
        }
    }
}

/// What libFuzzer says of a run: how many inputs it executed.
fn executions(log: &str) -> Option<&str> {
    log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units: ")).map(str::trim)
}

/// And where it put the input on which a target failed.
fn crash(log: &str) -> Option<&str> {
    log.lines().find_map(|line| line.split_once("Test unit written to ")).map(|(_, file)| file.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_says_how_many_and_where() {
        let log = "artifact_prefix='c/'; Test unit written to c/json-crash-1\nstat::number_of_executed_units: 77\n";
        assert_eq!((executions(log), crash(log)), (Some("77"), Some("c/json-crash-1")));
        assert_eq!((executions("Done"), crash("Done")), (None, None));
    }
}
