//! What it takes to become equal, for histories of every kind: one-way messages and bytes, ours beside other engines'
//! own sync protocols.
//!
//! Every op is a write of its own: a transaction here, a change there. Bytes of a handshake are counted apart, since the
//! others have none.

use anyhow::{Result, ensure};
use trellis_core::input::Command;
use trellis_core::log::row::StoredOp;
use trellis_core::machine::KeyUse;
use trellis_core::time::Millis;
use trellis_tests::host::MemoryHost;

use crate::Setting;
use crate::corpus::{BEFORE, NOW, RUN_OPS};
use crate::pair::{Pair, write};
use crate::report::Report;
use crate::story::Story;

const OPS: usize = 100_000;
/// Ops of the history that share a millisecond.
const OPS_PER_MS: u64 = 4;

/// How two replicas came apart.
#[derive(Clone, Copy)]
pub(crate) enum Apart {
    /// Each wrote so many ops on top of what both have.
    Wrote([usize; 2]),
    /// One has half of the history, and wrote so many ops when that was all.
    Late(usize),
    /// One device's key wrote so many ops on each side.
    Forked(usize),
}

struct Case {
    name: &'static str,
    authors: usize,
    apart: Apart,
}

const CASES: &[Case] = &[
    Case { name: "equal", authors: 20, apart: Apart::Wrote([0, 0]) },
    Case { name: "1 ahead", authors: 20, apart: Apart::Wrote([1, 0]) },
    Case { name: "10 + 10 apart", authors: 20, apart: Apart::Wrote([10, 10]) },
    Case { name: "100 + 100 apart", authors: 20, apart: Apart::Wrote([100, 100]) },
    Case { name: "10,000 + 10,000 apart", authors: 20, apart: Apart::Wrote([10_000, 10_000]) },
    Case { name: "1 author, equal", authors: 1, apart: Apart::Wrote([0, 0]) },
    Case { name: "1 author, 100 + 100 apart", authors: 1, apart: Apart::Wrote([100, 100]) },
    Case { name: "1,000 authors, equal", authors: 1_000, apart: Apart::Wrote([0, 0]) },
    Case { name: "1,000 authors, 100 + 100 apart", authors: 1_000, apart: Apart::Wrote([100, 100]) },
    Case { name: "late joiner, 100 old ops", authors: 20, apart: Apart::Late(100) },
    Case { name: "forked chain, 100 + 100", authors: 20, apart: Apart::Forked(100) },
];

/// What became of two replicas, and what it took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cost {
    /// One-way messages, without a handshake.
    pub(crate) flights: usize,
    /// Bytes that are no ops.
    pub(crate) talk: usize,
    /// Bytes of ops.
    pub(crate) ops: usize,
    /// Why they are not equal afterwards, or what else it took.
    pub(crate) remark: Option<String>,
}

/// An engine that syncs.
pub(crate) trait Syncing {
    /// Its name, and how it meets the other.
    fn name(&self) -> String;

    /// Makes two replicas equal that came apart.
    ///
    /// # Errors
    /// What keeps the engine from being asked at all.
    fn sync(&mut self, apart: Apart) -> Result<Cost>;
}

/// The costs of one history.
type Row = (&'static str, Vec<Cost>);

pub(crate) fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let ops = OPS.min(setting.ops_max);
    let (mut rows, mut names): (Vec<Row>, Vec<String>) = (Vec::new(), Vec::new());
    for cases in CASES.chunk_by(|one, other| one.authors == other.authors) {
        let story = Story::new(cases[0].authors, [ops, 0], RUN_OPS.min(ops / cases[0].authors));
        let mut engines = engines(&story)?;
        names = engines.iter().map(|engine| engine.name()).collect();
        for case in cases {
            let costs = engines.iter_mut().map(|engine| engine.sync(case.apart)).collect::<Result<Vec<_>>>()?;
            lines(case.name, &names, &costs, report);
            rows.push((case.name, costs));
        }
    }
    table(&names, &rows, report);
    Ok(())
}

fn engines(story: &Story) -> Result<Vec<Box<dyn Syncing>>> {
    let again = Ours::new(story)?;
    let first = Ours { meeting: Meeting::First, ..again.clone() };
    let ours: Vec<Box<dyn Syncing>> = vec![Box::new(first), Box::new(again)];
    #[cfg(feature = "peers")]
    let ours = ours.into_iter().chain(crate::peers::sync::all(story)?).collect();
    Ok(ours)
}

