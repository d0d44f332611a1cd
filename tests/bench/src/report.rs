//! What a run says: notes while it works, then one table, or one list of JSON.

use anyhow::Result;
use serde_json::json;

use crate::measure::Pairs;

/// One line: our cost, the other's, and their ratio, of which less is better.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: &'static str,
    pub(crate) name: String,
    pub(crate) ours: f64,
    pub(crate) other: f64,
    pub(crate) unit: &'static str,
    pub(crate) ratio: f64,
    /// Half of the rounds had a ratio between these.
    pub(crate) spread: Option<(f64, f64)>,
    /// What the ratio should be at most; none where a peer only stands beside us.
    pub(crate) goal: Option<f64>,
}

impl Line {
    fn is_met(&self) -> Option<bool> {
        self.goal.map(|goal| self.ratio <= goal)
    }
}

/// Milliseconds and microseconds, by what a second is in them.
pub(crate) const MS: (&str, f64) = ("ms", 1e3);
pub(crate) const US: (&str, f64) = ("us", 1e6);

/// Everything that a run has to say.
pub(crate) struct Report {
    is_json: bool,
    id: &'static str,
    lines: Vec<Line>,
}

impl Report {
    pub(crate) fn new(is_json: bool) -> Report {
        Report { is_json, id: "", lines: Vec::new() }
    }

    /// The lines that follow belong to this benchmark.
    pub(crate) fn begin(&mut self, id: &'static str, about: &str) {
        self.id = id;
        self.note(format_args!("{id}: {about}"));
    }

    /// Says what was fed, which versions ran, and what else is worth knowing. Out of the way of JSON.
    pub(crate) fn note(&self, text: impl std::fmt::Display) {
        eprintln!("{text}");
    }

    /// A line of paired times.
    pub(crate) fn pairs(&mut self, name: &str, pairs: &Pairs, (unit, scale): (&'static str, f64), goal: Option<f64>) {
        self.line(Line {
            id: self.id,
            name: name.into(),
            ours: pairs.ours() * scale,
            other: pairs.other() * scale,
            unit,
            ratio: pairs.ratio(),
            spread: Some(pairs.spread()),
            goal,
        });
    }

    /// A line of two plain figures.
    pub(crate) fn figures(&mut self, name: &str, [ours, other]: [f64; 2], unit: &'static str, goal: Option<f64>) {
        let (id, name, ratio) = (self.id, name.into(), ours / other);
        self.line(Line { id, name, ours, other, unit, ratio, spread: None, goal });
    }

    fn line(&mut self, line: Line) {
        self.note(format_args!("  {}", row(&line)));
        self.lines.push(line);
    }

    /// Prints the table or the JSON.
    pub(crate) fn print(&self) -> Result<()> {
        if self.is_json {
            println!("{}", serde_json::to_string_pretty(&self.lines.iter().map(document).collect::<Vec<_>>())?);
            return Ok(());
        }
        println!("\nLess is better everywhere; `ratio` is ours / other, with the middle half of the rounds behind it.");
        println!(
            "P3, P4 and P13 are times by the wall; all others are processor time, which a busy machine changes less.\n"
        );
        println!("{}", HEAD);
        self.lines.iter().for_each(|line| println!("{}", row(line)));
        Ok(())
    }
}

const HEAD: &str = "id   what                                                     ours      other unit   ratio  (half of rounds)  goal    met";

fn row(line: &Line) -> String {
    let spread = line.spread.map_or_else(String::new, |(low, high)| format!("({low:.2}..{high:.2})"));
    let goal = line.goal.map_or_else(String::new, |goal| format!("<= {goal:.2}"));
    let met = match line.is_met() {
        None => "",
        Some(true) => "yes",
        Some(false) => "NO",
    };
    format!(
        "{:<4} {:<52} {:>8} {:>10} {:<5} {:>6.2}  {spread:<16}  {goal:<7} {met}",
        line.id,
        line.name,
        figure(line.ours),
        figure(line.other),
        line.unit,
        line.ratio,
    )
}

/// Three digits that say something.
fn figure(value: f64) -> String {
    let decimals = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        3
    };
    format!("{value:.decimals$}")
}

fn document(line: &Line) -> serde_json::Value {
    json!({
        "id": line.id,
        "name": line.name,
        "ours": line.ours,
        "other": line.other,
        "unit": line.unit,
        "ratio": line.ratio,
        "goal": line.goal,
        "met": line.is_met(),
    })
}
