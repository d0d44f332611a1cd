//! Bugs that are planted on purpose, to see that the tests find them: `cargo xtask planted`.
//!
//! A plant is one `planted!(Name)` at the place of the rule that it breaks. It is `false`, and nothing of this file is
//! compiled, unless the whole build has `--cfg planted`; then it is true in a process that has the name in
//! `TRELLIS_PLANTED`. Only there may the core know std.

#[cfg(not(planted))]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

#[cfg(planted)]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::is(stringify!($bug))
    };
}

#[cfg(planted)]
extern crate std;

/// The bug of this process.
#[cfg(planted)]
static PLANTED: std::sync::LazyLock<Option<std::string::String>> =
    std::sync::LazyLock::new(|| std::env::var("TRELLIS_PLANTED").ok());

/// Whether this process has the bug.
#[cfg(planted)]
pub(crate) fn is(bug: &str) -> bool {
    PLANTED.as_deref() == Some(bug)
}
