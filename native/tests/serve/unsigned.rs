//! Requests that are refused, each for one thing that is wrong with it; and answers that a client does not believe.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use trellis_sync::core::input::Role;
use trellis_sync::core::link::message::{Form, Message};
use trellis_sync::keys::Identity;
use trellis_sync::{Code, Result, Value};

use crate::place::{Place, Serve, fails, hex, run, tag};
use crate::requests::{Draft, Request, body, digest, first_words, now};

/// A server of a repo with one note, open to anybody.
async fn open_server(place: &Place) -> Result<Serve> {
    let ann = place.repo("ann").await?;
    ann.set("notes/1/title", Value::from("a secret")).await?;
    ann.close().await?;
    Ok(place.serve(&["-C", "ann", "serve", "--open"]))
}

/// Sends a request that is right but for one thing, and sees it refused, with nothing of the repo.
fn is_refused(server: &Serve, request: &Request, status: u16) {
    let response = request.send(server.address());
    let said = String::from_utf8_lossy(&response.body).into_owned();
    assert_eq!(response.status, status, "{said}");
    assert!(response.field("signature").is_none() && !said.contains("secret"), "{said}");
}

fn with_server(test: impl Fn(&Serve)) {
    run(async {
        let place = Place::new();
        let server = open_server(&place).await?;
        test(&server);
        Ok(())
    });
}

#[test]
fn a_right_request_is_answered_in_either_form() {
    with_server(|server| {
        let request = Draft::new(server.address(), 1).sign();
        let messages = request.send(server.address()).messages(&request);
        assert!(messages.iter().any(|message| matches!(message, Message::Have(_))), "{messages:?}");
        assert!(messages.iter().any(|message| matches!(message, Message::Ops(_))), "{messages:?}");
        let mut draft = Draft::new(server.address(), 2);
        draft.body = body(&[first_words()], Form::Text);
        let request = Request { media_type: "application/vnd.trellis.sync+json", ..draft.sign() };
        assert!(!request.send(server.address()).messages(&request).is_empty());
    });
}

#[test]
fn a_request_without_a_signature_is_refused() {
    with_server(|server| {
        let request = Draft::new(server.address(), 1).sign();
        is_refused(server, &Request { signature: String::new(), ..request.clone() }, 401);
        is_refused(server, &Request { input: String::new(), ..request.clone() }, 401);
        is_refused(server, &Request { digest: String::new(), ..request }, 401);
    });
}

#[test]
fn replayed_requests() {
    with_server(|server| {
        let request = Draft::new(server.address(), 1).sign();
        assert_eq!(request.send(server.address()).status, 200);
        is_refused(server, &request, 401);
    });
}

#[test]
fn a_changed_body_is_refused() {
    with_server(|server| {
        let request = Draft::new(server.address(), 1).sign();
        let other = body(&[first_words(), Message::Ping(1)], Form::Binary);
        is_refused(server, &Request { body: other.clone(), ..request.clone() }, 401);
        is_refused(server, &Request { digest: digest(&other), body: other, ..request.clone() }, 401);
        let both = format!("{}, sha-512=:AAAA:", request.digest);
        is_refused(server, &Request { digest: both, ..request }, 401);
    });
}

#[test]
fn a_request_to_another_server_is_refused() {
    with_server(|server| {
        let elsewhere = Draft::new("relay.example", 1).sign();
        is_refused(server, &elsewhere, 421);
        is_refused(server, &Request { host: server.address().to_owned(), ..elsewhere }, 401);
    });
}

#[test]
fn a_request_of_another_time_is_refused() {
    with_server(|server| {
        for created in [now() - 400, now() + 400, 0] {
            is_refused(server, &Draft { created, ..Draft::new(server.address(), 1) }.sign(), 401);
        }
        // Within the window, and yet before this server could have seen it.
        is_refused(server, &Draft { created: now() - 200, ..Draft::new(server.address(), 1) }.sign(), 503);
    });
}

#[test]
fn a_request_by_another_path_or_method_is_refused() {
    with_server(|server| {
        let request = Draft::new(server.address(), 1).sign();
        let path = format!("/sync/v1/repos/{}/exchange", "0".repeat(32));
        is_refused(server, &Request { path, ..request.clone() }, 401);
        is_refused(server, &Request { path: format!("{}?a=b", request.path), ..request.clone() }, 401);
        is_refused(server, &Request { method: "PUT", ..request.clone() }, 405);
        is_refused(server, &Request { method: "GET", ..request }, 405);
    });
}

