//! `image/png` and `image/jpeg`: one picture of any size, upright, fitted to the model.
//!
//! A photograph has millions of pixels and the model some hundreds, so rows are made smaller as they are decoded. What is
//! bounded is what that takes, in memory and time: pixels, and how many of them are in a row.

mod jpeg;
mod png;

use image::ImageFormat;

use super::Decoded;
use crate::images::{ImageShape, Images};
use crate::prepare::Prepare;
use crate::preprocess::Prepared;
use crate::reject::{Code, Reject};
use crate::warning::Warning;

/// Most pixels of a picture. The costliest kind that has to be held whole, a progressive JPEG of four colours, takes 11 bytes
/// a pixel: less than the gigabyte that a guest has.
const MAX_PIXELS: usize = 1 << 26;
/// Most pixels of a side, which is as many as JPEG counts.
const MAX_SIDE: usize = 65_535;

/// Reads `body`, a whole file of `format`.
pub fn decode(body: &[u8], format: ImageFormat, prepare: &Prepare, image: ImageShape) -> Result<Decoded, Reject> {
    let Prepared {
        values,
        has_light_border,
    } = match format {
        ImageFormat::Jpeg => jpeg::decode(body, prepare, image)?,
        _ => png::decode(body, prepare, image)?,
    };
    Ok(Decoded {
        images: Images::new(image, 1, values)?,
        warnings: has_light_border.then_some(Warning::LightBorder).into_iter().collect(),
    })
}

/// Refuses a picture by what its header says, before anything is taken for it.
fn check_size(width: usize, height: usize) -> Result<(), Reject> {
    if width.max(height) > MAX_SIDE || width.saturating_mul(height) > MAX_PIXELS {
        let detail = format!("{width} x {height} pixels: send at most {MAX_PIXELS}, and {MAX_SIDE} to a side");
        return Err(Reject::new(Code::TooLarge, detail));
    }
    Ok(())
}

fn bad(detail: impl Into<String>) -> Reject {
    Reject::new(Code::BadImage, detail)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
