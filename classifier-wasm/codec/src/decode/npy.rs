//! `application/x-npy`: a NumPy array file of integers, floats or bools, in C or Fortran order.
//!
//! The format is NumPy's `numpy.lib.format`, versions 1 to 3: magic, version, the header's length, then the header, a
//! Python dictionary literal of `descr`, `fortran_order` and `shape`, then the values.

use super::array::{Array, Kind};
use crate::dtype::Dtype;
use crate::images::{ImageShape, Pixels};
use crate::reject::{Code, Reject, quote};

/// The first bytes of every such file.
pub const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy itself writes headers of 128 bytes; a hostile length stops here.
const MAX_HEADER: usize = 64 * 1024;

/// Reads `body`.
pub fn decode(body: &[u8], image: ImageShape) -> Result<Array, Reject> {
    let (text, values) = split(body)?;
    let header = Header::read(text)?;
    let dtype = Dtype::parse(header.descr, Code::BadNpy)?;
    let (count, _) = image.count(&header.shape)?;
    let expected = count * image.values() * dtype.width();
    if values.len() != expected {
        let what = if values.len() < expected {
            "is cut short"
        } else {
            "is too long"
        };
        return Err(bad(format!(
            "this NumPy file {what}: it has {} bytes of values, and its header says {expected}",
            values.len()
        )));
    }
    let pixels = match dtype.pixels(values) {
        pixels if !header.fortran_order => pixels,
        Pixels::U8(values) => Pixels::U8(in_c_order(&values, &header.shape)),
        Pixels::F32(values) => Pixels::F32(in_c_order(&values, &header.shape)),
    };
    Array::of_tensor(&header.shape, pixels, Kind::of(dtype), image)
}

/// Whether the file with this `start` contains images of the size, as numbers.
pub fn fits(start: &[u8], image: ImageShape) -> bool {
    let header = split(start).and_then(|(text, _)| Header::read(text));
    header.is_ok_and(|header| image.count(&header.shape).is_ok() && Dtype::parse(header.descr, Code::BadNpy).is_ok())
}

/// The values of a tensor whose first index runs fastest, with the last one running fastest.
fn in_c_order<T: Copy>(values: &[T], shape: &[usize]) -> Vec<T> {
    let place = |at: usize| {
        let (mut rest, mut place, mut stride) = (at, 0, values.len());
        for length in shape.iter().rev() {
            stride /= length.max(&1);
            place += rest % length.max(&1) * stride;
            rest /= length.max(&1);
        }
        place
    };
    let places = (0..values.len()).map(place);
    places.filter_map(|place| values.get(place)).copied().collect()
}

/// The header's text and the bytes after it.
fn split(body: &[u8]) -> Result<(&str, &[u8]), Reject> {
    let truncated = || bad("this NumPy file is cut short: it ends within its header");
    let rest = body.strip_prefix(MAGIC).ok_or_else(|| {
        bad(format!(
            "{} is not the start of a NumPy file: write it with numpy.save",
            quote(body)
        ))
    })?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(truncated)?;
    let (length, rest) = match version {
        [1, _] => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(truncated)?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        [2 | 3, _] => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(truncated)?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        [major, minor] => {
            return Err(bad(format!(
                "a NumPy file of version {major}.{minor}: save it as version 1, 2 or 3"
            )));
        }
    };
    if length > MAX_HEADER {
        return Err(bad(format!(
            "a NumPy file with a header of {length} bytes: write at most {MAX_HEADER}"
        )));
    }
    let (header, values) = rest.split_at_checked(length).ok_or_else(truncated)?;
    let header = str::from_utf8(header).map_err(|_| bad("this NumPy file is damaged: its header is not text"))?;
    Ok((header, values))
}

struct Header<'a> {
    descr: &'a str,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl<'a> Header<'a> {
    fn read(text: &'a str) -> Result<Header<'a>, Reject> {
        Header::parse(text).ok_or_else(|| {
            let detail = format!(
                "header {} is not a dictionary of one plain descr, fortran_order and shape",
                quote(text)
            );
            bad(detail)
        })
    }

    /// Reads the dictionary, in any order of its three keys; None: it is something else.
    fn parse(text: &'a str) -> Option<Header<'a>> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
        while !rest.is_empty() {
            let (key, after) = quoted(rest)?;
            let value = after.trim_start().strip_prefix(':')?.trim_start();
            let after = match key {
                "descr" => {
                    let (value, after) = quoted(value)?;
                    descr = Some(value);
                    after
                }
                "fortran_order" => {
                    let (value, after) = value.split_at(value.find(',').unwrap_or(value.len()));
                    fortran_order = Some(boolean(value.trim())?);
                    after
                }
                "shape" => {
                    let (value, after) = value.strip_prefix('(')?.split_once(')')?;
                    shape = Some(lengths(value)?);
                    after
                }
                _ => return None,
            };
            let after = after.trim_start();
            rest = if after.is_empty() {
                after
            } else {
                after.strip_prefix(',')?.trim_start()
            };
        }
        Some(Header {
            descr: descr?,
            fortran_order: fortran_order?,
            shape: shape?,
        })
    }
}

/// The string literal at the start of `text`, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mark = if text.starts_with('"') { '"' } else { '\'' };
    text.strip_prefix(mark)?.split_once(mark)
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    }
}

