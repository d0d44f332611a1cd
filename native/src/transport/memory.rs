//! Two ends in one process.

use super::{Connection, FrameReceiver, FrameSender, queue};

const NAME: &str = "memory";

/// Two connections of which each receives what the other sends, in order.
pub fn pair() -> (Connection, Connection) {
    let (to_second, from_first) = queue::queue();
    let (to_first, from_second) = queue::queue();
    (end(to_second, from_second), end(to_first, from_first))
}

fn end(sender: FrameSender, receiver: FrameReceiver) -> Connection {
    Connection { origin: NAME.to_owned(), binding: NAME.as_bytes().to_vec(), sender, receiver }
}
