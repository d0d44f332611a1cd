//! What crosses into JavaScript and back: the text is the JSON that serde_json writes and reads, and bytes stand beside it.

use serde_json::{Value, json};
use trellis_core::op::stored::StoredOp;
use trellis_core::surface::crossing::{self, Given, give, give_ops, read_ops};
use trellis_core::surface::{Bytes, Command, FromPlain, Json, Plain};
use trellis_tests::dice::{Dice, seeds};

fn read(text: &str, bytes: Option<&[u8]>) -> Option<Plain> {
    struct Any(Plain);
    impl FromPlain for Any {
        fn from_plain(plain: Plain) -> Result<Any, trellis_core::surface::Unreadable> {
            Ok(Any(plain))
        }
    }
    crossing::read::<Any>(text, bytes).ok().map(|any| any.0)
}

fn any_text(dice: &mut Dice) -> String {
    let parts = ["", "a", "\"", "\\", "\0", "\u{1f}", "\n", "é", "\u{2028}", "\u{10ffff}", "\u{ffff}", "\0b0,1", "\0t"];
    (0..dice.below(5)).map(|_| *dice.pick(&parts)).collect()
}

fn any_json(dice: &mut Dice, levels: usize) -> Value {
    match dice.below(if levels == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => json!(dice.chance(50)),
        2 => json!(dice.number() as i64 >> 11),
        3 => json!(f64::from_bits(dice.number() >> 2)),
        4 | 5 => json!(any_text(dice)),
        6 => (0..dice.below(4)).map(|_| any_json(dice, levels - 1)).collect(),
        _ => Value::Object((0..dice.below(4)).map(|_| (any_text(dice), any_json(dice, levels - 1))).collect()),
    }
}

#[test]
fn a_value_is_written_as_json() {
    for seed in seeds(500) {
        let value = any_json(&mut Dice::new(seed), 4);
        let given = give(&value).expect("JSON can be written");
        assert_eq!(given.bytes, None);
        assert_eq!(serde_json::from_str::<Value>(&given.text).expect("JSON"), value, "seed {seed}");
    }
}

#[test]
fn every_kind_of_value_is_written_as_serde_json_does() {
    #[derive(serde::Serialize)]
    enum Kind {
        Unit,
        One(u8),
        Two(i64, bool),
        Named { text: &'static str, none: Option<char>, some: Option<char> },
    }
    #[derive(serde::Serialize)]
    struct Pair(f32, u64);
    let kinds = (Kind::Unit, Kind::One(1), Kind::Two(-2, true), Kind::Named { text: "t", none: None, some: Some('é') });
    let value = (kinds, Pair(0.5, u64::MAX), (), [1_u16; 2], std::collections::BTreeMap::from([("k", [0_i8; 0])]));
    let given = give(&value).expect("it can be written");
    assert_eq!(serde_json::from_str::<Value>(&given.text).expect("JSON"), serde_json::to_value(&value).expect("JSON"));
}

#[test]
fn a_value_is_read_as_json() {
    for seed in seeds(500) {
        let value = any_json(&mut Dice::new(seed), 4);
        let Json(read) = crossing::read(&value.to_string(), None).expect("a value");
        assert_eq!(serde_json::from_str::<Value>(&read.to_string()).expect("JSON"), value, "seed {seed}");
    }
}

#[test]
fn bytes_stand_beside_the_text() {
    let Given { text, bytes } =
        give(&[Bytes(vec![1, 2]), Bytes(vec![]), Bytes(vec![3])]).expect("bytes can be written");
    assert_eq!(text, r#"["\ud8000,2","\ud8002,0","\ud8002,1"]"#);
    assert_eq!(bytes, Some(vec![1, 2, 3]));
    assert_eq!(give(&Bytes(vec![])).expect("none at all, too").bytes, Some(vec![]));

    let read_back = read("[\"\\u0000b0,2\",\"\\u0000b2,0\",\"\\u0000t\\u0000b\"]", Some(&[1, 2]));
    let wanted = [Plain::Bytes(vec![1, 2]), Plain::Bytes(vec![]), Plain::Text("\0b".into())];
    assert_eq!(read_back, Some(Plain::List(wanted.to_vec())));
    assert_eq!(read("\"\\u0000b0,2\"", None), Some(Plain::Text("\0b0,2".into())), "without bytes it is a text");
    for beyond in ["0,3", "3,0", "1,2", "x", "", "-1,1", "0,18446744073709551615"] {
        assert_eq!(read(&format!("\"\\u0000b{beyond}\""), Some(&[1, 2])), None, "{beyond}");
    }
}

#[test]
fn what_is_no_value_is_refused_without_showing_it() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for bad in ["", "undefined", "{\"type\":", "\"\\ud800\"", "9007199254740992", "{\"a\":1,\"a\":2}", &deep] {
        let refused = crossing::read::<Command>(bad, None).expect_err("it is no command");
        assert_eq!(refused.to_string(), "the value is not of the shape that is expected here");
    }
    let secret = crossing::read::<Command>("{\"type\":\"secret\"}", None).expect_err("there is no such command");
    assert!(!secret.to_string().contains("secret"), "{secret}");
}

#[test]
fn lists_of_ops_come_back_as_they_were() {
    let op = |body: Option<&[u8]>, signature| StoredOp { header: vec![1, 2, 3], body: body.map(Into::into), signature };
    let ops = vec![op(None, None), op(Some(&[]), Some([7; 64])), op(Some(&[0; 300]), None)];
    let bytes = give_ops(ops.clone());
    assert_eq!(read_ops(&bytes), Ok(ops));
    for end in [1, 11, 14, bytes.len() - 1] {
        assert!(read_ops(&bytes[..end]).is_err(), "cut at {end}");
    }
    assert_eq!(read_ops(&[]), Ok(vec![]));
}
