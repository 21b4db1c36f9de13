//! Numbers one like the other: nearly all of a message, and so what its speed depends on.
//!
//! [`super::nested_list`] reads any list byte by byte. At each number it asks here whether the numbers from there on are
//! written alike and stand in lists as long as those before. Then a step is one number and all that is between it and the
//! next, `12], [` or `0.5]], [[`, each compared as one word: no branch depends on how many digits a pixel has. In the sandbox
//! that takes 5 ns a pixel, and byte by byte 15.
//!
//! A run ends *before* the first number that is not so. So neither what is read nor what is said of what cannot be read
//! depends on this file, and it holds no rule of JSON.

use super::levels::Levels;
use super::number::{are_digits, byte_of, byte_of_digits, decimal};
use crate::images::Pixels;

/// So few pixels are not worth a look at a whole block.
const FEW: usize = 3;

/// The most lists that a step ends, and begins anew: what is between its numbers then fits in a word.
const MAX_TURNS: usize = 2;

/// Reads numbers from the start of `text`, up to `limit` of them in all, and counts them in `levels`; how many bytes they take.
pub fn read(text: &[u8], levels: &mut Levels, pixels: &mut Pixels, limit: usize) -> usize {
    let left = match pixels {
        Pixels::U8(bytes) => {
            let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
            read_by(bytes_of, text, length, levels, bytes, limit)
        }
        Pixels::F32(floats) => {
            let length = decimal(text).map_or(0, |(_, length)| length);
            read_by(floats_of, text, length, levels, floats, limit)
        }
    };
    text.len() - left.len()
}

/// The same by `step`, which reads up to so many numbers with a separator behind each; the first number takes `length` bytes. What
/// is left of `text`.
fn read_by<'a, T>(
    step: impl Fn(&'a [u8], &Separator, usize, &mut Vec<T>) -> &'a [u8],
    text: &'a [u8],
    length: usize,
    levels: &mut Levels,
    values: &mut Vec<T>,
    limit: usize,
) -> &'a [u8] {
    let mut rest = text;
    let Some(separators) = text.get(length..).and_then(separators) else {
        return rest;
    };
    while let Some((turns, count)) = levels.ahead()
        && let Some(separator) = separators.get(turns)
    {
        let before = values.len();
        rest = step(rest, separator, count.min(limit - before), values);
        if values.len() == before {
            break;
        }
        levels.go_on(turns, values.len() - before);
    }
    rest
}

/// Pixels as nearly every message has them; what is left of `text`.
fn bytes_of<'a>(text: &'a [u8], separator: &Separator, count: usize, values: &mut Vec<u8>) -> &'a [u8] {
    let (mut rest, end) = (text, values.len() + count);
    while values.len() + FEW < end
        && let Some(block) = rest.first_chunk()
        && let length @ 1.. = bytes_of_block(block, *separator, end, values)
        && let Some(behind) = rest.get(length..)
    {
        rest = behind;
    }
    while values.len() < end
        && let Some((value, length)) = byte(rest, separator)
        && let Some(behind) = rest.get(length..)
    {
        values.push(value);
        rest = behind;
    }
    rest
}

/// Those in a block, until there are `end`; the bytes that they take. Where the numbers end is seen for all of them at once, so
/// that none waits for the one before, and no number decides which way the code goes.
#[inline(always)]
fn bytes_of_block(block: &[u8; 64], separator: Separator, end: usize, values: &mut Vec<u8>) -> usize {
    let (mut place, mut digits) = (0, are_digits(block));
    while values.len() < end
        && let Some(word) = block.get(place..place + 8).and_then(<[u8]>::first_chunk)
    {
        let length = digits.trailing_ones() as usize;
        let (value, is_byte) = byte_of_digits(word, length);
        // A number and what is behind it are in one word.
        let is_whole = length + separator.length <= 8;
        if !(is_byte & is_whole & separator.is(u64::from_le_bytes(*word).wrapping_shr(8 * length as u32))) {
            break;
        }
        values.push(value);
        place += length + separator.length;
        digits >>= length + separator.length;
    }
    place
}

