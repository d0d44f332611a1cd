//! Bytes written down by hand: hex digits, `'text'`, and `count*byte` for runs, with spaces between.
//!
//! It knows nothing of CBOR, so what it says about an encoding was said by a person.

/// The bytes of a notation: `"82 5820 32*11 64 'main'"`.
///
/// # Panics
/// If the notation is malformed; notations are constants of this crate.
pub fn bytes(notation: &str) -> Vec<u8> {
    notation.split_whitespace().flat_map(token).collect()
}

fn token(token: &str) -> Vec<u8> {
    if let Some(text) = token.strip_prefix('\'') {
        return text.strip_suffix('\'').expect("a text ends as it begins").as_bytes().to_vec();
    }
    if let Some((count, byte)) = token.split_once('*') {
        let count: usize = count.parse().expect("a count stands before the star");
        return super::unhex(byte).expect("hex stands behind the star").repeat(count);
    }
    super::unhex(token).expect("all else is hex")
}

/// A header by its pairs, each written as `"key value"`; the head of the map is counted here.
///
/// Pairs stand as given: nothing sorts or checks them.
pub fn header(pairs: &[&str]) -> Vec<u8> {
    let count = pairs.len() as u8;
    let head = if count < 24 { vec![0xa0 | count] } else { vec![0xb8, count] };
    [head, bytes(&pairs.join(" "))].concat()
}

/// The pairs of a plain `delete` of `notes/1` on `main`, right behind the repo's genesis: the smallest common header.
pub const DELETE: &[&str] = &[
    "00 01",
    "01 5820 32*11",
    "02 64 'main'",
    "03 5820 32*22",
    "04 01",
    "06 1b 018bcfe568000000",
    "07 81 5820 32*11",
    "08 65 'notes'",
    "09 61 '1'",
    "0b 02",
];

/// The pairs of a `put` of two bytes of JSON in the place of [`DELETE`].
pub const PUT: &[&str] = &[
    "00 01",
    "01 5820 32*11",
    "02 64 'main'",
    "03 5820 32*22",
    "04 01",
    "06 1b 018bcfe568000000",
    "07 81 5820 32*11",
    "08 65 'notes'",
    "09 61 '1'",
    "0b 00",
    "0c 00",
    "0d 5820 32*33",
    "0e 02",
];

/// `pairs` with every pair of `changes` in the place of the pair with the same key byte, or in key order if there is none.
pub fn with(pairs: &[&'static str], changes: &[&'static str]) -> Vec<&'static str> {
    let mut pairs = pairs.to_vec();
    for change in changes {
        let at = pairs.partition_point(|pair| pair[..2] < change[..2]);
        if pairs.get(at).is_some_and(|pair| pair[..2] == change[..2]) {
            pairs[at] = change;
        } else {
            pairs.insert(at, change);
        }
    }
    pairs
}

/// `pairs` without the pair of this key byte.
pub fn without(pairs: &[&'static str], key: &str) -> Vec<&'static str> {
    pairs.iter().copied().filter(|pair| !pair.starts_with(key)).collect()
}
