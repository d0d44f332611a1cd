//! Mutations: bytes that are nearly those of a corpus.

use crate::dice::Dice;

/// Bytes that decoders tend to stumble over: heads and ends of CBOR, words and escapes of JSON, lengths.
const INTERESTING: &[&[u8]] = &[
    b"\x00",
    b"\x01",
    b"\x17",
    b"\x18\x17",
    b"\x18\x18",
    b"\x19\x00\xff",
    b"\x1a\xff\xff\xff\xff",
    b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x1f",
    b"\x20",
    b"\x40",
    b"\x58\x20",
    b"\x5f",
    b"\x60",
    b"\x7f",
    b"\x80",
    b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xa0",
    b"\xbf",
    b"\xf6",
    b"\xfb",
    b"\xff",
    b"\x7f\xff\xff\xff",
    b"\x00\x10\x00\x01",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"/",
    b"~",
    b"~1",
    b"-0",
    b"1e309",
    b"9007199254740993",
    b"0.1",
    b"null",
    b",",
    b":",
    b"\n",
    b"/*",
];

/// One entry of a corpus after a few changes: bits flipped, bytes overwritten, put in, taken out or repeated, the end
/// cut off, or the rest of another entry put behind.
pub fn mutate(corpus: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = dice.pick(corpus).clone();
    for _ in 0..1 + dice.below(4) {
        change(&mut bytes, corpus, dice);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    let end = (at + dice.below(9)).min(bytes.len());
    match dice.below(8) {
        0 | 1 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
        2 if at < bytes.len() => bytes[at] = dice.number() as u8,
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..end)),
        5 => bytes.extend_from_within(at..end),
        6 => {
            let other = dice.pick(corpus);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[dice.below(other.len() + 1)..]);
        }
        _ => drop(bytes.splice(at..at, dice.pick(INTERESTING).iter().copied())),
    }
}
