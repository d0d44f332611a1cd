//! What a client does with addresses, and with servers that are none.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use trellis_sync::server::ServerConfig;
use trellis_sync::transport::ws::{ConnectOptions, connect};
use trellis_sync::{Code, TrellisError};

use crate::host::{Host, loopback, soon};

async fn failed(url: &str, options: &ConnectOptions) -> TrellisError {
    soon(connect(url, options)).await.unwrap_err()
}

/// What a client hears from a server that answers every request with this, and then closes.
async fn answered(answer: &str) -> TrellisError {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let serve = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(socket.read_u8().await.unwrap());
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
    };
    let options = ConnectOptions::default();
    soon(async { tokio::join!(connect(&url, &options), serve) }).await.0.unwrap_err()
}

#[tokio::test]
async fn plain_text_goes_to_no_other_machine() {
    let options = ConnectOptions::default();
    for host in ["192.0.2.1", "relay.example", "0.0.0.0", "[2001:db8::1]", "localhost.example"] {
        let error = failed(&format!("ws://{host}:4200"), &options).await;
        assert_eq!((error.code(), error.is_retryable()), (Code::PermissionDenied, false), "{host}");
        assert!(error.message().contains("wss://") && error.message().contains("by name"), "{error}");
    }
}

#[tokio::test]
async fn plain_text_is_allowed_by_name() {
    let mut host = Host::start(ServerConfig { public_origins: vec!["*".to_owned()], ..loopback() }).await;
    // An address that is not loopback, and arrives here all the same.
    let url = format!("ws://0.0.0.0:{}", host.address.port());
    let options = |name: &str| ConnectOptions { allow_plain: vec![name.to_owned()], ..ConnectOptions::default() };
    assert_eq!(failed(&url, &options("other.example")).await.code(), Code::PermissionDenied);
    let client = soon(connect(&url, &options("0.0.0.0"))).await.unwrap();
    assert_eq!((&client.origin, &host.visit().await.arrived.connection.origin), (&url, &url));
}

#[tokio::test]
async fn a_name_of_this_machine_is_enough() {
    let mut host = Host::start(loopback()).await;
    let url = format!("ws://localhost:{}", host.address.port());
    let client = soon(connect(&url, &ConnectOptions::default())).await.unwrap();
    assert_eq!((&client.origin, &host.visit().await.arrived.connection.origin), (&url, &url));
}

#[tokio::test]
async fn what_is_no_address_is_an_invalid_argument() {
    for url in ["", "notes", "https://relay.example", "ws://", "wss://me:secret@relay.example"] {
        assert_eq!(failed(url, &ConnectOptions::default()).await.code(), Code::InvalidArgument, "{url}");
    }
}

#[tokio::test]
async fn who_cannot_be_reached_may_be_tried_again() {
    let options = ConnectOptions::default();
    // Nothing listens on the first port.
    for url in ["ws://127.0.0.1:1", "wss://[::1]:1"] {
        let error = failed(url, &options).await;
        assert_eq!((error.code(), error.is_retryable()), (Code::Offline, true), "{url}");
    }
}

#[tokio::test]
async fn who_does_not_answer_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = ConnectOptions { limit: Duration::from_millis(50), ..ConnectOptions::default() };
    for scheme in ["ws", "wss"] {
        let error = failed(&format!("{scheme}://{}", listener.local_addr().unwrap()), &options).await;
        assert_eq!((error.code(), error.is_retryable()), (Code::Timeout, true), "{scheme}");
    }
}

#[tokio::test]
async fn what_a_server_answers_instead_has_a_code() {
    for (answer, code) in [
        ("", Code::Offline),
        ("HTTP/1.1 301 Moved\r\nlocation: ws://192.0.2.1/\r\n\r\n", Code::InvalidArgument),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", Code::PermissionDenied),
        ("HTTP/1.1 404 Not Found\r\n\r\n", Code::NotFound),
        ("HTTP/1.1 421 Misdirected Request\r\n\r\n", Code::InvalidArgument),
        ("HTTP/1.1 429 Too Many Requests\r\n\r\n", Code::RateLimited),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", Code::Offline),
        ("HTTP/1.1 200 OK\r\n\r\n<html>", Code::VersionMismatch),
        ("SSH-2.0-OpenSSH\r\n\r\n", Code::VersionMismatch),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", Code::VersionMismatch),
    ] {
        assert_eq!(answered(answer).await.code(), code, "{answer}");
    }
}
