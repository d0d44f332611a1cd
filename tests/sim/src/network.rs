//! The exchange: messages that are lost, doubled, delayed, reordered and cut. There is no link yet, so they carry what
//! two people would carry between export and import.

use trellis_core::log::row::StoredOp;
use trellis_core::op::id::OpId;
use trellis_tests::dice::Dice;

use crate::dials::Dials;

/// What is on its way to a replica.
#[derive(Clone, Debug)]
pub enum Message {
    /// Send me what these do not reach.
    Want {
        /// Who asks.
        from: usize,
        /// The ends of the asker's chains.
        known: Vec<OpId>,
    },
    /// Take these.
    Ops(Vec<StoredOp>),
}

/// Everything that is on its way, with the receiver.
#[derive(Clone, Debug, Default)]
pub struct Network {
    messages: Vec<(usize, Message)>,
}

impl Network {
    /// Sends a message, as well as the dials allow.
    pub fn send(&mut self, to: usize, message: Message, dials: &Dials, dice: &mut Dice) {
        for part in parts(message, dials, dice) {
            if dice.chance(dials.loss) {
                continue;
            }
            if dice.chance(dials.doubling) {
                self.messages.push((to, part.clone()));
            }
            self.messages.push((to, part));
        }
    }

    /// Takes any message that is on its way.
    pub fn take(&mut self, dice: &mut Dice) -> Option<(usize, Message)> {
        if self.messages.is_empty() {
            return None;
        }
        let at = dice.below(self.messages.len());
        Some(self.messages.swap_remove(at))
    }

    /// Loses everything.
    pub fn clear(&mut self) {
        self.messages.clear();
    }
}

fn parts(message: Message, dials: &Dials, dice: &mut Dice) -> Vec<Message> {
    match message {
        Message::Ops(mut ops) if dice.chance(dials.cutting) => {
            if dice.chance(50) {
                dice.shuffle(&mut ops);
            }
            let size = 1 + dice.below(ops.len().max(1));
            ops.chunks(size).map(|part| Message::Ops(part.to_vec())).collect()
        }
        message => vec![message],
    }
}
