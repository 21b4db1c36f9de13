//! `application/json`: the message of Python producers, and plainer ones.
//!
//! Python producers encode twice: `json.dumps(json.dumps({"array": array.tolist()}))`, a string literal whose content is
//! the object. The object by itself and the bare nested lists are taken too. Other members of the object are skipped, with
//! whatever Python's json writes into them: NaN, and halves of surrogate pairs.

use super::Array;
use super::cursor::Cursor;
use super::nested_list::{self, NestedList};
use crate::images::ImageShape;
use crate::reject::{Code, Reject, quote};

/// Some programs of Windows write it before UTF-8; Python's `utf-8-sig` does.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads `body`. Positions in a refusal count from behind a byte order mark, and from the start of the string's content when
/// that was encoded twice.
pub fn decode(body: &[u8], image: ImageShape) -> Result<Array, Reject> {
    let body = without_mark(body);
    let mut outer = Cursor::new(body);
    if outer.peek_token() == Some(b'"') {
        let inner = outer.string()?;
        outer.expect_end()?;
        document(without_mark(&inner), image)
    } else {
        document(body, image)
    }
}

/// The text from its first token on.
pub fn start(body: &[u8]) -> &[u8] {
    without_mark(body).trim_ascii_start()
}

/// Whether the last token ends what the first one opens.
pub fn is_closed(body: &[u8]) -> bool {
    matches!(
        start(body).trim_ascii_end(),
        [b'[', .., b']'] | [b'{', .., b'}'] | [b'"', b'[' | b'{' | b'\\' | b' ', .., b'"']
    )
}

fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

fn document(json: &[u8], image: ImageShape) -> Result<Array, Reject> {
    let mut cursor = Cursor::new(json);
    let limit = image.max_images() * image.values();
    let list = match cursor.peek_token() {
        Some(b'[') => nested_list::parse(&mut cursor, limit)?,
        Some(b'{') => array_member(&mut cursor, limit)?,
        None => {
            return Err(Reject::new(
                Code::Empty,
                "nothing but white space: send at least one image",
            ));
        }
        Some(_) => return Err(cursor.unexpected("`{\"array\": ...}` or a list")),
    };
    cursor.expect_end()?;
    Ok(Array {
        count: image.count(&list.shape)?,
        values: list.values,
    })
}

