//! Paired measurements, and what is quoted of them.

use std::time::{Duration, Instant};

use anyhow::Result;
use cpu_time::ProcessTime;

/// Seconds of both sides of each round, in the order of the rounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pairs(Vec<[f64; 2]>);

impl Pairs {
    /// Runs `ours` and `other` in turn, `rounds` times; each says how long its measured part took.
    pub(crate) fn take(
        rounds: usize,
        mut ours: impl FnMut() -> Result<Duration>,
        mut other: impl FnMut() -> Result<Duration>,
    ) -> Result<Pairs> {
        let mut pairs = Pairs::default();
        for _ in 0..rounds {
            pairs.push(ours()?, other()?);
        }
        Ok(pairs)
    }

    pub(crate) fn push(&mut self, ours: Duration, other: Duration) {
        self.0.push([ours.as_secs_f64(), other.as_secs_f64()]);
    }

    /// Our median, in seconds.
    pub(crate) fn ours(&self) -> f64 {
        median(self.0.iter().map(|[ours, _]| *ours))
    }

    /// The other's median, in seconds.
    pub(crate) fn other(&self) -> f64 {
        median(self.0.iter().map(|[_, other]| *other))
    }

    /// The median of the rounds' ratios.
    pub(crate) fn ratio(&self) -> f64 {
        median(self.ratios())
    }

    /// The quartiles of the rounds' ratios: half of the rounds lie between them.
    pub(crate) fn spread(&self) -> (f64, f64) {
        (quantile(self.ratios(), 0.25), quantile(self.ratios(), 0.75))
    }

    fn ratios(&self) -> impl Iterator<Item = f64> + '_ {
        self.0.iter().map(|[ours, other]| ours / other)
    }
}

/// How long `work` takes by the clock on the wall, and what it makes. What is made is dropped by the caller, outside of the measured time.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let made = work();
    (start.elapsed(), made)
}

/// How much processor time `work` takes on all threads of this process, and what it makes. It says the same on a busy
/// machine, so it is what work without a disk is measured by.
pub(crate) fn worked<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = ProcessTime::now();
    let made = work();
    (start.elapsed(), made)
}

/// The middle one of some figures; not a number if there are none.
pub(crate) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    quantile(figures, 0.5)
}

fn quantile(figures: impl Iterator<Item = f64>, part: f64) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    let at = (figures.len().saturating_sub(1)) as f64 * part;
    figures.get(at.round() as usize).copied().unwrap_or(f64::NAN)
}

/// The exponent of the power law that fits points of (n, cost) best: the slope of their line in log-log.
pub(crate) fn slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(n, cost)| (n.ln(), cost.ln())).collect();
    let count = logs.len() as f64;
    let (x_mean, y_mean) =
        (logs.iter().map(|(x, _)| x).sum::<f64>() / count, logs.iter().map(|(_, y)| y).sum::<f64>() / count);
    let covariance: f64 = logs.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
    let variance: f64 = logs.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
    covariance / variance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_the_median_of_the_rounds() {
        let mut pairs = Pairs::default();
        for (ours, other) in [(1, 1), (4, 2), (90, 3)] {
            pairs.push(Duration::from_secs(ours), Duration::from_secs(other));
        }
        assert_eq!((pairs.ours(), pairs.other(), pairs.ratio()), (4.0, 2.0, 2.0));
    }

    #[test]
    fn the_slope_of_a_square_is_two() {
        let points = [(10.0, 300.0), (100.0, 30_000.0), (1000.0, 3_000_000.0)];
        assert!((slope(&points) - 2.0).abs() < 1e-9);
    }
}
