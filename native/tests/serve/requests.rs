//! Requests that are signed by hand, right or wrong.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use trellis_sync::core::link::message::{Form, Frame, Have, Message};
use trellis_sync::keys::Identity;

/// What a request consists of. Each part can be made wrong.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) media_type: &'static str,
    pub(crate) body: Vec<u8>,
    /// The `content-digest` field.
    pub(crate) digest: String,
    /// The `signature-input` and `signature` fields.
    pub(crate) input: String,
    pub(crate) signature: String,
}

/// What is signed.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) identity: Identity,
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) body: Vec<u8>,
    pub(crate) created: u64,
    pub(crate) nonce: String,
    pub(crate) components: Vec<&'static str>,
    /// What follows the nonce.
    pub(crate) more: String,
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A body with frames.
pub(crate) fn body(messages: &[Message], form: Form) -> Vec<u8> {
    let frames = messages.iter().map(|message| Frame::of(message, form).unwrap().into_bytes());
    frames.flat_map(|frame| [&(frame.len() as u32).to_be_bytes()[..], &frame].concat()).collect()
}

/// The first words of somebody who has nothing.
pub(crate) fn first_words() -> Message {
    Message::Have(Have { round: 1, ..Have::default() })
}

pub(crate) fn digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", Base64::encode_string(&Sha256::digest(body)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Draft {
    /// A good request to the one repo of a server.
    pub(crate) fn new(host: &str, seed: u8) -> Draft {
        let nonce: [u8; 16] =
            Sha256::digest(format!("{seed} {:?}", std::time::Instant::now()))[..16].try_into().unwrap();
        Draft {
            identity: Identity::from_seed(&[seed; 32]),
            path: "/sync/v1/exchange".to_owned(),
            host: host.to_owned(),
            body: body(&[first_words()], Form::Binary),
            created: now(),
            nonce: hex(&nonce),
            components: vec!["@method", "@authority", "@path", "content-digest"],
            more: ";alg=\"ed25519\"".to_owned(),
        }
    }

    pub(crate) fn sign(&self) -> Request {
        let digest = digest(&self.body);
        let value = |component: &str| match component {
            "@method" => "POST".to_owned(),
            "@authority" => self.host.clone(),
            "@path" => self.path.clone(),
            "@query" => "?".to_owned(),
            _ => digest.clone(),
        };
        let lines: String = self.components.iter().map(|name| format!("\"{name}\": {}\n", value(name))).collect();
        let names: Vec<String> = self.components.iter().map(|name| format!("\"{name}\"")).collect();
        let params = format!(
            "({});created={};keyid=\"{}\";nonce=\"{}\"{}",
            names.join(" "),
            self.created,
            hex(&self.identity.author().0),
            self.nonce,
            self.more
        );
        let signature = self.identity.sign(format!("{lines}\"@signature-params\": {params}").as_bytes());
        Request {
            method: "POST",
            path: self.path.clone(),
            host: self.host.clone(),
            media_type: "application/vnd.trellis.sync+cbor",
            body: self.body.clone(),
            digest,
            input: format!("sig={params}"),
            signature: format!("sig=:{}:", Base64::encode_string(&signature)),
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Request { method, path, host, media_type, body, digest, input, signature } = self;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {media_type}\r\n");
        head += &format!("content-length: {}\r\nconnection: close\r\n", body.len());
        for (name, value) in [("content-digest", digest), ("signature-input", input), ("signature", signature)] {
            if !value.is_empty() {
                head += &format!("{name}: {value}\r\n");
            }
        }
        [head.as_bytes(), b"\r\n", body].concat()
    }

    pub(crate) fn send(&self, address: &str) -> Response {
        let mut socket = TcpStream::connect(address).unwrap();
        // A server that refuses need not read to the end.
        let _ = socket.write_all(&self.bytes());
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("it answers");
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Response { status, head, body: answer.split_off(end + 4) }
    }
}

impl Response {
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut named = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned());
        named.next()
    }

    /// The frames, if both the body and the signature over it are right for this request.
    pub(crate) fn messages(&self, request: &Request) -> Vec<Message> {
        let digest = self.field("content-digest").unwrap();
        assert_eq!(digest, self::digest(&self.body));
        let input = self.field("signature-input").unwrap();
        let params = input.strip_prefix("sig=").unwrap();
        assert!(params.starts_with("(\"@status\" \"content-digest\" \"signature\";req);created="), "{params}");
        let base = format!(
            "\"@status\": {}\n\"content-digest\": {digest}\n\"signature\";req: {}\n\"@signature-params\": {params}",
            self.status, request.signature
        );
        let signature = self.field("signature").unwrap();
        let signature = signature.strip_prefix("sig=:").and_then(|text| text.strip_suffix(':')).unwrap();
        let signature: [u8; 64] = Base64::decode_vec(signature).unwrap().try_into().unwrap();
        let key = params.split("keyid=\"").nth(1).and_then(|rest| rest.get(..64)).unwrap();
        let key = trellis_sync::core::op::hex::parse(key).unwrap();
        let author = trellis_sync::core::op::id::Author(key);
        assert!(trellis_sync::core::op::sign::is_signed_message(&author, base.as_bytes(), &signature));
        self.frames()
    }

    fn frames(&self) -> Vec<Message> {
        let is_text = self.field("content-type").is_some_and(|media_type| media_type.ends_with("+json"));
        let (mut messages, mut rest) = (Vec::new(), &self.body[..]);
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let (frame, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
            let frame = match is_text {
                true => Frame::Text(String::from_utf8(frame.to_vec()).unwrap()),
                false => Frame::Binary(frame.to_vec()),
            };
            messages.push(frame.read().unwrap());
            rest = tail;
        }
        messages
    }
}
