//! The project's own commands: `cargo xtask <command>`.
//!
//! Each command is a row of [`COMMANDS`] and a file beside this one. A command sets up what it needs, says what it
//! runs, and ends with an exit code.

mod addon;
mod bench;
mod browser;
mod child;
mod demo;
mod dependencies;
mod fuzz;
mod netns;
mod no_std;
mod paths;
mod planted;
mod python;
mod runtimes;
mod setup;
mod sim;
mod steps;
mod story;
mod tally;
mod test;
mod wasm;
mod web_demo;

use std::process::ExitCode;

/// One `cargo xtask` command.
struct Command {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(&[String]) -> anyhow::Result<ExitCode>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "bench",
        usage: "bench [P1a ...] [--json]",
        about: "How fast it is, beside its peers and the machine; --ops N: smaller histories",
        run: bench::run,
    },
    Command {
        name: "bench-js",
        usage: "bench-js [--json]",
        about: "How fast the npm package is in Node, by its addon and by WebAssembly",
        run: wasm::bench,
    },
    Command {
        name: "bench-py",
        usage: "bench-py [--json]",
        about: "How fast the Python package is, as it is published",
        run: python::bench,
    },
    Command {
        name: "bench-web",
        usage: "bench-web [--json]",
        about: "How fast the npm package is in a browser, beside Yjs",
        run: wasm::bench_web,
    },
    Command {
        name: "demo",
        usage: "demo [--no-serve] [--prove]",
        about: "Repos diverge, conflict, and agree again, by the built trellis; then a board in the browser",
        run: demo::run,
    },
    Command {
        name: "npm",
        usage: "npm [--release]",
        about: "Makes the npm package in bindings-js; --release: with the addon as it is published",
        run: wasm::run,
    },
    Command {
        name: "planted",
        usage: "planted",
        about: "Plants bugs, each of which a test must catch",
        run: planted::run,
    },
    Command {
        name: "runtimes",
        usage: "runtimes [--sessions N] [--from SEED]",
        about: "Sync sessions between any two runtimes, with the packages as they were last made",
        run: runtimes::run,
    },
    Command {
        name: "sim",
        usage: "sim [--seeds N] [--from SEED]",
        about: "Simulated worlds: crashes, wrong clocks, losses and liars; 1,000 seeds unless told",
        run: sim::run,
    },
    Command {
        name: "fuzz",
        usage: "fuzz [TARGET] [--seconds N]",
        about: "Fuzz the decoders, each for a minute; TARGET --repeat FILE: run one input",
        run: fuzz::run,
    },
    Command {
        name: "netns",
        usage: "netns",
        about: "A relay and a client over a wire that loses packets and parts; Linux, as root",
        run: netns::run,
    },
    Command {
        name: "test",
        usage: "test [--quick]",
        about: "Every check and test; --quick: format, lints, unit tests, layers and vectors",
        run: test::run,
    },
    Command {
        name: "python",
        usage: "python",
        about: "The Python package's lints, and its tests against a wheel that is built",
        run: python::run,
    },
    Command {
        name: "wheel",
        usage: "wheel",
        about: "The Python wheel as it is published, in target/python/wheels, and its size",
        run: python::wheel,
    },
];

/// The exit code of a wrong command line, as in `trellis` itself.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = args.split_first() else { return wrong_usage() };
    if ["help", "-h", "--help"].contains(&name.as_str()) {
        print!("{}", help());
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else { return wrong_usage() };
    (command.run)(rest).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Shows how the commands are used, and returns the exit code of a wrong command line.
fn wrong_usage() -> ExitCode {
    eprint!("{}", help());
    ExitCode::from(USAGE)
}

fn help() -> String {
    let rows = COMMANDS.iter().map(|command| format!("  cargo xtask {:<37} {}\n", command.usage, command.about));
    format!("The project's own commands:\n{}", rows.collect::<String>())
}
