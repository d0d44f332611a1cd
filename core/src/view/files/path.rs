//! Paths that a file of a repo may have, and which of them a kind of system can hold.
//!
//! A path comes from whoever wrote an op, so it is judged as an attack: [`FilePath::new`] is the only way to one, and
//! what it lets through stays below the folder on every system and is no file of `trellis` or git. What only some
//! systems cannot hold stays in the repo and is refused there, by [`FilePath::is_held_by`].

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A path's bytes.
pub const PATH_BYTES_MAX: usize = 4096;
/// A component's bytes: what the usual file systems hold.
pub const COMPONENT_BYTES_MAX: usize = 255;

/// Names that no component may have, with the short name that Windows gives them, without its digit.
const RESERVED: [(&str, &str); 2] = [(".git", "git~"), (".trellis", "trelli~")];

/// What a name that is taken for one of these begins with, unless with what some system passes over.
const FIRST_OF_RESERVED: &[u8] = b".gGtT";

/// The bytes of a short name, without its extension.
const SHORT_NAME_BYTES_MAX: usize = 8;

/// Names of devices on Windows; `COM` and `LPT` only with a digit.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
const PORTS: [&str; 2] = ["com", "lpt"];

/// A path below the folder: components with `/` between them, mostly UTF-8. Ordered as bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePath(Vec<u8>);

/// Why bytes are no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No bytes, or more than [`PATH_BYTES_MAX`].
    #[error("a path has 1 to {PATH_BYTES_MAX} bytes")]
    Length,
    /// A component of no bytes, as in absolute paths, or of more than [`COMPONENT_BYTES_MAX`].
    #[error("a component of a path has 1 to {COMPONENT_BYTES_MAX} bytes")]
    ComponentLength,
    /// `.` or `..`.
    #[error("a path leads neither to its own folder nor out of it")]
    Dots,
    /// A zero byte.
    #[error("a path has no zero bytes")]
    Zero,
    /// A component that some system takes for `.git` or `.trellis`.
    #[error("the folders .git and .trellis are not files of a repo")]
    Reserved,
}

/// A kind of system, by what names its disks hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Any bytes.
    Unix,
    /// Any Unicode.
    Mac,
    /// Unicode without devices, streams, wildcards and dots or spaces at the end.
    Windows,
}

impl FilePath {
    /// The path of these bytes.
    ///
    /// # Errors
    /// [`PathError`] for what would be dangerous on any system.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<FilePath, PathError> {
        let bytes = bytes.into();
        if bytes.is_empty() || bytes.len() > PATH_BYTES_MAX {
            return Err(PathError::Length);
        }
        bytes.split(is_slash).try_for_each(check_component)?;
        Ok(FilePath(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path as text, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.0).ok()
    }

