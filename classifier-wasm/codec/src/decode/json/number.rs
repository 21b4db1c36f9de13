//! Numbers of JSON: the grammar, and the values.
//!
//! Digits are read eight at a time, as the bytes of a word (SWAR): see D. Lemire, Number Parsing at a Gigabyte per Second,
//! 2021, whose way to add up eight digits this is, too.

/// The powers of ten that an f64 holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// Those that shift a number by up to eight digits.
const TENS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
/// The most digits that always fit in a u64.
const MAX_DIGITS: usize = 19;

/// The number at the start of `text` and its bytes, by JSON's grammar, as the nearest f32 to its nearest f64: as Python's
/// json and NumPy read it.
pub fn number(text: &[u8]) -> Option<(f32, usize)> {
    if let Some((value, length)) = decimal(text)
        && !matches!(text.get(length), Some(b'e' | b'E'))
    {
        return Some((value, length));
    }
    let length = number_length(text)?;
    let value: f64 = str::from_utf8(text.get(..length)?).ok()?.parse().ok()?;
    Some((value as f32, length))
}

/// A pixel as nearly every message has it: an integer from 0 to 255. None where [`number`] has to look closer.
pub fn byte(text: &[u8]) -> Option<(u8, usize)> {
    let word = text.first_chunk()?;
    let (value, length) = byte_of(word)?;
    let is_whole = !matches!(word.get(length), Some(b'.' | b'e' | b'E'));
    is_whole.then_some((value, length))
}

/// The same, whatever is behind one to three digits, none of them a zero before others.
pub fn byte_of(word: &[u8; 8]) -> Option<(u8, usize)> {
    let (_, length) = leading_digits(word);
    let (value, is_byte) = byte_of_digits(word, length);
    is_byte.then_some((value, length))
}

/// The same where a word has so many digits: the number, and whether it is one, found without a branch.
#[inline(always)]
pub fn byte_of_digits(word: &[u8; 8], length: usize) -> (u8, bool) {
    let digits = less_zeros(word);
    let [hundreds, tens, ones, ..] = digits
        .wrapping_shl(24_u32.wrapping_sub(8 * length as u32))
        .to_le_bytes()
        .map(u32::from);
    let value = 100 * hundreds + 10 * tens + ones;
    let is_byte = (1..=3).contains(&length) & ((length == 1) | (digits & 0xff != 0)) & (value <= 255);
    (value as u8, is_byte)
}

/// Digits at the start of `text`, perhaps with a point and digits behind it; None where [`number`] has to look closer.
pub fn decimal(text: &[u8]) -> Option<(f32, usize)> {
    let (whole, length) = digits(text, 0);
    if length == 0 || length > 1 && text.first() == Some(&b'0') {
        return None;
    }
    let Some((b'.', fraction)) = text
        .get(length..)
        .and_then(<[u8]>::split_first)
        .map(|(first, rest)| (*first, rest))
    else {
        return Some((nearest(whole, length, 0)?, length));
    };
    let (all, places) = digits(fraction, whole);
    if places == 0 {
        return None;
    }
    Some((nearest(all, length + places, places)?, length + 1 + places))
}

/// What `digits` digits write, the last `places` of them behind the point.
///
/// A conversion and a division, both rounded, leave the f64 two units off in its last place at most. That only matters near
/// the middle between two f32, where the 29 bits that an f32 lacks are a one and zeros: None, and [`number`] asks the
/// standard library.
fn nearest(value: u64, digits: usize, places: usize) -> Option<f32> {
    let value = value as f64 / POWERS.get(places)?;
    let lacking = value.to_bits() & 0x1fff_ffff;
    (digits <= MAX_DIGITS && lacking.abs_diff(0x1000_0000) > 8).then_some(value as f32)
}

/// Appends the digits at the start of `text` to those of `value`, and counts them. Beyond [`MAX_DIGITS`] the value is
/// meaningless.
fn digits(text: &[u8], mut value: u64) -> (u64, usize) {
    let mut length = 0;
    while let Some(word) = text.get(length..).and_then(<[u8]>::first_chunk) {
        let (digits, count) = leading_digits(word);
        if count == 0 {
            return (value, length);
        }
        // With zeros before them they are eight.
        let eight = eight_digits(digits << (64 - 8 * count));
        value = value
            .wrapping_mul(TENS.get(count).copied().unwrap_or_default())
            .wrapping_add(eight);
        length += count;
        if count < 8 {
            return (value, length);
        }
    }
    let rest = text.iter().skip(length).take_while(|byte| byte.is_ascii_digit());
    for byte in rest {
        value = value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
        length += 1;
    }
    (value, length)
}

/// The bytes of `word` less `0`, the first one lowest, and how many digits it begins with.
fn leading_digits(word: &[u8; 8]) -> (u64, usize) {
    let bytes = less_zeros(word);
    // The highest bit of the lowest byte over 9, and of some above it.
    let others = (bytes.wrapping_add(0x7676_7676_7676_7676) | bytes) & 0x8080_8080_8080_8080;
    (bytes, others.trailing_zeros() as usize / 8)
}

