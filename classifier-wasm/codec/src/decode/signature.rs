//! What a body is, by its first bytes: supported formats, their packings, and other formats, so that a refusal can
//! name them.

use super::format::{Format, Picture};
use super::packed::{Packing, base64, is_data_url, is_zlib};
use super::text::{is_text, start};
use super::{foreign, npy};

pub use super::foreign::Foreign;

/// What bytes show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// A supported format.
    Format(Format),
    /// Something around a format.
    Packed(Packing),
    /// An unsupported format.
    Foreign(Foreign),
}

/// What `body` is, if its bytes show it.
pub fn recognise(body: &[u8]) -> Option<Signature> {
    let picture = |picture| Some(Signature::Format(Format::Picture(picture)));
    match body {
        _ if body.starts_with(npy::MAGIC) => Some(Signature::Format(Format::Npy)),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => picture(Picture::Png),
        [0xff, 0xd8, 0xff, ..] => picture(Picture::Jpeg),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => picture(Picture::WebP),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => picture(Picture::Gif),
        _ if is_bmp(body) => picture(Picture::Bmp),
        // 43 is BigTIFF.
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => picture(Picture::Tiff),
        [b'P', b'K', 3, 4, ..] => Some(Signature::Format(Format::Npz)),
        [0x1f, 0x8b, 8, ..] => Some(Signature::Packed(Packing::Gzip)),
        [0xff, 0xfe, _, _, ..] | [b'"' | b'{' | b'[', 0, _, 0, ..] => {
            Some(Signature::Packed(Packing::Utf16 { is_big_endian: false }))
        }
        [0xfe, 0xff, _, _, ..] | [0, b'"' | b'{' | b'[', 0, _, ..] => {
            Some(Signature::Packed(Packing::Utf16 { is_big_endian: true }))
        }
        _ => foreign::recognise(body)
            .map(Signature::Foreign)
            .or_else(|| of_text(body)),
    }
}

/// Two letters are too few for a signature, so the bytes behind the sizes count, too.
fn is_bmp(body: &[u8]) -> bool {
    matches!(
        body,
        [
            b'B',
            b'M',
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            12 | 40 | 52 | 56 | 64 | 108 | 124,
            0,
            0,
            0,
            ..
        ]
    )
}

fn of_text(body: &[u8]) -> Option<Signature> {
    match start(body) {
        [b'"' | b'{' | b'[', ..] => Some(Signature::Format(Format::Json)),
        text if is_data_url(text) => Some(Signature::Packed(Packing::DataUrl)),
        text if is_base64(text) => Some(Signature::Packed(Packing::Base64)),
        _ if is_zlib(body) => Some(Signature::Packed(Packing::Zlib)),
        _ => None,
    }
}

/// Whether the result of [`recognise`] holds even against the content type. A pixel may be `[`, but pixels are not
/// all text from one bracket to the other.
pub fn is_certain(signature: Signature, body: &[u8]) -> bool {
    match signature {
        Signature::Format(Format::Json) => is_text(body) && is_closed(body),
        Signature::Packed(Packing::Zlib | Packing::Utf16 { .. }) => false,
        Signature::Foreign(foreign) => foreign.is_certain,
        Signature::Format(_) | Signature::Packed(_) => true,
    }
}

/// Whether the last token ends what the first one opens.
fn is_closed(body: &[u8]) -> bool {
    match start(body).trim_ascii_end() {
        [b'[', .., b']'] | [b'{', .., b'}'] | [b'"', b'[' | b'{' | b'\\' | b' ', .., b'"'] => true,
        [b'"', text @ .., b'"'] => packing(text).is_some(),
        _ => false,
    }
}

/// The packing of a string that is not JSON itself.
pub fn packing(text: &[u8]) -> Option<Packing> {
    match start(text) {
        text if is_data_url(text) => Some(Packing::DataUrl),
        text if is_base64(text) => Some(Packing::Base64),
        _ => None,
    }
}

/// How much of a text is decoded to recognise its format, in symbols.
const START: usize = 64;

