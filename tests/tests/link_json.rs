//! Links to peers that speak JSON.

use trellis_core::input::{Base, Change, Edit};
use trellis_core::limits::FRAME_BYTES_MAX;
use trellis_core::link::message::{Form, Have, Message};
use trellis_tests::hand::{Hand, Way};
use trellis_tests::host::MemoryHost;

/// Bytes of a body.
const BYTES: usize = 200_000;
const COUNT: usize = 10;

/// Bytes take more room in JSON than in frames: what fills one frame goes in more messages, and these are filled.
#[test]
fn ops_that_fill_frames_all_arrive_in_full_messages() {
    let mut host = MemoryHost::new(1);
    host.create();
    for key in 0..COUNT as u8 {
        host.change("blobs", &key.to_string(), Change::Bytes(vec![key; BYTES]));
    }
    let way = Way { form: Form::Text, ..Way::default() };
    let hand = Hand::shaken_by(&mut host, 1, &way, None);
    let answers = hand.have_nothing(&mut host);
    let count = |answer: &Option<Message>| match answer {
        Some(Message::Ops(ops)) => ops.ops.len(),
        _ => 0,
    };
    let counts: Vec<usize> = answers.iter().map(count).filter(|count| *count > 0).collect();
    assert_eq!(counts.iter().sum::<usize>(), 1 + COUNT, "{counts:?}");
    let in_a_message = FRAME_BYTES_MAX * 3 / 4 / BYTES;
    assert_eq!(counts.len(), COUNT.div_ceil(in_a_message), "{counts:?}");
}

/// The last `have` of what a host answers.
fn have_of(answers: &[Option<Message>]) -> Option<&Have> {
    answers.iter().rev().find_map(|answer| match answer {
        Some(Message::Have(have)) => Some(have),
        _ => None,
    })
}

/// Heads are a courtesy: where they are too many for a message the rest is said without them.
#[test]
fn a_have_with_too_many_heads_is_said_without_them() {
    let mut host = MemoryHost::new(1);
    host.create();
    let way = Way { form: Form::Text, ..Way::default() };
    for (link, branches, has_heads) in [(1, 10, true), (2, 700, false)] {
        for number in 0..branches {
            let change = Change::Replace(1.into());
            let edit = Edit::Entity { collection: "notes".into(), key: "a".into(), change, base: Base::Shown };
            host.write(&format!("{}{number}", "b".repeat(100)), vec![edit]).expect("a branch begins with a write");
        }
        let hand = Hand::shaken_by(&mut host, link, &way, None);
        let answers = hand.have_nothing(&mut host);
        let have = have_of(&answers).expect("a have is answered by a have");
        assert_eq!((have.heads.is_empty(), have.op_count), (!has_heads, if has_heads { 11 } else { 711 }));
    }
}