/// Which of 64 bytes are digits, the first one lowest.
pub fn are_digits(block: &[u8; 64]) -> u64 {
    let words = block.as_chunks().0.as_chunks::<2>().0.iter();
    words
        .rev()
        .fold(0, |all, pair| all << 16 | of_pair(pair.map(u64::from_le_bytes)))
}

/// The same of 16 bytes.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
fn of_pair([low, high]: [u64; 2]) -> u64 {
    use core::arch::wasm32::{u8x16_bitmask, u8x16_lt, u8x16_splat, u8x16_sub, u64x2};
    let digits = u8x16_sub(u64x2(low, high), u8x16_splat(b'0'));
    u8x16_bitmask(u8x16_lt(digits, u8x16_splat(10))).into()
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
fn of_pair(words: [u64; 2]) -> u64 {
    let bytes = words.into_iter().flat_map(u64::to_le_bytes);
    bytes
        .enumerate()
        .fold(0, |all, (at, byte)| all | u64::from(byte.is_ascii_digit()) << at)
}

/// The bytes of `word` less `0`, the first one lowest: what digits are worth.
pub fn less_zeros(word: &[u8; 8]) -> u64 {
    u64::from_le_bytes(*word) ^ 0x3030_3030_3030_3030
}

/// The number that eight digits write, the first of which is in the lowest byte: pairs, then fours, then all of them.
fn eight_digits(bytes: u64) -> u64 {
    const PAIRS: u64 = 0x0000_00ff_0000_00ff;
    let pairs = bytes.wrapping_mul(10) + (bytes >> 8);
    let (even, odd) = (pairs & PAIRS, pairs >> 16 & PAIRS);
    let sum = even.wrapping_mul(100 + (1_000_000 << 32)) + odd.wrapping_mul(1 + (10_000 << 32));
    sum >> 32
}

/// The bytes of the number at the start of `text`; None: there is none of JSON's grammar.
pub fn number_length(text: &[u8]) -> Option<usize> {
    let mut length = usize::from(text.first() == Some(&b'-'));
    let digits = |from: usize| text.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    match digits(length) {
        0 => return None,
        more if more > 1 && text.get(length) == Some(&b'0') => return None,
        more => length += more,
    }
    if text.get(length) == Some(&b'.') {
        match digits(length + 1) {
            0 => return None,
            more => length += 1 + more,
        }
    }
    if let Some(b'e' | b'E') = text.get(length) {
        let sign = usize::from(matches!(text.get(length + 1), Some(b'+' | b'-')));
        match digits(length + 1 + sign) {
            0 => return None,
            more => length += 1 + sign + more,
        }
    }
    Some(length)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether `text` is the nearest f32 to its nearest f64, and all of it.
    fn is_read(text: &str) -> bool {
        let expected = text.parse::<f64>().unwrap() as f32;
        // Behind it is more than a word, one byte, or nothing.
        ["], [[12345678", ",", ""].iter().all(|behind| {
            let read = number(format!("{text}{behind}").as_bytes());
            read.is_some_and(|(value, length)| value.to_bits() == expected.to_bits() && length == text.len())
        })
    }

    #[test]
    fn pixels_on_any_scale_need_no_closer_look() {
        for pixel in 0..=255u8 {
            let (float, double) = (f32::from(pixel), f64::from(pixel));
            for text in [
                format!("{pixel}"),
                format!("{float:?}"),
                // As NumPy writes float32 and float64.
                format!("{:?}", f64::from(float / 255.0)),
                format!("{:?}", double / 255.0),
                format!("{:.4}", float / 255.0),
            ] {
                assert!(is_read(&text), "{text}");
                assert!(decimal(text.as_bytes()).is_some() || text.contains('e'), "{text}");
            }
        }
    }

    #[test]
    fn digits_before_or_behind_the_point_may_be_many() {
        for text in [
            "123456789012345678",
            "1234567890123456789",
            "18446744073709551616",
            "123456789012345678901234567890",
            "0.1234567890123456789",
            "0.00000000000000000000000000000000000000000000123",
            "99999999.99999999",
            "0.0000000000000000000001",
            "16777217",
            "16777217.00000000000000001",
        ] {
            assert!(is_read(text), "{text}");
        }
    }

    proptest! {
        /// There a wrong last bit of the f64 would be seen.
        #[test]
        fn what_lies_in_the_middle_between_two_floats_is_rounded_as_the_standard_library_does(
            float in 1e-4f32..300.0,
            off in -12i64..=12,
            places in 0..20usize,
        ) {
            let middle = (f64::from(float) + f64::from(float.next_up())) / 2.0;
            let near = f64::from_bits(middle.to_bits().wrapping_add_signed(off));
            for text in [format!("{near:?}"), format!("{near:.places$}")] {
                prop_assert!(is_read(&text), "{}", text);
            }
        }

        #[test]
        fn digits_are_read_as_the_standard_library_reads_them(text in "(0|[1-9][0-9]{0,20})(\\.[0-9]{1,25})?") {
            prop_assert!(is_read(&text), "{}", text);
        }
    }
}