#[test]
fn a_signature_that_covers_less_or_more_is_refused() {
    with_server(|server| {
        for components in [
            vec!["@method", "@authority", "@path"],
            vec!["@method", "@path", "content-digest"],
            vec!["@authority", "@path", "content-digest"],
            vec!["@method", "@authority", "content-digest"],
            vec!["@method", "@authority", "@path", "content-digest", "@query"],
            vec!["@authority", "@method", "@path", "content-digest"],
            vec![],
        ] {
            is_refused(server, &Draft { components, ..Draft::new(server.address(), 1) }.sign(), 401);
        }
    });
}

#[test]
fn a_signature_that_says_less_or_more_of_itself_is_refused() {
    with_server(|server| {
        for more in [";alg=\"rsa-v1_5-sha256\"", ";expires=9999999999", ";tag=\"a\"", ";alg=ed25519"] {
            is_refused(server, &Draft { more: more.to_owned(), ..Draft::new(server.address(), 1) }.sign(), 401);
        }
        for nonce in ["", "0011", &"A".repeat(32)] {
            is_refused(server, &Draft { nonce: nonce.to_owned(), ..Draft::new(server.address(), 1) }.sign(), 401);
        }
        // Without a name for the algorithm it is the same one.
        let request = Draft { more: String::new(), ..Draft::new(server.address(), 1) }.sign();
        assert_eq!(request.send(server.address()).status, 200);
    });
}

#[test]
fn a_malformed_signature_is_refused() {
    with_server(|server| {
        let request = Draft::new(server.address(), 1).sign();
        let other = Draft::new(server.address(), 2).sign();
        is_refused(server, &Request { signature: other.signature.clone(), ..request.clone() }, 401);
        for signature in ["sig=::", "sig=:AAAA:", "sig", "other=:AAAA:", ":", "sig=:AA\u{e4}:"] {
            is_refused(server, &Request { signature: signature.to_owned(), ..request.clone() }, 401);
        }
        for input in ["sig=()", "sig", "sig=(\"@method\"", "other=()", "=", "sig=\"@method\""] {
            is_refused(server, &Request { input: input.to_owned(), ..request.clone() }, 401);
        }
        let twice = format!("{}, two{}", request.input, &request.input[3..]);
        is_refused(server, &Request { input: twice, ..request }, 401);
    });
}

#[test]
fn a_body_that_holds_no_frames_is_refused() {
    with_server(|server| {
        let draft = Draft::new(server.address(), 1);
        for body in [vec![1, 2, 3], vec![0, 0, 0, 0], vec![0xff; 4], vec![0, 0, 0, 9, 1], vec![0; 8 * 1024 * 1024 + 1]]
        {
            is_refused(server, &Draft { body, ..Draft::new(server.address(), 1) }.sign(), 400);
        }
        is_refused(server, &Request { media_type: "application/json", ..draft.sign() }, 400);
    });
}

#[test]
fn a_session_that_is_not_known_has_to_begin_anew() {
    with_server(|server| {
        let again = |messages: &[Message]| {
            let request = Draft { body: body(messages, Form::Binary), ..Draft::new(server.address(), 1) }.sign();
            request.send(server.address()).status
        };
        assert_eq!(again(&[]), 409);
        assert_eq!(again(&[Message::Ping(1)]), 409);
        assert_eq!(again(&[first_words()]), 200);
        assert_eq!(again(&[Message::Ping(1)]), 200);
        assert_eq!(again(&[Message::Bye]), 200);
        assert_eq!(again(&[Message::Ping(2)]), 409, "it was ended");
    });
}

/// Sessions are for those who are let in: however many others ask, nobody's place is taken.
#[test]
fn strangers_take_nobodys_session() {
    run(async {
        let place = Place::new();
        let ann = place.repo("ann").await?;
        ann.set("notes/1/title", Value::from("a secret")).await?;
        ann.add_member(Identity::from_seed(&[1; 32]).author(), "Bob", Role::Writer).await?;
        ann.close().await?;
        let server = place.serve(&["-C", "ann", "serve"]);
        let ask = |draft: Draft| draft.sign().send(server.address()).status;
        assert_eq!(ask(Draft::new(server.address(), 1)), 200);
        for number in 0..300_u16 {
            let mut seed = [2; 32];
            seed[..2].copy_from_slice(&number.to_be_bytes());
            let identity = Identity::from_seed(&seed);
            assert_eq!(ask(Draft { identity, ..Draft::new(server.address(), 2) }), 403);
        }
        let body = body(&[Message::Ping(1)], Form::Binary);
        assert_eq!(ask(Draft { body, ..Draft::new(server.address(), 1) }), 200, "it goes on where it was");
        Ok(())
    });
}

