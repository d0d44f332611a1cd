//! Wires: connections between replicas, whose frames are delayed, and at bad times lost, doubled, put in another order, or
//! cut off with the wire. A wire may also carry nothing in one direction, and nobody is told.
//!
//! What belongs to a handshake is only delayed: whoever cannot connect tries again.

use std::collections::{BTreeMap, VecDeque};

use trellis_core::input::{Frame, Interest, LinkId, Side};
use trellis_core::limits::FRAME_BYTES_MAX;
use trellis_core::link::compress::{Compression, PACKED};
use trellis_core::link::frame::FrameKind;
use trellis_core::link::message::{Message, MessageFault};
use trellis_core::time::Millis;
use trellis_tests::dice::Dice;
use trellis_tests::pair::Zstd;

use crate::Violation;
use crate::dials::Dials;
use crate::replica::Replica;

type Done = Result<(), Violation>;

/// One end of a wire: a replica, and its number for the link.
pub type End = (usize, LinkId);

/// A replica that gets a wire, and what it wants over it.
pub type Dialled = (usize, Interest);

/// What an end sent; none in place of a frame closes the link.
pub type Sent = (End, Option<Frame>);

#[derive(Clone, Debug)]
struct Way {
    to: End,
    frames: VecDeque<Frame>,
    /// Whether nothing arrives.
    is_cut: bool,
    /// Whether an end wants some branches only.
    is_narrow: bool,
}

/// All wires. A way is found by the end that sends on it.
#[derive(Clone, Debug, Default)]
pub struct Wires {
    ways: BTreeMap<End, Way>,
    /// How many frames and bytes went over them.
    pub carried: (u64, u64),
    /// What was sent on links of which no end is here.
    pub strange: Vec<Sent>,
    /// What went over them, where that is counted.
    pub tally: Option<Tally>,
}

/// Frames by the end that sent them and the byte of their kind.
pub type Tally = BTreeMap<(End, u8), u64>;

impl Wires {
    /// Connects two replicas.
    ///
    /// # Errors
    /// A step that a machine refuses.
    pub fn connect(&mut self, replicas: &mut [Replica], pair: [Dialled; 2], dice: &mut Dice, now: Millis) -> Done {
        let is_narrow = pair.iter().any(|(_, interest)| !interest.is_all());
        let [(one, wanted_by_one), (other, wanted_by_other)] = pair;
        let one_end = (one, replicas[one].connect(Side::Initiator, wanted_by_one, dice, now)?);
        let other_end = (other, replicas[other].connect(Side::Responder, wanted_by_other, dice, now)?);
        for (from, to) in [(one_end, other_end), (other_end, one_end)] {
            self.ways.insert(from, Way { to, frames: VecDeque::new(), is_cut: false, is_narrow });
        }
        Ok(())
    }

    /// Cuts the wires over which not every branch goes.
    ///
    /// # Errors
    /// A step that a machine refuses.
    pub fn cut_narrow(&mut self, replicas: &mut [Replica], now: Millis) -> Done {
        let narrow = self.ways.iter().filter(|(_, way)| way.is_narrow).map(|(end, _)| *end).collect();
        self.cut_ways(replicas, narrow, now)
    }

    /// Every end.
    pub fn ends(&self) -> impl Iterator<Item = End> {
        self.ways.keys().copied()
    }

    /// Lets some way carry nothing any more, or carry frames again.
    pub fn flip(&mut self, dice: &mut Dice) {
        let ends: Vec<End> = self.ways.keys().copied().collect();
        if let Some(way) = ends.get(dice.below(ends.len())).and_then(|end| self.ways.get_mut(end)) {
            way.is_cut = !way.is_cut;
        }
    }

    /// Every way carries frames again; what is on its way is lost.
    pub fn mend(&mut self) {
        for way in self.ways.values_mut() {
            (way.is_cut, way.frames) = (false, VecDeque::new());
        }
    }

    /// The other end.
    pub fn peer(&self, end: End) -> Option<End> {
        self.ways.get(&end).map(|way| way.to)
    }

    /// Delivers what stands first on the ways of a replica, as far as it belongs to a handshake.
    ///
    /// # Errors
    /// A step that a machine refuses.
    pub fn shake(&mut self, replicas: &mut [Replica], who: usize, now: Millis) -> Done {
        for (from, way) in &mut self.ways {
            if (from.0 == who || way.to.0 == who) && !way.is_cut {
                while way.frames.front().is_some_and(is_of_handshake) {
                    let Some(frame) = way.frames.pop_front() else { break };
                    replicas[way.to.0].receive(way.to.1, frame, now)?;
                }
            }
        }
        Ok(())
    }

    /// Whether two replicas are connected.
    pub fn connects(&self, pair: [usize; 2]) -> bool {
        self.ways.iter().any(|(from, way)| [from.0, way.to.0] == pair)
    }

    /// How many wires there are.
    pub fn len(&self) -> usize {
        self.ways.len() / 2
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ways.is_empty()
    }

    /// Whether no frame is on its way.
    pub fn is_quiet(&self) -> bool {
        self.ways.values().all(|way| way.frames.is_empty())
    }

