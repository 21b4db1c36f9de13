//! Messages: which format the bytes are in, and one file for each. [`answer`] is the way back.
//!
//! A content type decides. Without one the first bytes do: NumPy's magic, PNG's signature, JPEG's first marker, then
//! `"`, `{` or `[` for JSON, and else raw pixels if the length is that of whole images. Raw pixels that happen to begin like
//! another format need their content type said.

pub mod answer;
mod cursor;
mod json;
mod media_type;
mod nested_list;
mod npy;
mod picture;
mod raw;

use image::ImageFormat;

use self::media_type::MediaType;
use crate::images::{ImageShape, Images};
use crate::reject::{Code, Reject, quote};

const JSON: &str = "application/json";
const NPY: &str = "application/x-npy";
const RAW: &str = "application/octet-stream";
const PNG: &str = "image/png";
const JPEG: &str = "image/jpeg";

/// The content types that [`decode`] takes, preferred first.
pub const ACCEPTS: [&str; 5] = [JSON, NPY, RAW, PNG, JPEG];

/// Largest body in bytes: many times what the most images take as JSON.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// Reads the images in `body`, which are to be of the shape `image`.
pub fn decode(content_type: Option<&str>, body: &[u8], image: ImageShape) -> Result<Images, Reject> {
    if body.is_empty() {
        return Err(Reject::new(Code::Empty, "an empty body: send at least one image"));
    }
    if body.len() > MAX_BODY {
        let detail = format!("a body of {} bytes: send at most {MAX_BODY}", body.len());
        return Err(Reject::new(Code::TooLarge, detail));
    }
    match content_type {
        Some(text) => {
            let media_type = MediaType::parse(text, Code::UnsupportedContentType)?;
            decode_as(&media_type.essence, media_type.parameter("shape"), body, image)
        }
        None => match recognise(body) {
            Some(format) => decode_as(format, None, body, image),
            None if body.len().is_multiple_of(image.values()) => raw::decode(body, None, image),
            None => Err(unknown(body, image)),
        },
    }
}

fn decode_as(format: &str, shape: Option<&str>, body: &[u8], image: ImageShape) -> Result<Images, Reject> {
    match (format, recognise(body)) {
        // No raw pixels begin with NumPy's magic by chance, and this is the type that file servers give such a file.
        (RAW, Some(NPY)) if shape.is_none() => npy::decode(body, image),
        (RAW, _) => raw::decode(body, shape, image),
        (JSON | NPY | PNG | JPEG, Some(other)) if other != format => {
            let detail = format!("the content type is {format}, but {} begins like {other}", quote(body));
            Err(Reject::new(Code::ContentTypeMismatch, detail))
        }
        (JSON, _) => json::decode(body, image),
        (NPY, _) => npy::decode(body, image),
        (PNG, _) => picture::decode(body, ImageFormat::Png, image),
        (JPEG, _) => picture::decode(body, ImageFormat::Jpeg, image),
        _ => {
            let detail = format!("content type {}: send {}", quote(format), ACCEPTS.join(", "));
            Err(Reject::new(Code::UnsupportedContentType, detail))
        }
    }
}

/// The format that the first bytes show.
fn recognise(body: &[u8]) -> Option<&'static str> {
    if body.starts_with(npy::MAGIC) {
        return Some(NPY);
    }
    if body.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(PNG);
    }
    if body.starts_with(b"\xff\xd8\xff") {
        return Some(JPEG);
    }
    match body.trim_ascii_start().first() {
        Some(b'"' | b'{' | b'[') => Some(JSON),
        _ => None,
    }
}

fn unknown(body: &[u8], image: ImageShape) -> Reject {
    let detail = format!(
        "{} bytes that begin with {} are of no known format, nor raw images of {} bytes: send {}",
        body.len(),
        quote(body),
        image.values(),
        ACCEPTS.join(", ")
    );
    Reject::new(Code::UnknownFormat, detail)
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

    fn code(content_type: Option<&str>, body: &[u8]) -> Code {
        decode(content_type, body, TINY).unwrap_err().code
    }

    #[test]
    fn the_content_type_decides() {
        assert_eq!(
            decode(Some("Application/JSON; charset=utf-8"), b"[[1,2],[3,4]]", TINY)
                .unwrap()
                .count(),
            1
        );
        let pixels = decode(Some("application/octet-stream; shape=1,2,2"), b"[[[[", TINY).unwrap();
        assert_eq!(pixels.values(), [91.0; 4]);
    }

    #[test]
    fn without_a_content_type_the_bytes_decide() {
        assert_eq!(decode(None, b"\n [[1,2],[3,4]]", TINY).unwrap().count(), 1);
        assert_eq!(decode(None, &[0; 8], TINY).unwrap().count(), 2);
        assert_eq!(code(None, b"\x93NUMPY"), Code::BadNpy);
        assert_eq!(code(None, b"\x89PNG\r\n\x1a\n"), Code::BadImage);
        assert_eq!(code(None, b"\xff\xd8\xff"), Code::BadImage);
        assert_eq!(code(None, b"hello"), Code::UnknownFormat);
    }

    #[test]
    fn a_numpy_file_is_one_even_as_plain_bytes() {
        assert_eq!(code(Some(RAW), b"\x93NUMPY\x01\x00"), Code::BadNpy);
        assert_eq!(
            decode(Some("application/octet-stream;shape=2,2,2"), b"\x93NUMPY\x01\x00", TINY)
                .unwrap()
                .count(),
            2
        );
    }

    #[test]
    fn a_wrong_content_type_is_refused() {
        assert_eq!(code(Some(PNG), b"[[1,2],[3,4]]"), Code::ContentTypeMismatch);
        assert_eq!(code(Some(JSON), b"\x89PNG\r\n\x1a\n"), Code::ContentTypeMismatch);
        assert_eq!(code(Some(JSON), b"hello"), Code::NotJson);
        assert_eq!(code(Some("text/html"), b"[[1,2],[3,4]]"), Code::UnsupportedContentType);
        assert_eq!(code(Some("json"), b"[[1,2],[3,4]]"), Code::UnsupportedContentType);
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        assert_eq!(code(None, b""), Code::Empty);
        assert_eq!(code(Some(JSON), b""), Code::Empty);
        assert_eq!(code(None, &vec![0; MAX_BODY + 1]), Code::TooLarge);
    }
}
