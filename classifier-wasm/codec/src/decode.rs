//! Messages: which format the bytes are in, and one file for each. [`crate::answer`] is the way back.
//!
//! A content type decides. Without one, and under `application/octet-stream` that says neither shape nor type, the first
//! bytes do (`signature`), and bytes that show no format are refused: anything may have the length of whole images. They are
//! pixels where the content type declares them, or [`Prepare::raw`] takes them to be.

mod cursor;
mod json;
mod nested_list;
mod npy;
mod picture;
mod raw;
mod signature;

use image::ImageFormat;

use self::signature::{Signature, is_certain, recognise};
use crate::dtype::Dtype;
use crate::images::{ImageShape, Images};
use crate::media_type::MediaType;
use crate::prepare::{Prepare, Scale};
use crate::reject::{Code, Reject, quote};
use crate::warning::Warning;

const JSON: &str = "application/json";
const NPY: &str = "application/x-npy";
const RAW: &str = "application/octet-stream";
const PNG: &str = "image/png";
const JPEG: &str = "image/jpeg";

/// The content types that [`decode`] takes, preferred first.
pub const ACCEPTS: [&str; 5] = [JSON, NPY, "application/octet-stream;dtype=uint8", PNG, JPEG];

/// Other names that the same formats go by.
const ALIASES: [(&str, &str); 4] = [
    ("binary/octet-stream", RAW),
    ("image/jpg", JPEG),
    ("image/pjpeg", JPEG),
    ("image/x-png", PNG),
];

/// Largest body in bytes: many times what the most images take as JSON.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// What a message holds.
#[derive(Debug)]
pub struct Decoded {
    /// Its images.
    pub images: Images,
    /// Why they may not be what was meant.
    pub warnings: Vec<Warning>,
}

/// Numbers as they were sent, on whatever scale.
#[derive(Debug)]
struct Array {
    /// How many images they are.
    count: usize,
    /// Row-major N, H, W, C.
    values: Vec<f32>,
}

/// Reads the images in `body`, which are to be of the shape `image`.
pub fn decode(
    content_type: Option<&str>,
    body: &[u8],
    prepare: &Prepare,
    image: ImageShape,
) -> Result<Decoded, Reject> {
    if body.is_empty() {
        return Err(Reject::new(Code::Empty, "an empty body: send at least one image"));
    }
    if body.len() > MAX_BODY {
        let detail = format!("a body of {} bytes: send at most {MAX_BODY}", body.len());
        return Err(Reject::new(Code::TooLarge, detail));
    }
    let media_type = match content_type {
        Some(text) => MediaType::parse(text, Code::UnsupportedContentType)?,
        // What nobody has named is bytes.
        None => MediaType::parse(RAW, Code::UnsupportedContentType)?,
    };
    let said = media_type.essence.as_str();
    match ALIASES
        .iter()
        .find(|(name, _)| *name == said)
        .map_or(said, |(_, format)| *format)
    {
        RAW => decode_raw(&media_type, body, prepare, image),
        format => decode_as(format, body, prepare, image),
    }
}

/// A shape makes pixels of any bytes. A type alone, or nothing, leaves it to the bytes first.
fn decode_raw(media_type: &MediaType, body: &[u8], prepare: &Prepare, image: ImageShape) -> Result<Decoded, Reject> {
    let shape = media_type.parameter("shape");
    let dtype = match media_type.parameter("dtype") {
        Some(name) => Some(Dtype::parse(name, Code::UnsupportedContentType)?),
        None if shape.is_some() => Some(Dtype::BYTE),
        None => prepare.raw,
    };
    let signature = recognise(body).filter(|_| shape.is_none());
    match (dtype, signature) {
        (Some(dtype), Some(signature)) if !is_certain(signature, body) => {
            array(raw::decode(body, dtype, shape, image)?, prepare.scale, image)
        }
        (_, Some(Signature::Taken(format))) => decode_as(format, body, prepare, image),
        (_, Some(Signature::Foreign { name, remedy })) => {
            let detail = format!("{} bytes that begin like {name}: {remedy}", body.len());
            Err(Reject::new(Code::UnknownFormat, detail))
        }
        (Some(dtype), None) => array(raw::decode(body, dtype, shape, image)?, prepare.scale, image),
        (None, None) => Err(unknown(body, image)),
    }
}

fn decode_as(format: &str, body: &[u8], prepare: &Prepare, image: ImageShape) -> Result<Decoded, Reject> {
    if ![JSON, NPY, PNG, JPEG].contains(&format) {
        let detail = format!("content type {}: send {}", quote(format), ACCEPTS.join(", "));
        return Err(Reject::new(Code::UnsupportedContentType, detail));
    }
    let other = match recognise(body) {
        Some(Signature::Taken(other)) if other != format => Some(other),
        Some(Signature::Foreign { name, .. }) => Some(name),
        _ => None,
    };
    if let Some(other) = other {
        let detail = format!("the content type is {format}, but {} begins like {other}", quote(body));
        return Err(Reject::new(Code::ContentTypeMismatch, detail));
    }
    match format {
        JSON => array(json::decode(body, image)?, prepare.scale, image),
        NPY => array(npy::decode(body, image)?, prepare.scale, image),
        PNG => picture::decode(body, ImageFormat::Png, prepare, image),
        _ => picture::decode(body, ImageFormat::Jpeg, prepare, image),
    }
}

