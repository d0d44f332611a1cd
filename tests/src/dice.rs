//! Chance that a seed repeats exactly, on every machine and with every version of our dependencies.

use std::env;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The seed of this run: `TRELLIS_SEED` if it is set, else the given one. Printed, so that a failure can be repeated.
///
/// `seed!()` is 1; `seed!(n)` is n.
#[macro_export]
macro_rules! seed {
    () => {
        $crate::seed!(1)
    };
    ($default:expr) => {
        $crate::dice::seed_or($default)
    };
}

/// What [`seed!`] expands to.
///
/// # Panics
/// If `TRELLIS_SEED` is set to something that is no number.
pub fn seed_or(default: u64) -> u64 {
    let seed = env::var("TRELLIS_SEED").map_or(default, |text| text.parse().expect("TRELLIS_SEED is a number"));
    println!("TRELLIS_SEED={seed}");
    seed
}

/// The seeds of a run: the one in `TRELLIS_SEED` alone, or 1 to `count`, or as many times more as [`more`] says.
///
/// # Panics
/// As [`more`].
pub fn seeds(count: u64) -> Vec<u64> {
    if env::var_os("TRELLIS_SEED").is_some() { vec![seed_or(0)] } else { (1..=count * more() as u64).collect() }
}

/// How many times more than usual is to be tried: what `TRELLIS_MORE` says, or 1.
///
/// # Panics
/// If `TRELLIS_MORE` is set to something that is no number.
pub fn more() -> usize {
    env::var("TRELLIS_MORE").map_or(1, |text| text.parse().expect("TRELLIS_MORE is a number"))
}

/// A source of chance.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The dice of a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from 0 to `bound - 1`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound.max(1) as u64) as usize
    }

    /// Whether something of this probability, in percent, comes true.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent as usize
    }

    /// One of `items`, which are not empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Puts `items` into any order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}
