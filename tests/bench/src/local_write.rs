//! P4: one field is set, and the call returns when it is on the disk.

use std::time::Duration;

use anyhow::{Result, ensure};
use ed25519_dalek::{Signer, SigningKey};
use trellis_sync::Value;

use crate::Setting;
use crate::bare::Appended;
use crate::ingest::{new_repo, runtime};
use crate::measure::{Pairs, timed};
use crate::report::{Report, US};

const ROUNDS: usize = 400;
/// About what one op takes on disk.
const OP_BYTES: usize = 512;

pub(crate) fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir_in(&setting.dir)?;
    let runtime = runtime()?;
    let (repo, _) = new_repo(&runtime, &dir.path().join("repo"))?;
    report.note(format_args!("  fed: {ROUNDS} times Repo::set of one field, one op and one commit each"));
    let mut bare = Bare { file: Appended::create(&dir.path().join("file"))?, key: SigningKey::from_bytes(&[9; 32]) };
    let mut at = 0_i32;
    let ours = || {
        at += 1;
        let place = format!("notes/{}/title", at % 50);
        let (time, receipt) = timed(|| runtime.block_on(repo.set(&place, Value::from(at.to_string().as_str()))));
        ensure!(receipt?.ops().len() == 1, "a set that wrote no op");
        Ok(time)
    };
    let pairs = Pairs::take(ROUNDS, ours, || bare.write())?;
    report.pairs("Repo::set, acked / fdatasync + sign + verify", &pairs, US, Some(1.5));
    Ok(runtime.block_on(repo.close())?)
}

/// What no durable, signed write can do without.
struct Bare {
    file: Appended,
    key: SigningKey,
}

impl Bare {
    fn write(&mut self) -> Result<Duration> {
        let piece = [1; OP_BYTES];
        let (time, done) = timed(|| -> Result<()> {
            let signature = self.key.sign(&piece[..45]);
            self.key.verifying_key().verify_strict(&piece[..45], &signature)?;
            self.file.write(&piece)
        });
        done?;
        Ok(time)
    }
}