    /// The path as text; what is not UTF-8 is replaced.
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The components, outermost first.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(is_slash)
    }

    /// The folder that it lies in; none for one directly in the root.
    pub fn parent(&self) -> Option<FilePath> {
        let slash = self.0.iter().rposition(is_slash)?;
        Some(FilePath(self.0[..slash].to_vec()))
    }

    /// The folders above it, innermost first.
    pub fn ancestors(&self) -> impl Iterator<Item = FilePath> {
        core::iter::successors(self.parent(), FilePath::parent)
    }

    /// Whether this is `folder`, or lies below it.
    pub fn is_below(&self, folder: &FilePath) -> bool {
        self.0.strip_prefix(folder.0.as_slice()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }

    /// The path whose last component has `mark` before its extension, cut so that it stays within
    /// [`COMPONENT_BYTES_MAX`]. `mark` has at most 64 bytes.
    pub(super) fn marked(&self, mark: &str) -> FilePath {
        let name_at = self.0.iter().rposition(is_slash).map_or(0, |slash| slash + 1);
        let (folder, name) = self.0.split_at(name_at);
        let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0 && name.len() - dot <= 64);
        let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
        let room = COMPONENT_BYTES_MAX - mark.len() - extension.len();
        FilePath([folder, cut(stem, room), mark.as_bytes(), extension].concat())
    }

    /// Whether a disk of `system` can hold a file of this name.
    pub fn is_held_by(&self, system: System) -> bool {
        match system {
            System::Unix => true,
            System::Mac => self.as_str().is_some(),
            System::Windows => self.as_str().is_some() && self.components().all(is_windows_name),
        }
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

fn is_slash(byte: &u8) -> bool {
    *byte == b'/'
}

fn check_component(component: &[u8]) -> Result<(), PathError> {
    match component {
        b"" => Err(PathError::ComponentLength),
        b"." | b".." => Err(PathError::Dots),
        _ if component.len() > COMPONENT_BYTES_MAX => Err(PathError::ComponentLength),
        _ if component.contains(&0) => Err(PathError::Zero),
        _ if component.split(|byte| *byte == b'\\').any(is_reserved) => Err(PathError::Reserved),
        _ if component.split(|byte| *byte == b'\\').any(|part| part == b"..") => Err(PathError::Dots),
        _ => Ok(()),
    }
}

/// Whether some system takes a name for a reserved one: in any case, with code points that Apple's file systems ignore,
/// with dots, spaces or a stream that Windows drops, or by the short name that Windows gives it.
fn is_reserved(name: &[u8]) -> bool {
    // Nearly all names are told by their first byte: what is passed over is not ASCII.
    if name.first().is_none_or(|first| first.is_ascii() && !FIRST_OF_RESERVED.contains(first)) {
        return false;
    }
    let text: String = String::from_utf8_lossy(name).chars().filter(|c| !is_ignored(*c)).collect();
    let plain = text.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']).to_ascii_lowercase();
    RESERVED.iter().any(|(name, short)| {
        let digits = plain.strip_prefix(short).filter(|_| plain.len() <= SHORT_NAME_BYTES_MAX).unwrap_or_default();
        plain == *name || (!digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
    })
}

/// Code points that HFS+ passes over when it compares names.
fn is_ignored(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

fn is_windows_name(name: &[u8]) -> bool {
    let is_forbidden = |byte: &u8| *byte < 0x20 || b"<>:\"|?*\\".contains(byte);
    !name.iter().any(is_forbidden) && !name.ends_with(b".") && !name.ends_with(b" ") && !is_device(name)
}

/// Devices keep their names with any extension behind them.
fn is_device(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_lowercase();
    let stem = name.split('.').next().unwrap_or_default().trim_end_matches(' ');
    let is_port = PORTS.iter().filter_map(|port| stem.strip_prefix(port)).any(|digit| {
        let mut digits = digit.chars();
        matches!((digits.next(), digits.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    });
    is_port || DEVICES.contains(&stem)
}

/// At most `room` bytes from the start of a name, no character halved.
fn cut(name: &[u8], room: usize) -> &[u8] {
    let mut len = name.len().min(room);
    while len > 0 && name.get(len).is_some_and(|byte| byte & 0xc0 == 0x80) {
        len -= 1;
    }
    &name[..len]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_and_odd_names_are_paths() {
        for path in [
            "a",
            "a/b.txt",
            ".gitignore",
            ".github/x",
            "...",
            "a b",
            "con",
            "a\\b",
            "git~x",
            "git~12345678",
            "~",
            "é\n",
            ".gitt",
        ] {
            assert!(FilePath::new(path).is_ok(), "{path:?}");
        }
        assert!(FilePath::new(b"\xff/\x80".to_vec()).is_ok());
        assert!(FilePath::new("x".repeat(COMPONENT_BYTES_MAX)).is_ok());
    }

    #[test]
    fn what_leads_out_of_the_folder_is_none() {
        let long = "x".repeat(COMPONENT_BYTES_MAX + 1);
        for (path, error) in [
            ("", PathError::Length),
            (&"x/".repeat(2049), PathError::Length),
            ("/etc/passwd", PathError::ComponentLength),
            ("a//b", PathError::ComponentLength),
            ("a/", PathError::ComponentLength),
            (&long, PathError::ComponentLength),
            ("..", PathError::Dots),
            ("a/../b", PathError::Dots),
            ("./a", PathError::Dots),
            ("a\\..\\b", PathError::Dots),
            ("a\0b", PathError::Zero),
        ] {
            assert_eq!(FilePath::new(path), Err(error), "{path:?}");
        }
    }

    #[test]
    fn reserved_folders_are_found_in_every_disguise() {
        for path in [
            ".git",
            ".GIT/config",
            "a/.Git",
            ".git.",
            ".git ",
            ".git . .",
            ".git::$INDEX_ALLOCATION",
            "git~1",
            "GIT~2/x",
            ".g\u{200c}it",
            "\u{feff}.git",
            "x\\.git\\y",
            ".trellis",
            ".TRELLIS/store.db",
            ".trellis...",
            "TRELLI~1",
        ] {
            assert_eq!(FilePath::new(path), Err(PathError::Reserved), "{path:?}");
        }
    }

    #[test]
    fn systems_hold_different_names() {
        let holds = |path: &[u8], system| FilePath::new(path).expect("a path").is_held_by(system);
        for path in
            ["nul", "NUL.txt", "aux .c", "com1", "LPT².x", "a:b", "a\\b", "what?", "end.", "end ", "a/con/b", "a\tb"]
        {
            assert!(!holds(path.as_bytes(), System::Windows), "{path:?}");
            assert!(holds(path.as_bytes(), System::Mac) && holds(path.as_bytes(), System::Unix), "{path:?}");
        }
        for path in ["null", "com", "com10", "console", "a.b", "lptx"] {
            assert!(holds(path.as_bytes(), System::Windows), "{path:?}");
        }
        assert!(holds(b"\xff", System::Unix) && !holds(b"\xff", System::Mac) && !holds(b"\xff", System::Windows));
    }

    #[test]
    fn a_mark_stands_before_the_extension() {
        let marked = |path: &str| FilePath::new(path).expect("a path").marked("~1").to_text().into_owned();
        assert_eq!(marked("a/b.c.txt"), "a/b.c~1.txt");
        assert_eq!(marked("Makefile"), "Makefile~1");
        assert_eq!(marked("a.d/.profile"), "a.d/.profile~1");
        let long = marked(&alloc::format!("{}.txt", "é".repeat(125)));
        assert!(long.len() <= COMPONENT_BYTES_MAX && long.ends_with("é~1.txt"), "{long}");
    }

    #[test]
    fn folders_are_compared_by_component() {
        let path = |text: &str| FilePath::new(text).expect("a path");
        assert!(path("a/b").is_below(&path("a")) && path("a").is_below(&path("a")) && !path("ab").is_below(&path("a")));
        assert_eq!(path("a/b/c").ancestors().collect::<Vec<_>>(), [path("a/b"), path("a")]);
    }
}
