//! Counting: how many checks and tests passed, how many failed.

use std::fmt;
use std::ops::AddAssign;

/// A count of checks and tests. Shown as the line that `cargo xtask test` ends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0 };
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1 };

    /// The counts of one line of a test runner's output, nothing for any other line.
    ///
    /// An ignored test counts as failed: a test that does not run proves nothing.
    pub(crate) fn of_line(line: &str) -> Self {
        let Some(result) = line.strip_prefix("test result: ") else {
            return Self::of_tap_line(line)
                .or(Self::of_pytest_line(line))
                .or(Self::of_sessions_line(line))
                .unwrap_or_default();
        };
        let count = |what: &str| count_before(result, what);
        Self { passed: count("passed"), failed: count("failed") + count("ignored") }
    }

    /// The same of a line by which Node's test runner ends, such as `# pass 12`.
    fn of_tap_line(line: &str) -> Option<Self> {
        let (what, number) = line.strip_prefix("# ")?.split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        match what {
            "pass" => Some(Self { passed: number, failed: 0 }),
            "fail" | "cancelled" | "skipped" | "todo" => Some(Self { passed: 0, failed: number }),
            _ => None,
        }
    }

    /// The same of the line by which sessions between runtimes end: `sessions: 510 passed; 0 failed`.
    fn of_sessions_line(line: &str) -> Option<Self> {
        let result = line.strip_prefix("sessions: ")?;
        Some(Self { passed: count_before(result, "passed"), failed: count_before(result, "failed") })
    }

    /// The same of the line by which pytest ends: `=== 1 failed, 2 passed in 0.12s ===`.
    fn of_pytest_line(line: &str) -> Option<Self> {
        let (counts, time) = line.trim_matches(['=', ' ']).split_once(" in ")?;
        time.split(' ').next()?.strip_suffix('s')?.parse::<f64>().ok()?;
        let mut tally = Self::default();
        for count in counts.split(", ") {
            let (number, what) = count.split_once(' ')?;
            let number: u64 = number.parse().ok()?;
            match what {
                "passed" => tally.passed += number,
                "failed" | "error" | "errors" | "skipped" | "xfailed" | "xpassed" => tally.failed += number,
                "deselected" | "warning" | "warnings" => {}
                _ => return None,
            }
        }
        Some(tally)
    }
}

/// The number that stands before the word `what`, in `ok. 3 passed; 0 failed; 0 ignored; ...`.
fn count_before(result: &str, what: &str) -> u64 {
    let words: Vec<&str> = result.split([' ', ';', '.']).collect();
    let place = words.iter().position(|word| *word == what);
    place.and_then(|place| words.get(place.checked_sub(1)?)?.parse().ok()).unwrap_or(0)
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.01s";
        assert_eq!(Tally::of_line(line), Tally { passed: 12, failed: 3 });
    }

    #[test]
    fn an_ignored_test_counts_as_failed() {
        let line = "test result: ok. 5 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(Tally::of_line(line), Tally { passed: 5, failed: 2 });
    }

    #[test]
    fn the_lines_of_a_node_run_are_counted() {
        let lines =
            ["# tests 9", "# pass 4", "# fail 1", "# cancelled 1", "# skipped 2", "# todo 1", "# duration_ms 5.5"];
        let mut sum = Tally::default();
        lines.iter().for_each(|line| sum += Tally::of_line(line));
        assert_eq!(sum, Tally { passed: 4, failed: 5 });
    }

    #[test]
    fn the_last_line_of_pytest_is_counted() {
        for (line, passed, failed) in [
            ("===== 638 passed in 14.02s =====", 638, 0),
            ("== 2 failed, 5 passed, 1 skipped, 3 deselected, 1 warning, 1 error in 78.27s (0:01:18) ==", 5, 4),
            ("1 passed in 0.10s", 1, 0),
        ] {
            assert_eq!(Tally::of_line(line), Tally { passed, failed }, "{line}");
        }
    }

    #[test]
    fn the_last_line_of_sessions_is_counted() {
        assert_eq!(Tally::of_line("sessions: 508 passed; 2 failed"), Tally { passed: 508, failed: 2 });
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in [
            "# pass",
            "# pass me",
            "pass 1",
            "1 passed in time",
            "1 apple, 2 passed in 3s",
            "collected 12 items in 0.1s",
            "",
            "test a ... ok",
            "running 3 passed",
            "error: 1 failed",
            " test result: ok. 1 passed",
        ] {
            assert_eq!(Tally::of_line(line), Tally::default(), "{line}");
        }
    }
}
