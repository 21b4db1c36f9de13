//! `image/png` and `image/jpeg`: one picture of any size, fitted to the model.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::Decoded;
use crate::images::{ImageShape, Images};
use crate::preprocess;
use crate::reject::{Code, Reject};

/// Widest and highest picture that is decoded, in pixels.
const MAX_SIDE: u32 = 4096;
/// Most memory that a decoder may take, in bytes: a small file may be a picture of gigabytes.
const MAX_DECODED: u64 = 64 * 1024 * 1024;

/// Reads `body`, a whole file of `format`.
pub fn decode(body: &[u8], format: ImageFormat, image: ImageShape) -> Result<Decoded, Reject> {
    let picture = match format {
        ImageFormat::Jpeg => jpeg(body)?,
        _ => lossless(body, format)?,
    };
    Ok(Decoded {
        images: Images::new(image, 1, preprocess::fit(picture, image))?,
        warnings: Vec::new(),
    })
}

fn lossless(body: &[u8], format: ImageFormat) -> Result<DynamicImage, Reject> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED);
    let mut reader = ImageReader::with_format(Cursor::new(body), format);
    reader.limits(limits);
    reader.decode().map_err(|error| match error {
        ImageError::Limits(error) => too_large(&error.to_string()),
        error => bad(error.to_string()),
    })
}

/// Calls the decoder itself: by way of `image` it fills what is missing or damaged with grey, which would be classified as
/// if it had been sent.
fn jpeg(body: &[u8]) -> Result<DynamicImage, Reject> {
    // The format has no more than 65,535 to a side; what is too large is said here in the words of the others.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX));
    let refused = |error: DecodeErrors| bad(error.to_string());
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(body), options);
    decoder.decode_headers().map_err(refused)?;
    if let Some((width, height)) = decoder.dimensions()
        && width.max(height) > MAX_SIDE as usize
    {
        return Err(too_large(&format!("{width} x {height} pixels")));
    }
    let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let space = if grey { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    let pixels = decoder.decode().map_err(refused)?;
    let picture = decoder.dimensions().and_then(|(width, height)| {
        // At most MAX_SIDE.
        let (width, height) = (width as u32, height as u32);
        if grey {
            GrayImage::from_raw(width, height, pixels).map(DynamicImage::from)
        } else {
            RgbImage::from_raw(width, height, pixels).map(DynamicImage::from)
        }
    });
    picture.ok_or_else(|| bad("the picture is shorter than its header says"))
}

fn too_large(what: &str) -> Reject {
    let detail = format!("{what}: send at most {MAX_SIDE} x {MAX_SIDE} pixels and {MAX_DECODED} bytes");
    Reject::new(Code::TooLarge, detail)
}

fn bad(detail: impl Into<String>) -> Reject {
    Reject::new(Code::BadImage, detail)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use image::{DynamicImage, GrayImage, Luma};

    const GREY: ImageShape = ImageShape {
        height: 28,
        width: 28,
        channels: 1,
    };

    fn file(picture: &GrayImage, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        DynamicImage::from(picture.clone()).write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    fn gradient(side: u32) -> GrayImage {
        GrayImage::from_fn(side, side, |x, y| Luma([(x * 5 + y * 3) as u8]))
    }

    #[test]
    fn a_png_of_the_models_size_is_taken_pixel_for_pixel() {
        let picture = gradient(28);
        let images = decode(&file(&picture, ImageFormat::Png), ImageFormat::Png, GREY)
            .unwrap()
            .images;
        let expected = picture.pixels().map(|pixel| f32::from(pixel.0[0])).collect::<Vec<_>>();
        assert_eq!(images.values(), expected);
    }

    #[test]
    fn a_jpeg_is_taken_with_its_loss() {
        let picture = gradient(28);
        let images = decode(&file(&picture, ImageFormat::Jpeg), ImageFormat::Jpeg, GREY)
            .unwrap()
            .images;
        for (pixel, value) in picture.pixels().zip(images.values()) {
            assert!(
                (f32::from(pixel.0[0]) - value).abs() < 24.0,
                "{} became {value}",
                pixel.0[0]
            );
        }
    }

    #[test]
    fn a_file_cut_short_is_refused() {
        let png = file(&gradient(28), ImageFormat::Png);
        for length in [8, 20, 40, png.len() / 2] {
            let reject = decode(&png[..length], ImageFormat::Png, GREY).unwrap_err();
            assert_eq!(reject.code, Code::BadImage, "{length}: {reject}");
        }
        let jpeg = file(&gradient(28), ImageFormat::Jpeg);
        for length in [4, 20, jpeg.len() / 2, jpeg.len() - 20] {
            let reject = decode(&jpeg[..length], ImageFormat::Jpeg, GREY).unwrap_err();
            assert_eq!(reject.code, Code::BadImage, "{length}: {reject}");
        }
    }

    #[test]
    fn a_picture_past_the_bound_is_refused_before_it_is_decoded() {
        let wide = GrayImage::new(MAX_SIDE + 1, 1);
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let reject = decode(&file(&wide, format), format, GREY).unwrap_err();
            assert_eq!(reject.code, Code::TooLarge, "{reject}");
        }
    }

    #[test]
    fn a_small_file_that_claims_gigabytes_is_refused() {
        let mut png = file(&GrayImage::new(1, 1), ImageFormat::Png);
        png[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        assert!(decode(&png, ImageFormat::Png, GREY).is_err());
    }
}
