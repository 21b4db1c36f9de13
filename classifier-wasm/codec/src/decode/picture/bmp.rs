//! BMP, of any depth and compression that its decoder knows.

use std::error::Error;
use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError};

use super::fault::{cut_short, damaged, unsupported};
use super::raster::{Pixels, Raster};
use crate::decode::Reader;
use crate::preprocess::Prepared;
use crate::reject::Reject;

/// Reads `body`.
pub fn decode(body: &[u8], reader: &mut Reader) -> Result<Prepared, Reject> {
    // Before the decoder does, which counts bytes and not pixels.
    let (width, height) = size(body).ok_or_else(|| cut_short("BMP"))?;
    reader.admit(width, height)?;
    let decoder = BmpDecoder::new(Cursor::new(body)).map_err(refused)?;
    if decoder.dimensions() != (width as u32, height as u32) {
        return Err(damaged("BMP", "two sizes in its header"));
    }
    let samples = match decoder.color_type() {
        ColorType::L8 => 1,
        ColorType::Rgb8 => 3,
        _ => 4,
    };
    let mut bytes = vec![0; width * height * samples];
    decoder.read_image(&mut bytes).map_err(refused)?;
    // Some programs leave the alpha channel at 0; nobody sends an invisible picture.
    if samples == 4 && bytes.as_chunks::<4>().0.iter().all(|[.., alpha]| *alpha == 0) {
        bytes
            .as_chunks_mut::<4>()
            .0
            .iter_mut()
            .for_each(|[.., alpha]| *alpha = u8::MAX);
    }
    let raster = Raster {
        width,
        height,
        channels: if samples == 1 { 1 } else { 3 },
        has_alpha: samples == 4,
        pixels: Pixels::Bytes(bytes),
        orientation: Orientation::NoTransforms,
    };
    raster.prepare(reader)
}

fn refused(error: ImageError) -> Reject {
    // Without the words around it, which name the format once more.
    let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    match error {
        ImageError::IoError(_) => cut_short("BMP"),
        ImageError::Unsupported(_) => unsupported("BMP", cause),
        _ => damaged("BMP", cause),
    }
}

/// Width and height, behind the size of the header that has them; of the oldest kind in 16 bits. Rows may come from the top, which
/// a negative height says.
fn size(body: &[u8]) -> Option<(usize, usize)> {
    let fields = body.get(14..26)?;
    let size = |at: usize| {
        let bytes = fields.get(at..)?.first_chunk()?;
        usize::try_from(i32::from_le_bytes(*bytes).unsigned_abs()).ok()
    };
    let old_size = |at: usize| Some(usize::from(u16::from_le_bytes(*fields.get(at..)?.first_chunk()?)));
    match size(0)? {
        12 => Some((old_size(4)?, old_size(6)?)),
        _ => Some((size(4)?, size(8)?)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
    use std::io::Cursor;

    use super::super::tests::{gradient, refused, seen};
    use crate::reject::Code;

    fn file(picture: impl Into<DynamicImage>) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        picture.into().write_to(&mut file, ImageFormat::Bmp).unwrap();
        file.into_inner()
    }

    #[test]
    fn palettes_colours_and_transparency_are_taken() {
        let grey = gradient(28);
        let expected: Vec<f32> = grey.as_raw().iter().copied().map(f32::from).collect();
        let rgb = DynamicImage::from(grey.clone()).into_rgb8();
        let at = |x, y| grey.get_pixel(x, y).0[0];
        let ink = RgbaImage::from_fn(28, 28, |x, y| Rgba([0, 0, 0, at(x, y)]));
        let empty = RgbaImage::from_fn(28, 28, |x, y| Rgba([at(x, y), at(x, y), at(x, y), 0]));
        for picture in [grey.into(), rgb.into(), ink.into(), DynamicImage::from(empty)] {
            assert_eq!(seen(&file(picture)), (expected.clone(), vec![]));
        }
    }

    #[test]
    fn a_file_cut_short_or_of_too_many_pixels_is_refused() {
        let whole = file(gradient(28));
        for length in [18, 40, 200, whole.len() - 10] {
            let said = refused(&whole[..length]).to_string();
            assert_eq!(
                said, "bad-image: this BMP is cut short: send the whole file",
                "{length}"
            );
        }
        let mut large = whole;
        large[18..26].copy_from_slice(&[0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0]);
        assert_eq!(refused(&large).code, Code::TooLarge);
    }
}
