//! Packed frames: fewer bytes where both ends can, and no peer that makes a replica unpack a bomb.

use trellis_core::input::{Change, Command, Frame, Guests, Input, LinkId};
use trellis_core::limits::FRAME_BYTES_MAX;
use trellis_core::link::compress::{PACKED, RATIO_MAX};
use trellis_core::link::message::{Form, Message, Ops, RepoTag, TroubleCode};
use trellis_core::op::id::RepoId;
use trellis_core::output::Answer;
use trellis_tests::dice::Dice;
use trellis_tests::hand::{Hand, Way, trouble};
use trellis_tests::host::MemoryHost;
use trellis_tests::pair::{Carried, Zstd, connect, sync};

/// A host with long texts, and one without anything.
fn hosts(packing: [bool; 2]) -> [MemoryHost; 2] {
    let mut hosts = [MemoryHost::new(1), MemoryHost::new(2)];
    hosts[0].create();
    let mut dice = Dice::new(1);
    let words = ["apple ", "bread ", "milk ", "rice ", "tea ", "buy ", "the ", "and ", "for ", "Monday, "];
    for key in 0..40 {
        let text: String = (0..500).map(|_| *dice.pick(&words)).collect();
        hosts[0].change("notes", &key.to_string(), Change::Bytes(text.into_bytes()));
    }
    for (host, packs) in hosts.iter_mut().zip(packing) {
        if packs {
            host.machine.compress_with(&Zstd);
        }
    }
    hosts
}

fn synced(packing: [bool; 2]) -> Carried {
    let mut hosts = hosts(packing);
    connect(&mut hosts, [&[], &[]]);
    sync(&mut hosts)
}

#[test]
fn frames_are_packed_where_both_ends_can() {
    let plain = synced([false, false]);
    assert_eq!(synced([true, false]), Carried { bytes: plain.bytes + 5, ..plain }, "the word `zstd` in a hello");
    assert_eq!(synced([false, true]), plain);
    let packed = synced([true, true]);
    assert!(3 * packed.bytes < plain.bytes, "{packed:?} {plain:?}");
}

/// A host, and a peer that can pack; whether it may is up to the host.
fn linked(packs: bool) -> (MemoryHost, RepoId, Hand) {
    let mut host = MemoryHost::new(1);
    if packs {
        host.machine.compress_with(&Zstd);
    }
    let repo: RepoId = host.create().into();
    let way = Way { guests: Guests::Anyone, ..Way::default() };
    let mut hand = Hand::dial(&mut host, 1, &way).packing();
    let auth = hand.prove(&mut host, Some(RepoTag::of(&repo))).expect("an honest handshake");
    assert_eq!(hand.say(&mut host, &Message::Auth(auth)), []);
    (host, repo, hand)
}

fn packed(bytes: &[u8]) -> Frame {
    Frame::Binary([&[PACKED], zstd::bulk::compress(bytes, 3).unwrap().as_slice()].concat())
}

#[test]
fn decompression_bombs() {
    let ops_and_zeros = |len: usize| [&[6][..], &vec![0; len]].concat();
    for bomb in [ops_and_zeros(FRAME_BYTES_MAX - 1), ops_and_zeros(50 * FRAME_BYTES_MAX), ops_and_zeros(100_000)] {
        let (mut host, _, hand) = linked(true);
        let bomb = packed(&bomb);
        assert!(bomb.len() < 6_000);
        assert_eq!(trouble(&hand.send(&mut host, bomb)), Some(TroubleCode::Malformed));
    }
}

/// Ops that nobody would refuse as they are.
#[test]
fn ops_that_come_to_more_than_a_packed_frame_may() {
    let (mut host, repo, hand) = linked(true);
    host.change("notes", "1", Change::Bytes(vec![b'a'; 100_000]));
    let Ok(Answer::Ops(ops)) = host.run(Command::Export { known: Vec::new() }) else { panic!("ops can be read") };
    let message = Message::Ops(Ops { batch: 1, more: false, sent: 0, repo, ops });
    let frame = Frame::of(&message, Form::Binary).expect("ops that make a frame");
    let bomb = packed(&frame.clone().into_bytes());
    assert!(RATIO_MAX * bomb.len() < frame.len());
    assert_eq!(trouble(&hand.send(&mut host, bomb)), Some(TroubleCode::Malformed));
    let (mut host, _, hand) = linked(true);
    assert_eq!(trouble(&hand.send(&mut host, frame)), None, "without packing they are taken");
}

#[test]
fn packed_frames_of_other_kinds() {
    let ping = Frame::of(&Message::Ping(1), Form::Binary).unwrap().into_bytes();
    for inner in [ping, Vec::new(), vec![PACKED; 600]] {
        let (mut host, _, hand) = linked(true);
        assert_eq!(trouble(&hand.send(&mut host, packed(&inner))), Some(TroubleCode::Malformed));
    }
    let (mut host, _, hand) = linked(true);
    assert_eq!(trouble(&hand.send(&mut host, Frame::Binary(vec![PACKED, 1, 2, 3]))), Some(TroubleCode::Malformed));
}

#[test]
fn packed_frames_that_were_not_agreed_on() {
    let (mut host, _, hand) = linked(false);
    assert_eq!(trouble(&hand.send(&mut host, packed(&[6; 40]))), Some(TroubleCode::Malformed));
}

#[test]
fn packed_frames_before_authentication() {
    let mut host = MemoryHost::new(1);
    host.machine.compress_with(&Zstd);
    host.create();
    let hand = Hand::dial(&mut host, 1, &Way::default());
    assert_eq!(trouble(&hand.send(&mut host, packed(&[6; 40]))), Some(TroubleCode::Malformed));
    host.give(Input::Disconnected(LinkId(1)));
}