/// Whether `text` is Base64 of a format with a signature: plain words may use that alphabet, too.
fn is_base64(text: &[u8]) -> bool {
    let is_symbol = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    let text = text.trim_ascii();
    let mut start: Vec<u8> = Vec::with_capacity(START);
    let is_text = |byte: &&u8| is_symbol(byte) || byte.is_ascii_whitespace();
    start.extend(
        text.iter()
            .take_while(is_text)
            .filter(|byte| is_symbol(byte))
            .take(START),
    );
    start.truncate(start.len() / 4 * 4);
    if start.is_empty() {
        return false;
    }
    let Ok(start) = base64(&start) else {
        return false;
    };
    let shows_a_format = match recognise(&start) {
        Some(Signature::Packed(packing)) => packing == Packing::Gzip,
        Some(_) => true,
        None => false,
    };
    shows_a_format && {
        let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
        let symbols = text.get(..text.len() - padding).unwrap_or_default();
        symbols.iter().all(|byte| is_text(&byte))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn seen(body: &[u8]) -> Option<Signature> {
        recognise(body)
    }

    #[test]
    fn formats_are_known_by_their_first_bytes() {
        for (body, expected) in [
            (&b"\x93NUMPY\x01\0"[..], Format::Npy),
            (b"\x89PNG\r\n\x1a\n", Format::Picture(Picture::Png)),
            (b"\xff\xd8\xff\xe0", Format::Picture(Picture::Jpeg)),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Format::Picture(Picture::WebP)),
            (b"GIF89a", Format::Picture(Picture::Gif)),
            (
                b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
                Format::Picture(Picture::Bmp),
            ),
            (b"II*\0", Format::Picture(Picture::Tiff)),
            (b"MM\0*", Format::Picture(Picture::Tiff)),
            (b"PK\x03\x04", Format::Npz),
            (b"\xef\xbb\xbf {}", Format::Json),
            (b"\n[[1]]", Format::Json),
            (b"\"{}\"", Format::Json),
        ] {
            assert_eq!(seen(body), Some(Signature::Format(expected)), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn what_formats_are_packed_in_is_known_too() {
        for (body, expected) in [
            (&b"\x1f\x8b\x08\0"[..], Packing::Gzip),
            (b"\x78\x9c\x03", Packing::Zlib),
            (b"\xff\xfe[\0[\0", Packing::Utf16 { is_big_endian: false }),
            (b"\xfe\xff\0[\0[", Packing::Utf16 { is_big_endian: true }),
            (b"[\0[\0", Packing::Utf16 { is_big_endian: false }),
            (b"\0{\0\"", Packing::Utf16 { is_big_endian: true }),
            (b"\xef\xbb\xbfiVBORw0KGgoAAAANSUhEUgAA", Packing::Base64),
            (b"data:image/png;base64,iVBORw0KGgo=", Packing::DataUrl),
            (b"DATA:,", Packing::DataUrl),
            (b"iVBORw0KGgoAAAANSUhEUgAA", Packing::Base64),
            (b" iVBORw0K\r\nGgoAAAAN SUhEUgAA\n", Packing::Base64),
            (b"_9j_4AAQSkZJRgABAQ", Packing::Base64),
            (b"k05VTVBZAQB2AA==", Packing::Base64),
            (b"H4sIAAAAAAAAAwMAAAAAAAAAAAA=", Packing::Base64),
        ] {
            assert_eq!(seen(body), Some(Signature::Packed(expected)), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn other_bytes_show_no_format() {
        for body in [
            &b""[..],
            b"hello",
            b"BM",
            b"BM as text goes on",
            b"BMABCDEFGHIJKLMNOP",
            b"\x80\x04",
            b"< ",
            b"<<<<",
            b"<a\0b",
            b"<a\xffb",
            b"a word and another",
            b"QUJDREVGR0g=",
            b"iVBORw0KGgo.",
            b"xy and so on",
            &[0; 40],
        ] {
            assert_eq!(seen(body), None, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn what_is_called_pixels_is_json_only_where_all_of_it_is() {
        let certain = |body: &[u8]| is_certain(recognise(body).unwrap(), body);
        for body in [
            &b"[[1, 2]]\n"[..],
            b"{\"array\": [[1]]}",
            b"\xef\xbb\xbf{}",
            b" \"{}\" ",
            b"\x1f\x8b\x08\0",
        ] {
            assert!(certain(body), "{}", body.escape_ascii());
        }
        for body in [
            &b"[[1, 2"[..],
            b"[\x011]",
            b"[\xe9]",
            b"\"\"\"\"",
            b"[[[[",
            b"x\x9c\0",
            b"\xff\xfe\xff\xff",
        ] {
            assert!(!certain(body), "{}", body.escape_ascii());
        }
    }
}
