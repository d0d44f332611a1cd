//! What a link is defended against (reliability.md, "Defences that must exist"), each by a test of its name.

use std::collections::BTreeSet;

use trellis_core::error::CommandError;
use trellis_core::input::{Command, EntityQuery, Form, Frame, Guests, Input, LinkId, Tier};
use trellis_core::limits::{
    CREDIT_BYTES, FRAME_BYTES_MAX, LINKS_PER_KEY_MAX, PING_MS, TALK_BURST, TALK_PER_SECOND, UNPROVEN_FRAME_BYTES_MAX,
};
use trellis_core::link::message::{
    Ack, Have, Level, Message, Ops, RepoTag, StateHash, Tip, TipId, TroubleCode, Want, Without,
};
use trellis_core::log::row::StoredOp;
use trellis_core::merge::entity::Shown;
use trellis_core::op::id::{OpId, RepoId};
use trellis_core::op::json::Value;
use trellis_core::output::{Answer, Event, LinkEvent};
use trellis_core::time::Millis;
use trellis_tests::hand::{Hand, Way, trouble};
use trellis_tests::host::MemoryHost;

/// A host with a repo and an op, and the repo's tag.
fn host() -> (MemoryHost, RepoId, RepoTag) {
    let mut host = MemoryHost::new(1);
    let repo = host.create().into();
    host.put("notes", "1", Value::from(1));
    (host, repo, RepoTag::of(&repo))
}

fn ops_of(host: &mut MemoryHost) -> Vec<StoredOp> {
    match host.run(Command::Export { known: Vec::new() }) {
        Ok(Answer::Ops(ops)) => ops,
        other => panic!("{other:?}"),
    }
}

fn count(host: &mut MemoryHost) -> usize {
    ops_of(host).len()
}

/// Another replica of the same repo that wrote one op, which the first has not.
fn ahead(host: &mut MemoryHost) -> (MemoryHost, StoredOp) {
    let mut other = MemoryHost::new(2);
    host.send_to(&mut other);
    let id = other.put("notes", "2", Value::from(2));
    let op = ops_of(&mut other).into_iter().find(|op| OpId::of_header(&op.header) == id).expect("it is there");
    (other, op)
}

#[test]
fn malformed_frames() {
    for bytes in [vec![], vec![99], vec![4, 0xff], vec![6, 0xa0], vec![1; 40]] {
        let (mut host, _, tag) = host();
        let hand = Hand::shaken(&mut host, 1, Some(tag));
        assert_eq!(trouble(&hand.send(&mut host, Frame::Binary(bytes))), Some(TroubleCode::Malformed));
        assert_eq!(count(&mut host), 2);
    }
}

/// A ping of 1 is `0d a1 00 01`, and nothing else is.
#[test]
fn non_canonical_frames() {
    let ping = [0x0d, 0xa1, 0x00, 0x01];
    let (mut host, _, tag) = host();
    let hand = Hand::shaken(&mut host, 1, Some(tag));
    assert_eq!(hand.send(&mut host, Frame::Binary(ping.to_vec())), [Some(Message::Pong(1))]);
    let others: [&[u8]; 6] = [
        &[0x0d, 0xa1, 0x00, 0x18, 0x01],
        &[0x0d, 0xa1, 0x18, 0x00, 0x01],
        &[0x0d, 0xb8, 0x01, 0x00, 0x01],
        &[0x0d, 0xbf, 0x00, 0x01, 0xff],
        &[0x0d, 0xa1, 0x00, 0x00],
        &[0x0d, 0xa1, 0x00, 0x01, 0x00],
    ];
    for (link, other) in (2..).zip(others) {
        let hand = Hand::shaken(&mut host, link, Some(tag));
        let answers = hand.send(&mut host, Frame::Binary(other.to_vec()));
        assert_eq!(trouble(&answers), Some(TroubleCode::Malformed), "{other:02x?}");
    }
}

