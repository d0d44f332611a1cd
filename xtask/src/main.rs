//! The project's own commands: `cargo xtask <command>`.
//!
//! Each command is a row of [`COMMANDS`] and a file beside this one. A command sets up what it needs, says what it
//! runs, and ends with an exit code.

mod child;
mod dependencies;
mod no_std;
mod setup;
mod steps;
mod tally;
mod test;

use std::process::ExitCode;

/// One `cargo xtask` command.
struct Command {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(&[String]) -> anyhow::Result<ExitCode>,
}

const COMMANDS: &[Command] = &[Command {
    name: "test",
    usage: "test [--quick]",
    about: "Every check and test; --quick: format, lints, unit tests and layers",
    run: test::run,
}];

/// The exit code of a wrong command line, as in `trellis` itself.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(command) = args.first().and_then(|name| COMMANDS.iter().find(|command| command.name == name)) else {
        eprint!("{}", help());
        return ExitCode::from(USAGE);
    };
    match (command.run)(&args[1..]) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let rows = COMMANDS.iter().map(|command| format!("  cargo xtask {:<24} {}\n", command.usage, command.about));
    format!("The project's own commands:\n{}", rows.collect::<String>())
}
