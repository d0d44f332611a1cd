//! Lower-case hex, the text form of ids, keys and signatures.

use alloc::string::String;
use core::fmt;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The digits of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = alloc::vec![0; 2 * bytes.len()];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0xf)];
    }
    String::from_utf8(text).unwrap_or_default()
}

/// Writes the digits of `bytes`.
pub fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str(&encode(bytes))
}

/// Reads exactly `2 * N` lower-case digits.
pub fn parse<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

/// Whether the digits of `bytes` begin with `prefix`.
pub fn starts_with(bytes: &[u8], prefix: &str) -> bool {
    let mut digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(|half| DIGITS[usize::from(half)]);
    prefix.bytes().all(|digit| digits.next() == Some(digit))
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}