/// The lengths of a tuple: `40, 28, 28, 1`, `784,` or nothing.
fn lengths(text: &str) -> Option<Vec<usize>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.strip_suffix(',')
        .unwrap_or(text)
        .split(',')
        .map(|length| crate::images::length(length.trim()))
        .collect()
}

pub(super) fn bad(detail: impl Into<String>) -> Reject {
    Reject::new(Code::BadNpy, detail)
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
    const HEADER: &str = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 2, 1), }          \n";

    fn file(version: u8, header: &str, values: &[u8]) -> Vec<u8> {
        let mut file = [MAGIC, &[version, 0]].concat();
        match version {
            1 => file.extend((header.len() as u16).to_le_bytes()),
            _ => file.extend((header.len() as u32).to_le_bytes()),
        }
        file.extend(header.as_bytes());
        file.extend(values);
        file
    }

    #[test]
    fn bytes_of_every_version_are_read() {
        for version in 1..=3 {
            let array = decode(&file(version, HEADER, &[0, 1, 2, 255, 3, 4, 5, 6]), TINY).unwrap();
            assert_eq!(array.pixels, vec![0, 1, 2, 255, 3, 4, 5, 6].into());
        }
    }

    #[test]
    fn wider_numbers_are_read() {
        let header = r#"{"shape": (2, 2), "fortran_order": False, "descr": "<f4"}"#;
        let values = [0.0f32, 0.5, 12.25, 255.0];
        let array = decode(&file(1, header, &values.map(f32::to_le_bytes).concat()), TINY).unwrap();
        assert_eq!(array.pixels, values.to_vec().into());
        let array = decode(
            &file(
                1,
                &header.replace("<f4", ">i8"),
                &[0i64, 1, 2, 255].map(i64::to_be_bytes).concat(),
            ),
            TINY,
        );
        assert_eq!(array.unwrap().pixels, vec![0.0, 1.0, 2.0, 255.0].into());
    }

    #[test]
    fn fortran_order_is_turned_round() {
        let header = HEADER.replace("False", "True").replace("2, 2, 2, 1", "2, 2, 2");
        // The first index runs fastest: 000, 100, 010, 110, 001, 101, 011, 111.
        let values = [0, 4, 2, 6, 1, 5, 3, 7];
        let array = decode(&file(1, &header, &values), TINY).unwrap();
        assert_eq!(array.pixels, vec![0, 1, 2, 3, 4, 5, 6, 7].into());
        let wide = values.map(|value| f32::from(value).to_le_bytes()).concat();
        let array = decode(&file(1, &header.replace("|u1", "<f4"), &wide), TINY).unwrap();
        assert_eq!(array.pixels, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0].into());
    }

    #[test]
    fn bools_are_bits_and_halves_are_numbers() {
        let array = decode(&file(1, &HEADER.replace("|u1", "|b1"), &[0, 1, 1, 0, 1, 0, 0, 1]), TINY).unwrap();
        assert_eq!(
            (array.kind, array.pixels),
            (Kind::Bits, vec![0, 1, 1, 0, 1, 0, 0, 1].into())
        );
        let halves = [0x5bf8u16; 8].map(u16::to_le_bytes).concat();
        let array = decode(&file(1, &HEADER.replace("|u1", "<f2"), &halves), TINY).unwrap();
        assert_eq!((array.kind, array.pixels), (Kind::Numbers, vec![255.0; 8].into()));
    }

    #[test]
    fn other_types_are_refused_with_the_remedy() {
        for (from, to, remedy) in [
            ("|u1", "<c8", "dtype `<c8`"),
            ("|u1", "|O", "dtype `|O`"),
            ("'|u1'", "[('a', '|u1')]", "one plain descr"),
        ] {
            let reject = decode(&file(1, &HEADER.replace(from, to), &[0; 8]), TINY).unwrap_err();
            assert_eq!(reject.code, Code::BadNpy);
            assert!(reject.detail.contains(remedy), "{reject}");
        }
        assert_eq!(
            decode(&file(1, &HEADER.replace("2, 2, 2", "2, 2, 3"), &[0; 12]), TINY)
                .unwrap_err()
                .code,
            Code::BadShape
        );
    }

    #[test]
    fn every_cut_of_a_file_is_refused() {
        let whole = file(1, HEADER, &[0; 8]);
        for length in 0..whole.len() {
            assert_eq!(
                decode(&whole[..length], TINY).unwrap_err().code,
                Code::BadNpy,
                "{length}"
            );
        }
        assert_eq!(
            decode(&[&whole[..], &[0]].concat(), TINY).unwrap_err().code,
            Code::BadNpy
        );
    }

    #[test]
    fn hostile_headers_are_refused() {
        let mut endless = file(2, HEADER, &[0; 8]);
        endless[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(
            decode(&endless, TINY)
                .unwrap_err()
                .detail
                .contains("a header of 4294967295 bytes")
        );
        for header in [
            "",
            "{}",
            "{'descr': '|u1'}",
            "[]",
            "{'descr'",
            "{'shape': (1,,2)}",
            "{'descr': '|u1' 'shape': ()}",
            "}{",
        ] {
            assert_eq!(
                decode(&file(1, header, &[0; 8]), TINY).unwrap_err().code,
                Code::BadNpy,
                "{header}"
            );
        }
        assert_eq!(decode(&file(9, HEADER, &[0; 8]), TINY).unwrap_err().code, Code::BadNpy);
    }
}
