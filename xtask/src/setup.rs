//! What the machine must have, and how to get it.
//!
//! Rust's own linker is a C compiler, so whoever can run this program has one; what may be absent are components of
//! the toolchain, and programs that only some checks need. An absent one is installed; where that cannot be done, its
//! name is the error.

use anyhow::{Result, bail, ensure};

use crate::child::{cargo, program, read, run, succeeds};

/// One component of the Rust toolchain, by rustup's name for it.
pub(crate) struct Component {
    name: &'static str,
    probe: &'static [&'static str],
}

pub(crate) const RUSTFMT: Component = Component { name: "rustfmt", probe: &["fmt", "--version"] };
pub(crate) const CLIPPY: Component = Component { name: "clippy", probe: &["clippy", "--version"] };

/// Installs those of `components` that are absent.
///
/// # Errors
/// One is absent and cannot be installed here; the error names every such component.
pub(crate) fn ensure(components: &[Component]) -> Result<()> {
    let absent = components.iter().filter(|component| !succeeds(cargo(component.probe)));
    let missing: Vec<&str> = absent.map(|component| component.name).filter(|name| !install(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!("missing: {0}. Install with: rustup component add {0}", missing.join(" "))
}

/// Asks rustup for a component; false if there is no rustup or it refuses.
fn install(name: &str) -> bool {
    println!("setting up: rustup component add {name}");
    run(program("rustup", &["component", "add", name])).is_ok()
}

/// A program of the system.
pub(crate) struct Program {
    /// What it is called, by people and by the shell.
    name: &'static str,
    /// Its version must begin with at least this number.
    version_min: u32,
    /// The package of Debian and its relatives that has it.
    package: &'static str,
}

pub(crate) const NODE: Program = Program { name: "node", version_min: 20, package: "nodejs" };
pub(crate) const NPM: Program = Program { name: "npm", version_min: 9, package: "npm" };
pub(crate) const CHROMIUM: Program = Program { name: "chromium", version_min: 130, package: "chromium" };
pub(crate) const FIREFOX: Program = Program { name: "firefox-esr", version_min: 140, package: "firefox-esr" };

/// Installs those of `programs` that are absent, by apt.
///
/// # Errors
/// One is absent or too old, and cannot be installed here; the error names it.
pub(crate) fn ensure_programs(programs: &[Program]) -> Result<()> {
    for Program { name, version_min, package } in programs {
        let is_there = || version(name).is_some_and(|version| version >= *version_min);
        let can_be = is_there() || (install_package(package) && is_there());
        ensure!(can_be, "missing: {name} {version_min} or later. Install it, as by: apt-get install {package}");
    }
    Ok(())
}

/// Installs Python 3.9 or later with its module for virtual environments, by apt, where that is absent.
///
/// # Errors
/// It is absent and cannot be installed here.
pub(crate) fn ensure_python() -> Result<()> {
    let probe = ["-c", "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 9))"];
    let is_there = || succeeds(program("python3", &probe));
    let can_be = is_there() || (install_package("python3-venv") && is_there());
    ensure!(can_be, "missing: python3 3.9 or later with venv. Install it, as by: apt-get install python3-venv");
    Ok(())
}

/// The first number of a program's version; none where it does not run.
fn version(name: &str) -> Option<u32> {
    let output = program(name, &["--version"]).output().ok().filter(|output| output.status.success())?;
    first_number(&String::from_utf8_lossy(&output.stdout))
}

/// Of `v20.20.2` or `Chromium 140.0.1` the number 20 or 140.
fn first_number(text: &str) -> Option<u32> {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Asks apt for a package, also with what it knows renewed; false if there is no apt or it may not.
fn install_package(package: &str) -> bool {
    let install = ["install", "--yes", "--no-install-recommends", package];
    apt(&install) || (apt(&["update"]) && apt(&install))
}

/// Runs apt as the user, if that is the system's, and else by sudo, if that asks no question.
fn apt(args: &[&str]) -> bool {
    let is_root = read(program("id", &["-u"])).is_ok_and(|user| user.trim() == "0");
    let prefix: &[&str] = if is_root { &["apt-get"] } else { &["sudo", "-n", "apt-get"] };
    let words = [prefix, args].concat();
    println!("setting up: {}", words.join(" "));
    let mut command = program(words[0], &words[1..]);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    run(command).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_first_number() {
        for (text, number) in [("v20.20.2\n", Some(20)), ("Chromium 140.0.1 built on x", Some(140)), ("9", Some(9))] {
            assert_eq!(first_number(text), number, "{text}");
        }
        assert_eq!(first_number("none"), None);
    }
}
