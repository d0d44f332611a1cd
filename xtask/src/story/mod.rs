//! The stories that the demo plays, as data: commands as a person would type them, and edits of files as a person would
//! make them.
//!
//! What a step does, a later one asks for, or the end does: so no step can be left out unnoticed.

mod files;
mod records;

/// One story. It has a folder of its own.
#[derive(Clone, Copy)]
pub(crate) struct Story {
    /// What it is about, and the name of its folder.
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [Step],
    /// What must be equal at the end, by the names under which it was kept.
    pub(crate) equal: &'static [[&'static str; 2]],
    /// Folders that must hold the same files with the same bytes at the end.
    pub(crate) equal_folders: &'static [[&'static str; 2]],
}

/// Every story.
pub(crate) const STORIES: &[Story] = &[records::STORY, files::STORY];

/// One step of a story.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// What happens, for the reader.
    pub(crate) says: &'static str,
    pub(crate) act: Act,
    pub(crate) exit: Exit,
    pub(crate) checks: &'static [Check],
    /// The name under which the output is kept, if it is.
    pub(crate) keeps: Option<&'static str>,
}

/// What is done.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    /// `trellis` with these arguments; one with a `*` in it stands for the one file that it fits, as in a shell.
    Trellis(&'static [&'static str]),
    /// Somebody works on files in this folder.
    Edit(&'static str, &'static [Edit]),
}

/// What somebody does to a file. Paths are meant from the folder that is worked on.
#[derive(Clone, Copy)]
pub(crate) enum Edit {
    /// This project's own source tree is put here.
    OwnSource,
    Write(&'static str, &'static [u8]),
    /// The line that begins so becomes this one.
    Line(&'static str, &'static str, &'static str),
    /// A line more at the end.
    Append(&'static str, &'static str),
    Remove(&'static str),
    Rename(&'static str, &'static str),
    Executable(&'static str),
    Link(&'static str, &'static str),
}

/// How a command must end.
#[derive(Clone, Copy)]
pub(crate) enum Exit {
    Done = 0,
    ConflictsOpen = 2,
}

/// What must hold of a command's stdout.
#[derive(Clone, Copy)]
pub(crate) enum Check {
    /// It shows this text.
    Shows(&'static str),
    /// Its indented lines are those of what was kept under this name.
    SameDetail(&'static str),
}

const fn step(says: &'static str, args: &'static [&'static str], exit: Exit, checks: &'static [Check]) -> Step {
    Step { says, act: Act::Trellis(args), exit, checks, keeps: None }
}

const fn edit(says: &'static str, folder: &'static str, edits: &'static [Edit]) -> Step {
    Step { says, act: Act::Edit(folder, edits), exit: Exit::Done, checks: &[], keeps: None }
}

impl Step {
    const fn keeps(self, name: &'static str) -> Self {
        Self { keeps: Some(name), ..self }
    }
}