#[test]
fn who_is_no_member_learns_nothing_of_which_repos_there_are() {
    run(async {
        let place = Place::new();
        let (ann, bob) = (place.repo("ann").await?, place.repo("bob").await?);
        ann.set("notes/1/title", Value::from("a secret")).await?;
        ann.add_member(bob.status().await?.author, "Bob", Role::Writer).await?;
        let known = hex(tag(&ann).await?);
        ann.close().await?;
        std::fs::create_dir(place.path("repos")).unwrap();
        std::fs::rename(place.path("ann"), place.path("repos").join("ann")).unwrap();
        let server = place.serve(&["serve", "--repos", "repos"]);
        let answers = [known, "0".repeat(32)].map(|tag| {
            let path = format!("/sync/v1/repos/{tag}/exchange");
            let response = Draft { path, ..Draft::new(server.address(), 1) }.sign().send(server.address());
            (response.status, response.body)
        });
        assert_eq!((answers[0].0, &answers[0]), (403, &answers[1]));
        Ok(())
    });
}

/// Reads one request or answer from a socket.
fn read_message(socket: &mut TcpStream) -> Vec<u8> {
    let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let len = socket.read(&mut chunk).unwrap();
        request.extend_from_slice(&chunk[..len]);
        let text = String::from_utf8_lossy(&request);
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).map(|length| length.parse());
        let end = request.windows(4).position(|four| four == b"\r\n\r\n").map(|end| end + 4);
        if len == 0
            || matches!((end, length), (Some(end), Some(Ok::<usize, _>(length))) if request.len() >= end + length)
        {
            return request;
        }
    }
}

/// Answers every request in the same way.
fn liar(listener: TcpListener, mut answer: impl FnMut(Vec<u8>) -> Vec<u8> + Send + 'static) -> String {
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let answer = answer(read_message(&mut socket));
            socket.write_all(&answer).unwrap();
        }
    });
    format!("http://{address}")
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

#[test]
fn an_answer_that_is_not_signed_is_not_believed() {
    run(async {
        let place = Place::new();
        let bob = place.repo("bob").await?;
        let unsigned =
            b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.trellis.sync+cbor\r\ncontent-length: 0\r\n\r\n";
        let elsewhere = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
        for (answer, code) in [(&unsigned[..], Code::AuthFailed), (elsewhere, Code::InvalidArgument)] {
            let url = liar(listener(), move |_| answer.to_vec());
            assert_eq!(bob.sync(&url)?.in_sync().await.unwrap_err().code(), code);
        }
        assert_eq!(bob.status().await?.ops, 0);
        Ok(())
    });
}

#[test]
fn an_answer_to_another_request_is_not_believed() {
    run(async {
        let place = Place::new();
        let ann = place.repo("ann").await?;
        ann.set("notes/1/title", Value::from("a secret")).await?;
        ann.close().await?;
        let listener = listener();
        let origin = format!("ws://{}", listener.local_addr().unwrap());
        // Found free, and given back.
        let address = self::listener().local_addr().unwrap().to_string();
        let _server = place.serve(&["-C", "ann", "serve", "--open", "--origin", &origin, "--listen", &address]);
        let mut first = None;
        let url = liar(listener, move |request| {
            let pass_on = || {
                let mut real = TcpStream::connect(&address).unwrap();
                real.write_all(&request).unwrap();
                read_message(&mut real)
            };
            first.get_or_insert_with(pass_on).clone()
        });
        let (bob, carol) = (place.repo("bob").await?, place.repo("carol").await?);
        // The first request is answered, and its answer is good for no other.
        fails(&mut bob.sync(&url)?, Code::AuthFailed).await;
        assert!(bob.status().await?.ops > 0);
        assert_eq!(carol.sync(&url)?.in_sync().await.unwrap_err().code(), Code::AuthFailed);
        assert_eq!(carol.status().await?.ops, 0);
        Ok(())
    });
}