/// One of them.
fn byte(text: &[u8], separator: &Separator) -> Option<(u8, usize)> {
    let (words, _) = text.first_chunk::<16>()?.as_chunks::<8>();
    let [start, end] = words else { return None };
    let (value, length) = byte_of(start)?;
    let bits = 8 * length as u32;
    let behind = u64::from_le_bytes(*start) >> bits | u64::from_le_bytes(*end) << (64 - bits);
    separator.is(behind).then_some((value, length + separator.length))
}

/// Numbers with or without a fraction; what is left of `text`.
fn floats_of<'a>(text: &'a [u8], separator: &Separator, count: usize, values: &mut Vec<f32>) -> &'a [u8] {
    let (mut rest, end) = (text, values.len() + count);
    while values.len() < end
        && let Some((value, length)) = float(rest, separator)
        && let Some(behind) = rest.get(length..)
    {
        values.push(value);
        rest = behind;
    }
    rest
}

/// One of them.
fn float(text: &[u8], separator: &Separator) -> Option<(f32, usize)> {
    let (value, length) = decimal(text)?;
    let behind = text.get(length..)?.first_chunk()?;
    let is_before = separator.is(u64::from_le_bytes(*behind));
    is_before.then_some((value, length + separator.length))
}

/// What is between two numbers.
#[derive(Clone, Copy, Default)]
struct Separator {
    /// Its bytes, the first one lowest.
    text: u64,
    /// Those bits of a word that it has.
    mask: u64,
    length: usize,
}

impl Separator {
    fn add(&mut self, byte: u8) {
        self.text |= u64::from(byte) << (8 * self.length);
        self.mask |= 0xff << (8 * self.length);
        self.length += 1;
    }

    /// Whether the bytes of `word` start with it.
    fn is(&self, word: u64) -> bool {
        (word ^ self.text) & self.mask == 0
    }
}

