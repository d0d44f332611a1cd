//! A server that is asked to stop.

use std::time::Duration;

use trellis_sync::server::{ServerConfig, Stopped};
use trellis_sync::transport::Frame;

use crate::host::{Host, loopback, next, read_to_end, soon};

#[tokio::test]
async fn it_waits_for_its_links_to_finish() {
    let mut host = Host::start(loopback()).await;
    let (mut client, mut visit) = host.link().await;
    host.stopper.stop();
    soon(visit.arrived.stop.cancelled()).await;
    // The link goes on until both have said what they have to.
    client.sender.send(Frame::Binary(vec![1])).await.unwrap();
    assert_eq!(next(&mut visit.arrived.connection).await, Frame::Binary(vec![1]));
    visit.arrived.connection.sender.send(Frame::Text("bye".to_owned())).await.unwrap();
    assert!(!host.running.is_finished());
    drop(visit);
    assert_eq!(next(&mut client).await, Frame::Text("bye".to_owned()));
    assert!(soon(client.receiver.recv()).await.is_none());
    assert_eq!(soon(host.running).await.unwrap(), Stopped::Cleanly);
}

#[tokio::test]
async fn it_cuts_a_link_that_does_not_finish_in_time() {
    let config = ServerConfig { stop_limit: Duration::from_millis(50), ..loopback() };
    let mut host = Host::start(config).await;
    let (mut client, visit) = host.link().await;
    host.stopper.stop();
    assert_eq!(soon(host.running).await.unwrap(), Stopped::ByCutting);
    assert!(soon(client.receiver.recv()).await.unwrap().is_err());
    assert!(soon(client.receiver.recv()).await.is_none());
    drop(visit);
}

#[tokio::test]
async fn it_takes_nobody_any_more_and_keeps_no_idle_connection() {
    let config = ServerConfig { header_limit: Duration::from_secs(600), ..loopback() };
    let mut host = Host::start(config).await;
    let mut idle = host.socket().await;
    host.get("/healthz").await;
    host.stopper.stop();
    host.stopper.stop();
    assert_eq!(read_to_end(&mut idle).await, "");
    assert_eq!(soon(&mut host.running).await.unwrap(), Stopped::Cleanly);
    assert!(host.is_over().await);
}
