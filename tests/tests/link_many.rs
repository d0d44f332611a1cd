//! One replica with many peers at once.

use trellis_core::input::{Command, Connection, Guests, Input, Interest, LinkId, Side};
use trellis_core::machine::KeyUse;
use trellis_core::op::json::Value;
use trellis_tests::host::{MemoryHost, START};

/// A replica, and peers that are linked to it and to nobody else.
struct Star {
    hub: MemoryHost,
    peers: Vec<MemoryHost>,
}

fn connection(side: Side) -> Connection {
    Connection {
        side,
        nonce: [side as u8; 32],
        origin: "memory".into(),
        binding: b"memory".to_vec(),
        expected: None,
        guests: Guests::Anyone,
        is_relay: true,
        joining: None,
        interest: Interest::default(),
    }
}

fn link_of(peer: usize) -> LinkId {
    LinkId(peer as u64 + 1)
}

impl Star {
    fn new(peers: usize) -> Star {
        let mut hub = MemoryHost::new(1);
        hub.create();
        let mut star = Star { hub, peers: Vec::new() };
        (0..peers).for_each(|_| star.join());
        star
    }

    /// One more peer comes, with the repo as it is.
    fn join(&mut self) {
        let number = self.peers.len();
        let mut peer = MemoryHost::open(10 + number as u64, self.hub.rows.clone(), START, KeyUse::Own);
        self.hub.give(Input::Connected(link_of(number), connection(Side::Responder)));
        peer.give(Input::Connected(link_of(number), connection(Side::Initiator)));
        self.peers.push(peer);
        self.carry();
    }

    fn carry(&mut self) {
        loop {
            let to_peers = std::mem::take(&mut self.hub.sent);
            let to_hub: Vec<_> = self.peers.iter_mut().flat_map(|peer| std::mem::take(&mut peer.sent)).collect();
            if to_peers.is_empty() && to_hub.is_empty() {
                return;
            }
            for (link, frame) in to_peers {
                self.peers[link.0 as usize - 1].give(Input::Received(link, frame.expect("no link ends")));
            }
            for (link, frame) in to_hub {
                self.hub.give(Input::Received(link, frame.expect("no link ends")));
            }
        }
    }

    /// The hub writes an op; returns how often it read ops for its links.
    fn write(&mut self, text: &str) -> usize {
        let before = self.hub.link_reads;
        self.hub.put("notes", text, Value::from(text));
        self.carry();
        self.hub.link_reads - before
    }

    fn assert_equal(&mut self) {
        let ends = self.hub.run(Command::ChainEnds).expect("chain ends are known");
        for peer in &mut self.peers {
            assert_eq!(peer.run(Command::ChainEnds).expect("chain ends are known"), ends);
        }
    }
}

#[test]
fn news_is_read_once_and_goes_out_on_every_link() {
    let mut star = Star::new(3);
    assert_eq!(star.write("first"), 1);
    star.assert_equal();
    // Who comes later was sent fewer bytes, and still gets the same ops from the same reading.
    star.join();
    assert_eq!(star.write("second"), 1);
    assert_eq!(star.write("third"), 1);
    star.assert_equal();
}
