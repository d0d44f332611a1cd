//! What is too long, too much at once, or cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame as Piece;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, accept_async_with_config, client_async_with_config};
use trellis_sync::Code;
use trellis_sync::transport::ws::{ConnectOptions, connect};
use trellis_sync::transport::{Connection, Frame, FrameSender};

use crate::host::{Host, Visit, loopback, next, soon};

const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Frames that no socket holds.
const MANY: usize = 64;

/// A peer that keeps to no limit of ours.
type Raw = WebSocketStream<TcpStream>;

fn boundless() -> Option<WebSocketConfig> {
    Some(WebSocketConfig::default().max_message_size(None).max_frame_size(None))
}

/// A raw client at our server.
async fn raw_client(host: &mut Host) -> (Raw, Visit) {
    let socket = soon(TcpStream::connect(host.address)).await.unwrap();
    let request = format!("{}/sync/v1/link", host.url());
    let (raw, _) = soon(client_async_with_config(request, socket, boundless())).await.unwrap();
    (raw, host.visit().await)
}

/// A raw server that our client has dialled.
async fn raw_server() -> (Connection, Raw) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let accept = async { accept_async_with_config(listener.accept().await.unwrap().0, boundless()).await.unwrap() };
    let options = ConnectOptions::default();
    let (client, raw) = soon(async { tokio::join!(connect(&url, &options), accept) }).await;
    (client.unwrap(), raw)
}

/// The code by which a connection ends, and that nothing follows it.
async fn end(connection: &mut Connection) -> Code {
    let code = soon(connection.receiver.recv()).await.expect("a reason").unwrap_err().code();
    assert!(soon(connection.receiver.recv()).await.is_none());
    code
}

