//! Peers with chains that forked: one key was used on both sides, and each has what the other lacks.

use trellis_core::input::Command;
use trellis_core::output::Answer;
use trellis_tests::host::MemoryHost;
use trellis_tests::pair::{carry, connect, is_in_sync, sync};

/// Two copies of one device that both wrote so many ops since they were one.
fn forked(since: usize) -> [MemoryHost; 2] {
    let mut first = MemoryHost::new(1);
    first.create();
    for number in 0..10 {
        first.put("notes", &format!("before-{number}"), 1.into());
    }
    let mut hosts = [first.clone(), first];
    for (host, name) in hosts.iter_mut().zip(["a", "b"]) {
        for number in 0..since {
            host.put("notes", &format!("{name}-{number}"), 1.into());
        }
    }
    hosts
}

fn ops(host: &mut MemoryHost) -> usize {
    match host.run(Command::Status) {
        Ok(Answer::Status(status)) => status.ops,
        other => panic!("{other:?}"),
    }
}

/// The point of the fork is looked for 1, 2, 4, ... places back: some exchanges, and no pause among them.
#[test]
fn a_fork_far_back_is_found_in_a_few_exchanges() {
    for since in [1, 2, 3, 10, 100, 700] {
        let mut hosts = forked(since);
        connect(&mut hosts, [&[], &[]]);
        let carried = carry(&mut hosts);
        assert!(hosts.iter().all(is_in_sync), "{since} ops behind the fork: {carried:?}");
        assert_eq!(hosts.each_mut().map(ops), [11 + 2 * since; 2]);
        let exchanges = since.ilog2() as usize + 3;
        assert!(carried.frames <= 8 + 6 * exchanges, "{since} ops behind the fork: {carried:?}");
    }
}

#[test]
fn a_third_replica_that_has_both_lines_gives_them_on() {
    let mut hosts = forked(60);
    connect(&mut hosts, [&[], &[]]);
    sync(&mut hosts);
    let [first, _] = hosts;
    let mut hosts = [first, MemoryHost::new(2)];
    connect(&mut hosts, [&[], &[]]);
    carry(&mut hosts);
    assert_eq!(hosts.each_mut().map(ops), [11 + 120; 2]);
}
