//! Several processes on one repo, and processes that are killed.

use std::collections::BTreeSet;
use std::thread;

use serde_json::Value;

use crate::shell::{Shell, finish, spawn};

fn expect_no_fork(shell: &Shell, ops: u64) {
    let status = shell.json(&["-C", "a", "sync", "status"]);
    assert_eq!((status["ops"].as_u64(), status["forks"].as_array().map(Vec::len)), (Some(ops), Some(0)), "{status}");
    shell.ok(&["-C", "a", "verify"]);
}

#[test]
fn four_processes_lose_nothing_and_fork_nothing() {
    const WRITES: usize = 100;
    let shell = Shell::with_repo();
    thread::scope(|scope| {
        for writer in 0..4 {
            let shell = &shell;
            scope.spawn(move || {
                for n in 0..WRITES {
                    shell.ok(&["-C", "a", "set", &format!("notes/{writer}-{n}/title"), "x"]);
                }
            });
        }
    });
    expect_no_fork(&shell, 1 + 4 * WRITES as u64);
    let log = shell.json(&["-C", "a", "log"]);
    let places: BTreeSet<(u64, &str)> = log["ops"].as_array().unwrap().iter().map(place_in_chain).collect();
    assert_eq!(places.len(), 1 + 4 * WRITES, "every place of the chain is taken once");
}

fn place_in_chain(op: &Value) -> (u64, &str) {
    (op["seq"].as_u64().unwrap(), op["branch"].as_str().unwrap())
}

/// How far a child comes before it is killed: so many times the scheduler is asked to let others run.
fn turns(seed: u64) -> u64 {
    seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 54
}

#[test]
fn a_killed_process_loses_nothing_that_it_reported() {
    let shell = Shell::with_repo();
    let mut reported = Vec::new();
    for cycle in 0..40 {
        let place = format!("notes/{cycle}/title");
        let mut child = spawn(&mut shell.command(&["-C", "a", "set", &place, "x"]));
        for _ in 0..turns(cycle) * 8 {
            thread::yield_now();
        }
        let _ = child.kill();
        if finish(child).code == 0 {
            reported.push(place);
        }
    }
    println!("{} of 40 were done before they were killed", reported.len());
    for place in reported {
        assert_eq!(shell.ok(&["-C", "a", "get", &place]), "x\n");
    }
    let ops = shell.json(&["-C", "a", "sync", "status"])["ops"].as_u64().unwrap();
    shell.ok(&["-C", "a", "set", "notes/last/title", "x"]);
    expect_no_fork(&shell, ops + 1);
}
