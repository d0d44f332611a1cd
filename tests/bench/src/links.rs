//! P6 and P7: what two replicas say to each other to become equal, in messages and bytes, beside the bounds of the goals.

use std::time::Duration;

use anyhow::{Result, ensure};
use ed25519_dalek::{Signer, SigningKey};

use crate::Setting;
use crate::measure::{median, worked};
use crate::pair::{shared, write};
use crate::report::{Report, US};

const OPS: usize = 100_000;
/// Strict verifies that are timed, to have something to compare with.
const VERIFIES: usize = 50;
/// Rounds of one op each.
const ROUNDS: usize = 31;

pub(crate) fn run_discovery(setting: &Setting, report: &mut Report) -> Result<()> {
    let ops = OPS.min(setting.ops_max);
    let mut pair = shared(20, ops)?;
    report.note(format_args!("  fed: {ops} shared ops, 20 authors, in frames of CBOR, both sides in memory"));
    pair.connect();
    let equal = pair.run();
    report.figures(
        "equal, first contact: bytes beside the handshake",
        [equal.talk_bytes as f64, 128.0],
        "B",
        Some(1.0),
    );
    pair.disconnect();
    pair.connect();
    let again = pair.run();
    report.figures("equal, connected again: bytes", [again.talk_bytes as f64, 128.0], "B", Some(1.0));
    pair.disconnect();
    for (host, tag) in pair.sides.iter_mut().zip(["one", "other"]) {
        write(host, 100, tag)?;
    }
    pair.connect();
    let apart = pair.run();
    ensure!(pair.is_equal(), "the two have the same afterwards");
    report.figures("100 + 100 apart, connected again: bytes", [apart.talk_bytes as f64, 1000.0], "B", Some(1.0));
    report.figures("... one-way messages, the acks included", [apart.flights as f64, 3.0], "", None);
    Ok(())
}

pub(crate) fn run_one_op(setting: &Setting, report: &mut Report) -> Result<()> {
    let ops = OPS.min(setting.ops_max);
    let mut pair = shared(20, ops)?;
    pair.connect();
    pair.run();
    let (mut costs, mut bytes) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        write(&mut pair.sides[0], 1, &format!("round-{round}"))?;
        let (cost, traffic) = worked(|| pair.run());
        costs.push(cost.as_secs_f64());
        bytes.push(traffic.bytes as f64);
    }
    ensure!(pair.is_equal(), "the two have the same afterwards");
    report.figures("1 new op on an open link: bytes, both ways", [median(bytes.into_iter()), 600.0], "B", Some(1.0));
    pair.disconnect();
    write(&mut pair.sides[0], 1, "last")?;
    pair.connect();
    let all = pair.run();
    report.figures("1 new op, with connecting: bytes, both ways", [all.bytes as f64, 1500.0], "B", Some(1.0));
    let verify = verify_cost();
    let ours = median(costs.into_iter()) * US.1;
    report.figures(
        "1 new op on an open link: CPU of both sides, and 10 strict verifies",
        [ours, verify * 10.0 * US.1],
        US.0,
        Some(1.0),
    );
    Ok(())
}

/// What a strict verify costs, in seconds.
fn verify_cost() -> f64 {
    let key = SigningKey::from_bytes(&[9; 32]);
    let signature = key.sign(b"message");
    let (cost, ()) = worked(|| {
        for _ in 0..VERIFIES {
            let _ = std::hint::black_box(key.verifying_key().verify_strict(b"message", &signature));
        }
    });
    Duration::as_secs_f64(&cost) / VERIFIES as f64
}
