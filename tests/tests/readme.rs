//! The README's examples work as they stand: each `sh` line is run in an empty folder and must exit as it says.
//!
//! A line that ends with `# exit N` must exit with N, any other with 0.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use trellis_tests::program::trellis;

const README: &str = include_str!("../../README.md");

#[test]
fn the_examples_of_the_readme_work() {
    let folder = tempfile::tempdir().unwrap();
    let lines = examples(README);
    assert!(lines.len() >= 10, "the examples were not found");
    for line in lines {
        let output = shell(line, folder.path()).output().unwrap();
        let shown = [output.stdout, output.stderr].concat();
        assert_eq!(output.status.code(), Some(exit_code(line)), "{line}\n{}", String::from_utf8_lossy(&shown));
    }
}

#[test]
fn examples_are_the_lines_of_sh_blocks() {
    let text = "a\n```sh\nb\n\nc  # exit 2\n```\nd\n```text\ne\n```\n";
    assert_eq!(examples(text), ["b", "c  # exit 2"]);
    assert_eq!([exit_code("b"), exit_code("c  # exit 2")], [0, 2]);
}

/// The lines that stand in blocks fenced as `sh`.
fn examples(text: &str) -> Vec<&str> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).filter(|line| !line.is_empty()).collect()
}

fn exit_code(line: &str) -> i32 {
    line.rsplit_once("# exit ").map_or(0, |(_, code)| code.trim().parse().unwrap())
}

/// A shell that finds our `trellis` first, in `folder` and without the user's settings.
fn shell(line: &str, folder: &Path) -> Command {
    let mut path = OsString::from(trellis().parent().unwrap());
    path.push(":");
    path.push(env::var_os("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-ec", line]).current_dir(folder).env("PATH", path).env("HOME", folder);
    command.env("XDG_CONFIG_HOME", folder.join("config"));
    command
}
