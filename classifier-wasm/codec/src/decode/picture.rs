//! Pictures: one of any size, upright, fitted to the model.
//!
//! A photograph has millions of pixels and the model some hundreds. PNG is made smaller as its rows are decoded; the others
//! are decoded whole. What is bounded is what that takes, in memory and time: pixels, and how many of them are in a row.

mod bmp;
mod gif;
mod jpeg;
mod png;
mod raster;
mod samples;
mod tiff;
mod webp;

use super::Reader;
use super::array::{Array, Kind};
use super::format::Picture;
use crate::preprocess::Prepared;
use crate::reject::{Code, Reject};
use crate::warning::Warning;

/// Most pixels of the pictures in one message. The costliest kind that has to be held whole, a progressive JPEG of four colours,
/// takes 11 bytes a pixel: less than the gigabyte that a guest has.
pub const MAX_PIXELS: usize = 1 << 26;
/// Most pixels of a side, which is as many as JPEG counts.
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
        values,
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
    /// Refuses a picture by what its header says, before anything is taken for it.
    fn admit(&mut self, width: usize, height: usize) -> Result<(), Reject> {
        let pixels = width.saturating_mul(height);
        if pixels == 0 {
            return Err(bad(format!("{width} x {height} pixels: there is nothing to see")));
        }
        if width.max(height) > MAX_SIDE || pixels > MAX_PIXELS {
            let detail = format!("{width} x {height} pixels: send at most {MAX_PIXELS}, and {MAX_SIDE} to a side");
            return Err(Reject::new(Code::TooLarge, detail));
        }
        self.pixels = self.pixels.checked_sub(pixels).ok_or_else(|| {
            let detail = format!("pictures of more than {MAX_PIXELS} pixels together: send fewer in one message");
            Reject::new(Code::TooLarge, detail)
        })?;
        Ok(())
    }
}

fn bad(detail: impl Into<String>) -> Reject {
    Reject::new(Code::BadImage, detail)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
