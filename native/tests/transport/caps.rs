//! How many may be connected, and how long they may take to say what they want.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use trellis_sync::Code;
use trellis_sync::server::ServerConfig;
use trellis_sync::transport::ws::{ConnectOptions, connect};

use crate::host::{Host, loopback, read_to_end, soon};

async fn refused(host: &Host) -> Code {
    let error = soon(connect(&host.url(), &ConnectOptions::default())).await.unwrap_err();
    assert!(error.is_retryable());
    error.code()
}

#[tokio::test]
async fn an_address_has_few_links_that_have_proven_nothing() {
    let mut host = Host::start(loopback()).await;
    let mut links = Vec::new();
    for _ in 0..4 {
        links.push(host.link().await);
    }
    assert_eq!(refused(&host).await, Code::Offline);
    // One of them proves who it is, and makes room although it stays.
    let (client, visit) = links.pop().unwrap();
    drop(visit.arrived.newcomer);
    links.push(host.link().await);
    assert_eq!(refused(&host).await, Code::Offline);
    drop(links);
    host.until_metrics_say("trellis_refused_total{reason=\"newcomers\"} 2").await;
    host.until_metrics_say("trellis_links_total 5").await;
    drop(client);
}

#[tokio::test]
async fn sockets_that_say_nothing_count_too() {
    let mut host = Host::start(ServerConfig { newcomers_per_address_max: 2, ..loopback() }).await;
    let idle = [host.socket().await, host.socket().await];
    assert_eq!(refused(&host).await, Code::Offline);
    drop(idle);
    host.until_metrics_say("trellis_links_total 0").await;
    host.link().await;
}

#[tokio::test]
async fn all_links_together_have_a_limit() {
    let mut host = Host::start(ServerConfig { connections_max: 2, ..loopback() }).await;
    let mut links = Vec::new();
    for _ in 0..2 {
        let (client, visit) = host.link().await;
        drop(visit.arrived.newcomer);
        links.push((client, visit.arrived.connection));
    }
    assert_eq!(refused(&host).await, Code::Offline);
    drop(links);
    host.until_metrics_say("trellis_links_total 2").await;
    host.link().await;
}

#[tokio::test]
async fn a_slow_request_is_not_waited_for() {
    let host = Host::start(ServerConfig { header_limit: Duration::from_millis(50), ..loopback() }).await;
    for said in ["", "G", "GET /healthz HTTP/1.1\r\nhost: a\r\n", "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"] {
        let mut socket = host.socket().await;
        socket.write_all(said.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut socket).await;
        let is_whole = said.ends_with("\r\n\r\n");
        assert_eq!(answer.starts_with("HTTP/1.1 200 "), is_whole, "{said:?}: {answer}");
    }
}

#[tokio::test]
async fn a_request_of_any_length_is_not_read() {
    let host = Host::start(loopback()).await;
    let long = "x".repeat(16 * 1024);
    let answer = host.ask(&format!("GET /healthz HTTP/1.1\nhost: a\nlong: {long}")).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    let answer = host.ask("GET /healthz HTTP/1.1\nhost: a\ncontent-length: 1000000000").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "the body is not waited for: {answer}");
    assert!(!host.ask("this is no HTTP").await.contains("200 OK"));
}
