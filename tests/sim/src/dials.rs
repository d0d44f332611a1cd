//! Dials: what a world is like. A seed chooses them, and a failure prints them.

use trellis_tests::dice::Dice;

/// What a world is like. Chances are in percent, times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dials {
    /// How many replicas.
    pub replicas: usize,
    /// How many moves the chaos has.
    pub moves: usize,
    /// How long a move takes at most.
    pub pace_ms: u64,
    /// That a replica has the repo from the start, and does not hear of it only from others.
    pub early: u32,
    /// How many entities are written to.
    pub entities: usize,
    /// That an edit writes hundreds of kilobytes.
    pub heavy: u32,
    /// How many branches beside `_repo`.
    pub branches: usize,
    /// How many of these are linear, the last ones; `main` never is.
    pub linear: usize,
    /// Whether a replica serialises the linear branches.
    pub is_serialised: bool,
    /// That a write declares how a collection merges.
    pub schemas: u32,
    /// That a message is lost.
    pub loss: u32,
    /// That a frame of a link overtakes others.
    pub disorder: u32,
    /// That a move connects two replicas, or cuts one off.
    pub wiring: u32,
    /// That a move lets a wire carry nothing in one direction, or carry frames again.
    pub one_way: u32,
    /// That a move connects and cuts off a replica several times.
    pub flapping: u32,
    /// That a replica can pack frames.
    pub packing: u32,
    /// That a connection is for some branches.
    pub narrow: u32,
    /// That a move is a hostile peer's.
    pub hostile: u32,
    /// That a message comes twice.
    pub doubling: u32,
    /// That a batch of ops is cut into parts, of which each may be lost.
    pub cutting: u32,
    /// That a move is a crash and restart.
    pub crash: u32,
    /// That a sync of a disk fails.
    pub disk_failure: u32,
    /// That a move restores a disk from a backup.
    pub restore: u32,
    /// How far clocks are off at first, either way.
    pub skew_ms: u64,
    /// That a move makes a clock jump.
    pub jump: u32,
    /// How far it jumps at most, either way.
    pub jump_ms: u64,
    /// That a write is about members.
    pub members: u32,
    /// That a move is a liar's.
    pub liar: u32,
}

impl Dials {
    /// Whether there is a world with such dials.
    pub fn is_world(&self) -> bool {
        self.replicas >= 2 && self.moves > 0
    }

    /// The dials of a seed.
    pub fn of(seed: u64) -> Dials {
        let mut dice = Dice::new(seed ^ 0x0073_696d);
        let is_heavy = dice.below(40) == 0;
        let wiring = *dice.pick(&[0, 5, 5, 20]);
        let branches = 1 + dice.below(3);
        let is_crowd = !is_heavy && dice.chance(10);
        Dials {
            replicas: if is_crowd { 9 + dice.below(4) } else { 2 + dice.below(if is_heavy { 2 } else { 7 }) },
            heavy: if is_heavy { 40 } else { 0 },
            moves: *dice.pick(&[150, 300, 600]),
            pace_ms: *dice.pick(&[50, 500, 3_000]),
            early: *dice.pick(&[0, 60, 100]),
            entities: 1 + dice.below(5),
            branches,
            linear: if dice.chance(40) { dice.below(branches) } else { 0 },
            is_serialised: dice.chance(30),
            schemas: *dice.pick(&[0, 0, 3, 10]),
            loss: *dice.pick(&[0, 10, 40]),
            disorder: *dice.pick(&[0, 0, 10, 50]),
            wiring,
            one_way: if wiring > 0 { *dice.pick(&[0, 0, 2]) } else { 0 },
            flapping: if wiring > 0 { *dice.pick(&[0, 0, 2]) } else { 0 },
            packing: *dice.pick(&[0, 60, 100]),
            narrow: *dice.pick(&[0, 0, 40]),
            hostile: *dice.pick(&[0, 0, 5]),
            doubling: *dice.pick(&[0, 10, 30]),
            cutting: *dice.pick(&[0, 20, 60]),
            crash: *dice.pick(&[0, 1, 4]),
            disk_failure: *dice.pick(&[0, 0, 5]),
            restore: *dice.pick(&[0, 0, 1]),
            skew_ms: *dice.pick(&[0, 2_000, 120_000]),
            jump: *dice.pick(&[0, 1, 3]),
            jump_ms: *dice.pick(&[5_000, 200_000, 900_000]),
            members: *dice.pick(&[0, 0, 4]),
            liar: *dice.pick(&[0, 3, 8]),
        }
    }
}
