//! The double nearest to a numeral, without tables: exact, in whole numbers as large as it takes.
//!
//! What std has for this is as exact and faster, and needs a table that alone would be 2 % of what browsers load.

use alloc::vec;
use alloc::vec::Vec;

/// Digits that decide. In the middle between two doubles there is a numeral of 767 digits, and none of more.
const DIGITS_MAX: usize = 768;
/// Whole numbers of so many digits, and powers of ten up to this one, are doubles themselves: one division rounds once.
const EXACT_DIGITS_MAX: usize = 15;
const EXACT_POWER_MAX: i64 = 22;
/// Bits of a quotient: those of a double, and some to round by.
const QUOTIENT_BITS: usize = 64;
const MANTISSA_BITS: i64 = 53;
/// So many decimal digits are taken at once: their power of ten has 32 bits.
const STEP: usize = 9;
/// Beyond 10 to these powers all is 0, or infinite.
const POINT_MIN: i64 = -330;
const POINT_MAX: i64 = 310;
/// The exponent of the last bit of the smallest doubles.
const EXPONENT_MIN: i64 = -1074;
const EXPONENT_MAX: i64 = 971;

/// The nearest double to a number of JSON's grammar, of two that are as near the one with an even mantissa; infinite where it
/// is too large.
pub(super) fn nearest(text: &str) -> f64 {
    let (text, sign) = text.strip_prefix('-').map_or((text, 1.0), |rest| (rest, -1.0));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = whole.bytes().chain(fraction.bytes()).map(|digit| digit - b'0');
    let leading = digits.clone().take_while(|digit| *digit == 0).count();
    let mut kept: Vec<u8> = digits.clone().skip(leading).take(DIGITS_MAX).collect();
    // Whatever follows says no more than that there is something.
    let is_more = digits.skip(leading + kept.len()).any(|digit| digit != 0);
    kept.extend(is_more.then_some(1));
    let point = exponent_of(exponent).saturating_add(whole.len() as i64 - leading as i64);
    while kept.last() == Some(&0) {
        kept.pop();
    }
    sign * value(&kept, point)
}

/// A whole number, or one so large that it makes no difference.
fn exponent_of(text: &str) -> i64 {
    let (text, sign) = text.strip_prefix('-').map_or((text, 1), |rest| (rest, -1));
    let add = |number: i64, digit: u8| number.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    sign * text.trim_start_matches('+').bytes().fold(0, add)
}

/// The value of `0.DIGITS` times 10 to the power of `point`. The first digit is not 0.
fn value(digits: &[u8], point: i64) -> f64 {
    if digits.is_empty() || point < POINT_MIN {
        return 0.0;
    }
    if point > POINT_MAX {
        return f64::INFINITY;
    }
    let power = point - digits.len() as i64;
    if digits.len() <= EXACT_DIGITS_MAX && power.abs() <= EXACT_POWER_MAX {
        let number = digits.iter().fold(0.0, |number, digit| number * 10.0 + f64::from(*digit));
        let ten = (0..power.abs()).fold(1.0, |ten, _| ten * 10.0);
        return if power < 0 { number / ten } else { number * ten };
    }
    let mut above = Large(Vec::new());
    for digits in digits.chunks(STEP) {
        let number = digits.iter().fold(0, |number, digit| number * 10 + u32::from(*digit));
        above.times_plus(10u32.pow(digits.len() as u32), number);
    }
    let mut below = Large(vec![1]);
    let scaled = if power < 0 { &mut below } else { &mut above };
    for at in (0..power.unsigned_abs() as usize).step_by(STEP) {
        scaled.times_plus(10u32.pow((power.unsigned_abs() as usize - at).min(STEP) as u32), 0);
    }
    quotient(above, below)
}

/// One whole number divided by another, as a double.
fn quotient(mut above: Large, mut below: Large) -> f64 {
    // So that the quotient lies from 2^63 to 2^65.
    let shift = QUOTIENT_BITS as i64 - (above.bits() as i64 - below.bits() as i64);
    match shift >= 0 {
        true => above.shift(shift as usize),
        false => below.shift(-shift as usize),
    }
    below.shift(QUOTIENT_BITS);
    let mut quotient = 0u128;
    for _ in 0..=QUOTIENT_BITS {
        quotient <<= 1;
        if !above.is_less(&below) {
            above.subtract(&below);
            quotient |= 1;
        }
        above.shift(1);
    }
    rounded(quotient, -shift, !above.is_zero())
}

