//! Unsupported formats, by their first bytes: a refusal names the format and says what to do, instead of showing
//! bytes.

use super::text::{is_text, start};

/// An unsupported format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// With its article: `a HEIC picture`.
    pub name: &'static str,
    /// How to send it instead.
    pub remedy: &'static str,
    /// Whether nothing else starts like this, pixels included.
    pub is_certain: bool,
}

const AS_PICTURE: &str = "save it as PNG or JPEG";
const AS_ARRAY: &str = "save the array with numpy.save";
const ONE_PICTURE: &str = "send one picture of it, as PNG or JPEG";
const UNPACKED: &str = "send it unpacked, or with gzip";
const A_MODEL: &str = "a model is given to the host (--model), and messages hold images";

/// First bytes, their format, and what to send instead.
const STARTS: [(&[u8], &str, &str); 34] = [
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", AS_PICTURE),
    (b"\xff\x0a", "a JPEG XL picture", AS_PICTURE),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture", AS_PICTURE),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture", AS_PICTURE),
    (b"\0\0\x01\0\x01\0", "an icon (ICO)", AS_PICTURE),
    (b"8BPS\0\x01", "a Photoshop file (PSD)", AS_PICTURE),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture", AS_PICTURE),
    (b"#?RADIANCE", "a Radiance HDR picture", AS_PICTURE),
    (b"qoif", "a QOI picture", AS_PICTURE),
    (b"DDS ", "a DDS texture", AS_PICTURE),
    (b"farbfeld", "a farbfeld picture", AS_PICTURE),
    (b"SIMPLE  =", "a FITS file", AS_ARRAY),
    (b"%PDF-", "a PDF document", ONE_PICTURE),
    (b"%!PS", "a PostScript document", ONE_PICTURE),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video", ONE_PICTURE),
    (b"OggS", "an Ogg file", ONE_PICTURE),
    (b"ID3", "an MP3 file", "send a picture"),
    (b"fLaC", "a FLAC file", "send a picture"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes models", AS_ARRAY),
    (b"PAR1", "a Parquet file", AS_ARRAY),
    (b"ARROW1", "an Arrow file", AS_ARRAY),
    (b"Obj\x01", "an Avro file", AS_ARRAY),
    (
        b"SQLite format 3\0",
        "an SQLite database",
        "send its pictures one by one",
    ),
    (b"\xac\xed\0\x05", "a serialised Java object", AS_ARRAY),
    (b"MATLAB 5.0 MAT-file", "a MATLAB file", AS_ARRAY),
    (b"GGUF", "a GGUF model", A_MODEL),
    (b"BZh", "bzip2", UNPACKED),
    (b"\xfd7zXZ\0", "xz", UNPACKED),
    (b"\x28\xb5\x2f\xfd", "Zstandard", UNPACKED),
    (b"\x04\x22\x4d\x18", "LZ4", UNPACKED),
    (b"\xff\x06\0\0sNaPpY", "Snappy", UNPACKED),
    (
        b"7z\xbc\xaf\x27\x1c",
        "a 7-Zip archive",
        "send each of its files as a message",
    ),
    (b"Rar!\x1a\x07", "a RAR archive", "send each of its files as a message"),
    (
        b"\0asm",
        "a WebAssembly file",
        "a component is given to the host (--component), and messages hold images",
    ),
];

/// The format of `body`, if it is one of these.
pub fn recognise(body: &[u8]) -> Option<Foreign> {
    let foreign = |name, remedy, is_certain| {
        Some(Foreign {
            name,
            remedy,
            is_certain,
        })
    };
    if let Some((start, name, remedy)) = STARTS.iter().find(|(start, ..)| body.starts_with(start)) {
        // Fewer than four bytes may be pixels, and so may many zeros.
        let is_certain = start.len() > 3 && start.iter().filter(|byte| **byte > 1).count() > 2;
        return foreign(name, remedy, is_certain);
    }
    match body {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => {
            let (name, remedy) = of_media_file(brand);
            foreign(name, remedy, true)
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', ..] => foreign("an AVI video", ONE_PICTURE, true),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => {
            foreign("a WAV file", "send a picture", true)
        }
        [b'P', b'1'..=b'7', b'\n' | b' ' | b'\r', b'#' | b'0'..=b'9' | b'W', ..] => {
            foreign("a PBM, PGM or PPM picture", AS_PICTURE, false)
        }
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => foreign("a TensorFlow Lite model", A_MODEL, true),
        [0x80, 2..=5, .., b'.'] => foreign("a pickle", AS_ARRAY, true),
        // The kind of numbers, and how many sides there are.
        [0, 0, 8 | 9 | 11..=14, 1..=4, 0, ..] => foreign("an IDX file, as MNIST has them", AS_ARRAY, false),
        // An identifier of the schema, and then the message.
        [0, 0, _, _, _, b'{' | b'[' | b'"', ..] => foreign(
            "a message in Confluent's framing for schemas",
            "send the JSON behind its first five bytes, without a schema registry's serialiser",
            false,
        ),
        // The version of the format, and then who made it: two fields of a protocol buffer.
        [8, 1..=20, 0x12, length, rest @ ..] if rest.get(..usize::from(*length)).is_some_and(is_text) => {
            foreign("an ONNX model", A_MODEL, true)
        }
        _ if body.get(257..262) == Some(b"ustar") => {
            foreign("a tar archive", "send each of its files as a message", true)
        }
        _ if body.get(128..132) == Some(b"DICM") => foreign("a DICOM picture", AS_PICTURE, true),
        _ => of_markup(body),
    }
}

