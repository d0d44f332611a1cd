//! The simulator: several replicas and a few liars, from one seed.
//!
//! A world has real machines. Everything around them is simulated: disks that lose what was not synced and fail writes,
//! clocks that are wrong and jump, and an exchange that loses, doubles, delays, reorders and cuts what it carries. A run
//! has three phases: chaos, in which invariants hold after every step; healing, after which all replicas are equal; and
//! an afterlife, in which new writes work. The same seed gives the same run.

pub mod check;
pub mod dials;
pub mod disk;
pub mod hostile;
pub mod ledger;
pub mod liar;
pub mod linking;
pub mod many;
pub mod network;
pub mod replica;
pub mod rules;
pub mod shrink;
pub mod wires;
pub mod world;

use dials::Dials;
use world::World;

/// What is wrong with a world, for people.
pub type Violation = String;

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The hash of everything that happened.
    pub trace: [u8; 32],
    /// How many inputs the machines took.
    pub steps: usize,
    /// What all replicas had in the end.
    pub reached: Reached,
}

/// How far a world got: what every replica shows in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Ops.
    pub ops: usize,
    /// Open conflicts, of all branches.
    pub conflicts: usize,
    /// Collections that declare how they merge.
    pub declared: usize,
    /// Linear branches with more than one line.
    pub diverged: usize,
    /// Ops that share their place in a chain with another one.
    pub forked: usize,
}

impl std::ops::AddAssign for Reached {
    fn add_assign(&mut self, other: Reached) {
        self.ops += other.ops;
        self.conflicts += other.conflicts;
        self.declared += other.declared;
        self.diverged += other.diverged;
        self.forked += other.forked;
    }
}

/// Runs the world of a seed.
///
/// # Errors
/// The first invariant that did not hold.
pub fn run(seed: u64) -> Result<Outcome, Violation> {
    run_with(seed, Dials::of(seed))
}

/// Runs the world of a seed with dials that may be others than the seed's own.
///
/// # Errors
/// The first invariant that did not hold.
pub fn run_with(seed: u64, dials: Dials) -> Result<Outcome, Violation> {
    let mut world = World::new(seed, dials);
    world.chaos()?;
    world.heal()?;
    world.afterlife()?;
    Ok(world.outcome())
}
