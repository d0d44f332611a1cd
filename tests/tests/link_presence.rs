//! Presence: it is heard by whoever listens, once, from whom it comes, and no more of it than anybody follows.

use ed25519_dalek::Signer;
use trellis_core::error::CommandError;
use trellis_core::input::Command;
use trellis_core::limits::{EPHEMERAL_BURST, EPHEMERAL_BYTES_MAX, EPHEMERAL_PER_SECOND};
use trellis_core::link::message::{Ephemeral, Message, RepoTag, TroubleCode};
use trellis_core::output::{Answer, Event, LinkEvent};
use trellis_core::time::Millis;
use trellis_tests::hand::{Hand, trouble};
use trellis_tests::host::{MemoryHost, test_key};
use trellis_tests::pair::{carry, connect, sync};

fn linked() -> [MemoryHost; 2] {
    let mut hosts = [MemoryHost::new(1), MemoryHost::new(2)];
    let [first, second] = &mut hosts;
    first.create();
    first.send_to(second);
    connect(&mut hosts, [&[], &[]]);
    sync(&mut hosts);
    hosts
}

fn announce(host: &mut MemoryHost, topic: &str, bytes: &[u8]) -> Result<Answer, CommandError> {
    host.run(Command::Announce { topic: topic.into(), bytes: bytes.to_vec() })
}

fn heard(host: &MemoryHost) -> Vec<(String, Vec<u8>)> {
    let presence = |event: &Event| match event {
        Event::Link(_, LinkEvent::Presence { topic, bytes }) => Some((topic.clone(), bytes.clone())),
        _ => None,
    };
    host.events.iter().filter_map(presence).collect()
}

#[test]
fn a_peer_hears_what_is_announced_and_keeps_nothing() {
    let mut hosts = linked();
    let rows = hosts[1].rows.len();
    announce(&mut hosts[0], "cursor", b"12").unwrap();
    announce(&mut hosts[0], "", &[0; EPHEMERAL_BYTES_MAX]).unwrap();
    assert_eq!(carry(&mut hosts).frames, 2, "nothing is answered");
    assert_eq!(heard(&hosts[1]), [("cursor".into(), b"12".to_vec()), (String::new(), vec![0; EPHEMERAL_BYTES_MAX])]);
    assert_eq!((heard(&hosts[0]).len(), hosts[1].rows.len()), (0, rows));
}

#[test]
fn what_no_message_holds_is_refused() {
    let mut hosts = linked();
    assert_eq!(announce(&mut hosts[0], "a\nb", b"").unwrap_err().code(), "invalid_argument");
    assert_eq!(announce(&mut hosts[0], &"t".repeat(256), b"").unwrap_err().code(), "invalid_argument");
    let long = announce(&mut hosts[0], "t", &[0; EPHEMERAL_BYTES_MAX + 1]);
    assert_eq!(long.unwrap_err().code(), "payload_too_large");
    assert_eq!(carry(&mut hosts).frames, 0);
}

#[test]
fn of_a_flood_what_nobody_follows_is_lost_and_the_link_stays() {
    let mut hosts = linked();
    for number in 0..2 * EPHEMERAL_BURST {
        announce(&mut hosts[0], "t", &number.to_be_bytes()).unwrap();
    }
    carry(&mut hosts);
    assert_eq!(heard(&hosts[1]).len() as u64, EPHEMERAL_BURST);
    let now = Millis(hosts[1].now.0 + 1000);
    hosts[1].wait_until(now);
    for number in 0..2 * EPHEMERAL_PER_SECOND {
        announce(&mut hosts[0], "t", &number.to_be_bytes()).unwrap();
    }
    carry(&mut hosts);
    assert_eq!(heard(&hosts[1]).len() as u64, EPHEMERAL_BURST + EPHEMERAL_PER_SECOND);
}

#[test]
fn presence_that_another_link_signed_ends_this_one() {
    let mut host = MemoryHost::new(1);
    let repo = host.create().into();
    let hand = Hand::shaken(&mut host, 1, Some(RepoTag::of(&repo)));
    let signature = test_key(77).sign(b"trellis/ephemeral/1\nsomewhere else").to_bytes();
    let message = Message::Ephemeral(Ephemeral { topic: "t".into(), bytes: Vec::new(), signature });
    assert_eq!(trouble(&hand.say(&mut host, &message)), Some(TroubleCode::AuthFailed));
    assert_eq!(heard(&host), []);
}
