//! Checks or writes the vector files.
//!
//! `--check` writes nothing. `--write` refuses to change or drop a locked case; `--write --accept-change` does not.

use std::process::ExitCode;

use trellis_tests::vectors::{Accept, problems, write};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let found = match arguments.as_slice() {
        ["--check"] => problems(),
        ["--write"] => write(Accept::Additions).err().unwrap_or_default(),
        ["--write", "--accept-change"] => write(Accept::Changes).err().unwrap_or_default(),
        _ => {
            eprintln!("usage: vectors --check | --write [--accept-change]");
            return ExitCode::from(64);
        }
    };
    for problem in &found {
        eprintln!("{problem}");
    }
    if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
