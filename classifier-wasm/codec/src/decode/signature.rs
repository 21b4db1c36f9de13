//! What bytes are by how they begin: formats that are taken, and others, so that a refusal can name them.

use super::{JPEG, JSON, NPY, PNG, json, npy};

/// A format that bytes show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// One that is taken, by its media type.
    Taken(&'static str),
    /// One that is not.
    Foreign {
        name: &'static str,
        /// How to send it instead.
        remedy: &'static str,
    },
}

const AS_PICTURE: &str = "save it as PNG or JPEG";
const AS_ARRAY: &str = "save the array with numpy.save";

/// The format of `body`, where its bytes show one.
pub fn recognise(body: &[u8]) -> Option<Signature> {
    let foreign = |name, remedy| Some(Signature::Foreign { name, remedy });
    match body {
        _ if body.starts_with(npy::MAGIC) => Some(Signature::Taken(NPY)),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Signature::Taken(PNG)),
        [0xff, 0xd8, 0xff, ..] => Some(Signature::Taken(JPEG)),
        [0x1f, 0x8b, 8, ..] => foreign("gzip", "send it unpacked"),
        [b'P', b'K', 3, 4, ..] => foreign("a ZIP or .npz archive", AS_ARRAY),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => foreign("WebP", AS_PICTURE),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => foreign("GIF", AS_PICTURE),
        // Two letters are too few for a signature, so what stands behind the sizes counts, too.
        [
            b'B',
            b'M',
            _,
            _,
            _,
            _,
            0,
            0,
            0,
            0,
            _,
            _,
            _,
            _,
            12 | 40 | 108 | 124,
            0,
            0,
            0,
            ..,
        ] => foreign("BMP", AS_PICTURE),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => foreign("TIFF", AS_PICTURE),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => foreign("AVIF or HEIC", AS_PICTURE),
        [0x80, 2..=5, .., b'.'] => foreign("a pickle", AS_ARRAY),
        _ => match json::start(body) {
            [b'"' | b'{' | b'[', ..] => Some(Signature::Taken(JSON)),
            [b'<', b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..] if is_text(body) => {
                foreign("HTML or XML", "send the image itself")
            }
            _ => None,
        },
    }
}

/// Whether `body` is what [`recognise`] makes of it although somebody calls it pixels. A pixel may well be `[`, but pixels are
/// not all text, from one bracket to the other.
pub fn is_certain(signature: Signature, body: &[u8]) -> bool {
    signature != Signature::Taken(JSON) || (is_text(body) && json::is_closed(body))
}

/// UTF-8 without control characters but white space.
fn is_text(body: &[u8]) -> bool {
    body.iter().all(|byte| *byte >= b' ' || b"\t\n\r".contains(byte)) && str::from_utf8(body).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn name(body: &[u8]) -> Option<&'static str> {
        recognise(body).map(|signature| match signature {
            Signature::Taken(format) => format,
            Signature::Foreign { name, .. } => name,
        })
    }

    #[test]
    fn formats_are_known_by_their_first_bytes() {
        for (body, expected) in [
            (&b"\x93NUMPY\x01\0"[..], NPY),
            (b"\x89PNG\r\n\x1a\n", PNG),
            (b"\xff\xd8\xff\xe0", JPEG),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"PK\x03\x04", "a ZIP or .npz archive"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP"),
            (b"GIF89a", "GIF"),
            (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "BMP"),
            (b"II*\0", "TIFF"),
            (b"\0\0\0\x20ftypavif", "AVIF or HEIC"),
            (b"\x80\x04\x95\0N.", "a pickle"),
            (b" <!DOCTYPE html>\n", "HTML or XML"),
            (b"<?xml version='1.0'?>", "HTML or XML"),
            (b"\xef\xbb\xbf {}", JSON),
            (b"\n[[1]]", JSON),
            (b"\"{}\"", JSON),
        ] {
            assert_eq!(name(body), Some(expected), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn other_bytes_show_no_format() {
        for body in [
            &b""[..],
            b"hello",
            b"BM",
            b"BM as text goes on",
            b"\x80\x04",
            b"< ",
            b"<<<<",
            b"<a\0b",
            b"<a\xffb",
            &[0; 40],
        ] {
            assert_eq!(name(body), None, "{}", body.escape_ascii());
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
        for body in [&b"[[1, 2"[..], b"[\x011]", b"[\xe9]", b"\"\"\"\"", b"[[[["] {
            assert!(!certain(body), "{}", body.escape_ascii());
        }
    }
}
