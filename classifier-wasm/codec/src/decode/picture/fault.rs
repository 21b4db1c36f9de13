//! Why a picture is refused, in words for whoever sent it: what is wrong with it, and what to do.
//!
//! Decoders explain themselves to whoever wrote one. Their words stand in parentheses, for whoever wrote the file by a
//! program of their own.

use std::fmt::Display;

use crate::reject::{Code, Reject};

/// A structure of the `png` crate, which shows it as Rust does.
const CHUNK: &str = "ChunkType { type: ";

/// The file ends too early.
pub fn cut_short(format: &str) -> Reject {
    bad(format!("this {format} is cut short: send the whole file"))
}

/// The file contradicts itself or its checksums.
pub fn damaged(format: &str, error: impl Display) -> Reject {
    bad(format!(
        "this {format} is damaged ({}): save the picture again",
        words(&error.to_string())
    ))
}

/// Nothing is wrong with the file, but its decoder does not know everything.
pub fn unsupported(format: &str, error: impl Display) -> Reject {
    bad(format!(
        "this {format} is of a rare kind that is not supported ({}): save the picture as PNG",
        words(&error.to_string())
    ))
}

/// For any other reason, which has its own remedy.
pub fn bad(detail: impl Into<String>) -> Reject {
    Reject::new(Code::BadImage, detail)
}

/// What a decoder says first, as a part of a sentence.
fn words(said: &str) -> String {
    let said = said.split(". ").next().unwrap_or_default();
    let mut said = said
        .trim_matches(|c: char| c.is_whitespace() || "\".".contains(c))
        .to_owned();
    while let Some((before, chunk)) = said.split_once(CHUNK)
        && let Some((chunk, after)) = chunk.split_once('}')
    {
        let name = chunk.split(',').next().unwrap_or_default();
        said = format!("{before}`{}`{after}", name.escape_debug());
    }
    let mut rest = said.chars();
    match (rest.next(), rest.clone().next()) {
        // Not what is all in capitals, such as `CRC`.
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(rest).collect(),
        _ => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_decoder_says_becomes_a_part_of_a_sentence() {
        let chunk = "ChunkType { type: IDAT, critical: true, private: false, reserved: false, safecopy: false }";
        for (said, expected) in [
            ("Invalid PNG signature.", "invalid PNG signature"),
            (
                &*format!("CRC error: expected 0x1 have 0x2 while decoding {chunk} chunk."),
                "CRC error: expected 0x1 have 0x2 while decoding `IDAT` chunk",
            ),
            (&*format!("{chunk} before {chunk}"), "`IDAT` before `IDAT`"),
            ("Corrupt deflate stream. BadLiteral", "corrupt deflate stream"),
            ("\"Bogus Huffman table\"", "bogus Huffman table"),
            ("", ""),
        ] {
            assert_eq!(words(said), expected);
        }
    }
}
