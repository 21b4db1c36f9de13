//! Pictures: one of any size, turned upright and fitted to the model.
//!
//! A photograph has millions of pixels and the model some hundreds. A PNG is reduced while its rows are decoded; the
//! others are decoded whole. Memory and time are bounded by the number of pixels, and of pixels in a row.

mod bmp;
mod fault;
mod gif;
mod jpeg;
mod png;
mod raster;
mod samples;
mod tiff;
mod webp;

use self::fault::bad;
use super::Reader;
use super::array::{Array, Kind};
use super::format::Picture;
use crate::preprocess::Prepared;
use crate::reject::{Code, Reject};
use crate::warning::Warning;

/// The most pixels of all pictures in one message. The costliest kind, a progressive JPEG of four colours, takes 11
/// bytes for each pixel: less than the component's gigabyte.
pub const MAX_PIXELS: usize = 1 << 26;
/// The most pixels on a side, which is JPEG's limit.
const MAX_SIDE: usize = 65_535;

/// Reads `body`, a whole file of a format.
pub fn decode(body: &[u8], format: Picture, reader: &mut Reader) -> Result<Array, Reject> {
    let (prepared, has_more_frames) = match format {
        Picture::Png => png::decode(body, reader)?,
        Picture::Jpeg => (jpeg::decode(body, reader)?, false),
        Picture::WebP => webp::decode(body, reader)?,
        Picture::Gif => gif::decode(body, reader)?,
        Picture::Bmp => (bmp::decode(body, reader)?, false),
        Picture::Tiff => tiff::decode(body, reader)?,
    };
    let Prepared {
        values,
        has_light_border,
    } = prepared;
    let mut array = Array {
        count: 1,
        pixels: values.into(),
        kind: Kind::Pixels,
        warnings: Vec::new(),
    };
    if has_light_border {
        array.warn(Warning::LightBorder);
    }
    if has_more_frames {
        array.warn(Warning::FirstFrameOnly);
    }
    Ok(array)
}

impl Reader<'_> {
    /// Checks a picture's header, before any memory is allocated.
    fn admit(&mut self, width: usize, height: usize) -> Result<(), Reject> {
        let pixels = width.saturating_mul(height);
        if pixels == 0 {
            return Err(bad(format!(
                "a picture of {width} x {height} pixels: there is nothing to see in it"
            )));
        }
        if width.max(height) > MAX_SIDE || pixels > MAX_PIXELS {
            let detail =
                format!("a picture of {width} x {height} pixels: send at most {MAX_PIXELS}, and {MAX_SIDE} to a side");
            return Err(Reject::new(Code::TooLarge, detail));
        }
        self.pixels = self.pixels.checked_sub(pixels).ok_or_else(|| {
            let detail = format!("pictures of more than {MAX_PIXELS} pixels together: send fewer in one message");
            Reject::new(Code::TooLarge, detail)
        })?;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
