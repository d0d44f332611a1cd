//! Rows with real ops in them, and child processes that are this test again.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use trellis_core::log::row::{Origin, Place, Record, Row, RowBuilder};
use trellis_core::op::header::{BodyRef, Header, Ids};
use trellis_core::op::id::{Author, ContentHash, OpId, RepoId};
use trellis_core::op::kind::{Format, Kind};
use trellis_core::op::sign::{Signature, Unverified};
use trellis_core::time::Hlc;
use trellis_sync::store::Store;

/// One op's bytes.
pub(crate) struct TestOp {
    pub(crate) header: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) signature: Option<Signature>,
}

impl TestOp {
    /// The `number`th op of a chain that nobody signed.
    pub(crate) fn new(number: u32, body: &[u8]) -> TestOp {
        let header = Header {
            repo: Some(RepoId([7; 32])),
            branch: "main",
            author: Author([9; 32]),
            seq: number,
            prev: (number > 1).then_some(OpId([3; 32])),
            hlc: Hlc(u64::from(number) << 16),
            parents: Ids::NONE,
            collection: "notes",
            key: &format!("note-{number}"),
            base: Ids::NONE,
            kind: Kind::Put,
            body: Some(BodyRef { format: Format::Json, hash: ContentHash::of(body), len: body.len() as u32 }),
            schema: None,
            actor: None,
            extra: Vec::new(),
        };
        TestOp { header: header.encode().unwrap(), body: body.to_vec(), signature: None }
    }

    pub(crate) fn signed(mut self) -> TestOp {
        self.signature = Some([5; 64]);
        self
    }

    pub(crate) fn id(&self) -> OpId {
        OpId::of_header(&self.header)
    }

    /// Adds the op to a row; with its body, or without.
    pub(crate) fn push(&self, row: &mut RowBuilder, body: Option<&[u8]>) -> Place {
        let op = Unverified { header: &self.header, body, signature: self.signature.as_ref() };
        row.push_op(&op.rehash().unwrap())
    }
}

/// A row of `ops` ops, the numbers of which follow from the row's.
pub(crate) fn row(seq: u32, ops: u32) -> Row {
    row_with_places(seq, ops).0
}

pub(crate) fn row_with_places(seq: u32, ops: u32) -> (Row, Vec<(Place, TestOp)>) {
    let mut builder = RowBuilder::new(seq, if seq % 2 == 1 { Origin::Local } else { Origin::Remote });
    let places = (0..ops)
        .map(|index| {
            let op = TestOp::new(seq * 10_000 + index, format!("\"body {seq} {index}\"").as_bytes());
            let op = if index + 1 == ops { op.signed() } else { op };
            (op.push(&mut builder, Some(&op.body)), op)
        })
        .collect();
    (builder.finish(), places)
}

/// Writes rows in one transaction.
pub(crate) fn append(store: &mut Store, rows: &[Row]) {
    let mut transaction = store.begin(std::time::Duration::ZERO).unwrap();
    for row in rows {
        transaction.append(row).unwrap();
    }
    transaction.commit().unwrap();
}

/// The sequences of the rows that read and rehash well, and of those that do not.
pub(crate) fn rows_of(store: &Store) -> (Vec<u32>, Vec<u32>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    store
        .rows_after(0, |row| {
            match row.records(|_: Record<'_>| {}) {
                Ok(()) => good.push(row.seq),
                Err(corrupt) => bad.push(corrupt.row),
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    (good, bad)
}

const CHILD: &str = "TRELLIS_TEST_CHILD";

/// The folder that this process was given, if it is the child of a test.
pub(crate) fn child_folder() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// Runs the test of this name in a process of its own, in which [`child_folder`] is `folder`.
pub(crate) fn spawn(test: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until the child has printed a line that ends in this.
pub(crate) fn await_line(child: &mut Child, line: &str) {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|read| read.unwrap().ends_with(line)), "the child ended before it said {line}");
}

/// Runs the test of this name in a process that may write nothing of ours; returns what it prints. Root may write
/// everything, so under root it runs as nobody, from a copy that nobody may run.
#[cfg(unix)]
pub(crate) fn run_without_rights(test: &str, program: &Path, folder: &Path) -> String {
    use std::os::unix::fs::MetadataExt;
    let copy = program.join("test");
    if !copy.exists() {
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    }
    let mut command = match std::fs::metadata(&copy).unwrap().uid() {
        0 => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy);
            command
        }
        _ => Command::new(&copy),
    };
    let output = command.args(["--exact", test, "--nocapture"]).env(CHILD, folder).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}
