//! P5: what a batch of ops takes on the wire beyond what its writer wrote.

use std::collections::HashSet;

use anyhow::Result;
use trellis_core::link::ops::{OnLink, encode_ops_on_link};
use trellis_core::op::draft::SealedOp;
use trellis_core::op::header::Header;
use trellis_core::op::id::OpId;

use crate::Setting;
use crate::report::Report;
use crate::story::{Spread, Story};

const OPS: usize = 1_000;
/// The history below the batch, whose entities a batch may rewrite.
const SHARED: usize = 20_000;
const GOAL: f64 = 30.0;

/// What batches consist of: by how many authors, to what, in words.
const BATCHES: &[(usize, Spread, &str)] = &[
    (1, Spread::New, "first writes"),
    (1, Spread::Known, "rewrites"),
    (8, Spread::New, "8 authors, first writes"),
    (8, Spread::Known, "8 authors, rewrites"),
];

pub(crate) fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let shared = SHARED.min(setting.ops_max);
    for (authors, spread, what) in BATCHES {
        let run = OPS / authors;
        let story = Story::spread(*authors, [shared, OPS], run, *spread);
        let ops: Vec<&SealedOp> = story.tail.iter().flat_map(|run| &run.ops).collect();
        let known: HashSet<OpId> = story.shared.iter().flat_map(|run| &run.ops).map(|op| op.id).collect();
        let frame = frame_of(&ops, &known)?;
        let written = written(&ops)?;
        report.note(format_args!(
            "  fed: {OPS} ops, {what}, in {} runs with a signature each; frame {} B, bodies {} B, keys {} B",
            story.tail.len(),
            frame.len(),
            written[0],
            written[1],
        ));
        let beyond = (frame.len() - written[0] - written[1]) as f64 / OPS as f64;
        let name = format!("bytes per op beyond body and key, {what}");
        report.figures(&name, [beyond, GOAL], "B", Some(1.0));
        against_loro(&story, &frame, what, report)?;
    }
    Ok(())
}

/// The frame for a peer that has said that it has all of `known`.
fn frame_of(ops: &[&SealedOp], known: &HashSet<OpId>) -> Result<Vec<u8>> {
    let verified = ops.iter().map(|op| op.unverified().verify()).collect::<Result<Vec<_>, _>>()?;
    let on_link = OnLink { batch: 1, more: false, sent: 0 };
    Ok(encode_ops_on_link(on_link, &verified, &|id| known.contains(id))?)
}

/// The bytes of all bodies, and those of all keys.
fn written(ops: &[&SealedOp]) -> Result<[usize; 2]> {
    let bodies = ops.iter().filter_map(|op| op.body.as_ref()).map(Vec::len).sum();
    let keys = ops.iter().map(|op| Ok(Header::decode(&op.header)?.key.len())).sum::<Result<usize>>()?;
    Ok([bodies, keys])
}

#[cfg(feature = "peers")]
fn against_loro(story: &Story, frame: &[u8], what: &str, report: &mut Report) -> Result<()> {
    /// The share of loro's bytes that a compressed batch may have.
    const GOAL_OF_LORO: f64 = 0.8;
    /// That of native/src/link/zstd.rs.
    const ZSTD_LEVEL: i32 = 1;
    let loro = crate::peers::story::loro_export(story)?;
    let per_op = |bytes: usize| bytes as f64 / OPS as f64;
    let name = format!("bytes per op, signed, {what} / loro {} updates", crate::peers::version("loro"));
    report.figures(&name, [per_op(frame.len()), per_op(loro.len())], "B", None);
    let zipped = zstd::bulk::compress(frame, ZSTD_LEVEL)?;
    let zipped_loro = zstd::bulk::compress(&loro, ZSTD_LEVEL)?;
    report
        .note(format_args!("  loro's export by zstd at level {ZSTD_LEVEL}: {:.1} B per op", per_op(zipped_loro.len())));
    let name = format!("... packed by zstd, as links send it, {what} / loro updates");
    report.figures(&name, [per_op(zipped.len()), per_op(loro.len())], "B", Some(GOAL_OF_LORO));
    Ok(())
}

#[cfg(not(feature = "peers"))]
fn against_loro(_: &Story, _: &[u8], _: &str, report: &mut Report) -> Result<()> {
    report.note("  built without peers");
    Ok(())
}