/// Numbers, brought to the scale that ends at 255.
fn array(Array { count, values }: Array, scale: Scale, image: ImageShape) -> Result<Decoded, Reject> {
    let seem_to_end_at_1 = seem_to_end_at_1(&values);
    let images = match scale {
        Scale::One => Images::of_unit_range(image, count, values)?,
        Scale::Auto if seem_to_end_at_1 => Images::of_unit_range(image, count, values)?,
        Scale::Auto | Scale::Byte | Scale::Unsaid => Images::new(image, count, values)?,
    };
    let doubtful = seem_to_end_at_1 && scale == Scale::Unsaid;
    Ok(Decoded {
        images,
        warnings: doubtful.then_some(Warning::PixelsOf0To1).into_iter().collect(),
    })
}

/// Whether numbers can hardly be pixels of 0 to 255: between black and the next shade lie fractions, and there is nothing
/// else. Of zeros and ones alone nobody can tell, and a black image is black on every scale.
fn seem_to_end_at_1(values: &[f32]) -> bool {
    values.iter().all(|value| (0.0..=1.0).contains(value)) && values.iter().any(|value| value.fract() != 0.0)
}

fn unknown(body: &[u8], image: ImageShape) -> Reject {
    let ImageShape {
        height,
        width,
        channels,
    } = image;
    let detail = format!(
        "{} bytes that begin with {} and show no format: name a content type, {}; raw pixels need `;dtype=uint8` or \
         `;shape=N,{height},{width},{channels}`, or to be asked for (--raw)",
        body.len(),
        quote(body.get(..16).unwrap_or(body)),
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
    const BYTES: &str = "application/octet-stream;dtype=uint8";

    fn prepare(parameters: &str) -> Prepare {
        Prepare::requested(Some(parameters)).unwrap()
    }

    fn decoded(content_type: Option<&str>, body: &[u8]) -> Result<Decoded, Reject> {
        decode(content_type, body, &Prepare::default(), TINY)
    }

    fn code(content_type: Option<&str>, body: &[u8]) -> Code {
        decoded(content_type, body).unwrap_err().code
    }

    fn values(content_type: Option<&str>, body: &[u8], parameters: &str) -> Vec<f32> {
        let decoded = decode(content_type, body, &prepare(parameters), TINY).unwrap();
        assert_eq!(decoded.warnings, []);
        decoded.images.values().to_vec()
    }

    #[test]
    fn the_content_type_decides() {
        let json = Some("Application/JSON; charset=utf-8");
        assert_eq!(values(json, b"[[1,2],[3,4]]", ""), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(
            values(Some("application/octet-stream; shape=1,2,2"), b"[[[[", ""),
            [91.0; 4]
        );
        assert_eq!(code(Some("image/jpg"), b"\xff\xd8\xff"), Code::BadImage);
    }

    #[test]
    fn without_a_content_type_the_bytes_decide() {
        for content_type in [None, Some(RAW), Some("binary/octet-stream")] {
            assert_eq!(values(content_type, b"\n [[1,2],[3,4]]", ""), [1.0, 2.0, 3.0, 4.0]);
            assert_eq!(code(content_type, b"\x93NUMPY"), Code::BadNpy);
            assert_eq!(code(content_type, b"\x89PNG\r\n\x1a\n"), Code::BadImage);
            assert_eq!(code(content_type, b"\xff\xd8\xff"), Code::BadImage);
            assert_eq!(code(content_type, b"hello"), Code::UnknownFormat);
        }
    }

    #[test]
    fn bytes_that_nobody_calls_pixels_are_refused_though_they_fill_images() {
        for content_type in [None, Some(RAW)] {
            for body in [&[0; 8][..], b"a line\r\n", b"\x1f\x8b\x08\0\0\0\0\0", b"GIF89a\0\0"] {
                let reject = decoded(content_type, body).unwrap_err();
                assert_eq!(reject.code, Code::UnknownFormat, "{reject}");
            }
            let remedy = decoded(content_type, &[0; 8]).unwrap_err().detail;
            assert!(
                remedy.contains("`;shape=N,2,2,1`, or to be asked for (--raw)"),
                "{remedy}"
            );
            let named = decoded(content_type, b"\x1f\x8b\x08\0").unwrap_err().detail;
            assert_eq!(named, "4 bytes that begin like gzip: send it unpacked");
        }
    }

    #[test]
    fn bytes_that_are_called_pixels_are_pixels() {
        assert_eq!(values(Some(BYTES), &[0, 1, 2, 255], ""), [0.0, 1.0, 2.0, 255.0]);
        assert_eq!(values(None, &[0, 1, 2, 255], "raw=uint8"), [0.0, 1.0, 2.0, 255.0]);
        assert_eq!(values(Some(RAW), &[0, 1, 2, 255], "raw=uint8"), [0.0, 1.0, 2.0, 255.0]);
        let floats = [0.0f32, 0.5, 2.0, 255.0].map(f32::to_le_bytes).concat();
        let content_type = Some("application/octet-stream; dtype=float32");
        assert_eq!(values(content_type, &floats, "raw=uint8"), [0.0, 0.5, 2.0, 255.0]);
        assert_eq!(values(None, &floats, "raw=<f4"), [0.0, 0.5, 2.0, 255.0]);
        let shaped = Some("application/octet-stream; dtype=float32; shape=2,2");
        assert_eq!(values(shaped, &floats, ""), [0.0, 0.5, 2.0, 255.0]);
        let unknown = Some("application/octet-stream; dtype=float16");
        assert_eq!(code(unknown, &floats), Code::UnsupportedContentType);
    }

    #[test]
    fn numbers_of_another_type_are_held_to_the_range_of_pixels() {
        for (value, expected) in [
            (255.5, Code::OutOfRange),
            (-1.0, Code::OutOfRange),
            (f32::NAN, Code::NotFinite),
        ] {
            let floats = [0.0f32, 0.5, 2.0, value].map(f32::to_le_bytes).concat();
            assert_eq!(code(Some("application/octet-stream;dtype=float32"), &floats), expected);
        }
    }

    #[test]
    fn a_signature_wins_over_a_type_and_a_shape_over_a_signature() {
        let json = b"[[1,2],[3,4]]  \n";
        for (content_type, parameters) in [(Some(BYTES), ""), (None, "raw=uint8")] {
            assert_eq!(values(content_type, json, parameters), [1.0, 2.0, 3.0, 4.0]);
            let png = decode(content_type, b"\x89PNG\r\n\x1a\n", &prepare(parameters), TINY);
            assert_eq!(png.unwrap_err().code, Code::BadImage);
            // Begins like JSON, and is none: a picture whose first pixel is 91.
            assert_eq!(
                values(content_type, &[91, 0, 200, 7], parameters),
                [91.0, 0.0, 200.0, 7.0]
            );
        }
        let shaped = Some("application/octet-stream;shape=2,2,2");
        assert_eq!(decoded(shaped, b"\x93NUMPY\x01\x00").unwrap().images.count(), 2);
    }

    #[test]
    fn a_wrong_content_type_is_refused() {
        assert_eq!(code(Some(PNG), b"[[1,2],[3,4]]"), Code::ContentTypeMismatch);
        assert_eq!(code(Some(JSON), b"\x89PNG\r\n\x1a\n"), Code::ContentTypeMismatch);
        assert_eq!(code(Some(JSON), b"\x1f\x8b\x08\0"), Code::ContentTypeMismatch);
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

    #[test]
    fn numbers_that_seem_to_end_at_1_are_warned_of_until_somebody_says_where_they_end() {
        let json = b"[[0, 0.5], [1, 0.25]]";
        let Decoded { images, warnings } = decoded(None, json).unwrap();
        assert_eq!(
            (images.values(), &warnings[..]),
            (&[0.0, 0.5, 1.0, 0.25][..], &[Warning::PixelsOf0To1][..])
        );
        assert_eq!(values(None, json, "scale=255"), [0.0, 0.5, 1.0, 0.25]);
        assert_eq!(values(None, json, "scale=1"), [0.0, 127.5, 255.0, 63.75]);
        assert_eq!(values(None, json, "scale=auto"), [0.0, 127.5, 255.0, 63.75]);
    }

    #[test]
    fn black_zeros_and_ones_and_anything_above_1_are_left_alone() {
        for pixels in [[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, 0.5, 1.0, 2.0]] {
            let json = format!("[{:?}, {:?}]", &pixels[..2], &pixels[2..]);
            for parameters in ["", "scale=auto"] {
                assert_eq!(values(None, json.as_bytes(), parameters), pixels);
            }
        }
        assert_eq!(values(None, b"[[0, 1], [1, 0]]", "scale=1"), [0.0, 255.0, 255.0, 0.0]);
        let beyond = decode(None, b"[[0, 1], [2, 0]]", &prepare("scale=1"), TINY).unwrap_err();
        assert_eq!(beyond.code, Code::OutOfRange);
        assert!(
            beyond
                .detail
                .contains("value 2 in image 0 at row 1, column 0: send pixels from 0 to 1"),
            "{beyond}"
        );
    }
}
