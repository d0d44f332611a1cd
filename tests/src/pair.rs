//! Two hosts in memory and a link between them.

use trellis_core::input::{Connection, Frame, Guests, Input, Interest, LinkId, Side};
use trellis_core::link::compress::Compression;
use trellis_core::output::{Event, LinkEvent};
use trellis_core::time::Millis;

use crate::host::MemoryHost;

/// The link, on both hosts.
pub const LINK: LinkId = LinkId(1);
/// How often the time goes on before two that do not come to have the same are given up.
const ROUNDS_MAX: usize = 12;
const STEP_MS: u64 = 600;

/// Opens a link: the first host dials.
pub fn connect(hosts: &mut [MemoryHost; 2], interests: [&[&str]; 2]) {
    for (at, side) in [(1, Side::Responder), (0, Side::Initiator)] {
        let connection = Connection {
            side,
            nonce: [at as u8; 32],
            origin: "memory".into(),
            binding: b"memory".to_vec(),
            expected: None,
            guests: Guests::Anyone,
            is_relay: false,
            joining: None,
            interest: Interest::parse(interests[at]).expect("patterns"),
        };
        hosts[at].give(Input::Connected(LINK, connection));
    }
}

/// Frames that went over the link, either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// How many.
    pub frames: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// Carries frames until none is on its way.
pub fn carry(hosts: &mut [MemoryHost; 2]) -> Carried {
    carry_rounds(hosts, usize::MAX)
}

/// Carries what either host has sent, and what comes of it, so often at most.
pub fn carry_rounds(hosts: &mut [MemoryHost; 2], rounds_max: usize) -> Carried {
    let mut carried = Carried::default();
    for _ in 0..rounds_max {
        let frames: Vec<_> = hosts.iter_mut().map(|host| std::mem::take(&mut host.sent)).collect();
        if frames.iter().all(Vec::is_empty) {
            break;
        }
        for (from, frames) in frames.into_iter().enumerate() {
            for (_, frame) in frames {
                carried.frames += 1;
                carried.bytes += frame.as_ref().map_or(0, Frame::len);
                hosts[1 - from].give(match frame {
                    Some(frame) => Input::Received(LINK, frame),
                    None => Input::Disconnected(LINK),
                });
            }
        }
    }
    carried
}

/// Ends the link, as when the connection is lost, with what is on its way.
pub fn cut(hosts: &mut [MemoryHost; 2]) {
    for host in hosts {
        host.give(Input::Disconnected(LINK));
        host.sent.clear();
    }
}

/// Carries frames, and lets time pass where nothing moves, until both say that they have the same.
///
/// # Panics
/// If they do not.
pub fn sync(hosts: &mut [MemoryHost; 2]) -> Carried {
    let mut all = Carried::default();
    for _ in 0..ROUNDS_MAX {
        let carried = carry(hosts);
        all = Carried { frames: all.frames + carried.frames, bytes: all.bytes + carried.bytes };
        if hosts.iter().all(is_in_sync) {
            return all;
        }
        for host in hosts.iter_mut() {
            host.wait_until(Millis(host.now.0 + STEP_MS));
        }
    }
    panic!("they do not come to have the same: {:?}", hosts.each_ref().map(|host| &host.events));
}

/// Whether the last that was told of the link is that both have the same.
pub fn is_in_sync(host: &MemoryHost) -> bool {
    let told = host.events.iter().rev().find_map(|event| match event {
        Event::Link(LINK, told) => Some(told),
        _ => None,
    });
    told == Some(&LinkEvent::InSync)
}

/// zstd for hosts in memory.
#[derive(Debug)]
pub struct Zstd;

impl Compression for Zstd {
    fn compress(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        zstd::bulk::compress(bytes, 3).ok()
    }

    fn decompress(&self, bytes: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
        zstd::bulk::decompress(bytes, bytes_max).ok()
    }
}
