//! Sessions of a seed: they repeat, they reach what they are for, and a machine that differs is found.

use serde_json::{Value, json};
use trellis_core::op::id::Author;
use trellis_tests::dice::seeds;
use trellis_tests::plain_bytes::read;
use trellis_tests::plain_machine::{Here, NotTaken, PlainMachine};
use trellis_tests::session::{Flaw, Played, difference, play};

fn here() -> [Box<dyn PlainMachine>; 2] {
    [Box::new(Here::default()), Box::new(Here::default())]
}

/// A machine whose outputs are bent, of which it counts those that are of a type.
struct Bent {
    machine: Here,
    /// Which outputs are bent, and how many of them are left alone before one is.
    of_type: &'static str,
    left: usize,
    bend: fn(&mut Value),
}

impl Bent {
    fn bent(&mut self, mut outputs: Vec<Value>) -> Vec<Value> {
        for output in outputs.iter_mut().filter(|output| output["type"] == self.of_type) {
            if self.left == 0 {
                (self.bend)(output);
            }
            self.left = self.left.wrapping_sub(1);
        }
        outputs
    }
}

impl PlainMachine for Bent {
    fn open(&mut self, author: Author) -> Result<Vec<Value>, NotTaken> {
        let outputs = self.machine.open(author)?;
        Ok(self.bent(outputs))
    }

    fn step(&mut self, inputs: Vec<Value>, now: u64) -> Result<Vec<Value>, NotTaken> {
        let outputs = self.machine.step(inputs, now)?;
        Ok(self.bent(outputs))
    }
}

fn flip_bit(output: &mut Value) {
    if output["frame"].is_array() {
        let mut bytes = read(&output["frame"]);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        output["frame"] = json!(bytes);
    }
}

fn count_one_more(output: &mut Value) {
    if let Some(ops) = output["event"]["ops"].as_u64() {
        output["event"]["ops"] = json!(ops + 1);
    }
}

/// Plays a session in which one side is bent.
fn play_bent(seed: u64, of_type: &'static str, left: usize, bend: fn(&mut Value)) -> Result<Played, Flaw> {
    let bent = Bent { machine: Here::default(), of_type, left, bend };
    play(seed, [Box::new(Here::default()), Box::new(bent)])
}

#[test]
fn a_session_is_the_same_again_and_sessions_reach_what_they_are_for() {
    let (mut ops, mut conflicts, mut rows_read) = (0, 0, 0);
    for seed in seeds(30) {
        let [one, two] = [(); 2].map(|()| play(seed, here()).unwrap_or_else(|flaw| panic!("seed {seed}: {flaw}")));
        assert_eq!(difference(&one, &two), None, "seed {seed}");
        ops += one.ops;
        conflicts += one.conflicts;
        rows_read += one.outputs.iter().flatten().filter(|output| output["query"]["type"] == "rows").count();
    }
    if std::env::var_os("TRELLIS_SEED").is_none() {
        assert!(
            ops > 200 && conflicts > 10 && rows_read > 60,
            "{ops} ops, {conflicts} conflicts, {rows_read} openings"
        );
    }
}

/// Of a bit that is flipped on the way both sides make a link that ends, or anything else that was not so.
#[test]
fn a_frame_of_which_a_bit_is_flipped_is_found() {
    for seed in seeds(30) {
        let wanted = play(seed, here()).expect("a session");
        for left in [0, 1, 3] {
            let played = play_bent(seed, "send", left, flip_bit);
            let found = played.map_or_else(Some, |played| difference(&wanted, &played));
            let mut sent = wanted.outputs[1].iter().filter(|output| output["type"] == "send");
            let is_flipped = sent.nth(left).is_some_and(|output| output["frame"].is_array());
            assert_eq!(found.is_some(), is_flipped, "seed {seed}, frame {left}: {found:?}");
        }
    }
}

/// What harms nobody is found by comparing alone.
#[test]
fn a_number_that_is_told_wrong_is_found() {
    for seed in seeds(10) {
        let wanted = play(seed, here()).expect("a session");
        let admitted = |output: &&Value| output["event"]["type"] == "admitted";
        let emitted: Vec<&Value> = wanted.outputs[1].iter().filter(|output| output["type"] == "emit").collect();
        let left = emitted.iter().position(admitted).expect("every side takes ops in");
        let played = play_bent(seed, "emit", left, count_one_more).expect("nobody is harmed");
        let found = difference(&wanted, &played).expect("the number is wrong");
        assert!(found.starts_with("output"), "seed {seed}: {found}");
    }
}
