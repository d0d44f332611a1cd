//! Ops outside a batch are named by half where the peer said that it has them: fewer bytes, and nothing that is wrong is
//! taken, lost, or said for ever.

use trellis_core::input::{Command, Frame, Input, LinkId};
use trellis_core::link::frame::FrameKind;
use trellis_core::link::message::{Have, Message, MessageFault, RepoTag, StateHash, Tip, TipId};
use trellis_core::link::ops::{IsKnown, OnLink, OpsFault, encode_ops_on_link};
use trellis_core::log::row::StoredOp;
use trellis_core::machine::KeyUse;
use trellis_core::op::header::Header;
use trellis_core::op::id::{OpId, RepoId};
use trellis_core::op::json::Value;
use trellis_core::output::Answer;
use trellis_tests::hand::{Hand, trouble};
use trellis_tests::host::{MemoryHost, START};
use trellis_tests::pair::{LINK, connect, cut, sync};

fn ops_of(host: &mut MemoryHost) -> Vec<StoredOp> {
    match host.run(Command::Export { known: Vec::new() }) {
        Ok(Answer::Ops(ops)) => ops,
        other => panic!("{other:?}"),
    }
}

/// A host with some ops, its repo and the repo's tag.
fn host() -> (MemoryHost, RepoId, RepoTag) {
    let mut host = MemoryHost::new(1);
    let repo = host.create().into();
    for key in ["1", "2", "3"] {
        host.put("notes", key, Value::from(1));
    }
    (host, repo, RepoTag::of(&repo))
}

/// Two hosts that have the same, and the link on which they came to.
fn synced() -> [MemoryHost; 2] {
    let mut hosts = [host().0, MemoryHost::new(2)];
    connect(&mut hosts, [&[], &[]]);
    sync(&mut hosts);
    hosts
}

/// Whether both have the same ops; signatures that another one makes unnecessary may be missing.
fn have_the_same(hosts: &mut [MemoryHost; 2]) -> bool {
    let [one, other] = hosts.each_mut().map(|host| ops_of(host).into_iter().map(|op| op.header).collect::<Vec<_>>());
    one == other
}

/// The frames with ops that a host has just sent.
fn batches(host: &mut MemoryHost) -> Vec<Frame> {
    let sent = std::mem::take(&mut host.sent).into_iter().filter_map(|(_, frame)| frame);
    sent.filter(|frame| frame.kind() == Some(FrameKind::Ops)).collect()
}

/// Whether an op is named by half that only who has the ops can find.
fn has_halves(frame: &Frame) -> bool {
    frame.read().err() == Some(MessageFault::Ops(OpsFault::UnknownHalf))
}

/// A peer that has said what the host has, in full ids or by halves.
fn peer(host: &mut MemoryHost, tag: RepoTag, names: fn(&OpId) -> TipId) -> Hand {
    let hand = Hand::shaken(host, 1, Some(tag));
    let have = have(host, names, usize::MAX);
    hand.say(host, &Message::Have(have));
    hand
}

/// A have of as many ends of the host's chains, without a state that the host knows.
fn have(host: &mut MemoryHost, names: fn(&OpId) -> TipId, count: usize) -> Have {
    let Ok(Answer::ChainEnds(ends)) = host.run(Command::ChainEnds) else { panic!("chain ends are known") };
    let ops = ops_of(host);
    let tip = |id: &OpId| {
        let op = ops.iter().find(|op| OpId::of_header(&op.header) == *id).expect("an end is here");
        let header = Header::decode(&op.header).expect("a header");
        Tip { branch: header.branch.into(), author: header.author, seq: header.seq, id: names(id) }
    };
    let tips: Vec<Tip> = ends.iter().take(count).map(|end| tip(&end.id)).collect();
    Have { state: Some(StateHash([9; 32])), tips, ..Have::default() }
}

/// The ops with a frame that names by half what `is_known` says.
fn frame_of(ops: &[StoredOp], is_known: &IsKnown<'_>) -> Frame {
    let verified: Vec<_> = ops.iter().map(|op| op.rehash().expect("an op")).collect();
    let on_link = OnLink { batch: 1, more: false, sent: 0 };
    Frame::Binary(encode_ops_on_link(on_link, &verified, is_known).expect("a batch"))
}

/// Another replica's write over one of the host's, signed.
fn foreign(host: &mut MemoryHost) -> StoredOp {
    let mut other = MemoryHost::new(2);
    host.send_to(&mut other);
    let id = other.put("notes", "1", Value::from(2));
    ops_of(&mut other).into_iter().find(|op| OpId::of_header(&op.header) == id).expect("it is there")
}

fn is_here(host: &mut MemoryHost, op: &StoredOp) -> bool {
    ops_of(host).iter().any(|here| here.header == op.header)
}

#[test]
fn what_the_peer_said_to_have_is_named_by_half() {
    let mut hosts = synced();
    hosts[0].put("notes", "1", Value::from(2));
    let frames = batches(&mut hosts[0]);
    let [frame] = frames.as_slice() else { panic!("{frames:?}") };
    assert!(has_halves(frame) && hosts[1].machine.read_frame(frame).is_ok());
    hosts[1].give(Input::Received(LINK, frame.clone()));
    assert!(have_the_same(&mut hosts));
}

#[test]
fn who_names_ends_by_full_ids_gets_full_ids() {
    for (names, by_half) in [(TipId::of as fn(&OpId) -> TipId, true), (|id| TipId::Full(*id), false)] {
        let (mut host, _, tag) = host();
        peer(&mut host, tag, names);
        host.put("notes", "1", Value::from(2));
        let frames = batches(&mut host);
        assert_eq!(frames.iter().map(has_halves).collect::<Vec<_>>(), [by_half]);
    }
}