/// `whole` times 2 to the power of `exponent`, and something less than one more if `is_more`.
fn rounded(whole: u128, exponent: i64, is_more: bool) -> f64 {
    let bits = i64::from(u128::BITS - whole.leading_zeros());
    // How many bits a double has none for.
    let lost = (bits - MANTISSA_BITS).max(EXPONENT_MIN - exponent);
    if lost > bits + 1 {
        return 0.0;
    }
    let (kept, rest) = (whole >> lost, whole & ((1 << lost) - 1));
    let half = 1u128 << (lost - 1);
    let is_up = rest > half || rest == half && (is_more || kept & 1 == 1);
    let mantissa = kept as u64 + u64::from(is_up);
    let exponent = exponent + lost;
    if exponent > EXPONENT_MAX {
        return f64::INFINITY;
    }
    // A mantissa that was rounded up to one bit more begins the next exponent, as the largest of all does infinity.
    let biased = (exponent - EXPONENT_MIN) as u64;
    f64::from_bits((biased << (MANTISSA_BITS - 1)) + mantissa)
}

/// A whole number: its digits to the base 2^32, the least first, and none that leads and is 0.
struct Large(Vec<u32>);

impl Large {
    fn times_plus(&mut self, factor: u32, term: u32) {
        let mut carry = u64::from(term);
        for digit in &mut self.0 {
            carry += u64::from(*digit) * u64::from(factor);
            *digit = carry as u32;
            carry >>= 32;
        }
        self.0.extend((carry > 0).then_some(carry as u32));
    }

    fn bits(&self) -> usize {
        self.0.len() * 32 - self.0.last().map_or(0, |digit| digit.leading_zeros() as usize)
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn shift(&mut self, bits: usize) {
        if self.is_zero() {
            return;
        }
        let mut carry = 0;
        for digit in &mut self.0 {
            let wide = u64::from(*digit) << (bits % 32) | carry;
            *digit = wide as u32;
            carry = wide >> 32;
        }
        self.0.extend((carry > 0).then_some(carry as u32));
        self.0.splice(0..0, core::iter::repeat_n(0, bits / 32));
    }

    fn is_less(&self, other: &Large) -> bool {
        let order = self.0.len().cmp(&other.0.len());
        order.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev())).is_lt()
    }

    /// Takes away what is not more than it is.
    fn subtract(&mut self, other: &Large) {
        let mut borrow = 0;
        for (at, digit) in self.0.iter_mut().enumerate() {
            let wide = i64::from(*digit) - i64::from(other.0.get(at).copied().unwrap_or(0)) - borrow;
            borrow = i64::from(wide < 0);
            *digit = wide as u32;
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};

    use super::*;

    /// Numbers that a seed decides (SplitMix64).
    struct Dice(u64);

    impl Dice {
        fn number(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }

        fn below(&mut self, bound: u64) -> usize {
            (self.number() % bound) as usize
        }

        fn digits(&mut self, most: u64) -> String {
            (0..=self.below(most)).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
        }
    }

    fn expect_as_std(text: &str) {
        let theirs: f64 = text.parse().unwrap();
        assert_eq!(nearest(text).to_bits(), theirs.to_bits(), "{text}");
        assert_eq!(nearest(&format!("-{text}")).to_bits(), (-theirs).to_bits(), "-{text}");
    }

    #[test]
    fn borders_are_read_as_std_reads_them() {
        let texts = [
            "0",
            "0.0",
            "0e5",
            "2.4703282292062327e-324",
            "2.4703282292062328e-324",
            "4.9406564584124654e-324",
            "2.2250738585072011e-308",
            "2.2250738585072014e-308",
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "1.7976931348623159e308",
            "1e309",
            "1E+400",
            "1e-400",
            "1e99999999999999999999999",
            "1e-99999999999999999999999",
            "9007199254740993",
            "9007199254740992.5",
            "0.000000000000000000000000000000000000001e39",
            "1e22",
            "1e23",
            "110563945935871891677379608154296875e-27",
        ];
        texts.into_iter().for_each(expect_as_std);
    }

    /// Numerals in the middle between two doubles, just beside it, and of any digits and length.
    #[test]
    fn numerals_are_read_as_std_reads_them() {
        let mut dice = Dice(1985);
        for _ in 0..2_000 {
            let power = 1 + dice.below(31) as u32;
            let middle = u128::from(dice.number() >> 11 | 1 << 52) * 2 + 1;
            let digits = middle * 5u128.pow(power);
            let (any, small) = (dice.digits(60), f64::from_bits(dice.number() >> (12 + dice.below(50))));
            let texts = [
                format!("{digits}e-{power}"),
                format!("{digits}.{}1e-{power}", "0".repeat(dice.below(900))),
                format!("{}.{}e-{power}", digits - 1, "9".repeat(1 + dice.below(900))),
                format!("1{any}e{}", dice.below(700) as i32 - 400),
                format!("0.{}{any}", "0".repeat(dice.below(400))),
                format!("{}.{any}", dice.below(1_000)),
                format!("{}e{}", dice.below(1 << 53), dice.below(60) as i32 - 30),
                format!("{small:e}"),
                format!("{small:.1074}"),
                (dice.number() >> 4).to_string(),
            ];
            texts.iter().for_each(|text| expect_as_std(text));
        }
    }
}
