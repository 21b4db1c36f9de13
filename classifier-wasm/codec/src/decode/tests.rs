use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

/// How the host recognises pictures; the two share no code.
#[path = "../../../../host/src/images/picture.rs"]
#[allow(dead_code)]
mod pictures_of_the_host;

const TINY: ImageShape = ImageShape {
    height: 2,
    width: 2,
    channels: 1,
};
const JSON: &str = "application/json";
const RAW: &str = "application/octet-stream";
const PNG: &str = "image/png";
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
    decoded.images.values()
}

#[test]
fn the_host_recognises_the_pictures_that_the_component_does() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/corpus");
    let mut pictures = 0;
    for folder in ["files", "reported"] {
        for file in std::fs::read_dir(format!("{corpus}/{folder}")).unwrap() {
            let path = file.unwrap().path();
            let body = std::fs::read(&path).unwrap();
            let recognised = match recognise(&body) {
                Some(Signature::Format(format @ Format::Picture(_))) => Some(format.media_type()),
                _ => None,
            };
            let start = body.get(..pictures_of_the_host::SIGNATURE as usize).unwrap_or(&body);
            assert_eq!(
                pictures_of_the_host::media_type_of(start),
                recognised,
                "{}",
                path.display()
            );
            pictures += usize::from(recognised.is_some());
        }
    }
    assert!(pictures > 100, "only {pictures} pictures");
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
fn what_is_damaged_is_refused_in_words() {
    for (body, said) in [
        (
            &b"\x93NUMPY"[..],
            "bad-npy: this NumPy file is cut short: it ends within its header",
        ),
        (
            b"data:image/png;base64,iVBOR!",
            "bad-encoding: Base64 that is damaged or cut short (invalid symbol 33, offset 5): send it whole",
        ),
        (
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
            "bad-encoding: gzip that is damaged or cut short (incomplete deflate stream): send it whole",
        ),
    ] {
        assert_eq!(decoded(None, body).unwrap_err().to_string(), said);
    }
}

