//! Nested JSON lists of numbers: the hot path of a JSON message, whose every pixel goes through here.
//!
//! One pass over the bytes, straight into the values of a tensor: building a tree of JSON values first would cost more
//! than the network. There is no recursion, and memory is bounded by the caller's limit, whatever the nesting. Here is what a
//! list may be and what is said of one that is not so; [`super::run`] makes it fast.

use super::cursor::Cursor;
use super::levels::Levels;
use super::number::{byte, number};
use super::run;
use crate::images::{MAX_RANK, Pixels};
use crate::reject::{Code, Reject, quote};

/// A tensor as it was written.
#[derive(Debug, PartialEq)]
pub struct NestedList {
    /// The length at each depth, outermost first.
    pub shape: Vec<usize>,
    /// Row-major.
    pub pixels: Pixels,
}

/// Reads the list at `cursor`: every number at the same depth of at most 4, lists of one depth all of one length, none
/// empty, at most `limit` numbers.
pub fn parse(cursor: &mut Cursor, limit: usize) -> Result<NestedList, Reject> {
    parse_with(cursor, limit, false)
}

/// The same, with `true` and `false` for 1 and 0 where there are `words`.
pub fn parse_with(cursor: &mut Cursor, limit: usize, words: bool) -> Result<NestedList, Reject> {
    parse_by(run::read, cursor, limit, words)
}

/// The same with what reads several numbers at once, which is [`run::read`] but in tests.
pub fn parse_by(
    run: impl Fn(&[u8], &mut Levels, &mut Pixels, usize) -> usize,
    cursor: &mut Cursor,
    limit: usize,
    words: bool,
) -> Result<NestedList, Reject> {
    // No number takes less than two bytes with its separator, and images written by Python some five.
    let mut pixels = Pixels::U8(Vec::with_capacity(limit.min(cursor.rest().len() / 4)));
    let mut levels = Levels::default();
    let mut rank = None;
    loop {
        match cursor.peek_token() {
            Some(b'[') if levels.depth() == MAX_RANK => return Err(too_deep(cursor)),
            Some(b'[') if rank == Some(levels.depth()) => {
                return Err(mixed(cursor, "a list", "a number"));
            }
            Some(b'[') => {
                cursor.advance(1);
                levels.enter();
                continue;
            }
            Some(first) if matches!(first, b'-' | b'0'..=b'9') || words && matches!(first, b't' | b'f') => {
                if *rank.get_or_insert(levels.depth()) != levels.depth() {
                    return Err(mixed(cursor, "a number", "a list"));
                }
                let length = run(cursor.rest(), &mut levels, &mut pixels, limit);
                if length > 0 {
                    cursor.advance(length);
                    continue;
                }
                if pixels.len() == limit {
                    return Err(too_many(limit));
                }
                let length = match byte(cursor.rest()) {
                    Some((value, length)) => {
                        pixels.push_byte(value);
                        length
                    }
                    None => {
                        let (value, length) = value(cursor.rest(), words).ok_or_else(|| malformed(cursor))?;
                        pixels.push(value);
                        length
                    }
                };
                cursor.advance(length);
            }
            _ => return Err(not_a_number(cursor, levels.is_first())),
        }
        // A value ended here, and with it perhaps the lists around it.
        loop {
            if levels.depth() == 0 {
                return Ok(NestedList {
                    shape: levels.shape(),
                    pixels,
                });
            }
            levels.count();
            match cursor.peek_token() {
                Some(b',') => {
                    cursor.advance(1);
                    break;
                }
                Some(b']') => {
                    let (length, expected) = levels.leave();
                    if length != expected {
                        return Err(ragged(cursor, length, expected));
                    }
                    cursor.advance(1);
                }
                _ => return Err(cursor.unexpected("`,` or `]`")),
            }
        }
    }
}

