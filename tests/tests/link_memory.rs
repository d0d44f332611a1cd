//! What peers remember of each other from one process to the next: little is said where little has happened, and a memory
//! that is wrong costs a round and nothing else.

use trellis_core::input::Remembered;
use trellis_core::link::message::StateHash;
use trellis_tests::host::MemoryHost;
use trellis_tests::pair::{Carried, connect, cut, sync};

/// The frames of the handshake, and all that two say who have the same and know it.
const EQUAL_BYTES_MAX: usize = 700;

/// Two that have one repo with ops of many authors.
fn equals() -> [MemoryHost; 2] {
    let mut hosts = [MemoryHost::new(1), MemoryHost::new(2)];
    let [first, second] = &mut hosts;
    first.create();
    for number in 10..60 {
        let mut author = MemoryHost::new(number);
        first.send_to(&mut author);
        author.put("notes", &number.to_string(), 1.into());
        author.send_to(first);
    }
    first.send_to(second);
    hosts
}

fn meet(hosts: &mut [MemoryHost; 2]) -> Carried {
    connect(hosts, [&[], &[]]);
    let carried = sync(hosts);
    cut(hosts);
    *hosts = hosts.each_ref().map(MemoryHost::reopened);
    hosts.iter_mut().for_each(|host| host.events.clear());
    carried
}

#[test]
fn a_new_process_goes_on_where_the_last_link_ended() {
    let mut hosts = equals();
    let first = meet(&mut hosts);
    let again = meet(&mut hosts);
    assert!(first.bytes > 2 * EQUAL_BYTES_MAX, "{first:?}");
    assert!(again.bytes < EQUAL_BYTES_MAX, "{again:?}");
    hosts[1].put("notes", "new", 1.into());
    let one_more = meet(&mut hosts);
    assert!(one_more.bytes < 2 * EQUAL_BYTES_MAX, "{one_more:?}");
    assert_eq!(meet(&mut hosts), again);
}

#[test]
fn one_side_that_forgot_costs_a_first_contact() {
    for who in [0, 1] {
        let mut hosts = equals();
        meet(&mut hosts);
        hosts[who].remembered.clear();
        hosts[0].put("notes", "new", 1.into());
        meet(&mut hosts);
        assert!(meet(&mut hosts).bytes < EQUAL_BYTES_MAX);
    }
}

#[test]
fn a_memory_that_is_wrong_is_not_believed() {
    let mut hosts = equals();
    meet(&mut hosts);
    for remembered in hosts[0].remembered.values_mut() {
        *remembered = Remembered { state: StateHash([7; 32]), ..*remembered };
    }
    for remembered in hosts[1].remembered.values_mut() {
        remembered.ops = u64::MAX;
    }
    hosts[0].put("notes", "new", 1.into());
    hosts[1].put("notes", "other", 1.into());
    meet(&mut hosts);
    assert!(meet(&mut hosts).bytes < EQUAL_BYTES_MAX);
}

#[test]
fn a_side_that_was_set_back_gets_what_it_lost() {
    let mut hosts = equals();
    meet(&mut hosts);
    let rows = hosts[1].rows.clone();
    hosts[0].put("notes", "new", 1.into());
    meet(&mut hosts);
    hosts[1].rows = rows;
    hosts[1] = hosts[1].reopened();
    meet(&mut hosts);
    assert!(meet(&mut hosts).bytes < EQUAL_BYTES_MAX);
}
