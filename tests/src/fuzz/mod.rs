//! Fuzz targets: every decoder and what stands behind it on a link, and what must hold of it for any bytes at all.
//!
//! A target takes bytes, panics where a promise is broken, and says whether the bytes were accepted. The same functions
//! run over seeded mutations in an ordinary test, and under a coverage-guided fuzzer by `cargo xtask fuzz`.

mod config;
mod frames;
mod handshake;
mod messages;
mod mutate;
mod row;
mod script;
mod session;
mod texts;

pub use mutate::mutate;

use std::fs;
use std::io;
use std::path::Path;

use trellis_core::op::hex;

/// What a decoder made of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It took them.
    Accepted,
    /// It did not.
    Refused,
}

/// One decoder, or a machine that takes what was decoded, under test.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called on the command line.
    pub name: &'static str,
    /// Decodes, and panics where something does not hold that must.
    pub check: fn(&[u8]) -> Verdict,
    /// Bytes to start from, good and bad, from the vectors.
    pub corpus: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "header", check: frames::header, corpus: frames::headers },
    Target { name: "json", check: texts::json, corpus: texts::jsons },
    Target { name: "patch", check: texts::patch, corpus: texts::patches },
    Target { name: "ops_frame", check: frames::ops_frame, corpus: frames::ops_frames },
    Target { name: "message", check: messages::frame, corpus: messages::frames },
    Target { name: "message_json", check: messages::text, corpus: messages::texts },
    Target { name: "bundle", check: frames::bundle, corpus: frames::bundles },
    Target { name: "fork_proof", check: frames::fork_proof, corpus: frames::fork_proofs },
    Target { name: "row", check: row::row, corpus: row::rows },
    Target { name: "config", check: config::config, corpus: config::configs },
    Target { name: "handshake", check: handshake::check, corpus: handshake::scripts },
    Target { name: "session", check: session::check, corpus: session::scripts },
    Target { name: "session_batch", check: session::batch, corpus: session::batches },
];

impl Target {
    /// The target of this name.
    pub fn named(name: &str) -> Option<&'static Target> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Writes the corpus into a folder, a file for each entry, named by its hash.
    ///
    /// # Errors
    /// What the system reports.
    pub fn write_corpus(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        for entry in (self.corpus)() {
            fs::write(folder.join(hex::encode(&blake3::hash(&entry).as_bytes()[..16])), entry)?;
        }
        Ok(())
    }
}

/// Bytes must be what they were read from.
fn assert_same(what: &str, written: &[u8], read: &[u8]) {
    assert!(written == read, "{what}: read {}, written {}", hex::encode(read), hex::encode(written));
}