/// The number at the start of `text`, or one of the `words` for 1 and 0, and its bytes.
fn value(text: &[u8], words: bool) -> Option<(f32, usize)> {
    match text {
        [b't', b'r', b'u', b'e', ..] if words => Some((1.0, 4)),
        [b'f', b'a', b'l', b's', b'e', ..] if words => Some((0.0, 5)),
        _ => number(text),
    }
}

fn too_deep(cursor: &Cursor) -> Reject {
    let detail = format!(
        "a fifth list within lists at byte {}: send (N, H, W, C)",
        cursor.position()
    );
    Reject::new(Code::TooDeep, detail)
}

fn too_many(limit: usize) -> Reject {
    Reject::new(
        Code::TooManyImages,
        format!("more than {limit} values in one request: send fewer images"),
    )
}

fn mixed(cursor: &Cursor, found: &str, wanted: &str) -> Reject {
    let detail = format!(
        "{found} at byte {} where its like before was {wanted}",
        cursor.position()
    );
    Reject::new(Code::BadShape, detail)
}

fn ragged(cursor: &Cursor, length: usize, expected: usize) -> Reject {
    let detail = format!(
        "ragged: the list that ends at byte {} has length {length}, another of its depth {expected}",
        cursor.position()
    );
    Reject::new(Code::BadShape, detail)
}

/// The start of the malformed number at `cursor`.
fn malformed(cursor: &Cursor) -> Reject {
    if cursor.rest().starts_with(b"-Infinity") {
        return not_finite(cursor, "-Infinity");
    }
    let end = cursor
        .rest()
        .iter()
        .take(60)
        .position(|byte| b",] \n\r\t".contains(byte))
        .unwrap_or(60);
    let number = cursor.rest().iter().copied().take(end).collect::<Vec<_>>();
    let detail = format!("{} at byte {} is not a JSON number", quote(number), cursor.position());
    Reject::new(Code::NotJson, detail)
}

fn not_finite(cursor: &Cursor, name: &str) -> Reject {
    let detail = format!(
        "`{name}` at byte {}: pixels are numbers from 0 to 255",
        cursor.position()
    );
    Reject::new(Code::NotFinite, detail)
}

