//! JPEG, decoded as a whole.

use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::raster::{Pixels, Raster};
use super::{MAX_SIDE, bad};
use crate::decode::Reader;
use crate::preprocess::Prepared;
use crate::reject::Reject;

/// Calls the decoder itself: through `image` it fills missing or damaged parts with grey, which would be classified
/// as if they had been sent.
pub fn decode(body: &[u8], reader: &mut Reader) -> Result<Prepared, Reject> {
    // The size is checked below, with the same error as for other formats.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE);
    let refused = |error: DecodeErrors| bad(error.to_string());
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(body), options);
    decoder.decode_headers().map_err(refused)?;
    let (width, height) = decoder.dimensions().ok_or_else(|| bad("no size in its header"))?;
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