/// Whatever nests is read to its bound, and not to the end of the stack.
#[test]
fn deeply_nested_input() {
    let (mut host, _, tag) = host();
    let text = |text: &str| Frame::Text(text.repeat(FRAME_BYTES_MAX / text.len()));
    let binary = |kind, byte| Frame::Binary([&[kind][..], &vec![byte; FRAME_BYTES_MAX - 1]].concat());
    let frames = [
        (Form::Text, text("[")),
        (Form::Text, text(r#"{"type":"#)),
        (Form::Binary, binary(4, 0x81)),
        (Form::Binary, binary(5, 0xa1)),
        (Form::Binary, binary(6, 0x9f)),
    ];
    for (link, (form, frame)) in (1..).zip(frames) {
        let hand = Hand::shaken_by(&mut host, link, &Way { form, ..Way::default() }, Some(tag));
        assert_eq!(trouble(&hand.send(&mut host, frame)), Some(TroubleCode::Malformed), "{link}");
    }
    assert_eq!(count(&mut host), 2);
}

#[test]
fn frames_in_another_form_than_the_handshake() {
    let (mut host, _, tag) = host();
    let hand = Hand::shaken(&mut host, 1, Some(tag));
    let text = Frame::Text(r#"{"type":"ping","number":1}"#.into());
    assert_eq!(trouble(&hand.send(&mut host, text)), Some(TroubleCode::Malformed));
}

#[test]
fn oversized_input_before_authentication() {
    let (mut host, _, _) = host();
    let hand = Hand::dial(&mut host, 1, &Way::default());
    let answers = hand.send(&mut host, Frame::Binary(vec![1; UNPROVEN_FRAME_BYTES_MAX + 1]));
    assert_eq!(trouble(&answers), Some(TroubleCode::Malformed));
}

#[test]
fn slow_handshakes() {
    let (mut host, _, _) = host();
    let _hand = Hand::dial(&mut host, 1, &Way::default());
    let deadline = host.machine.deadline().expect("a handshake has a limit");
    host.wait_until(deadline);
    assert_eq!(trouble(&host.take_sent(LinkId(1))), Some(TroubleCode::Timeout));
}

/// What a host's ops come to.
fn state_of(host: &mut MemoryHost) -> StateHash {
    let Ok(Answer::ChainEnds(ends)) = host.run(Command::ChainEnds) else { panic!("chain ends are known") };
    StateHash::of(ends.into_iter().map(|end| end.id).collect::<BTreeSet<OpId>>())
}

/// Says something as often as the host bears; how often that is.
fn flood(host: &mut MemoryHost, hand: &Hand, message: &Message) -> u64 {
    let is_borne = |host: &mut MemoryHost| match trouble(&hand.say(host, message)) {
        None => true,
        Some(code) => {
            assert_eq!(code, TroubleCode::RateLimited);
            false
        }
    };
    (0..10 * TALK_BURST).find(|_| !is_borne(host)).expect("a flood ends")
}

#[test]
fn floods_of_messages() {
    let (mut like, ..) = host();
    let equal = Have { state: Some(state_of(&mut like)), ..Have::default() };
    for message in [Message::Ping(1), Message::Have(equal), Message::Pong(7)] {
        let (mut host, _, tag) = host();
        let hand = Hand::shaken(&mut host, 1, Some(tag));
        assert!(flood(&mut host, &hand, &message) <= 4 * TALK_BURST, "{message:?}");
        let again = Hand::shaken(&mut host, 2, Some(tag));
        assert_eq!(flood(&mut host, &again, &message), 0, "the key has nothing left on another link either");
        host.wait_until(Millis(host.now.0 + 1000));
        let later = Hand::shaken(&mut host, 3, Some(tag));
        assert_eq!(flood(&mut host, &later, &Message::Pong(7)), TALK_PER_SECOND);
    }
}

/// A key has one bucket, however many links it opens; another key has its own.
#[test]
fn floods_on_several_links_of_one_key() {
    let (mut host, _, tag) = host();
    let hands: Vec<Hand> = (1..=4).map(|link| Hand::shaken(&mut host, link, Some(tag))).collect();
    let borne: Vec<u64> = hands.iter().map(|hand| flood(&mut host, hand, &Message::Ping(1))).collect();
    assert_eq!(borne, [TALK_BURST, 0, 0, 0]);
    let other = Hand::shaken_by(&mut host, 5, &Way { key: 78, ..Way::default() }, Some(tag));
    assert_eq!(flood(&mut host, &other, &Message::Ping(1)), TALK_BURST);
}

/// One key opens a few links, and again where one of them ends; another key does not notice.
#[test]
fn too_many_links_of_one_key() {
    let (mut host, _, tag) = host();
    let hands: Vec<Hand> =
        (1..=LINKS_PER_KEY_MAX as u64).map(|link| Hand::shaken(&mut host, link, Some(tag))).collect();
    let refused = |host: &mut MemoryHost, link: u64| {
        let mut hand = Hand::dial(host, link, &Way::default());
        let auth = hand.prove(host, Some(tag)).expect("an honest handshake");
        trouble(&hand.say(host, &Message::Auth(auth)))
    };
    assert_eq!(refused(&mut host, 10), Some(TroubleCode::RateLimited));
    Hand::shaken_by(&mut host, 11, &Way { key: 78, ..Way::default() }, Some(tag));
    hands[0].say(&mut host, &Message::Bye);
    assert_eq!(refused(&mut host, 12), None);
}

/// A link that ends gives the key nothing back while another of its links is open.
#[test]
fn floods_beside_a_link_that_stays() {
    let (mut host, _, tag) = host();
    let stays = Hand::shaken(&mut host, 1, Some(tag));
    let goes = Hand::shaken(&mut host, 2, Some(tag));
    assert_eq!(flood(&mut host, &goes, &Message::Ping(1)), TALK_BURST);
    let again = Hand::shaken(&mut host, 3, Some(tag));
    assert_eq!(flood(&mut host, &again, &Message::Ping(1)), 0);
    assert_eq!(flood(&mut host, &stays, &Message::Ping(1)), 0);
}

/// What was sent and is still lacking two haves later was lost on the way.
#[test]
fn ops_that_were_lost_go_again() {
    let (mut host, _, tag) = host();
    let hand = Hand::shaken(&mut host, 1, Some(tag));
    let sent: Vec<bool> = (0..3)
        .map(|_| hand.have_nothing(&mut host).iter().any(|answer| matches!(answer, Some(Message::Ops(_)))))
        .collect();
    assert_eq!(sent, [true, false, true]);
}

#[test]
fn silent_peers() {
    let (mut host, _, tag) = host();
    let hand = Hand::shaken(&mut host, 1, Some(tag));
    hand.have_nothing(&mut host);
    let mut answers = Vec::new();
    for _ in 0..20 {
        host.wait_until(Millis(host.now.0 + PING_MS));
        answers.extend(host.take_sent(LinkId(1)));
        if trouble(&answers).is_some() {
            break;
        }
    }
    let pings = answers.iter().filter(|answer| matches!(answer, Some(Message::Ping(_)))).count();
    assert_eq!((pings, trouble(&answers)), (2, Some(TroubleCode::Timeout)));
}

#[test]
fn impersonation() {
    let (mut host, _, tag) = host();
    let mut hand = Hand::dial(&mut host, 1, &Way::default());
    let mut auth = hand.prove(&mut host, Some(tag)).expect("welcomed");
    auth.key = host.author();
    assert_eq!(trouble(&hand.say(&mut host, &Message::Auth(auth))), Some(TroubleCode::AuthFailed));
}

#[test]
fn relayed_handshakes_to_another_origin() {
    let (mut host, _, tag) = host();
    let way = Way { dialled: "wss://evil.example".into(), ..Way::default() };
    let mut hand = Hand::dial(&mut host, 1, &way);
    assert_eq!(hand.prove(&mut host, Some(tag)).unwrap_err(), TroubleCode::AuthFailed);
}

#[test]
fn relayed_handshakes_over_another_channel() {
    let (mut host, _, tag) = host();
    let mut hand = Hand::dial(&mut host, 1, &Way { binding: b"another".to_vec(), ..Way::default() });
    assert_eq!(hand.prove(&mut host, Some(tag)).unwrap_err(), TroubleCode::AuthFailed);
}

#[test]
fn replayed_handshakes() {
    let (mut host, _, tag) = host();
    let mut hand = Hand::dial(&mut host, 1, &Way::default());
    let auth = hand.prove(&mut host, Some(tag)).expect("welcomed");
    assert_eq!(hand.say(&mut host, &Message::Auth(auth.clone())), []);
    let mut again = Hand::dial(&mut host, 2, &Way { binding: b"channel".to_vec(), ..Way::default() });
    // The same bytes on a new link: the host's own words are part of what was signed, and they are others.
    host.now = Millis(host.now.0 + 1);
    again.prove(&mut host, Some(tag)).expect("welcomed");
    assert_eq!(trouble(&again.say(&mut host, &Message::Auth(auth))), Some(TroubleCode::AuthFailed));
}

#[test]
fn capability_stripping() {
    let (mut host, _, tag) = host();
    let mut hand = Hand::dial(&mut host, 1, &Way::default());
    let auth = hand.prove_through(&mut host, Some(tag), |hello| hello.capabilities.clear());
    assert_eq!(auth.unwrap_err(), TroubleCode::AuthFailed);
}

#[test]
fn strangers_and_unknown_repos_look_the_same() {
    let (mut host, _, tag) = host();
    let way = Way { guests: Guests::Members, ..Way::default() };
    for (link, tag) in [(1, tag), (2, RepoTag([9; 16]))] {
        let mut hand = Hand::dial(&mut host, link, &way);
        let auth = hand.prove(&mut host, Some(tag)).expect("welcomed");
        assert_eq!(trouble(&hand.say(&mut host, &Message::Auth(auth))), Some(TroubleCode::AuthFailed));
    }
}

#[test]
fn nothing_is_shown_before_the_proof() {
    let (mut host, _, tag) = host();
    let mut hand = Hand::dial(&mut host, 1, &Way::default());
    hand.prove(&mut host, Some(tag)).expect("welcomed");
    let answers = hand.have_nothing(&mut host);
    assert_eq!(trouble(&answers), Some(TroubleCode::Malformed));
    assert_eq!(answers.len(), 2);
}

#[test]
fn replay_of_ops_in_another_repo() {
    let (mut host, _, tag) = host();
    let mut other = MemoryHost::new(5);
    let foreign = other.create().into();
    other.put("notes", "1", Value::from("foreign"));
    let mut hand = Hand::shaken(&mut host, 1, Some(tag));
    let answers = hand.give(&mut host, foreign, ops_of(&mut other));
    assert_eq!(trouble(&answers), Some(TroubleCode::RepoMismatch));
    assert_eq!(count(&mut host), 2);
}

#[test]
fn floods_beyond_credit() {
    let (mut host, repo, tag) = host();
    let (_, op) = ahead(&mut host);
    let mut hand = Hand::shaken(&mut host, 1, Some(tag));
    hand.sent = CREDIT_BYTES + FRAME_BYTES_MAX as u64;
    assert_eq!(trouble(&hand.give(&mut host, repo, vec![op])), Some(TroubleCode::RateLimited));
}

#[test]
fn orphans_are_asked_for_and_bounded() {
    let (mut host, repo, tag) = host();
    let (mut other, first) = ahead(&mut host);
    let last = other.put("notes", "3", Value::from(3));
    let orphan = ops_of(&mut other).into_iter().find(|op| OpId::of_header(&op.header) == last).expect("it is there");
    let mut hand = Hand::shaken(&mut host, 1, Some(tag));
    let answers = hand.give(&mut host, repo, vec![orphan]);
    let missing = OpId::of_header(&first.header);
    assert!(answers.iter().flatten().any(|answer| matches!(answer, Message::Want(want) if want.ids == [missing])));
    assert_eq!(count(&mut host), 2);
    hand.give(&mut host, repo, vec![first]);
    assert_eq!(count(&mut host), 4);
}

#[test]
fn a_spoilt_signature_is_not_admitted() {
    let (mut host, repo, tag) = host();
    let (_, mut op) = ahead(&mut host);
    op.signature.as_mut().expect("it is signed")[3] ^= 1;
    let half = TipId::of(&OpId::of_header(&op.header));
    let mut hand = Hand::shaken(&mut host, 1, Some(tag));
    let answers = hand.give(&mut host, repo, vec![op]);
    assert_eq!(count(&mut host), 2);
    assert!(matches!(&answers[..], [Some(Message::Ack(ack))] if ack.ends.iter().all(|end| end.id != half)));
}

#[test]
fn an_ack_is_for_what_is_there() {
    let (mut host, repo, tag) = host();
    let (_, op) = ahead(&mut host);
    let mut hand = Hand::shaken(&mut host, 1, Some(tag));
    hand.have_nothing(&mut host);
    let answers = hand.give(&mut host, repo, vec![op.clone()]);
    let half = TipId::of(&OpId::of_header(&op.header));
    let acks = |ack: &Ack| ack.level == Level::Disk && ack.ends.iter().any(|end| end.id == half);
    assert!(answers.iter().flatten().any(|answer| matches!(answer, Message::Ack(ack) if acks(ack))));
    assert_eq!(host.rows.len(), 3, "what is acknowledged is in a row");
}

#[test]
fn a_lying_have_costs_a_round_and_no_data() {
    let (mut host, _, tag) = host();
    let hand = Hand::shaken(&mut host, 1, Some(tag));
    let tip = Tip { branch: "main".into(), author: host.author(), seq: 900, id: TipId::Short([7; 16]) };
    let state = Some(StateHash([3; 32]));
    hand.say(&mut host, &Message::Have(Have { state, tips: vec![tip], ..Have::default() }));
    let id = host.put("notes", "9", Value::from(9));
    let request = host.ask(Command::Durable { ops: vec![id], tier: Tier::Peer, until: Millis(host.now.0 + 1000) });
    assert!(!host.heard.iter().any(|(of, _)| *of == request), "an invented end is no receipt");
    host.wait_until(Millis(host.now.0 + 1000));
    assert!(host.heard.contains(&(request, Err(CommandError::NotYetSafe))));
}

/// A liar can at most say that an op is on its own disk. It is no relay by saying so, what nobody has it cannot
/// acknowledge, and nobody throws anything away for its word: others get the op, and so does the liar if it asks.
#[test]
fn a_lying_ack() {
    let (mut host, _, tag) = host();
    let mut liar = Hand::dial(&mut host, 1, &Way { is_relay: true, ..Way::default() });
    // It says relay, as whoever dials does, and the host, which is one, says so too.
    let auth = liar.prove_through(&mut host, Some(tag), |hello| assert_eq!(hello.capabilities, ["relay"]));
    assert_eq!(liar.say(&mut host, &Message::Auth(auth.expect("welcomed"))), []);
    let id = host.put("notes", "9", Value::from(9));
    host.take_sent(LinkId(1));
    let (until, now) = (Millis(host.now.0 + 1000), host.now);
    let wait = |host: &mut MemoryHost, tier| host.ask(Command::Durable { ops: vec![id], tier, until });
    let (by_peer, by_relay) = (wait(&mut host, Tier::Peer), wait(&mut host, Tier::Relay));
    let end = Tip { branch: "main".into(), author: host.author(), seq: 900, id: TipId::Short([7; 16]) };
    let ack = |ends, state| Ack {
        ends,
        state,
        without: Without::default(),
        level: Level::Disk,
        credit: CREDIT_BYTES,
        knows: None,
        integrated: vec![id],
    };
    liar.say(&mut host, &Message::Ack(ack(vec![end], Some(StateHash([3; 32])))));
    assert!(host.heard.is_empty(), "an invented end and an invented state cover nothing: {:?}", host.heard);
    let state = state_of(&mut host);
    liar.say(&mut host, &Message::Ack(ack(Vec::new(), Some(state))));
    assert_eq!(host.heard, [(by_peer, Ok(Answer::Durable { withheld: Vec::new() }))]);
    assert_eq!(host.now, now);
    host.wait_until(until);
    assert!(host.heard.contains(&(by_relay, Err(CommandError::NotYetSafe))), "{:?}", host.heard);
    let has_it = |answers: Vec<Option<Message>>| {
        let mut ops = answers.into_iter().flatten().filter_map(|answer| match answer {
            Message::Ops(ops) => Some(ops.ops),
            _ => None,
        });
        ops.any(|ops| ops.iter().any(|op| OpId::of_header(&op.header) == id))
    };
    let honest = Hand::shaken_by(&mut host, 2, &Way { key: 78, ..Way::default() }, Some(tag));
    assert!(has_it(honest.have_nothing(&mut host)));
    assert!((0..3).any(|_| has_it(liar.have_nothing(&mut host))));
}

/// Says what a peer says that has more than it gives, until the host has had enough; what the host said meanwhile.
fn withhold(host: &mut MemoryHost, relay: &Hand, state: StateHash, tips: &[Tip]) -> Vec<Option<Message>> {
    let mut answers = Vec::new();
    for round in 1..200 {
        let knows = Some(state_of(host).half());
        let have = Have { state: Some(state), tips: tips.to_vec(), knows, round, ..Have::default() };
        answers.extend(relay.say(host, &Message::Have(have)));
        host.wait_until(Millis(host.now.0 + 600));
        answers.extend(host.take_sent(LinkId(1)));
        if trouble(&answers).is_some() {
            break;
        }
    }
    answers
}

/// A relay that says that there is more and does not give it: the states differ, so it is asked for, the two are never in
/// sync, nothing of it is acknowledged, and the link ends. Another link brings it.
#[test]
fn withholding_of_ops_by_a_relay() {
    let (mut host, repo, tag) = host();
    let (mut other, op) = ahead(&mut host);
    let id = OpId::of_header(&op.header);
    let mut relay = Hand::shaken(&mut host, 1, Some(tag));
    let tip = Tip { branch: "main".into(), author: other.author(), seq: 1, id: TipId::Full(id) };
    let state = state_of(&mut other);
    let answers = withhold(&mut host, &relay, state, &[tip]);
    assert_eq!(trouble(&answers), Some(TroubleCode::NoProgress));
    let is_asked =
        |want: &Want| want.ids.contains(&id) || want.ranges.iter().any(|range| range.author == other.author());
    assert!(answers.iter().flatten().any(|answer| matches!(answer, Message::Want(want) if is_asked(want))));
    let is_acked = |ack: &Ack| ack.state == Some(state) || ack.ends.iter().any(|end| end.author == other.author());
    assert!(!answers.iter().flatten().any(|answer| matches!(answer, Message::Ack(ack) if is_acked(ack))));
    let in_sync =
        |host: &MemoryHost| host.events.iter().any(|event| matches!(event, Event::Link(_, LinkEvent::InSync)));
    assert!(!in_sync(&host));
    // It comes back, and says that there is nothing more: then only others can tell.
    relay = Hand::shaken(&mut host, 2, Some(tag));
    let equal = Have { state: Some(state_of(&mut host)), ..Have::default() };
    relay.say(&mut host, &Message::Have(equal));
    assert_eq!(count(&mut host), 2);
    let mut honest = Hand::shaken_by(&mut host, 3, &Way { key: 78, ..Way::default() }, Some(tag));
    honest.give(&mut host, repo, vec![op]);
    assert_eq!((count(&mut host), state_of(&mut host)), (3, state));
}

/// A relay that gives an op and keeps its body: no value is shown in its place, every link is told what lacks, and another
/// brings it.
#[test]
fn withholding_of_bodies_by_a_relay() {
    let (mut host, repo, tag) = host();
    let (_, op) = ahead(&mut host);
    let id = OpId::of_header(&op.header);
    let mut relay = Hand::shaken(&mut host, 1, Some(tag));
    relay.give(&mut host, repo, vec![StoredOp { body: None, ..op.clone() }]);
    let shown = |host: &mut MemoryHost| {
        let query = EntityQuery { branch: "main".into(), collection: "notes".into(), key: "2".into(), at: Vec::new() };
        match host.run(Command::Get(query)) {
            Ok(Answer::Entity(view)) => view.shown,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(shown(&mut host), Shown::BodyMissing);
    let mut honest = Hand::shaken_by(&mut host, 2, &Way { key: 78, ..Way::default() }, Some(tag));
    let answers = honest.have_nothing(&mut host);
    let lacks = |without: &Without| without.ops == [id];
    assert!(answers.iter().flatten().any(|answer| match answer {
        Message::Have(Have { without, .. }) | Message::Ack(Ack { without, .. }) => lacks(without),
        _ => false,
    }));
    let answers = honest.give(&mut host, repo, vec![op]);
    assert_eq!(shown(&mut host), Shown::Json(Value::from(2)));
    let is_whole = |ack: &Ack| ack.without == Without::default();
    assert!(answers.iter().flatten().any(|answer| matches!(answer, Message::Ack(ack) if is_whole(ack))));
}

#[test]
fn peers_that_never_become_equal() {
    let (mut host, _, tag) = host();
    let hand = Hand::shaken(&mut host, 1, Some(tag));
    let mut answers = Vec::new();
    for round in 0..200 {
        let knows = answers.iter().rev().flatten().find_map(|answer: &Message| match answer {
            Message::Have(have) => have.state.map(|state| state.half()),
            Message::Ack(ack) => ack.state.map(|state| state.half()),
            _ => None,
        });
        let have = Have { state: Some(StateHash([round; 32])), knows, round: round.into(), ..Have::default() };
        answers.extend(hand.say(&mut host, &Message::Have(have)));
        host.wait_until(Millis(host.now.0 + 600));
        answers.extend(host.take_sent(LinkId(1)));
        if trouble(&answers).is_some() {
            break;
        }
    }
    assert_eq!(trouble(&answers), Some(TroubleCode::NoProgress));
}

#[test]
fn two_links_with_one_number_of_ops_do_not_echo() {
    let (mut host, repo, tag) = host();
    let (_, op) = ahead(&mut host);
    let mut one = Hand::shaken(&mut host, 1, Some(tag));
    let other = Hand::shaken(&mut host, 2, Some(tag));
    one.have_nothing(&mut host);
    other.have_nothing(&mut host);
    one.give(&mut host, repo, vec![op.clone()]);
    let is_echo = |ops: &Ops| ops.ops.iter().any(|sent| sent.header == op.header);
    let sends = |host: &mut MemoryHost, link| {
        let sent = host.take_sent(LinkId(link));
        sent.iter().flatten().filter(|message| matches!(message, Message::Ops(ops) if is_echo(ops))).count()
    };
    assert_eq!((sends(&mut host, 1), sends(&mut host, 2)), (0, 1), "it goes on to the other, and not back");
}

#[test]
fn ops_of_a_cut_wire_are_not_lost() {
    let (mut host, _, tag) = host();
    let hand = Hand::shaken(&mut host, 1, Some(tag));
    hand.have_nothing(&mut host);
    host.give(Input::Disconnected(LinkId(1)));
    let hand = Hand::shaken(&mut host, 2, Some(tag));
    let answers = hand.have_nothing(&mut host);
    assert!(answers.iter().flatten().any(|answer| matches!(answer, Message::Ops(ops) if ops.ops.len() == 2)));
}
