//! P13: what the command line takes to look through a folder of many files, beside git on the same tree. The system has
//! read everything once before.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::Setting;
use crate::measure::{Pairs, timed};
use crate::report::{MS, Report};

const ROUNDS: usize = 25;
const FILES: usize = 10_000;
/// Folders at the root, and folders in each of them.
const FOLDERS: [usize; 2] = [100, 7];
/// The file that is edited.
const EDITED: &str = "folder42/folder2/file3042.txt";

pub(crate) fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir_in(&setting.dir)?;
    let trellis = env::current_exe()?.with_file_name("trellis").with_extension(env::consts::EXE_EXTENSION);
    ensure!(trellis.is_file(), "{} is not built; `cargo xtask bench` builds it", trellis.display());
    let (ours, git) = (Tool::new(&trellis, dir.path(), "ours")?, Tool::new(Path::new("git"), dir.path(), "git")?);
    ours.run(&["init"])?;
    ours.run(&["record", "--message", "all"])?;
    git.run(&["init", "--quiet"])?;
    git.run(&["add", "--all"])?;
    git.run(&["-c", "user.name=bench", "-c", "user.email=bench", "commit", "--quiet", "--message", "all"])?;
    let folders = FOLDERS[0] * FOLDERS[1];
    report.note(format_args!("  fed: {FILES} files of one line in {folders} folders; {}", git.version()?));
    let both = |args: &[&str], edit: &dyn Fn(&Tool) -> Result<()>| {
        let run = |tool: &Tool| edit(tool).and_then(|()| tool.run(args));
        run(&ours).and(run(&git))?;
        Pairs::take(ROUNDS, || run(&ours), || run(&git))
    };
    report.pairs("trellis status / git status", &both(&["status"], &|_| Ok(()))?, MS, Some(1.5));
    report.pairs("the same right after an edit", &both(&["status"], &Tool::edit)?, MS, Some(1.5));
    report.pairs("trellis diff / git diff, one file edited", &both(&["diff"], &|_| Ok(()))?, MS, None);
    Ok(())
}

/// A program, and a tree that it knows.
struct Tool {
    program: PathBuf,
    tree: PathBuf,
    /// A home without settings.
    home: PathBuf,
}

impl Tool {
    /// Makes a new tree for a program.
    fn new(program: &Path, dir: &Path, name: &str) -> Result<Tool> {
        let (tree, home) = (dir.join(name), dir.join("home"));
        fs::create_dir_all(&home)?;
        for file in 0..FILES {
            let folder = tree.join(format!("folder{}/folder{}", file % FOLDERS[0], file / FOLDERS[0] % FOLDERS[1]));
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(format!("file{file}.txt")), format!("the line of file {file}\n"))?;
        }
        Ok(Tool { program: program.into(), tree, home })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(&self.tree).stdin(Stdio::null());
        command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path))).env("HOME", &self.home);
        command
    }

    /// How long a run takes, from its start to its end.
    fn run(&self, args: &[&str]) -> Result<Duration> {
        let mut command = self.command(args);
        command.stdout(Stdio::null());
        let (time, status) = timed(|| command.status());
        let status = status.with_context(|| format!("{} does not start", self.program.display()))?;
        ensure!(status.success(), "{} {} failed", self.program.display(), args.join(" "));
        Ok(time)
    }

    fn version(&self) -> Result<String> {
        Ok(String::from_utf8(self.command(&["--version"]).output()?.stdout)?.trim().into())
    }

    /// Gives one file another line than it ever had.
    fn edit(&self) -> Result<()> {
        let path = self.tree.join(EDITED);
        let text = fs::read_to_string(&path)?;
        Ok(fs::write(&path, format!("{text}one more\n"))?)
    }
}