/// One line for each way in which we meet and each peer that meets in the same way.
fn lines(case: &str, names: &[String], costs: &[Cost], report: &mut Report) {
    let bytes = |cost: &Cost| (cost.talk + cost.ops) as f64;
    for (name, cost) in names.iter().zip(costs).skip(2) {
        let ours = &costs[usize::from(name.ends_with("again"))];
        report.figures(&format!("{case}: bytes / {name}"), [bytes(ours), bytes(cost)], "B", None);
    }
}

fn table(names: &[String], rows: &[Row], report: &Report) {
    let cell = |cost: &Cost| match &cost.remark {
        None => format!("{} msg, {} + {} B", cost.flights, cost.talk, cost.ops),
        Some(remark) => format!("{} msg, {} + {} B, {remark}", cost.flights, cost.talk, cost.ops),
    };
    report.note(format_args!("\nOne-way messages, bytes of discovery + bytes of ops; handshakes are not counted\n"));
    report.note(format_args!("| history | {} |", names.join(" | ")));
    report.note(format_args!("|---|{}", "---|".repeat(names.len())));
    for (name, costs) in rows {
        report.note(format_args!("| {name} | {} |", costs.iter().map(cell).collect::<Vec<_>>().join(" | ")));
    }
    report.note("");
}

/// Whether two replicas know each other from an earlier link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meeting {
    First,
    Again,
}

#[derive(Clone)]
struct Ours {
    meeting: Meeting,
    /// A replica of the whole history.
    whole: MemoryHost,
    /// One of its first half, at its time.
    half: MemoryHost,
}

impl Ours {
    fn new(story: &Story) -> Result<Ours> {
        let all = story.stored_shared();
        let half = all.len() / 2;
        let then = Millis(BEFORE.0 + half as u64 / OPS_PER_MS + 2);
        let half = imported(1_002, all[..half].to_vec(), then)?;
        Ok(Ours { meeting: Meeting::Again, whole: imported(1_001, all, NOW)?, half })
    }

    /// The two before they came apart: both hosts, and where they write under one key, both under it.
    fn together(&self, apart: Apart) -> Pair {
        let other = match apart {
            Apart::Wrote(_) => MemoryHost::open(1_002, self.whole.rows.clone(), NOW, KeyUse::Own),
            Apart::Forked(_) => self.whole.clone(),
            Apart::Late(_) => self.half.clone(),
        };
        let first = match apart {
            Apart::Late(_) => MemoryHost::open(1_001, self.half.rows.clone(), self.half.now, KeyUse::Own),
            _ => self.whole.clone(),
        };
        Pair { sides: [first, other], links: 0 }
    }

    fn part(&self, pair: &mut Pair, apart: Apart) -> Result<()> {
        let [first, other] = &mut pair.sides;
        let counts = match apart {
            Apart::Wrote(counts) => counts,
            Apart::Forked(count) => [count, count],
            Apart::Late(count) => [0, count],
        };
        for (host, (count, tag)) in [&mut *first, other].into_iter().zip(counts.into_iter().zip(["one", "other"])) {
            (0..count).try_for_each(|number| write(host, 1, &format!("{tag}-{number}")))?;
        }
        if let Apart::Late(_) = apart {
            other.now = NOW;
            first.now = NOW;
            let Ok(trellis_core::output::Answer::Ops(all)) =
                self.whole.clone().run(Command::Export { known: Vec::new() })
            else {
                anyhow::bail!("a whole history can be read");
            };
            first.run(Command::Import(all))?;
        }
        Ok(())
    }
}

fn imported(key: u64, ops: Vec<StoredOp>, now: Millis) -> Result<MemoryHost> {
    let mut host = MemoryHost::open(key, Vec::new(), now, KeyUse::Own);
    host.run(Command::Import(ops))?;
    Ok(host)
}

impl Syncing for Ours {
    fn name(&self) -> String {
        match self.meeting {
            Meeting::First => "ours, first contact".into(),
            Meeting::Again => "ours, again".into(),
        }
    }

    fn sync(&mut self, apart: Apart) -> Result<Cost> {
        let mut pair = self.together(apart);
        if self.meeting == Meeting::Again && !matches!(apart, Apart::Forked(_)) {
            pair.connect();
            pair.run();
            pair.disconnect();
        }
        self.part(&mut pair, apart)?;
        pair.connect();
        let (traffic, waited) = pair.run_until_equal();
        ensure!(pair.is_equal(), "the two have the same afterwards");
        let Some(ops) = traffic.bytes.checked_sub(traffic.talk_bytes + traffic.handshake_bytes) else {
            anyhow::bail!("all bytes are of one kind");
        };
        let remark = (!waited.is_zero()).then(|| format!("after {:.0} s of pauses", waited.as_secs_f64()));
        Ok(Cost { flights: traffic.flights, talk: traffic.talk_bytes, ops, remark })
    }
}
