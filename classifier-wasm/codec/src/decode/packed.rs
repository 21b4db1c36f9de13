//! Packings of a message: compression, and text that encodes bytes.
//!
//! Unpacking is limited to the bytes that the whole message may still have, so that a few kilobytes that unpack to
//! gigabytes cost no more than the largest message. A limit on the ratio would refuse honest messages: deflate
//! shrinks black images to a thousandth.

use std::io::Read;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::text;
use crate::reject::{Code, Reject, quote};

/// A packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Gzip,
    Zlib,
    /// Zlib, or raw deflate: the name `deflate` may mean either.
    Deflate,
    /// Text of the standard or the URL-safe alphabet.
    Base64,
    /// `data:image/png;base64,...`
    DataUrl,
    Utf16 {
        is_big_endian: bool,
    },
}

/// The contents.
#[derive(Debug)]
pub struct Unpacked {
    /// Its content type, if the packing names it.
    pub content_type: Option<String>,
    pub body: Vec<u8>,
}

impl Packing {
    /// Unpacks `body` into at most `room` bytes, and reduces `room`.
    pub fn unpack(self, body: &[u8], room: &mut usize) -> Result<Unpacked, Reject> {
        let mut content_type = None;
        let body = match self {
            Packing::Gzip => inflate(MultiGzDecoder::new(body), "gzip", *room)?,
            Packing::Zlib => inflate(ZlibDecoder::new(body), "zlib", *room)?,
            Packing::Deflate if is_zlib(body) => inflate(ZlibDecoder::new(body), "deflate", *room)?,
            Packing::Deflate => inflate(DeflateDecoder::new(body), "deflate", *room)?,
            Packing::Base64 => base64(text::start(body))?,
            Packing::DataUrl => {
                let (media_type, data) = data_url(text::start(body))?;
                content_type = media_type;
                base64(data)?
            }
            Packing::Utf16 { is_big_endian } => utf16(body, is_big_endian),
        };
        *room = room.checked_sub(body.len()).ok_or_else(|| too_large(*room))?;
        Ok(Unpacked { content_type, body })
    }
}

/// Whether a zlib file may start like this: two bytes are too few to be sure.
pub fn is_zlib(body: &[u8]) -> bool {
    let [0x78, second, ..] = body else {
        return false;
    };
    (0x7800 | u16::from(*second)).is_multiple_of(31) && second & 0x20 == 0
}

fn inflate(packed: impl Read, name: &str, room: usize) -> Result<Vec<u8>, Reject> {
    let mut body = Vec::new();
    let most = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
    packed
        .take(most)
        .read_to_end(&mut body)
        .map_err(|error| bad(format!("{name} that is damaged or cut short ({error}): send it whole")))?;
    if body.len() > room {
        return Err(too_large(room));
    }
    Ok(body)
}

/// The bytes of Base64 text: of either alphabet, with or without padding, broken into lines or not.
pub fn base64(text: &[u8]) -> Result<Vec<u8>, Reject> {
    let symbols = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => *byte,
        });
    let symbols: Vec<u8> = symbols.collect();
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&STANDARD, lenient)
        .decode(symbols)
        .map_err(|error| {
            // A sentence of its own.
            let said = error.to_string().to_lowercase();
            let said = said.trim_end_matches('.');
            bad(format!("Base64 that is damaged or cut short ({said}): send it whole"))
        })
}

/// Whether `text` is a data URL.
pub fn is_data_url(text: &[u8]) -> bool {
    text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"data:")) && text.contains(&b',')
}

/// Its media type, and the text after the comma.
fn data_url(text: &[u8]) -> Result<(Option<String>, &[u8]), Reject> {
    let malformed = || {
        bad(format!(
            "{} is no data URL in Base64: write data:image/png;base64,...",
            quote(text)
        ))
    };
    let text = text.trim_ascii();
    let comma = text.iter().position(|byte| *byte == b',').ok_or_else(malformed)?;
    let (head, data) = text.split_at_checked(comma).ok_or_else(malformed)?;
    let head = str::from_utf8(head.get(5..).unwrap_or_default()).map_err(|_| malformed())?;
    let (media_type, encoding) = head.rsplit_once(';').unwrap_or(("", head));
    if !encoding.trim().eq_ignore_ascii_case("base64") {
        return Err(malformed());
    }
    let media_type = (!media_type.trim().is_empty()).then(|| media_type.to_owned());
    Ok((media_type, data.get(1..).unwrap_or_default()))
}

/// As UTF-8. Halves of surrogate pairs are replaced: they only occur in members that nobody reads.
fn utf16(text: &[u8], is_big_endian: bool) -> Vec<u8> {
    let units = text.as_chunks().0.iter().copied().map(|unit| match is_big_endian {
        true => u16::from_be_bytes(unit),
        false => u16::from_le_bytes(unit),
    });
    let characters = char::decode_utf16(units).map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER));
    characters.collect::<String>().into_bytes()
}

fn bad(detail: String) -> Reject {
    Reject::new(Code::BadEncoding, detail)
}

fn too_large(room: usize) -> Reject {
    let detail = format!("more than {room} bytes once unpacked: send fewer images in one message");
    Reject::new(Code::TooLarge, detail)
}
