//! P9: what an op costs must not grow with the history, whatever shape that has.
//!
//! Each shape is fed at growing sizes, and beside it a map is filled with the same ids. The slopes of both in log-log
//! are compared: a map's own slope is above one, since larger ones leave the caches.

use std::time::Duration;

use anyhow::{Result, ensure};
use trellis_core::log::row::StoredOp;
use trellis_core::op::draft::SealedOp;
use trellis_core::op::id::OpId;
use trellis_core::reconcile::reconcile;

use crate::corpus::{Book, Pen, RUN_OPS, key_of, stored, unverified};
use crate::measure::{median, slope, worked};
use crate::memory_host::Host;
use crate::plot::{self, Curve};
use crate::report::Report;
use crate::{Setting, bare};

const SIZES: [usize; 5] = [10_000, 31_623, 100_000, 316_228, 1_000_000];
/// Runs at each size: more where a run is short.
const OPS_PER_SIZE: usize = 600_000;
const RUNS_MAX: usize = 9;
/// How much steeper than a map a cost may be.
const STEEPER_MAX: f64 = 0.1;
/// Late ops at each size.
const LATE_OPS: usize = 64;

/// A shape of history, and how it is fed.
struct Shape {
    name: &'static str,
    make: fn(usize) -> Vec<SealedOp>,
    cost: fn(&[SealedOp]) -> Result<Duration>,
}

const SHAPES: &[Shape] = &[
    Shape { name: "chain, imported", make: chain, cost: import_in_frames },
    Shape { name: "comb, imported", make: comb, cost: import_in_frames },
    Shape { name: "star, imported", make: star, cost: import_in_frames },
    Shape { name: "diamonds, imported", make: diamonds, cost: import_in_frames },
    Shape { name: "chain in reverse, imported at once", make: chain, cost: import_reversed },
    Shape { name: "chain on one entity, imported", make: hot, cost: import_in_frames },
    Shape { name: "chain, reconciled", make: chain, cost: reconcile_halves },
    Shape { name: "chain in reverse, reconciled", make: chain, cost: reconcile_reversed },
    Shape { name: "diamonds, reconciled", make: diamonds, cost: reconcile_halves },
    Shape { name: "star on one entity, reconciled", make: hot_star, cost: reconcile_halves },
];

pub(crate) fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let sizes: Vec<usize> = SIZES.into_iter().filter(|size| *size <= setting.ops_max).collect();
    ensure!(sizes.len() > 1, "--ops is too small: a slope needs two sizes");
    report.note(format_args!("  fed: each shape at {sizes:?} ops; the map is filled with the same ids"));
    let mut curves = Vec::new();
    for shape in SHAPES {
        let (ours, map) = shape.costs(&sizes)?;
        report_slopes(shape.name, &ours, &map, report);
        curves.push(Curve { name: shape.name.into(), points: ours });
        if curves.len() == 1 {
            curves.insert(0, Curve { name: "filling a map".into(), points: map });
        }
    }
    curves.push(late(&sizes, report)?);
    let path = setting.dir.join("cost-against-n.svg");
    std::fs::write(&path, plot::svg("Seconds against ops, log-log", &curves))?;
    report.note(plot::table(&curves));
    report.note(format_args!("  plot: {}", path.display()));
    Ok(())
}

fn report_slopes(name: &str, ours: &[(f64, f64)], map: &[(f64, f64)], report: &mut Report) {
    let slopes = [slope(ours), slope(map)];
    let goal = (slopes[1] + STEEPER_MAX) / slopes[1];
    report.figures(&format!("slope: {name} / a map"), slopes, "", Some(goal));
}

type Points = Vec<(f64, f64)>;

impl Shape {
    /// Seconds of ours and of a map at each size, as points.
    fn costs(&self, sizes: &[usize]) -> Result<(Points, Points)> {
        let (mut ours, mut map) = (Points::new(), Points::new());
        for size in sizes {
            let ops = (self.make)(*size);
            let ids: Vec<OpId> = ops.iter().map(|op| op.id).collect();
            let (mut costs, mut fills) = (Vec::new(), Vec::new());
            for _ in 0..(OPS_PER_SIZE / size).clamp(1, RUNS_MAX) {
                costs.push((self.cost)(&ops)?.as_secs_f64());
                fills.push(worked(|| bare::fill(&ids)).0.as_secs_f64());
            }
            ours.push((*size as f64, median(costs.into_iter())));
            map.push((*size as f64, median(fills.into_iter())));
        }
        Ok((ours, map))
    }
}

/// One late op on growing histories: what it costs, and how many ops are read to show what it touched.
fn late(sizes: &[usize], report: &mut Report) -> Result<Curve> {
    let mut points = Points::new();
    for size in sizes {
        let mut ops = chain(*size);
        let genesis = ops[0].id;
        let (mut book, _) = Book::begin();
        let entities = size / 4;
        let late = (0..LATE_OPS as u64).map(|number| {
            let mut pen = Pen::new(1000 + number);
            let mut op = book.put(&mut pen, entities + number as usize, &[genesis]);
            pen.sign(&mut op);
            stored(&op)
        });
        let late: Vec<StoredOp> = late.collect();
        let mut host = fed(&mut ops)?;
        let mut costs = Vec::new();
        for op in late {
            let (time, imported) = host.import(vec![op])?;
            ensure!(imported.admitted.len() == 1, "a late op was not admitted: {imported:?}");
            costs.push(time.as_secs_f64());
        }
        let read = host.ops_read_for(key_of(entities))?;
        ensure!(read == 1, "a late op to an entity of its own made {read} ops be read");
        points.push((*size as f64, median(costs.into_iter())));
    }
    let growth = [points.last().map_or(f64::NAN, |last| last.1), points[0].1].map(|cost| cost * 1e6);
    report.figures("one late op, at the largest n / at the smallest", growth, "us", Some(1.5));
    Ok(Curve { name: "one late op".into(), points })
}

