//! What one end sends the other receives, in order and in its form.

use trellis_sync::Code;
use trellis_sync::transport::{Connection, Frame, memory};

use crate::host::{Host, loopback, next, soon};

fn frames() -> Vec<Frame> {
    let text = |text: &str| Frame::Text(text.to_owned());
    vec![
        Frame::Binary(vec![1, 2, 3]),
        text("{\"type\":\"hello\"}"),
        Frame::Binary(Vec::new()),
        text(""),
        text("né\u{0}\u{10ffff}"),
        Frame::Binary(vec![0xff; 1024 * 1024]),
        Frame::Binary(vec![0]),
        text(&"x".repeat(1024 * 1024)),
    ]
}

/// Both ends send everything at once and so must read while they write.
async fn exchange(first: &mut Connection, second: &mut Connection) {
    async fn talk(end: &mut Connection) {
        let Connection { sender, receiver, .. } = end;
        let send = async {
            for frame in frames() {
                sender.send(frame).await.unwrap();
            }
        };
        let receive = async {
            for expected in frames() {
                let frame = receiver.recv().await.unwrap().unwrap();
                assert!(frame == expected, "{frame:?} came instead of {expected:?}");
            }
        };
        tokio::join!(send, receive);
    }
    soon(async { tokio::join!(talk(first), talk(second)) }).await;
}

#[tokio::test]
async fn frames_cross_in_memory() {
    let (mut first, mut second) = memory::pair();
    assert_eq!((first.origin.as_str(), &first.binding[..]), ("memory", &b"memory"[..]));
    exchange(&mut first, &mut second).await;
    first.sender.close();
    assert!(second.receiver.recv().await.is_none());
    drop(second);
    assert!(first.receiver.recv().await.is_none());
}

#[tokio::test]
async fn frames_cross_a_web_socket() {
    let mut host = Host::start(loopback()).await;
    let (mut client, mut visit) = host.link().await;
    let server = &mut visit.arrived.connection;
    let origin = format!("ws://{}", host.address);
    assert_eq!((&client.origin, &client.binding[..]), (&origin, origin.as_bytes()));
    assert_eq!((&server.origin, &server.binding), (&client.origin, &client.binding));
    assert!(visit.arrived.tag.is_none() && visit.arrived.remote.ip().is_loopback());
    exchange(&mut client, server).await;
}

#[tokio::test]
async fn a_url_may_name_a_repo() {
    let mut host = Host::start(loopback()).await;
    let tag = "00112233445566778899aabbccddeeff";
    let url = format!("{}/sync/v1/repos/{tag}/link", host.url());
    let client = soon(trellis_sync::transport::ws::connect(&url, &Default::default())).await.unwrap();
    let named = host.visit().await.arrived.tag.unwrap();
    assert_eq!(
        named.0,
        [0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]
    );
    assert_eq!(client.origin, host.url());
}

#[tokio::test]
async fn a_clean_close_is_an_end_to_both_and_loses_nothing() {
    let mut host = Host::start(loopback()).await;
    let (mut client, mut visit) = host.link().await;
    client.sender.send(Frame::Binary(vec![1])).await.unwrap();
    client.sender.send(Frame::Text("last".to_owned())).await.unwrap();
    client.sender.close();
    let server = &mut visit.arrived.connection;
    assert_eq!(next(server).await, Frame::Binary(vec![1]));
    assert_eq!(next(server).await, Frame::Text("last".to_owned()));
    assert!(soon(server.receiver.recv()).await.is_none());
    let end = soon(client.receiver.recv()).await;
    assert!(end.is_none(), "{end:?}");
    let after = soon(server.sender.send(Frame::Binary(vec![2]))).await;
    assert_eq!(after.unwrap_err().code(), Code::Offline);
}

#[tokio::test]
async fn a_server_that_drops_a_connection_closes_it() {
    let mut host = Host::start(loopback()).await;
    let (mut client, visit) = host.link().await;
    visit.arrived.connection.sender.send(Frame::Text("bye".to_owned())).await.unwrap();
    drop(visit);
    assert_eq!(next(&mut client).await, Frame::Text("bye".to_owned()));
    assert!(soon(client.receiver.recv()).await.is_none());
    host.until_metrics_say("trellis_links_open 0").await;
}