    /// Takes what replicas sent, and the links that they closed.
    ///
    /// # Errors
    /// A step that a machine refuses.
    pub fn collect(&mut self, replicas: &mut [Replica], now: Millis) -> Done {
        for who in 0..replicas.len() {
            for (id, frame) in replicas[who].take_sent() {
                match (frame, self.ways.get_mut(&(who, id))) {
                    (Some(frame), Some(way)) => {
                        if let Some(tally) = &mut self.tally {
                            *tally.entry(((who, id), kind(&frame).code())).or_default() += 1;
                        }
                        self.carried = (self.carried.0 + 1, self.carried.1 + frame.len() as u64);
                        way.frames.push_back(frame);
                    }
                    (None, Some(_)) => self.close(replicas, (who, id), now)?,
                    (frame, None) => self.strange.push(((who, id), frame)),
                }
            }
        }
        Ok(())
    }

    /// One end closed: what it has sent still arrives, and then the end of the wire does.
    fn close(&mut self, replicas: &mut [Replica], end: End, now: Millis) -> Done {
        let Some(way) = self.ways.remove(&end) else { return Ok(()) };
        self.ways.remove(&way.to);
        for frame in way.frames.into_iter().filter(|_| !way.is_cut) {
            replicas[way.to.0].receive(way.to.1, frame, now)?;
        }
        replicas[way.to.0].disconnect(way.to.1, now)
    }

    /// Delivers some frame that is on its way, as well as the dials allow.
    ///
    /// # Errors
    /// A step that a machine refuses.
    pub fn deliver(&mut self, replicas: &mut [Replica], dials: &Dials, dice: &mut Dice, now: Millis) -> Done {
        let busy: Vec<End> = self.ways.iter().filter(|(_, way)| !way.frames.is_empty()).map(|(end, _)| *end).collect();
        if busy.is_empty() {
            return Ok(());
        }
        let Some(way) = self.ways.get_mut(dice.pick(&busy)) else { return Ok(()) };
        let is_proven = !way.frames.iter().any(is_of_handshake);
        if way.is_cut && !is_proven {
            return Ok(());
        }
        let at = if is_proven && dice.chance(dials.disorder) { dice.below(way.frames.len()) } else { 0 };
        let Some(frame) = way.frames.remove(at) else { return Ok(()) };
        if way.is_cut || is_proven && dice.chance(dials.loss) {
            return Ok(());
        }
        if is_proven && dice.chance(dials.doubling) {
            way.frames.push_back(frame.clone());
        }
        replicas[way.to.0].receive(way.to.1, frame, now)
    }

    /// Delivers everything in order, and what comes of it, until nothing is on its way. Returns how many rounds that took.
    ///
    /// # Errors
    /// A step that a machine refuses; more rounds than `rounds_max`.
    pub fn run_until_quiet(
        &mut self,
        replicas: &mut [Replica],
        dice: &mut Dice,
        now: Millis,
        rounds_max: usize,
    ) -> Result<usize, Violation> {
        for round in 0..rounds_max {
            for replica in replicas.iter_mut() {
                replica.settle(now, dice)?;
            }
            self.collect(replicas, now)?;
            let busy: Vec<End> =
                self.ways.iter().filter(|(_, way)| !way.frames.is_empty()).map(|(end, _)| *end).collect();
            if busy.is_empty() && replicas.iter().all(|replica| !replica.is_busy()) {
                return Ok(round);
            }
            for end in busy {
                let Some(way) = self.ways.get_mut(&end) else { continue };
                let Some(frame) = way.frames.pop_front().filter(|_| !way.is_cut) else { continue };
                let to = way.to;
                replicas[to.0].receive(to.1, frame, now)?;
            }
        }
        Err(format!("replicas that are connected still talk after {rounds_max} rounds"))
    }

    /// Cuts the wires of a replica: what is on its way there is lost.
    ///
    /// # Errors
    /// A step that a machine refuses.
    pub fn cut(&mut self, replicas: &mut [Replica], who: usize, now: Millis) -> Done {
        let ends = self.ways.keys().filter(|end| end.0 == who).copied().collect();
        self.cut_ways(replicas, ends, now)
    }

    fn cut_ways(&mut self, replicas: &mut [Replica], ends: Vec<End>, now: Millis) -> Done {
        for end in ends {
            let Some(way) = self.ways.remove(&end) else { continue };
            self.ways.remove(&way.to);
            for (who, id) in [end, way.to] {
                replicas[who].disconnect(id, now)?;
            }
        }
        Ok(())
    }
}

/// The frame in a packed one, and any other as it is.
pub fn plain(frame: &Frame) -> Frame {
    match frame {
        Frame::Binary(bytes) if bytes.first() == Some(&PACKED) => {
            Frame::Binary(Zstd.decompress(&bytes[1..], FRAME_BYTES_MAX).unwrap_or_default())
        }
        frame => frame.clone(),
    }
}

/// What a frame says that names no op by half, packed or not.
///
/// # Errors
/// It says nothing.
pub fn read(frame: &Frame) -> Result<Message, MessageFault> {
    plain(frame).read()
}

/// What a frame says that it is.
pub fn kind(frame: &Frame) -> FrameKind {
    plain(frame).kind().unwrap_or(FrameKind::End)
}

fn is_of_handshake(frame: &Frame) -> bool {
    matches!(kind(frame), FrameKind::Hello | FrameKind::Welcome | FrameKind::Auth)
}
