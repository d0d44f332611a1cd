//! Bundles of whole histories: what goes in comes out, and nothing else is ever accepted.

use trellis_core::link::bundle::{BundleWriter, Signatures, decode_bundle};
use trellis_core::log::row::StoredOp;
use trellis_tests::dice::seeds;
use trellis_tests::history::{Dials, History, Signing};
use trellis_tests::sealed::{SealedOp, author, key};

fn stored(op: &SealedOp) -> StoredOp {
    StoredOp { header: op.header.clone(), body: op.body.clone(), signature: op.signature }
}

/// The ops, with a signature wherever the next op does not continue the chain.
fn covered(ops: &[SealedOp]) -> Vec<SealedOp> {
    let names = ["ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ivy", "jon", "kim", "lea"];
    let mut covered = ops.to_vec();
    for (at, op) in covered.iter_mut().enumerate() {
        let goes_on = ops.get(at + 1).is_some_and(|next| next.header().prev == Some(op.id));
        if !goes_on && op.signature.is_none() {
            let of_author = |name: &&&str| author(&key(name)) == op.header().author;
            *op = op.clone().signed(&key(names.iter().find(of_author).unwrap()));
        }
    }
    covered
}

fn bundle(ops: &[SealedOp], signatures: Signatures) -> Vec<u8> {
    let mut writer = BundleWriter::new(signatures);
    let mut bytes = Vec::new();
    for op in ops {
        writer.push(stored(op)).unwrap();
        bytes.append(&mut writer.take());
    }
    bytes.append(&mut writer.finish().unwrap());
    bytes
}

#[test]
fn a_history_comes_back_whole() {
    for seed in seeds(40) {
        let dials = Dials { signing: Signing::TransactionEnds, ..Dials::any(seed, 500) };
        let history = History::generate(seed, &dials);
        let history = History { ops: covered(&history.ops), ..history };
        let bytes = bundle(&history.ops, Signatures::All);
        let mut came = decode_bundle(&bytes).unwrap();
        let mut sent: Vec<StoredOp> = history.ops.iter().map(stored).collect();
        came.sort_by(|a, b| a.header.cmp(&b.header));
        sent.sort_by(|a, b| a.header.cmp(&b.header));
        assert_eq!(came, sent, "seed {seed}");
        let fewest = bundle(&history.ops, Signatures::Fewest);
        let mass: usize =
            history.ops.iter().map(|op| op.body.as_ref().map_or(0, Vec::len) + op.header().key.len()).sum();
        println!(
            "{} ops: {} {} B/op",
            history.ops.len(),
            (bytes.len() - mass) / history.ops.len(),
            (fewest.len() - mass) / history.ops.len()
        );
    }
}
