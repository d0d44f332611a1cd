//! Two repos diverge and meet, through the machine alone.

use trellis_core::input::{Command, EntityQuery};
use trellis_core::op::json::{Value, parse};
use trellis_core::output::Answer;
use trellis_tests::host::MemoryHost;

fn json(text: &str) -> Value {
    parse(text.as_bytes()).expect("the test's own JSON")
}

fn status_ops(host: &mut MemoryHost) -> usize {
    match host.run(Command::Status) {
        Ok(Answer::Status(status)) => status.ops,
        other => panic!("{other:?}"),
    }
}

/// What one replica writes reaches the other whole, and again changes nothing.
#[test]
fn ops_travel_once() {
    let mut ann = MemoryHost::new(1);
    let mut bob = MemoryHost::new(2);
    ann.create();
    ann.put("notes", "1", json(r#"{"title":"Calm"}"#));
    ann.send_to(&mut bob);
    assert_eq!(status_ops(&mut bob), 2);
    bob.put("notes", "2", json(r#"{"title":"Storm"}"#));
    bob.send_to(&mut ann);
    assert_eq!(status_ops(&mut ann), 3);
    bob.send_to(&mut ann);
    assert_eq!(status_ops(&mut ann), 3);
    assert_eq!(status_ops(&mut ann.reopened()), 3);
    let query = EntityQuery { branch: "main".into(), collection: "notes".into(), key: "2".into(), at: Vec::new() };
    let here = ann.run(Command::Get(query.clone()));
    assert_eq!(here, bob.run(Command::Get(query)));
    assert!(here.is_ok());
}
