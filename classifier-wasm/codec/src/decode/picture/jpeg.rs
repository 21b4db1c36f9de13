//! JPEG, decoded as a whole.

use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::MAX_SIDE;
use super::fault::{cut_short, damaged, unsupported};
use super::raster::{Pixels, Raster};
use crate::decode::Reader;
use crate::preprocess::Prepared;
use crate::reject::Reject;

/// The marker at the end of a file.
const END: [u8; 2] = [0xff, 0xd9];

/// Calls the decoder itself: through `image` it fills missing or damaged parts with grey, which would be classified
/// as if they had been sent.
pub fn decode(body: &[u8], reader: &mut Reader) -> Result<Prepared, Reject> {
    // The size is checked below, with the same error as for other formats.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE);
    let refused = |error: DecodeErrors| refused(&error, body);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(body), options);
    decoder.decode_headers().map_err(refused)?;
    let (width, height) = decoder
        .dimensions()
        .ok_or_else(|| damaged("JPEG", "no size in its header"))?;
    reader.admit(width, height)?;
    let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (space, channels) = if is_grey {
        (ColorSpace::Luma, 1)
    } else {
        (ColorSpace::RGB, 3)
    };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    let pixels = decoder.decode().map_err(refused)?;
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let raster = Raster {
        width,
        height,
        channels,
        has_alpha: false,
        pixels: Pixels::Bytes(pixels),
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
    };
    raster.prepare(reader)
}

/// Where the file lacks its end, whatever the decoder makes of that is no other fault.
fn refused(error: &DecodeErrors, body: &[u8]) -> Reject {
    if let Some(kind) = rare_kind(body) {
        return unsupported("JPEG", kind);
    }
    match body.windows(END.len()).any(|bytes| bytes == END) {
        true => damaged("JPEG", error),
        false => cut_short("JPEG"),
    }
}

/// The kind of a file that the decoder takes for a damaged one: its frame has a marker or a precision of its own.
fn rare_kind(body: &[u8]) -> Option<&'static str> {
    let mut segments = body.get(2..)?;
    loop {
        let [0xff, marker, high, low, precision, ..] = segments else {
            return None;
        };
        match marker {
            0xc0..=0xc2 => return (*precision != 8).then_some("of more than 8 bits"),
            0xc3 => return Some("lossless"),
            0xc5..=0xc7 => return Some("hierarchical"),
            0xc9..=0xcb | 0xcd..=0xcf => return Some("with arithmetic coding"),
            _ => {}
        }
        segments = segments.get(2 + usize::from(u16::from_be_bytes([*high, *low]))..)?;
    }
}
