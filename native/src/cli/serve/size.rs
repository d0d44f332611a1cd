//! Sizes as people write them.

/// Bytes: a whole number, or one with K, M, G or T, each 1,024 of the one before.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.char_indices().last() {
        Some((at, unit)) => match "KMGT".find(unit.to_ascii_uppercase()) {
            Some(place) => (&text[..at], 10 * (place + 1)),
            None => (text, 0),
        },
        None => (text, 0),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|_| is_number);
    let bytes = number.and_then(|number| number.checked_mul(1 << shift));
    bytes.ok_or_else(|| "a size is a whole number of bytes, or of K, M, G or T, as in 512M".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_with_a_unit() {
        for (text, bytes) in [("0", 0), ("17", 17), ("2K", 2048), ("3m", 3 << 20), ("4G", 4 << 30), ("1T", 1 << 40)] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "M", "-1", "+1", "1.5G", "1KB", "99999999999999999999", "99999999999T", "1 M", "ä"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
