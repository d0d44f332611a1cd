//! Several processes on one repo.

use std::collections::BTreeSet;
use std::thread;

use serde_json::Value;

use crate::shell::Shell;

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
