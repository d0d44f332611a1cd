//! What a server shows to anybody.

use trellis_sync::server::{Server, ServerConfig, TlsConfig};
use trellis_sync::transport::Frame;
use trellis_sync::{Code, Result};

use crate::host::{Host, loopback, next};

#[tokio::test]
async fn health_and_status_are_there() {
    let host = Host::start(loopback()).await;
    let healthy = host.get("/healthz").await;
    assert!(healthy.starts_with("HTTP/1.1 200 ") && healthy.ends_with("\r\n\r\nok"), "{healthy}");
    let status = host.get("/sync/v1/status").await;
    assert!(status.starts_with("HTTP/1.1 200 ") && status.contains("content-type: application/json"), "{status}");
    assert!(status.ends_with("\r\n\r\n{\"repos\":0,\"v\":1}"), "{status}");
    assert!(host.get("/elsewhere").await.starts_with("HTTP/1.1 404 "));
    let posted = host.ask(&format!("POST /healthz HTTP/1.1\nhost: {}\nconnection: close", host.address)).await;
    assert!(posted.starts_with("HTTP/1.1 405 "), "{posted}");
}

#[tokio::test]
async fn metrics_count_links_frames_and_bytes() {
    let mut host = Host::start(loopback()).await;
    let (mut client, mut visit) = host.link().await;
    for frame in [Frame::Binary(vec![7; 30]), Frame::Text("x".repeat(12))] {
        client.sender.send(frame).await.unwrap();
        next(&mut visit.arrived.connection).await;
    }
    visit.arrived.connection.sender.send(Frame::Binary(vec![7; 5])).await.unwrap();
    next(&mut client).await;
    let page = host.get("/metrics").await;
    assert!(page.contains("content-type: text/plain; version=0.0.4"), "{page}");
    for line in [
        "# TYPE trellis_links_open gauge",
        "trellis_links_open 1",
        "trellis_links_total 1",
        "trellis_frames_total{direction=\"in\"} 2",
        "trellis_frames_total{direction=\"out\"} 1",
        "trellis_frame_bytes_total{direction=\"in\"} 42",
        "trellis_frame_bytes_total{direction=\"out\"} 5",
        "trellis_refused_total{reason=\"page\"} 0",
        "trellis_repos 0",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in {page}");
    }
    drop((client, visit));
    host.until_metrics_say("trellis_links_open 0").await;
    host.until_metrics_say("trellis_links_total 1").await;
}

#[tokio::test]
async fn a_request_for_a_link_that_is_no_handshake_hears_so() {
    let host = Host::start(loopback()).await;
    let answer = host.get("/sync/v1/link").await;
    assert!(answer.starts_with("HTTP/1.1 426 ") && answer.contains("upgrade: websocket"), "{answer}");
    assert!(answer.contains("\"code\":\"invalid_argument\""), "{answer}");
    let answer = host.get("/sync/v1/repos/00/link").await;
    assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("\"code\":\"not_found\""), "{answer}");
    let handshake = "upgrade: websocket\nconnection: upgrade\nsec-websocket-version: 13\n\
                     sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    let old = host.ask(&format!("GET /sync/v1/link HTTP/1.0\nhost: {}\n{handshake}", host.address)).await;
    assert!(old.starts_with("HTTP/1.0 426 "), "{old}");
    host.until_metrics_say("trellis_refused_total{reason=\"handshake\"} 2").await;
    host.until_metrics_say("trellis_refused_total{reason=\"tag\"} 1").await;
}

#[tokio::test]
async fn a_server_that_cannot_listen_says_why() {
    let code = |bound: Result<Server>| bound.unwrap_err().code();
    let host = Host::start(loopback()).await;
    let taken = ServerConfig { listen: host.address, ..loopback() };
    assert_eq!(code(Server::bind(taken).await), Code::AlreadyExists);
    let foreign = ServerConfig { listen: "192.0.2.1:0".parse().unwrap(), allow_plain: true, ..loopback() };
    assert_eq!(code(Server::bind(foreign.clone()).await), Code::InvalidArgument);
    let plain = ServerConfig { allow_plain: false, ..foreign };
    assert_eq!(code(Server::bind(plain).await), Code::PermissionDenied);
    let tls = Some(TlsConfig { certificate: "no/such/file".into(), key: "no/such/key".into() });
    let error = Server::bind(ServerConfig { tls, ..loopback() }).await.unwrap_err();
    assert_eq!((error.code(), error.path()), (Code::InvalidArgument, Some("no/such/file".as_ref())));
}