/// The member `array` of the object at `cursor`.
fn array_member(cursor: &mut Cursor, limit: usize) -> Result<NestedList, Reject> {
    cursor.expect(b'{')?;
    let mut array = None;
    let mut more = cursor.peek_token() != Some(b'}');
    while more {
        if cursor.peek_token() != Some(b'"') {
            return Err(cursor.unexpected("a member's name"));
        }
        let name = cursor.string()?;
        cursor.expect(b':')?;
        if name != b"array" {
            cursor.skip_value()?;
        } else if array.is_some() {
            return Err(Reject::new(Code::BadArray, "two members `array`: send one"));
        } else if cursor.peek_token() != Some(b'[') {
            let detail = format!("`array` is {}: send nested lists of numbers", quote(cursor.rest()));
            return Err(Reject::new(Code::BadArray, detail));
        } else {
            array = Some(nested_list::parse(cursor, limit)?);
        }
        more = cursor.peek_token() == Some(b',');
        if more {
            cursor.advance(1);
        }
    }
    cursor.expect(b'}')?;
    array.ok_or_else(|| {
        Reject::new(
            Code::BadArray,
            "an object without a member `array`: send {\"array\": [...]}",
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    const TINY: ImageShape = ImageShape {
        height: 2,
        width: 2,
        channels: 1,
    };

    fn decoded(json: &str) -> Result<Array, Reject> {
        decode(json.as_bytes(), TINY)
    }

    fn reject(json: &str) -> Reject {
        decoded(json).unwrap_err()
    }

    #[test]
    fn the_message_of_python_producers_is_read() {
        let array = decoded(r#""{\"array\": [[[[0], [1]], [[2], [255]]], [[[3], [4]], [[5], [6]]]]}""#).unwrap();
        assert_eq!(array.count, 2);
        assert_eq!(array.values, [0.0, 1.0, 2.0, 255.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn objects_lists_and_every_escape_are_read() {
        for json in [
            r#"{"array": [[0, 1], [2, 255]]}"#,
            r#"[[0,1],[2,255]]"#,
            r#" "\u007b\"\u0061rray\":\n[[0,\t1],[2,255]]}" "#,
            r#"{"id": [{"deep": "]}\""}, 1e999, null], "array": [[0, 1], [2, 255]], "é": true}"#,
            r#"{"\u0061rray": [[0, 1], [2, 2.55e2]]}"#,
        ] {
            assert_eq!(decoded(json).unwrap().values, [0.0, 1.0, 2.0, 255.0], "{json}");
        }
    }

    #[test]
    fn an_object_needs_one_array() {
        for json in [
            "{}",
            r#"{"arrays": [[0, 1], [2, 3]]}"#,
            r#"{"array": null}"#,
            r#"{"array": "[[0]]"}"#,
        ] {
            assert_eq!(reject(json).code, Code::BadArray, "{json}");
        }
        assert_eq!(
            reject(r#"{"array": [[0, 1], [2, 3]], "array": [[0, 1], [2, 3]]}"#).code,
            Code::BadArray
        );
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_position() {
        for (json, place) in [
            (r#""{\"array\": [[0, 1], [2, 3]"#, "ends after"),
            (r#""{\"array\": [[0, 1], [2, 3]""#, "ends after 25 bytes"),
            ("[[0,1],[2,3]] x", "byte 14 is `x`"),
            (r#""[[0,1],[2,3]]" "x""#, "byte 16"),
            (r#""\"[[0,1],[2,3]]\"""#, "byte 0 is `\\\"`"),
            ("hello", "byte 0 is `h`"),
            (r#"{"array": [[0, 1], [2, 3]],}"#, "byte 27"),
            (r#"{"array" [[0, 1], [2, 3]]}"#, "byte 9 is `[`"),
            (r#"{array: [[0, 1], [2, 3]]}"#, "byte 1 is `a`"),
            (r#"{"a": tru, "array": [[0, 1], [2, 3]]}"#, "byte 6"),
            ("42", "byte 0 is `4`"),
            ("{", "ends after 1 bytes"),
        ] {
            let reject = reject(json);
            assert_eq!(reject.code, Code::NotJson, "{json}: {reject}");
            assert!(reject.detail.contains(place), "{json}: {reject}");
        }
    }

    #[test]
    fn nesting_in_a_skipped_member_is_harmless() {
        let json = format!(
            r#"{{"x": {}{}, "array": [[0, 1], [2, 3]]}}"#,
            "[".repeat(200_000),
            "]".repeat(200_000)
        );
        assert_eq!(decoded(&json).unwrap().count, 1);
        assert_eq!(
            reject(&format!(r#"{{"x": {}"#, "[".repeat(200_000))).code,
            Code::NotJson
        );
    }

    #[test]
    fn a_byte_order_mark_counts_in_neither_encoding() {
        for json in [
            "\u{feff}{\"array\": [[0, 1], [2, 3]]}",
            "\u{feff} \"[[0, 1], [2, 3]]\"",
            "\"\u{feff}[[0, 1], [2, 3]]\"",
        ] {
            assert_eq!(decoded(json).unwrap().values, [0.0, 1.0, 2.0, 3.0], "{json}");
        }
        assert_eq!(reject("[[0, 1], [2, 3]]\u{feff}").code, Code::NotJson);
    }

    #[test]
    fn what_python_writes_into_other_members_is_skipped_in_both_encodings() {
        for others in [
            r#""loss": NaN"#,
            r#""a": [Infinity, {"b": -Infinity}]"#,
            r#""user": "\ud83d""#,
            r#""user": "\ude00\ud83d", "\ud83d": 1"#,
        ] {
            let once = format!("{{{others}, \"array\": [[0, 1], [2, 3]]}}");
            let twice = serde_json::to_string(&once).unwrap();
            // The half of a pair itself within the string that is a string within the string.
            let bare = twice.replace("\\\\u", "\\u");
            for json in [once, twice, bare] {
                assert_eq!(decoded(&json).unwrap().values, [0.0, 1.0, 2.0, 3.0], "{json}");
            }
        }
    }

    #[test]
    fn what_follows_the_end_is_refused_in_both_encodings() {
        for json in [
            "[[0, 1], [2, 3]]\0",
            "\"[[0, 1], [2, 3]]\"\0",
            "\"[[0, 1], [2, 3]]\\u0000\"",
        ] {
            assert_eq!(reject(json).code, Code::NotJson, "{json}");
        }
    }

    #[test]
    fn white_space_alone_is_empty() {
        assert_eq!(reject(" \n").code, Code::Empty);
        assert_eq!(reject(r#""""#).code, Code::Empty);
    }
}
