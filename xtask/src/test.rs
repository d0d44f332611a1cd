//! `cargo xtask test`: every check and test, in one command.
//!
//! The steps are two lists. The last line of a run is `N passed, N failed`: each test counts, and each check as one.

use std::process::ExitCode;

use anyhow::Result;

use crate::child;
use crate::steps::{self, Step, Work};
use crate::{bench, browser, demo, dependencies, no_std, planted, python, runtimes, setup, wasm, web_demo};

const FORMAT: Step = check("format", &["fmt", "--all", "--check"]);
const LINTS: Step = check("lints", bench::LINTS);
const NO_STD: Step = own("no_std", no_std::prove);
const DEPENDENCIES: Step = own("dependencies", dependencies::check);
const BUILD: Step = check("build", &["build", "--workspace", "--keep-going", "--locked"]);
const TESTS: Step =
    tests("tests", &["test", "--workspace", "--lib", "--bins", "--tests", "--locked", "--no-fail-fast"]);
const DOC_TESTS: Step = tests("doc tests", &["test", "--workspace", "--doc", "--locked", "--no-fail-fast"]);
const DOCS: Step = own("docs", docs);
const DEMO: Step = own("demo", demo::prove);

const JS_LINTS: Step = own("js lints", browser::lints);
const PAGE: Step = Step { name: "page", needs: None, work: Work::Many(browser::test) };
const NPM_BUILD: Step = own("npm build", wasm::build_to_test);
const NPM: Step = Step { name: "npm", needs: None, work: Work::Many(wasm::test) };
const WEB_DEMO_BUILD: Step = own("web demo build", web_demo::build_to_test);
const WEB_DEMO: Step = Step { name: "web demo", needs: None, work: Work::Many(web_demo::test) };
const PYTHON_LINTS: Step = own("python lints", python::lints);
const PYTHON: Step = Step { name: "python", needs: None, work: Work::Many(python::test) };
const RUNTIMES: Step = Step { name: "runtimes", needs: None, work: Work::Many(runtimes::test) };
const PLANTED: Step = Step { name: "planted bugs", needs: None, work: Work::Many(planted::prove) };

const FULL: &[Step] = &[
    FORMAT,
    DEPENDENCIES,
    LINTS,
    JS_LINTS,
    PYTHON_LINTS,
    NO_STD,
    BUILD,
    TESTS.after(BUILD),
    PLANTED.after(TESTS),
    DOC_TESTS.after(BUILD),
    DOCS,
    DEMO.after(BUILD),
    PAGE.after(BUILD),
    NPM_BUILD.after(BUILD),
    NPM.after(NPM_BUILD),
    PYTHON.after(BUILD),
    RUNTIMES.after(NPM_BUILD),
    WEB_DEMO_BUILD.after(NPM_BUILD),
    WEB_DEMO.after(WEB_DEMO_BUILD),
];

const QUICK: &[Step] = &[FORMAT, LINTS, tests("quick tests", QUICK_TESTS)];

const QUICK_TESTS: &[&str] = &[
    "test",
    "--workspace",
    "--lib",
    "--bins",
    "--test",
    "layers",
    "--test",
    "vectors_*",
    "--locked",
    "--no-fail-fast",
];

/// Runs all steps, or with `--quick` the short list; a failed check or test shows in the exit code.
///
/// # Errors
/// The machine lacks something that cannot be installed.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let steps = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => FULL,
        ["--quick"] => QUICK,
        _ => return Ok(crate::wrong_usage()),
    };
    setup::ensure(&[setup::RUSTFMT, setup::CLIPPY])?;
    let tally = steps::run(steps);
    println!("\n{tally}");
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The documentation of every package, with warnings denied.
fn docs() -> Result<()> {
    let mut command = child::cargo(&["doc", "--workspace", "--no-deps", "--keep-going", "--locked"]);
    command.env("RUSTDOCFLAGS", "--deny warnings");
    child::run(command)
}

const fn check(name: &'static str, args: &'static [&'static str]) -> Step {
    Step { name, needs: None, work: Work::Check(args) }
}

const fn tests(name: &'static str, args: &'static [&'static str]) -> Step {
    Step { name, needs: None, work: Work::Tests(args) }
}

const fn own(name: &'static str, check: fn() -> Result<()>) -> Step {
    Step { name, needs: None, work: Work::Own(check) }
}
