//! What people do to files between commands.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::child;
use crate::story::Edit;

/// What is no part of the source tree: repos, and what tools install or make.
const NOT_SOURCE: [&str; 7] = [".git", ".trellis", "target", "node_modules", "dist", "wasm", ".ruff_cache"];

/// Makes an edit in a folder, which is made if it is not there.
///
/// # Errors
/// The file to edit is not there, or has no such line.
pub(super) fn make(folder: &Path, edit: &Edit) -> Result<()> {
    let at = |path: &str| folder.join(path);
    match *edit {
        Edit::OwnSource => copy(child::root(), folder)?,
        Edit::Write(path, content) => {
            fs::create_dir_all(at(path).parent().unwrap_or(folder))?;
            fs::write(at(path), content)?;
        }
        Edit::Line(path, begins, line) => {
            let text = read(&at(path))?;
            ensure!(text.lines().any(|old| old.starts_with(begins)), "{path} has no line that begins with {begins}");
            let mut is_done = false;
            let lines = text.lines().map(|old| match !is_done && old.starts_with(begins) {
                true => {
                    is_done = true;
                    line
                }
                false => old,
            });
            fs::write(at(path), lines.map(|line| format!("{line}\n")).collect::<String>())?;
        }
        Edit::Append(path, line) => fs::write(at(path), read(&at(path))? + line + "\n")?,
        Edit::Remove(path) => fs::remove_file(at(path)).with_context(|| format!("there is no {path}"))?,
        Edit::Rename(from, to) => fs::rename(at(from), at(to)).with_context(|| format!("there is no {from}"))?,
        Edit::Executable(path) => make_executable(&at(path))?,
        Edit::Link(path, target) => link(target, &at(path))?,
    }
    Ok(())
}

/// What it is, for the reader.
pub(super) fn words(edit: &Edit) -> String {
    match *edit {
        Edit::OwnSource => "has the source tree".into(),
        Edit::Write(path, _) => format!("writes {path}"),
        Edit::Line(path, _, line) => format!("changes a line of {path} to: {line}"),
        Edit::Append(path, line) => format!("appends to {path}: {line}"),
        Edit::Remove(path) => format!("removes {path}"),
        Edit::Rename(from, to) => format!("renames {from} to {to}"),
        Edit::Executable(path) => format!("makes {path} executable"),
        Edit::Link(path, target) => format!("links {path} to {target}"),
    }
}

/// A file of a folder.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) path: String,
    /// What it holds; of a link where it leads to.
    content: Vec<u8>,
    kind: &'static str,
}

/// Every file below a folder, but what the repo keeps for itself.
///
/// # Errors
/// What the system reports.
pub(super) fn files_in(folder: &Path) -> Result<BTreeSet<Found>> {
    let mut files = BTreeSet::new();
    visit(folder, "", &[".trellis"], &mut |path, name| {
        let meta = fs::symlink_metadata(path)?;
        let (content, kind) = match meta.is_symlink() {
            true => (fs::read_link(path)?.into_os_string().into_encoded_bytes(), "link"),
            false => (fs::read(path)?, if is_executable(&meta) { "exec" } else { "file" }),
        };
        files.insert(Found { path: name.into(), content, kind });
        Ok(())
    })?;
    Ok(files)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    visit(from, "", &NOT_SOURCE, &mut |path, name| {
        let target = to.join(name);
        fs::create_dir_all(target.parent().unwrap_or(to))?;
        fs::copy(path, target).map(drop).with_context(|| format!("cannot copy {name}"))
    })
}

/// Visits what is below a folder and no folder itself, with its path from there.
fn visit(
    folder: &Path,
    name: &str,
    leaves_out: &[&str],
    found: &mut dyn FnMut(&Path, &str) -> Result<()>,
) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let own = entry.file_name().to_string_lossy().into_owned();
        if leaves_out.contains(&own.as_str()) {
            continue;
        }
        let name = if name.is_empty() { own } else { format!("{name}/{own}") };
        match entry.file_type()?.is_dir() {
            true => visit(&entry.path(), &name, leaves_out, found)?,
            false => found(&entry.path(), &name)?,
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<()> {
    Ok(fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?)
}

#[cfg(unix)]
fn is_executable(meta: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o100 != 0
}

#[cfg(unix)]
fn link(target: &str, path: &Path) -> Result<()> {
    Ok(std::os::unix::fs::symlink(target, path)?)
}

/// Elsewhere a file stays what it was, and so does the other side's.
#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}

#[cfg(not(unix))]
fn link(target: &str, path: &Path) -> Result<()> {
    Ok(fs::write(path, target)?)
}
