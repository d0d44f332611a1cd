//! git's side: real commits, a real `git merge`, and what it left.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::tree::{self, Mode, Tree};

/// What merging two branches left.
pub(crate) struct Merged {
    /// The folder.
    pub(crate) tree: Tree,
    /// Paths in conflict, as git names them, each with what the base (1) and the sides (2 and 3) have there.
    pub(crate) unmerged: BTreeMap<String, BTreeMap<u8, Vec<u8>>>,
    /// Everything that git printed.
    pub(crate) said: String,
}

/// A repo of git in a folder of its own.
pub(crate) struct Git<'p> {
    folder: &'p Path,
}

impl Git<'_> {
    /// Begins a repo. `folder` is there, and empty.
    pub(crate) fn init(folder: &Path) -> Git<'_> {
        let git = Git { folder };
        git.ok(&["init", "-q"]);
        git
    }

    /// Writes a chain of commits that hold these trees, from the commit or branch `from`, as the branch `branch`.
    pub(crate) fn commit(&self, branch: &str, from: &[&str], trees: &[Tree]) {
        let mut stream = Vec::new();
        for (at, tree) in trees.iter().enumerate() {
            write!(stream, "commit refs/heads/{branch}\ncommitter t <t@t> {at} +0000\ndata 0\n").unwrap();
            if at == 0 {
                for (nth, parent) in from.iter().enumerate() {
                    let word = if nth == 0 { "from" } else { "merge" };
                    writeln!(stream, "{word} refs/heads/{parent}^0").unwrap();
                }
            }
            stream.extend_from_slice(b"deleteall\n");
            for (path, node) in tree {
                let mode = match node.mode {
                    Mode::File => "100644",
                    Mode::Exec => "100755",
                    Mode::Link => "120000",
                };
                write!(stream, "M {mode} inline {path}\ndata {}\n", node.bytes.len()).unwrap();
                stream.extend_from_slice(&node.bytes);
                stream.push(b'\n');
            }
        }
        let output = self.run(&["fast-import", "--quiet", "--force"], &stream);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Which file of one commit each file of another is, by old path, as far as that is not its own path.
    pub(crate) fn renames(&self, from: &str, to: &str) -> BTreeMap<String, String> {
        let args =
            ["diff-tree", "-r", "-M", "-l0", "--no-rename-empty", "--name-status", "--diff-filter=R", "-z", from, to];
        let listed = self.ok(&args);
        let mut words = listed.split('\0').filter(|word| !word.is_empty());
        let mut renames = BTreeMap::new();
        while let (Some(_), Some(old), Some(new)) = (words.next(), words.next(), words.next()) {
            renames.insert(old.to_owned(), new.to_owned());
        }
        renames
    }

    /// Merges one branch into another. None where git breaks off because of a bug of its own, which it has.
    pub(crate) fn merge(&self, into: &str, from: &str) -> Option<Merged> {
        self.ok(&["checkout", "-q", "-f", into]);
        let args = ["-c", "merge.conflictStyle=diff3", "merge", "--no-edit", "-s", "ort", from];
        let output = self.run(&args, &[]);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if said.contains("BUG:") {
            return None;
        }
        assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
        let unmerged = self.unmerged();
        assert_eq!(unmerged.is_empty(), output.status.success(), "{said}");
        Some(Merged { tree: tree::read(self.folder), unmerged, said })
    }

    fn unmerged(&self) -> BTreeMap<String, BTreeMap<u8, Vec<u8>>> {
        let listed = self.ok(&["ls-files", "-u", "-z"]);
        let mut unmerged: BTreeMap<String, BTreeMap<u8, Vec<u8>>> = BTreeMap::new();
        for line in listed.split('\0').filter(|line| !line.is_empty()) {
            let (stamps, path) = line.split_once('\t').unwrap();
            let stamps: Vec<&str> = stamps.split(' ').collect();
            let content = self.run(&["cat-file", "blob", stamps[1]], &[]).stdout;
            unmerged.entry(path.to_owned()).or_default().insert(stamps[2].parse().unwrap(), content);
        }
        unmerged
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args, &[]);
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn run(&self, args: &[&str], input: &[u8]) -> Output {
        let mut child = command(self.folder).args(args).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }
}

/// What `git merge-file` makes of two texts and what both began as: how many conflicts it counts, and the text.
pub(crate) fn merge_file(home: &Path, [base, ours, theirs]: [&[u8]; 3]) -> (i32, String) {
    for (name, text) in [("base", base), ("A", ours), ("B", theirs)] {
        std::fs::write(home.join(name), text).unwrap();
    }
    let merge = |algorithm: &[&str]| {
        let mut command = command(home);
        command.args(["merge-file", "-p", "--diff3"]).args(algorithm).args(["A", "base", "B"]).output().unwrap()
    };
    // Before 2.44 git knows no other algorithm here than its oldest.
    let output = match merge(&["--diff-algorithm=histogram"]) {
        refused if refused.status.code() == Some(WRONG_USAGE) => merge(&[]),
        output => output,
    };
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// How git ends where it does not know an option.
const WRONG_USAGE: i32 = 129;

/// git, with nobody's settings.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for (name, value) in [("NAME", "t"), ("EMAIL", "t@t"), ("DATE", "1700000000 +0000")] {
        command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    command.args([
        "-c",
        "core.quotePath=false",
        "-c",
        "core.autocrlf=false",
        "-c",
        "gc.auto=0",
        "-c",
        "core.fsync=none",
    ]);
    command.args(["-c", "advice.detachedHead=false"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