/// By the brand of a file of ISO's base media format.
fn of_media_file(brand: &[u8]) -> (&'static str, &'static str) {
    match brand.get(..4).unwrap_or_default() {
        b"avif" | b"avis" => ("an AVIF picture", AS_PICTURE),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => ("a HEIC picture", AS_PICTURE),
        b"crx " => ("a Canon raw picture (CR3)", AS_PICTURE),
        b"qt  " => ("a QuickTime video", ONE_PICTURE),
        b"M4A " => ("an M4A file", "send a picture"),
        _ => ("an MP4 video", ONE_PICTURE),
    }
}

fn of_markup(body: &[u8]) -> Option<Foreign> {
    let text = start(body);
    let [b'<', b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..] = text else {
        return None;
    };
    if !is_text(body) {
        return None;
    }
    let head = text
        .get(..text.len().min(1024))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let has = |word: &[u8]| head.windows(word.len()).any(|part| part == word);
    let (name, remedy) = if has(b"<html") || has(b"<!doctype html") {
        ("a web page (HTML)", "send the image itself")
    } else if has(b"<svg") {
        ("an SVG drawing", AS_PICTURE)
    } else {
        ("XML", "send the image itself")
    };
    Some(Foreign {
        name,
        remedy,
        is_certain: true,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_is_called_by_its_name() {
        for (body, name) in [
            (&b"\0\0\0\x20ftypavif\0\0\0\0"[..], "an AVIF picture"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0", "a HEIC picture"),
            (b"\0\0\0\x18ftypisom\0\0\0\0", "an MP4 video"),
            (b"\0\0\0\x0cJXL \r\n\x87\n\0", "a JPEG XL picture"),
            (b"\xff\x0a\0", "a JPEG XL picture"),
            (b"\0\0\0\x0cjP  \r\n\x87\n\0", "a JPEG 2000 picture"),
            (b"%PDF-1.7\n", "a PDF document"),
            (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file, as Keras writes models"),
            (b"PAR1\x15\x04", "a Parquet file"),
            (b"\x80\x04\x95\0N.", "a pickle"),
            (b"\x08\x08\x12\x07pytorch\x1a", "an ONNX model"),
            (b"\0\0\x08\x03\0\0\0\x01", "an IDX file, as MNIST has them"),
            (
                b"\0\0\0\0\x07{\"array\"",
                "a message in Confluent's framing for schemas",
            ),
            (b"P5\n28 28\n255\n", "a PBM, PGM or PPM picture"),
            (b" <!DOCTYPE html>\n", "a web page (HTML)"),
            (b"<html><body>", "a web page (HTML)"),
            (b"<?xml version='1.0'?><svg xmlns=''/>", "an SVG drawing"),
            (b"<?xml version='1.0'?><a/>", "XML"),
        ] {
            let foreign = recognise(body).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(foreign.name, name);
            assert!(!foreign.remedy.is_empty());
        }
    }

    #[test]
    fn what_pixels_may_begin_with_is_not_certain() {
        for body in [
            &b"\xff\x0a\xff"[..],
            b"BZh9",
            b"\0\0\x01\0\x01\0\x08",
            b"\0\0\x08\x03\0\0",
            b"P5 12",
        ] {
            assert!(!recognise(body).unwrap().is_certain, "{}", body.escape_ascii());
        }
        assert!(recognise(b"%PDF-1.4").unwrap().is_certain);
    }
}