/// What is between two numbers with which 0, 1, ... lists end, judged by `text`, which is behind one; None: anything else.
///
/// `.0` counts as part of it, so that the whole floats of Python are read like integers.
fn separators(text: &[u8]) -> Option<[Separator; MAX_TURNS + 1]> {
    let (is_whole_float, text) = match text {
        [b'.', b'0', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let brackets = text.iter().take_while(|byte| **byte == b']').count();
    let has_space = match text.get(brackets..)? {
        [b',', b' ', b'[' | b'0'..=b'9', ..] => true,
        [b',', b'[' | b'0'..=b'9', ..] => false,
        _ => return None,
    };
    let mut turns = 0;
    Some([(); MAX_TURNS + 1].map(|()| {
        let mut separator = Separator::default();
        let mut add = |text: &[u8]| text.iter().for_each(|byte| separator.add(*byte));
        if is_whole_float {
            add(b".0");
        }
        (0..turns).for_each(|_| add(b"]"));
        add(if has_space { b", " } else { b"," });
        (0..turns).for_each(|_| add(b"["));
        turns += 1;
        separator
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::super::cursor::Cursor;
    use super::super::nested_list::{NestedList, parse_by};
    use super::*;
    use crate::reject::Reject;
    use proptest::prelude::*;
    use std::cell::Cell;

    const LIMIT: usize = 60;

    type Run = fn(&[u8], &mut Levels, &mut Pixels, usize) -> usize;

    /// What is read of `text`, and where that ends.
    fn parsed(text: &[u8], run: Run) -> Result<(NestedList, usize), Reject> {
        let mut cursor = Cursor::new(text);
        let list = parse_by(run, &mut cursor, LIMIT, false)?;
        Ok((list, cursor.position()))
    }

    /// Whether runs make no difference, not even of the sign of a zero or of what is said of an error.
    fn is_read_alike(text: &[u8]) -> bool {
        let [fast, slow] = [read as Run, |_, _, _, _| 0].map(|run| format!("{:?}", parsed(text, run)));
        fast == slow
    }

    /// Numbers as nested lists of `shape`.
    fn lists(numbers: &[String], shape: &[usize], comma: &str) -> String {
        let [length, inner @ ..] = shape else {
            return numbers[0].clone();
        };
        let parts = numbers
            .chunks(numbers.len() / length)
            .map(|part| lists(part, inner, comma));
        format!("[{}]", parts.collect::<Vec<_>>().join(comma))
    }

    /// The text of so many numbers, by `write`.
    fn numbers(count: usize, write: impl Fn(usize) -> String) -> Vec<String> {
        (0..count)
            .map(|at| write([0, 7, 10, 42, 99, 100, 255, 200, 13][at % 9]))
            .collect()
    }

    thread_local! {
        static IN_RUNS: Cell<usize> = const { Cell::new(0) };
    }

    fn counted(text: &[u8], levels: &mut Levels, pixels: &mut Pixels, limit: usize) -> usize {
        let before = pixels.len();
        let length = read(text, levels, pixels, limit);
        IN_RUNS.set(IN_RUNS.get() + pixels.len() - before);
        length
    }

    #[test]
    fn what_python_and_others_write_is_nearly_all_in_runs() {
        for numbers in [
            numbers(48, |value| value.to_string()),
            numbers(48, |value| format!("{value}.0")),
            numbers(48, |value| format!("{:?}", f64::from(value as f32 / 255.0))),
        ] {
            for shape in [&[2, 4, 6, 1][..], &[2, 4, 2, 3], &[2, 4, 6], &[8, 6], &[48]] {
                for comma in [", ", ","] {
                    let text = lists(&numbers, shape, comma);
                    IN_RUNS.set(0);
                    parsed(text.as_bytes(), counted).unwrap();
                    // Not the first row, whose length is unknown, the ends of images, and what is within a word of the end.
                    assert!(IN_RUNS.get() >= 30, "{} of {text}", IN_RUNS.get());
                }
            }
        }
    }

    #[test]
    fn no_change_of_one_byte_is_read_otherwise_than_without_runs() {
        let letters = b"[]{},. -+019eE\"\\\n\t\0n\xff";
        for numbers in [
            numbers(24, |value| value.to_string()),
            numbers(24, |value| format!("{value}.0")),
            numbers(24, |value| format!("{}", value as f32 / 8.0)),
        ] {
            for shape in [&[2, 2, 6, 1][..], &[2, 2, 2, 3], &[4, 6]] {
                let text = lists(&numbers, shape, ", ").into_bytes();
                for place in 0..text.len() {
                    let (before, behind) = text.split_at(place);
                    let without = [before, &behind[1..]].concat();
                    assert!(is_read_alike(&without), "{}", without.escape_ascii());
                    assert!(is_read_alike(before), "{}", before.escape_ascii());
                    for letter in letters {
                        let inserted = [before, &[*letter], behind].concat();
                        assert!(is_read_alike(&inserted), "{}", inserted.escape_ascii());
                        let replaced = [before, &[*letter], &behind[1..]].concat();
                        assert!(is_read_alike(&replaced), "{}", replaced.escape_ascii());
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn runs_make_no_difference_to_lists_of_any_numbers(
            shape in prop::collection::vec(1..5usize, 1..5),
            numbers in prop::collection::vec("(0|[1-9][0-9]{0,2}|[0-9]{1,4}|-0)(\\.0|\\.[0-9]{0,20})?([eE][+-]?[0-9])?", 256),
            most in prop::sample::select(vec!["", ".0", ".25"]),
            rare in prop::collection::vec(0..256usize, 0..4),
            comma in prop::sample::select(vec![", ", ",", " ,", ",\n  "]),
            changes in prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\], .0-9e-]{0,4}"), 0..3),
        ) {
            let count = shape.iter().product();
            let written = (0..count).map(|at| match rare.contains(&at) {
                true => numbers[at].clone(),
                false => format!("{}{most}", at * 37 % 256),
            });
            let mut text = lists(&written.collect::<Vec<_>>(), &shape, comma).into_bytes();
            for (place, letters) in changes {
                let place = place.index(text.len());
                text.splice(place..=place, letters.bytes());
                if text.is_empty() {
                    return Ok(());
                }
            }
            prop_assert!(is_read_alike(&text), "{}", text.escape_ascii());
        }
    }
}