/// The refusal of what is neither a list nor a number; `first`: where the first member of a list should be.
fn not_a_number(cursor: &Cursor, first: bool) -> Reject {
    let rest = cursor.rest();
    if let Some(name) = ["NaN", "Infinity"]
        .into_iter()
        .find(|name| rest.starts_with(name.as_bytes()))
    {
        return not_finite(cursor, name);
    }
    match rest.first() {
        Some(b']') if first => {
            let detail = format!("an empty list at byte {}: send at least one image", cursor.position());
            Reject::new(Code::Empty, detail)
        }
        Some(b'"' | b'{' | b't' | b'f' | b'n') => {
            let detail = format!("{} at byte {} is not a number", quote(rest), cursor.position());
            Reject::new(Code::BadArray, detail)
        }
        _ => cursor.unexpected("a number or `[`"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(json: &str) -> Result<NestedList, Reject> {
        parse(&mut Cursor::new(json.as_bytes()), 100)
    }

    fn code(json: &str) -> Code {
        parsed(json).unwrap_err().code
    }

    #[test]
    fn lists_of_every_depth_keep_their_shape_and_order() {
        assert_eq!(
            parsed("[1,2]").unwrap(),
            NestedList {
                shape: vec![2],
                pixels: vec![1, 2].into()
            }
        );
        assert_eq!(parsed("[[1, 2, 3], [4, 5, 6]]").unwrap().shape, [2, 3]);
        let deep = parsed(" [ [ [ [ 0 ] , [ 255 ] ] ] ,\n[ [ [ 7 ] , [ 8 ] ] ] ] ").unwrap();
        assert_eq!(
            deep,
            NestedList {
                shape: vec![2, 1, 2, 1],
                pixels: vec![0, 255, 7, 8].into()
            }
        );
    }

    #[test]
    fn a_number_outside_any_list_has_no_shape() {
        assert_eq!(
            parsed("7").unwrap(),
            NestedList {
                shape: vec![],
                pixels: vec![7].into()
            }
        );
    }

    #[test]
    fn numbers_are_read_by_the_grammar_of_json() {
        let values = parsed("[0, -0.0, 12.5, 1e2, 1E+2, 25e-1, 007.5e0]").unwrap_err();
        assert!(values.detail.starts_with("`007.5e0` at byte 34"), "{values}");
        assert_eq!(
            parsed("[0, -0.0, 12.5, 1e2, 1E+2, 25e-1]")
                .unwrap()
                .pixels
                .into_floats(),
            [0.0, -0.0, 12.5, 100.0, 100.0, 2.5]
        );
        for text in [
            "01", "00", "1.", ".5", "-", "+1", "1e", "1e+", "0x10", "1_0", "--1", "1.2.3", "1 2",
        ] {
            assert_eq!(code(&format!("[{text}]")), Code::NotJson, "{text}");
        }
    }

    #[test]
    fn ragged_and_mixed_lists_are_refused() {
        for json in [
            "[[1,2],[3]]",
            "[[1],[2,3]]",
            "[1,[2]]",
            "[[1],2]",
            "[[[1]],[2]]",
            "[[[1],[2]],[[3]]]",
        ] {
            assert_eq!(code(json), Code::BadShape, "{json}");
        }
    }

    #[test]
    fn what_is_cut_short_or_empty_is_refused() {
        for json in ["[", "[1", "[1,", "[1,]", "[[1]", "[[1],", "[-"] {
            assert_eq!(code(json), Code::NotJson, "{json}");
        }
        assert_eq!(code("[]"), Code::Empty);
        assert_eq!(code("[[],[]]"), Code::Empty);
    }

    #[test]
    fn what_is_not_a_number_is_named() {
        for json in ["[null]", "[true]", "[\"1\"]", "[{}]", "[[1],[false]]"] {
            assert_eq!(code(json), Code::BadArray, "{json}");
        }
        for json in ["[NaN]", "[Infinity]", "[1, -Infinity]"] {
            assert_eq!(code(json), Code::NotFinite, "{json}");
        }
    }

    #[test]
    fn depth_and_number_are_bounded_before_memory_is_taken() {
        assert_eq!(code("[[[[[1]]]]]"), Code::TooDeep);
        assert_eq!(code(&"[".repeat(1_000_000)), Code::TooDeep);
        assert_eq!(code(&format!("[{}]", ["0"; 101].join(","))), Code::TooManyImages);
        assert_eq!(parsed(&format!("[{}]", ["0"; 100].join(","))).unwrap().shape, [100]);
    }

    proptest! {
        #[test]
        fn every_float_is_read_as_the_standard_library_reads_it(value in any::<f64>()) {
            prop_assume!(value.is_finite());
            for text in [format!("{value}"), format!("{value:e}"), format!("{value:?}"), format!("{}", value as i64)] {
                let expected = text.parse::<f64>().unwrap() as f32;
                prop_assert_eq!(parsed(&format!("[{text}]")).unwrap().pixels.into_floats(), vec![expected]);
            }
        }

        #[test]
        fn every_small_number_is_read_as_the_standard_library_reads_it(text in "-?(0|[1-9][0-9]{0,4})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?") {
            let expected = text.parse::<f64>().unwrap() as f32;
            prop_assert_eq!(parsed(&format!("[{text}]")).unwrap().pixels.into_floats(), vec![expected]);
        }

        #[test]
        fn no_text_of_these_letters_gives_more_values_than_its_shape(text in "[\\[\\], 0-9.eE-]{0,40}") {
            if let Ok(list) = parsed(&text) {
                prop_assert_eq!(list.pixels.len(), list.shape.iter().product::<usize>());
            }
        }
    }
}