/// The code with which a raw peer is told to go.
async fn told(raw: &mut Raw) -> CloseCode {
    soon(async {
        loop {
            if let Message::Close(why) = raw.next().await.expect("a close").unwrap() {
                return why.unwrap().code;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_frame_that_is_too_long_is_not_sent_and_the_link_goes_on() {
    let mut host = Host::start(loopback()).await;
    let (client, mut visit) = host.link().await;
    for long in [Frame::Binary(vec![0; FRAME_BYTES_MAX + 1]), Frame::Text("é".repeat(FRAME_BYTES_MAX / 2 + 1))] {
        let error = client.sender.send(long).await.unwrap_err();
        assert_eq!((error.code(), error.is_retryable()), (Code::PayloadTooLarge, false));
    }
    client.sender.send(Frame::Binary(vec![1])).await.unwrap();
    assert_eq!(next(&mut visit.arrived.connection).await, Frame::Binary(vec![1]));
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_link_at_the_server() {
    let mut host = Host::start(loopback()).await;
    for long in
        [Message::Binary(vec![0; FRAME_BYTES_MAX + 1].into()), Message::Text("x".repeat(3 * FRAME_BYTES_MAX).into())]
    {
        let (mut raw, mut visit) = raw_client(&mut host).await;
        let (sent, code) = tokio::join!(soon(raw.send(long)), end(&mut visit.arrived.connection));
        sent.unwrap();
        assert_eq!((code, told(&mut raw).await), (Code::PayloadTooLarge, CloseCode::Size));
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_link_at_the_client() {
    let (mut client, mut raw) = raw_server().await;
    let long = Message::Binary(vec![0; FRAME_BYTES_MAX + 1].into());
    let (sent, code) = tokio::join!(soon(raw.send(long)), end(&mut client));
    sent.unwrap();
    assert_eq!((code, told(&mut raw).await), (Code::PayloadTooLarge, CloseCode::Size));
}

#[tokio::test]
async fn who_is_turned_away_in_mid_message_is_heard_out_and_told() {
    let mut host = Host::start(loopback()).await;
    let (mut raw, mut visit) = raw_client(&mut host).await;
    let length = 3 * u64::try_from(FRAME_BYTES_MAX).unwrap();
    let (header, mask, rest) = ([0x82, 0xff], [0; 4], vec![0; FRAME_BYTES_MAX]);
    for part in [&header[..], &length.to_be_bytes(), &mask, &rest] {
        raw.get_mut().write_all(part).await.unwrap();
    }
    assert_eq!(end(&mut visit.arrived.connection).await, Code::PayloadTooLarge);
    drop(visit);
    host.until_metrics_say("trellis_links_open 0").await;
    for _ in 0..2 {
        soon(raw.get_mut().write_all(&rest)).await.unwrap();
    }
    assert_eq!(told(&mut raw).await, CloseCode::Size);
}

#[tokio::test]
async fn a_message_in_pieces_may_be_no_longer() {
    let mut host = Host::start(loopback()).await;
    let (mut raw, mut visit) = raw_client(&mut host).await;
    let piece = |kind, bytes| Message::Frame(Piece::message(vec![0; bytes], OpCode::Data(kind), false));
    raw.send(piece(Data::Binary, FRAME_BYTES_MAX)).await.unwrap();
    raw.send(piece(Data::Continue, 1)).await.unwrap();
    assert_eq!(end(&mut visit.arrived.connection).await, Code::PayloadTooLarge);
    assert_eq!(told(&mut raw).await, CloseCode::Size);
}

#[tokio::test]
async fn a_peer_says_why_it_closes() {
    for (close, code) in [
        (CloseCode::Size, Code::PayloadTooLarge),
        (CloseCode::Policy, Code::PermissionDenied),
        (CloseCode::Again, Code::Offline),
        (CloseCode::Unsupported, Code::VersionMismatch),
    ] {
        let (mut client, mut raw) = raw_server().await;
        raw.close(Some(CloseFrame { code: close, reason: "".into() })).await.unwrap();
        assert_eq!(end(&mut client).await, code, "{close}");
    }
    for clean in [None, Some(CloseFrame { code: CloseCode::Away, reason: "".into() })] {
        let (mut client, mut raw) = raw_server().await;
        raw.close(clean).await.unwrap();
        assert!(soon(client.receiver.recv()).await.is_none());
    }
}

#[tokio::test]
async fn a_peer_that_is_killed_is_an_end() {
    let mut host = Host::start(loopback()).await;
    let (mut raw, mut visit) = raw_client(&mut host).await;
    raw.send(Message::Binary(vec![1].into())).await.unwrap();
    drop(raw);
    assert_eq!(next(&mut visit.arrived.connection).await, Frame::Binary(vec![1]));
    assert_eq!(end(&mut visit.arrived.connection).await, Code::Offline);
    drop(visit);
    let (mut raw, mut visit) = raw_client(&mut host).await;
    raw.get_mut().set_zero_linger().unwrap();
    drop(raw);
    assert_eq!(end(&mut visit.arrived.connection).await, Code::Offline);
    drop(visit);
    host.until_metrics_say("trellis_links_open 0").await;

    let (mut client, raw) = raw_server().await;
    drop(raw);
    assert_eq!(end(&mut client).await, Code::Offline);
    assert_eq!(client.sender.send(Frame::Binary(vec![1])).await.unwrap_err().code(), Code::Offline);
}

#[tokio::test]
async fn what_is_no_web_socket_message_ends_the_link() {
    let (mut client, mut raw) = raw_server().await;
    let torn = Piece::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    raw.send(Message::Frame(torn)).await.unwrap();
    assert_eq!(end(&mut client).await, Code::VersionMismatch);
    assert_eq!(told(&mut raw).await, CloseCode::Protocol);
}

/// Sends long frames, more than any socket holds, and counts those for which there was room.
fn write_many(sender: FrameSender) -> (JoinHandle<FrameSender>, Arc<AtomicUsize>) {
    let handed = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&handed);
    let writing = tokio::spawn(async move {
        for index in 0..MANY {
            let frame = Frame::Binary(vec![u8::try_from(index).unwrap(); FRAME_BYTES_MAX]);
            sender.send(frame).await.unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
        }
        sender
    });
    (writing, handed)
}

/// How many were handed over when, with time for everything that can happen, no more are.
async fn stuck(handed: &AtomicUsize) -> usize {
    soon(async {
        loop {
            let before = handed.load(Ordering::Relaxed);
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            if before > 0 && before == handed.load(Ordering::Relaxed) {
                return before;
            }
        }
    })
    .await
}

/// It takes as long as the limit is.
#[tokio::test]
async fn a_peer_that_takes_nothing_any_more_is_left() {
    let (Connection { sender, mut receiver, .. }, mut raw) = raw_server().await;
    let (writing, handed) = write_many(sender);
    assert!(stuck(&handed).await < MANY);
    writing.abort();
    assert!(soon(receiver.recv()).await.is_none());
    // What the sockets hold can still be read, and then there is no more.
    let last = soon(async {
        loop {
            match raw.next().await {
                Some(Ok(Message::Binary(_))) => {}
                other => return other,
            }
        }
    });
    assert!(last.await.is_none_or(|last| last.is_err()));
}

/// Pings of WebSocket are answered and never seen: those that a session counts are frames.
#[tokio::test]
async fn pings_of_the_socket_are_answered() {
    let (mut client, mut raw) = raw_server().await;
    raw.send(Message::Ping(vec![7].into())).await.unwrap();
    assert_eq!(soon(raw.next()).await.unwrap().unwrap(), Message::Pong(vec![7].into()));
    raw.send(Message::Text("x".into())).await.unwrap();
    assert_eq!(next(&mut client).await, Frame::Text("x".to_owned()));
}

#[tokio::test]
async fn a_slow_reader_slows_the_writer() {
    let mut host = Host::start(loopback()).await;
    let (client, mut visit) = host.link().await;
    let Connection { sender, receiver, .. } = client;
    let (writing, handed) = write_many(sender);
    let taken = stuck(&handed).await;
    assert!(taken < MANY / 2, "{taken} frames were taken that nobody read");
    for index in 0..MANY {
        let Frame::Binary(bytes) = next(&mut visit.arrived.connection).await else { panic!("another form") };
        assert!(bytes.len() == FRAME_BYTES_MAX && usize::from(bytes[0]) == index);
    }
    drop((soon(writing).await.unwrap(), receiver));
    assert!(soon(visit.arrived.connection.receiver.recv()).await.is_none());
}
