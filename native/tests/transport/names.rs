//! By which names a server may be dialled, and from which pages.

use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, http};
use trellis_sync::server::ServerConfig;

use crate::host::{Host, loopback, soon};

/// Asks for a link by this name of the server (`@` stands for its address, `:` for its port), as a program or from a
/// page. The answer's status, and the origin that the server saw.
async fn ask(host: &mut Host, name: &str, page: Option<&str>) -> Result<String, u16> {
    let filled = |text: &str| {
        let port = format!(":{}", host.address.port());
        text.replace('@', &host.address.to_string()).replace(":PORT", &port)
    };
    let mut request = format!("ws://{}/sync/v1/link", host.address).into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert(http::header::HOST, HeaderValue::from_str(&filled(name)).unwrap());
    if let Some(page) = page {
        headers.insert(http::header::ORIGIN, HeaderValue::from_str(&filled(page)).unwrap());
    }
    let socket = soon(TcpStream::connect(host.address)).await.unwrap();
    match soon(client_async(request, socket)).await {
        Ok(_) => Ok(host.visit().await.arrived.connection.origin),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

#[tokio::test]
async fn pages_of_other_origins_open_no_links() {
    let mut host = Host::start(loopback()).await;
    for page in ["https://evil.example", "http://127.0.0.1", "https://@", "null", "", "http://localhost:PORT"] {
        assert_eq!(ask(&mut host, "@", Some(page)).await, Err(403), "{page}");
    }
    host.until_metrics_say("trellis_refused_total{reason=\"page\"} 6").await;
    assert!(ask(&mut host, "@", Some("http://@")).await.is_ok(), "a page of the server itself");
    assert!(ask(&mut host, "@", None).await.is_ok(), "a program");
}

#[tokio::test]
async fn pages_are_allowed_by_their_origin() {
    let allowed_origins = texts(&["https://app.example", "http://localhost:5173"]);
    let mut host = Host::start(ServerConfig { allowed_origins, ..loopback() }).await;
    for page in ["https://app.example", "https://App.Example:443", "http://localhost:5173", "http://@"] {
        assert!(ask(&mut host, "@", Some(page)).await.is_ok(), "{page}");
    }
    for page in ["http://app.example", "https://app.example.evil", "https://app.example/x", "http://localhost"] {
        assert_eq!(ask(&mut host, "@", Some(page)).await, Err(403), "{page}");
    }
}

#[tokio::test]
async fn a_playground_allows_every_page() {
    let mut host = Host::start(ServerConfig { allowed_origins: texts(&["*"]), ..loopback() }).await;
    for page in ["https://anywhere.example", "null", "file://"] {
        assert!(ask(&mut host, "@", Some(page)).await.is_ok(), "{page}");
    }
}

/// Whoever points a name of their own at this machine gets no link by it, from their page or otherwise.
#[tokio::test]
async fn a_server_answers_to_its_own_names_alone() {
    let mut host = Host::start(loopback()).await;
    for name in ["evil.example:PORT", "127.0.0.1", "localhost", "127.0.0.1:1", "", "a b"] {
        assert_eq!(ask(&mut host, name, None).await, Err(421), "{name}");
    }
    assert_eq!(ask(&mut host, "evil.example:PORT", Some("http://evil.example:PORT")).await, Err(421));
    host.until_metrics_say("trellis_refused_total{reason=\"name\"} 7").await;
    let own = [("@", "127.0.0.1"), ("LocalHost:PORT", "localhost"), ("[::1]:PORT", "[::1]")];
    for (name, expected) in own {
        assert_eq!(ask(&mut host, name, None).await, Ok(format!("ws://{expected}:{}", host.address.port())), "{name}");
    }
}

/// Which of two names counts is not for a proxy and a server to see differently.
#[tokio::test]
async fn a_name_that_comes_twice_is_none() {
    let host = Host::start(loopback()).await;
    let handshake = "upgrade: websocket\nconnection: upgrade\nsec-websocket-version: 13\n\
                     sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    let own = format!("host: {}", host.address);
    let page = format!("origin: http://{}", host.address);
    for (fields, expected) in [
        (format!("{own}\nhost: evil.example"), 421),
        (String::from("x: y"), 421),
        (format!("{own}\n{page}\norigin: https://evil.example"), 403),
    ] {
        let answer = host.ask(&format!("GET /sync/v1/link HTTP/1.1\n{fields}\nconnection: close\n{handshake}")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{fields}: {answer}");
    }
}

#[tokio::test]
async fn a_server_is_told_its_public_names() {
    let public_origins = texts(&["wss://relay.example", "ws://lan.example:4200"]);
    let mut host = Host::start(ServerConfig { public_origins, ..loopback() }).await;
    for (name, expected) in [("Relay.Example", "wss://relay.example"), ("lan.example:4200", "ws://lan.example:4200")] {
        assert_eq!(ask(&mut host, name, None).await.as_deref(), Ok(expected), "{name}");
    }
    assert!(ask(&mut host, "relay.example", Some("https://relay.example")).await.is_ok());
    assert_eq!(ask(&mut host, "relay.example", Some("http://relay.example")).await, Err(403));
    assert_eq!(ask(&mut host, "other.example", None).await, Err(421));
    assert!(ask(&mut host, "@", None).await.is_ok());
}

#[tokio::test]
async fn a_playground_answers_to_every_name() {
    let mut host = Host::start(ServerConfig { public_origins: texts(&["*"]), ..loopback() }).await;
    assert_eq!(ask(&mut host, "any.example", None).await.as_deref(), Ok("ws://any.example"));
}