#[test]
fn what_no_peer_said_to_have_is_named_in_full() {
    let (mut host, _, tag) = host();
    let hand = Hand::shaken(&mut host, 1, Some(tag));
    hand.have_nothing(&mut host);
    host.put("notes", "1", Value::from(2));
    assert!(!batches(&mut host).iter().any(has_halves));
}

/// The peer said that it has everything, and then that it has less: what it was sent by halves goes again in full.
#[test]
fn what_a_peer_cannot_read_goes_again_in_full() {
    let (mut host, _, tag) = host();
    peer(&mut host, tag, TipId::of);
    let kept: Vec<Vec<u8>> = ops_of(&mut host).into_iter().map(|op| op.header).take(1).collect();
    host.put("notes", "1", Value::from(2));
    assert!(batches(&mut host).iter().all(has_halves));
    let less = have(&mut host, |id| TipId::Full(*id), 1);
    assert_eq!(less.tips.len(), 1);
    let mut frames = Vec::new();
    for _ in 0..2 {
        host.give(Input::Received(LinkId(1), Frame::Binary(Message::Have(less.clone()).encode().expect("a message"))));
        frames.extend(batches(&mut host));
    }
    let read = |frame: &Frame| match frame.read() {
        Ok(Message::Ops(ops)) => ops.ops,
        other => panic!("{other:?}"),
    };
    let again: Vec<Vec<u8>> = frames.iter().flat_map(read).map(|op| op.header).collect();
    let lacks = ops_of(&mut host).into_iter().map(|op| op.header).filter(|header| !again.contains(header));
    assert!(lacks.eq(kept));
}

/// Nothing of the batch is taken; the link goes on, and what came in vain is said once.
#[test]
fn a_half_of_what_is_not_here_counts_as_lost() {
    let (mut host, _, tag) = host();
    let unknown = foreign(&mut host.clone());
    let next = {
        let mut other = MemoryHost::new(3);
        host.send_to(&mut other);
        other.run(Command::Import(vec![unknown.clone()])).expect("a report");
        let id = other.put("notes", "1", Value::from(3));
        ops_of(&mut other).into_iter().find(|op| OpId::of_header(&op.header) == id).expect("it is there")
    };
    let hand = peer(&mut host, tag, TipId::of);
    let answers = hand.send(&mut host, frame_of(std::slice::from_ref(&next), &|_| true));
    let is_full = |tip: &Tip| matches!(tip.id, TipId::Full(_));
    let [Some(Message::Have(have))] = answers.as_slice() else { panic!("{answers:?}") };
    assert!(have.tips.iter().all(is_full) && !have.tips.is_empty() && have.since.is_none());
    assert_eq!(hand.send(&mut host, frame_of(std::slice::from_ref(&next), &|_| true)), []);
    assert!(!is_here(&mut host, &next));
    let answers = hand.send(&mut host, frame_of(&[unknown, next.clone()], &|_| false));
    assert_eq!((trouble(&answers), is_here(&mut host, &next)), (None, true));
}

/// A reader that finds another op than was meant makes other headers, for which nobody vouches.
#[test]
fn a_half_that_leads_elsewhere_brings_nothing() {
    let (mut host, _, tag) = host();
    let op = foreign(&mut host);
    let (base, before) = {
        let header = Header::decode(&op.header).expect("a header");
        (header.base.iter().next().expect("a base"), ops_of(&mut host))
    };
    let elsewhere = before.iter().map(|op| OpId::of_header(&op.header)).find(|id| *id != base).expect("another op");
    let hand = peer(&mut host, tag, TipId::of);
    let Frame::Binary(mut frame) = frame_of(std::slice::from_ref(&op), &|id| *id == base) else {
        panic!("a binary frame")
    };
    let at = frame.windows(16).position(|bytes| *bytes == base.half()).expect("the half stands there");
    frame[at..at + 16].copy_from_slice(&elsewhere.half());
    let answers = hand.send(&mut host, Frame::Binary(frame));
    assert_eq!((trouble(&answers), ops_of(&mut host)), (None, before));
    hand.send(&mut host, frame_of(std::slice::from_ref(&op), &|_| true));
    assert!(is_here(&mut host, &op));
}

/// A peer came back from a backup, and is sent by halves what it does not have any more, before it could say so.
#[test]
fn a_peer_that_forgot_what_it_had_gets_everything() {
    let (old, ..) = host();
    let mut hosts = [old, MemoryHost::new(2)];
    connect(&mut hosts, [&[], &[]]);
    sync(&mut hosts);
    let backup = hosts[1].rows.clone();
    hosts[0].put("notes", "1", Value::from(2));
    sync(&mut hosts);
    cut(&mut hosts);
    hosts[1] = MemoryHost::open(2, backup, START, KeyUse::Own);
    connect(&mut hosts, [&[], &[]]);
    for from in [0, 1, 0] {
        for (_, frame) in std::mem::take(&mut hosts[from].sent) {
            let frame = frame.filter(|frame| frame.kind() != Some(FrameKind::Have));
            frame.into_iter().for_each(|frame| hosts[1 - from].give(Input::Received(LINK, frame)));
        }
    }
    hosts[0].put("notes", "1", Value::from(3));
    let sent = hosts[0].sent.iter().filter_map(|(_, frame)| frame.as_ref());
    assert!(sent.into_iter().any(|frame| hosts[1].machine.read_frame(frame).is_err()));
    sync(&mut hosts);
    assert!(have_the_same(&mut hosts));
}
