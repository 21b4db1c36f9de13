//! Formats of pictures, by their names and first bytes. Only the component decodes them to classify them.

use std::path::Path;

/// The formats, for people.
pub const KINDS: &str = "PNG, JPEG, WebP, GIF, BMP or TIFF";
/// So many bytes show the format.
pub const SIGNATURE: u64 = 18;

/// The media type of a picture, by its signature.
pub fn media_type_of(start: &[u8]) -> Option<&'static str> {
    Some(match start {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "image/gif",
        // 43 is BigTIFF.
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => "image/tiff",
        // Two letters are too few: the size of the second header, at 14, has to be one of those that there are.
        [b'B', b'M', rest @ ..] => match rest.get(12..16)? {
            [12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0] => "image/bmp",
            _ => return None,
        },
        _ => return None,
    })
}

/// The media type of a picture, by its file's name.
pub fn media_type_of_name(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match extension.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "bmp" => "image/bmp",
        "tif" | "tiff" => "image/tiff",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_recognised_by_its_first_bytes() {
        for (start, expected) in [
            (&b"\x89PNG\r\n\x1a\nrest"[..], "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
            (b"GIF89a", "image/gif"),
            (b"II*\0", "image/tiff"),
            (b"MM\0*", "image/tiff"),
            (b"II+\0", "image/tiff"),
            (b"BM\x36\x04\0\0\0\0\0\0\x36\x04\0\0\x28\0\0\0", "image/bmp"),
        ] {
            assert_eq!(media_type_of(start), Some(expected));
            assert!(start.len() as u64 <= SIGNATURE);
        }
        for start in [
            &b""[..],
            b"\x89PNG",
            b"RIFF\x10\0\0\0WAVE",
            b"BM",
            b"BMW of 1998, in red, for sale",
            b"GIF",
        ] {
            assert_eq!(media_type_of(start), None, "{start:?}");
        }
    }
}