#[test]
fn bytes_that_nobody_calls_pixels_are_refused_though_they_fill_images() {
    for content_type in [None, Some(RAW)] {
        for body in [&[0; 8][..], b"a line\r\n", b"%PDF-1.4", b"\x89HDF\r\n\x1a\n"] {
            let reject = decoded(content_type, body).unwrap_err();
            assert_eq!(reject.code, Code::UnknownFormat, "{reject}");
        }
        let remedy = decoded(content_type, &[0; 8]).unwrap_err().detail;
        assert!(
            remedy.contains("`;shape=N,2,2,1`, or to be asked for (--raw)"),
            "{remedy}"
        );
        let named = decoded(content_type, b"\0\0\0\x18ftypheic").unwrap_err().detail;
        assert_eq!(named, "this is a HEIC picture: save it as PNG or JPEG");
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
    let unknown = Some("application/octet-stream; dtype=complex64");
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
fn a_wrong_content_type_gives_way_to_unmistakable_bytes() {
    for content_type in [
        PNG,
        "text/html",
        "application/x-www-form-urlencoded",
        "json",
        "image/heic",
    ] {
        let Decoded { images, warnings } = decoded(Some(content_type), b"[[1,2],[3,4]]").unwrap();
        assert_eq!(images.values(), [1.0, 2.0, 3.0, 4.0], "{content_type}");
        assert_eq!(warnings, [Warning::ContentTypeMismatch], "{content_type}");
    }
    assert_eq!(code(Some(JSON), b"\x89PNG\r\n\x1a\n"), Code::BadImage);
    // Text, or something compressed, may be anything.
    assert_eq!(
        values(Some("text/plain; charset=utf-8"), b"[[1,2],[3,4]]", ""),
        [1.0, 2.0, 3.0, 4.0]
    );
}

#[test]
fn a_wrong_content_type_is_refused_where_the_bytes_show_nothing_or_what_is_not_read() {
    assert_eq!(code(Some(JSON), b"hello"), Code::NotJson);
    assert_eq!(code(Some(PNG), b"hello"), Code::BadImage);
    assert_eq!(code(Some(PNG), b"[[1,2"), Code::BadImage);
    for content_type in ["text/html", "text/plain", "json", "image/heic"] {
        assert_eq!(code(Some(content_type), b"hello"), Code::UnsupportedContentType);
    }
    let heic = b"\0\0\0\x18ftypheic";
    for (content_type, expected) in [
        (PNG, Code::ContentTypeMismatch),
        ("image/heic", Code::UnsupportedContentType),
    ] {
        let reject = decoded(Some(content_type), heic).unwrap_err();
        assert_eq!(reject.code, expected);
        assert!(
            reject.detail.contains("this is a HEIC picture: save it as PNG"),
            "{reject}"
        );
    }
}

#[test]
fn what_bytes_show_no_format_is_not_told_byte_by_byte() {
    let reject = decoded(None, &[0xfa; 8]).unwrap_err();
    assert!(reject.detail.starts_with("8 bytes in no known format"), "{reject}");
    let reject = decoded(None, b"hello").unwrap_err();
    assert!(
        reject
            .detail
            .starts_with("5 bytes of text in no known format, `hello`:"),
        "{reject}"
    );
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut file = GzEncoder::new(Vec::new(), Compression::best());
    file.write_all(bytes).unwrap();
    file.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut file = ZlibEncoder::new(Vec::new(), Compression::best());
    file.write_all(bytes).unwrap();
    file.finish().unwrap()
}

#[test]
fn what_is_packed_is_unpacked_whatever_its_content_type() {
    let json = b"[[1,2],[3,4]]";
    for packed in [
        gzip(json),
        zlib(json),
        gzip(&gzip(json)),
        [gzip(&json[..6]), gzip(&json[6..])].concat(),
    ] {
        for content_type in [
            None,
            Some(RAW),
            Some(JSON),
            Some("application/gzip"),
            Some("text/plain"),
        ] {
            assert_eq!(
                values(content_type, &packed, ""),
                [1.0, 2.0, 3.0, 4.0],
                "{content_type:?}"
            );
        }
    }
    let packed = gzip(&[1, 2, 3, 4]);
    assert_eq!(values(Some(BYTES), &packed, ""), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(
        values(Some("application/octet-stream;shape=2,2"), &packed, ""),
        [1.0, 2.0, 3.0, 4.0]
    );
    assert_eq!(values(None, &packed, "raw=uint8"), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(code(None, &packed), Code::UnknownFormat);
    let utf16: Vec<u8> = "\u{feff}[[1,2],[3,4]]"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    assert_eq!(values(Some(JSON), &utf16, ""), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(values(None, &utf16, ""), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(values(None, &utf16[2..], ""), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn a_content_encoding_is_undone_or_already_was() {
    let json = b"[[1,2],[3,4]]";
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
    deflated.write_all(json).unwrap();
    let deflated = deflated.finish().unwrap();
    for (encoding, body) in [
        ("gzip", gzip(json)),
        ("x-gzip", json.to_vec()),
        ("deflate", zlib(json)),
        ("Deflate", deflated.clone()),
        ("deflate", json.to_vec()),
        ("\"deflate, gzip\"", gzip(&zlib(json))),
        ("identity", json.to_vec()),
    ] {
        for content_type in [None, Some(JSON)] {
            let parameters = format!("encoding={encoding}");
            assert_eq!(
                values(content_type, &body, &parameters),
                [1.0, 2.0, 3.0, 4.0],
                "{encoding}"
            );
        }
    }
    let damaged = decode(None, &deflated[..6], &prepare("encoding=deflate"), TINY).unwrap_err();
    assert_eq!(damaged.code, Code::BadEncoding);
    let refused = Prepare::requested(Some("encoding=br")).unwrap_err();
    assert_eq!(refused.code, Code::UnsupportedPreparation);
    assert!(
        refused.detail.contains("content encoding `br`: compress with gzip"),
        "{refused}"
    );
}

#[test]
fn what_is_packed_badly_or_unpacks_without_end_is_refused() {
    let packed = gzip(b"[[1,2],[3,4]]");
    for damaged in [
        &packed[..packed.len() - 5],
        &packed[..12],
        &[&packed[..], b"more"].concat(),
    ] {
        assert_eq!(code(None, damaged), Code::BadEncoding);
    }
    assert_eq!(code(None, &gzip(b"")), Code::Empty);
    // 70 MB in some 70 kB, and the same within another file.
    let bomb = gzip(&vec![b' '; 70_000_000]);
    assert!(bomb.len() < 100_000);
    assert_eq!(code(None, &bomb), Code::TooLarge);
    assert_eq!(code(None, &gzip(&bomb)), Code::TooLarge);
    let mut deep = packed;
    for _ in 0..MAX_LAYERS {
        deep = gzip(&deep);
    }
    assert_eq!(code(None, &deep), Code::TooDeep);
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
        (vec![0.0, 0.5, 1.0, 0.25], &[Warning::PixelsOf0To1][..])
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
