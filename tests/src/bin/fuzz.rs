//! Fuzz targets without a fuzzer: writes their corpora, and repeats one input.

use std::path::Path;
use std::process::ExitCode;

use trellis_tests::fuzz::{TARGETS, Target};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["corpus", folder] => {
            TARGETS.iter().try_for_each(|target| target.write_corpus(&Path::new(folder).join(target.name)))
        }
        [name, file] => match Target::named(name) {
            Some(target) => std::fs::read(file).map(|bytes| println!("{:?}", (target.check)(&bytes))),
            None => return wrong_usage(),
        },
        _ => return wrong_usage(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn wrong_usage() -> ExitCode {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    eprintln!("usage: fuzz corpus FOLDER | fuzz TARGET FILE\ntargets: {}", names.join(" "));
    ExitCode::from(64)
}
