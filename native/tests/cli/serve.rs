//! What `trellis serve` prints; native/tests/serve has what it does.

use std::io::{BufRead, BufReader};

use crate::documents;
use crate::shell::{Shell, spawn};

#[test]
fn its_document_comes_when_it_listens() {
    let shell = Shell::with_repo();
    let args = ["-C", "a", "serve", "--listen", "127.0.0.1:0", "--origin", "wss://relay.example", "--json"];
    let mut child = spawn(&mut shell.command(&args));
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let document = documents::check(&args, &line);
    assert_eq!(document["origins"][0], "wss://relay.example");
    assert_eq!((document["repos"][0]["tag"].as_str().unwrap().len(), document["open"].as_bool()), (32, Some(false)));
    assert!(!document["url"].as_str().unwrap().ends_with(":0"), "{line}");
}
