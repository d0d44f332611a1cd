//! JSON that is read as a message although it is not how the message is written.

use serde_json::{Value, json};

use super::good::delete_op;
use super::{digits, hand};

pub(super) fn cases() -> Vec<Value> {
    [haves(), others(), ops()].concat()
}

fn read(name: &str, why: &str, text: impl ToString, json: Value) -> Value {
    hand(name, why, json!({ "text": text.to_string(), "json": json }))
}

fn haves() -> Vec<Value> {
    let [one, other] = ["11", "22"].map(|byte| digits(32, byte));
    let plain = json!({ "type": "have", "heads": { "main": one }, "opCount": 42 });
    let text = |middle: String| format!("{{\"type\":\"have\",{middle}}}");
    vec![
        read(
            "text-plain",
            "what somebody writes by hand: members in any order, with spaces",
            format!("{{ \"type\": \"have\", \"heads\": {{\"main\": \"{one}\"}},\n  \"opCount\": 42 }}\n"),
            plain.clone(),
        ),
        read(
            "text-number",
            "a number in another notation, and a name with escapes",
            text(format!("\"opCount\":4.2e1,\"heads\":{{\"\\u006dain\":\"{one}\"}}")),
            plain.clone(),
        ),
        read(
            "text-defaults",
            "defaults that are written out",
            text(format!(
                "\"heads\":{{\"main\":\"{one}\"}},\"opCount\":42,\"tips\":[],\"without\":{{\"ops\":[]}},\"round\":0,\
                 \"more\":false,\"sent\":0,\"interest\":[],\"allHeads\":{{\"main\":[\"{one}\"]}}"
            )),
            plain,
        ),
        read(
            "text-all-heads",
            "all heads without the greatest: the first of each is that",
            text(format!("\"allHeads\":{{\"main\":[\"{other}\",\"{one}\"]}}")),
            json!({ "type": "have", "heads": { "main": other }, "allHeads": { "main": [other, one] } }),
        ),
        read(
            "text-all-heads-single",
            "where each branch has one head, `heads` says all",
            text(format!("\"allHeads\":{{\"main\":[\"{one}\"]}}")),
            json!({ "type": "have", "heads": { "main": one } }),
        ),
    ]
}

fn others() -> Vec<Value> {
    let hello = json!({ "type": "hello", "versions": [1], "nonce": digits(32, "11") });
    let mut later = hello.clone();
    later["mood"] = json!({ "of": ["a later version"] });
    vec![
        read("text-hello-later", "a hello may say more than this version knows", later, hello),
        read(
            "text-ack",
            "an ack of nothing",
            r#"{"type":"ack","level":"memory","credit":0}"#,
            json!({ "type": "ack" }),
        ),
        read("text-bye", "spaces", "\t{ \"type\" : \"bye\" }\r\n", json!({ "type": "bye" })),
    ]
}

fn ops() -> Vec<Value> {
    let written =
        || super::good::cases().into_iter().find(|case| case["name"] == "ops").expect("the case")["json"].take();
    let mut bare = json!({ "type": "ops", "batch": 3, "more": true, "sent": 42, "ops": [delete_op()] });
    let without = bare.to_string();
    bare["ops"][0]["op"] = json!({ "hash": "a lie", "kind": ["whatever"] });
    let mut first = written();
    for field in ["batch", "more", "sent"] {
        first.as_object_mut().expect("an object").remove(field);
    }
    vec![
        read("text-ops", "without a copy for people, and without the repo, which the ops say", without, written()),
        read("text-ops-copy", "nobody reads the copy", &bare, written()),
        read("text-ops-first", "the first batch, when nothing was sent", &first, first.clone()),
    ]
}
