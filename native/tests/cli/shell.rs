//! A folder to type commands in.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::documents;

/// An empty folder, and nobody's settings.
pub(crate) struct Shell {
    folder: TempDir,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Shell {
    pub(crate) fn new() -> Shell {
        Shell { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with the repo `a` in it.
    pub(crate) fn with_repo() -> Shell {
        let shell = Shell::new();
        shell.ok(&["init", "a"]);
        shell
    }

    /// A folder with the repo `a` in it, where `notes/1` has a title, and its copy `b`.
    pub(crate) fn with_two() -> Shell {
        let shell = Shell::with_repo();
        shell.ok(&["-C", "a", "set", "notes/1/title", "Calm"]);
        shell.ok(&["clone", "a", "b"]);
        shell
    }

    /// The same, after both have given the title other values and exchanged them.
    pub(crate) fn with_conflict() -> Shell {
        let shell = Shell::with_two();
        shell.ok(&["-C", "a", "set", "notes/1/title", "Storm"]);
        shell.ok(&["-C", "b", "set", "notes/1/title", "Sun"]);
        assert_eq!(shell.run(&["-C", "a", "sync", "reconcile", "--remote", "../b", "--apply"]).code, 2);
        shell
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, in folders that are made.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// The store of a repo, as SQLite has it.
    pub(crate) fn store(&self, repo: &str) -> Connection {
        Connection::open(self.path(repo).join(".trellis/store.db")).unwrap()
    }

    /// The command, ready to start.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trellis"));
        command.args(args).current_dir(self.folder.path()).env_clear();
        command.env("HOME", self.folder.path()).env("TZ", "UTC").stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        ran(self.command(args))
    }

    /// Runs it with this on stdin.
    pub(crate) fn feed(&self, args: &[&str], input: &str) -> Ran {
        let mut child = spawn(self.command(args).stdin(Stdio::piped()));
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        finish(child)
    }

    /// Runs it, expects code 0, and returns what it printed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "trellis {args:?}: {}{}", ran.out, ran.err);
        ran.out
    }

    /// Runs it with `--json`, checks the document against its schema, and returns it with the exit code.
    pub(crate) fn document(&self, args: &[&str]) -> (i32, Value) {
        let ran = self.run(&[args, &["--json"]].concat());
        (ran.code, documents::check(args, &ran.out))
    }

    /// The same, for a command that ends with code 0.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let (code, document) = self.document(args);
        assert_eq!(code, 0, "trellis {args:?}: {document}");
        document
    }

    /// Runs it, expects it to fail with this code, and to have changed nothing in `a`. Returns the message.
    pub(crate) fn refusal(&self, args: &[&str], code: &str) -> String {
        let before = self.state_of_a();
        let (exit, document) = self.document(args);
        assert_eq!((exit, document["error"]["code"].as_str()), (1, Some(code)), "trellis {args:?}: {document}");
        assert_eq!(self.state_of_a(), before, "trellis {args:?} changed something");
        let told = self.run(args);
        assert_eq!(told.code, 1);
        let message = document["error"]["message"].as_str().unwrap();
        assert!(told.err.contains(&format!("error[{code}]: {message}")), "{}", told.err);
        assert_eq!(told.out, "");
        message.to_owned()
    }

    /// The log of `a`, if there is one that can be read.
    fn state_of_a(&self) -> Option<String> {
        let ran = self.run(&["-C", "a", "log", "-v"]);
        (ran.code == 0).then_some(ran.out)
    }
}

pub(crate) fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(crate) fn finish(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn ran(mut command: Command) -> Ran {
    finish(spawn(&mut command))
}

/// The texts of an array.
pub(crate) fn texts(array: &Value) -> Vec<&str> {
    array.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}
