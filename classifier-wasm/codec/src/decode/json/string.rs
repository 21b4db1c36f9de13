//! Strings, and most of all the one around a whole message, since Python producers encode twice.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

/// Bytes that are scanned at once: four vectors, for one branch.
const CHUNK: usize = 64;

/// The text of the string at the start of `json`, and its bytes there; None where [`Text`] has to look closer: at `\u`, control
/// characters, and what is no string.
pub fn plain(json: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut rest = json.strip_prefix(b"\"")?;
    let mut text = Vec::new();
    loop {
        let (plain, behind) = rest.split_at_checked(plain_length(rest))?;
        text.extend_from_slice(plain);
        let (letter, behind) = match behind {
            [b'"', behind @ ..] => return Some((text, json.len() - behind.len())),
            [b'\\', letter, behind @ ..] => (letter, behind),
            _ => return None,
        };
        text.push(match letter {
            b'"' | b'\\' | b'/' => *letter,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            _ => return None,
        });
        rest = behind;
    }
}

/// How many bytes from the start of `text` stand for themselves.
fn plain_length(text: &[u8]) -> usize {
    let is_plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
    // Without a branch for each byte, so that the compiler makes vectors of it.
    let are_plain = |chunk: &&[u8; CHUNK]| chunk.iter().fold(true, |all, byte| all & is_plain(byte));
    let (chunks, _) = text.as_chunks::<CHUNK>();
    let length = CHUNK * chunks.iter().take_while(are_plain).count();
    length + text.iter().skip(length).take_while(|byte| is_plain(byte)).count()
}

/// Any string as bytes: serde_json accepts half of a surrogate pair in bytes, and refuses it in a `String`.
pub struct Text(pub Vec<u8>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(bytes.to_vec()))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Of letters that mean something in strings, with runs longer and shorter than what is scanned at once.
        #[test]
        fn a_plain_string_is_what_serde_json_reads(
            text in "([a-z\\[\\], é]{0,40}(\\\\[\"\\\\/bfnrtux]|[\"\\\\\n\u{7f}])?){0,4}",
        ) {
            let json = format!("\"{text}\" ");
            let mut values = serde_json::Deserializer::from_slice(json.as_bytes()).into_iter();
            let read = values.next().unwrap().map(|Text(text)| text);
            if let Some((text, length)) = plain(json.as_bytes()) {
                prop_assert_eq!(&read.unwrap(), &text);
                prop_assert_eq!(length, values.byte_offset());
            } else {
                let is_plain = !json.contains("\\u") && !json.contains('\n');
                prop_assert!(read.is_err() || !is_plain, "{}", json);
            }
        }
    }
}