fn fed(ops: &mut Vec<SealedOp>) -> Result<Host> {
    let mut host = Host::new()?;
    for frame in std::mem::take(ops).chunks(RUN_OPS) {
        host.import(frame.iter().map(stored).collect())?;
    }
    Ok(host)
}

fn import_in_frames(ops: &[SealedOp]) -> Result<Duration> {
    let frames: Vec<Vec<StoredOp>> = ops.chunks(RUN_OPS).map(|frame| frame.iter().map(stored).collect()).collect();
    import_all(frames, ops.len())
}

fn import_reversed(ops: &[SealedOp]) -> Result<Duration> {
    import_all(vec![ops.iter().rev().map(stored).collect()], ops.len())
}

fn import_all(frames: Vec<Vec<StoredOp>>, ops: usize) -> Result<Duration> {
    let mut host = Host::new()?;
    let (mut total, mut admitted) = (Duration::ZERO, 0);
    for frame in frames {
        let (time, report) = host.import(frame)?;
        total += time;
        admitted += report.admitted.len();
    }
    ensure!(admitted == ops, "{admitted} of {ops} ops were admitted");
    Ok(total)
}

/// Both sides have the first four fifths; each has half of the rest.
fn reconcile_halves(ops: &[SealedOp]) -> Result<Duration> {
    let ops = unverified(ops);
    let shared = ops.len() / 5 * 4;
    let middle = shared + (ops.len() - shared) / 2;
    let remote: Vec<_> = ops[..shared].iter().chain(&ops[middle..]).copied().collect();
    Ok(worked(|| reconcile(&ops[..middle], &remote)).0)
}

fn reconcile_reversed(ops: &[SealedOp]) -> Result<Duration> {
    let mut ops = unverified(ops);
    ops.reverse();
    Ok(worked(|| reconcile(&ops[ops.len() / 5..], &ops)).0)
}

/// One author, each op on top of the one before it.
fn chain(ops: usize) -> Vec<SealedOp> {
    chain_on(ops, (ops / 4).max(1))
}

fn hot(ops: usize) -> Vec<SealedOp> {
    chain_on(ops, 1)
}

fn chain_on(ops: usize, entities: usize) -> Vec<SealedOp> {
    let mut growing = Growing::new(1, entities);
    while growing.ops.len() < ops {
        let parent = growing.last();
        growing.put(0, &[parent]);
    }
    growing.signed()
}

/// A backbone whose every op has a tooth by somebody else, which nobody builds on.
fn comb(ops: usize) -> Vec<SealedOp> {
    let mut growing = Growing::new(2, (ops / 4).max(1));
    let mut back = growing.last();
    while growing.ops.len() < ops {
        back = growing.put(0, &[back]);
        if growing.ops.len() < ops {
            growing.put(1, &[back]);
        }
    }
    growing.signed()
}

/// Many authors on top of the genesis alone, who never see one another.
fn star(ops: usize) -> Vec<SealedOp> {
    star_on(ops, (ops / 4).max(1))
}

fn hot_star(ops: usize) -> Vec<SealedOp> {
    star_on(ops, 1)
}

fn star_on(ops: usize, entities: usize) -> Vec<SealedOp> {
    const OPS_PER_AUTHOR: usize = 64;
    let mut growing = Growing::new(ops / OPS_PER_AUTHOR + 1, entities);
    let center = growing.last();
    while growing.ops.len() < ops {
        let author = (growing.ops.len() - 1) / OPS_PER_AUTHOR;
        growing.put(author, &[center]);
    }
    growing.signed()
}

/// Two write beside each other and a third joins them, over and over.
fn diamonds(ops: usize) -> Vec<SealedOp> {
    let mut growing = Growing::new(3, (ops / 4).max(1));
    let mut joint = growing.last();
    while growing.ops.len() < ops {
        let left = growing.put(0, &[joint]);
        if growing.ops.len() < ops {
            let right = growing.put(1, &[joint]);
            if growing.ops.len() < ops {
                joint = growing.put(2, &[left, right]);
            }
        }
    }
    growing.signed()
}

/// A history under construction, from its genesis on.
struct Growing {
    book: Book,
    pens: Vec<Pen>,
    entities: usize,
    ops: Vec<SealedOp>,
    /// By op: who wrote it; nobody for the genesis.
    writers: Vec<Option<usize>>,
}

impl Growing {
    fn new(authors: usize, entities: usize) -> Growing {
        let (book, genesis) = Book::begin();
        let pens = (0..authors as u64).map(Pen::new).collect();
        Growing { book, pens, entities, ops: vec![genesis], writers: vec![None] }
    }

    fn last(&self) -> OpId {
        self.ops[self.ops.len() - 1].id
    }

    fn put(&mut self, author: usize, parents: &[OpId]) -> OpId {
        let entity = self.book.roll(self.entities);
        self.ops.push(self.book.put(&mut self.pens[author], entity, parents));
        self.writers.push(Some(author));
        self.last()
    }

    /// Every author's last op of each frame is signed, so that each frame stands alone.
    fn signed(mut self) -> Vec<SealedOp> {
        for first in (0..self.ops.len()).step_by(RUN_OPS) {
            let mut is_signed = vec![false; self.pens.len()];
            for at in (first..self.ops.len().min(first + RUN_OPS)).rev() {
                if let Some(author) =
                    self.writers[at].filter(|author| !std::mem::replace(&mut is_signed[*author], true))
                {
                    self.pens[author].sign(&mut self.ops[at]);
                }
            }
        }
        self.ops
    }
}
