//! WebP, lossy and lossless; of an animation the first frame.

use std::io::Cursor;

use image::metadata::Orientation;
use image_webp::{DecodingError, WebPDecoder};

use super::fault::{cut_short, damaged, unsupported};
use super::raster::{Pixels, Raster};
use crate::decode::Reader;
use crate::preprocess::Prepared;
use crate::reject::Reject;

/// Most bytes that the decoder may take beside the pixels.
const MAX_BESIDE: usize = 64 * 1024 * 1024;

/// Reads `body`, and tells whether there are more frames.
pub fn decode(body: &[u8], reader: &mut Reader) -> Result<(Prepared, bool), Reject> {
    let refused = |error| refused(error, body);
    let mut decoder = WebPDecoder::new(Cursor::new(body)).map_err(refused)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    reader.admit(width, height)?;
    decoder.set_memory_limit(MAX_BESIDE);
    let has_alpha = decoder.has_alpha();
    let mut bytes = vec![0; width * height * if has_alpha { 4 } else { 3 }];
    decoder.read_image(&mut bytes).map_err(refused)?;
    // What is wrong with the metadata is not wrong with the picture.
    let exif = decoder.exif_metadata().ok().flatten();
    let orientation = exif.and_then(|exif| Orientation::from_exif_chunk(&exif));
    let raster = Raster {
        width,
        height,
        channels: 3,
        has_alpha,
        pixels: Pixels::Bytes(bytes),
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
    };
    let has_more_frames = decoder.is_animated() && decoder.num_frames() > 1;
    Ok((raster.prepare(reader)?, has_more_frames))
}

/// Where the file is shorter than it says, whatever the decoder makes of that is no other fault.
fn refused(error: DecodingError, body: &[u8]) -> Reject {
    // Behind four letters, and beside eight bytes.
    let length = body.get(4..8).and_then(|length| length.first_chunk());
    let length = length.map_or(usize::MAX, |length| u32::from_le_bytes(*length) as usize);
    match error {
        DecodingError::IoError(_) => cut_short("WebP"),
        _ if body.len().saturating_sub(8) < length => cut_short("WebP"),
        DecodingError::UnsupportedFeature(feature) => unsupported("WebP", feature),
        error => damaged("WebP", error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use image_webp::{ColorType, WebPEncoder};

    use super::super::tests::{exif, gradient, refused, seen};
    use crate::reject::Code;

    fn file(samples: &[u8], side: u32, colour: ColorType, exif: Option<Vec<u8>>) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = WebPEncoder::new(&mut file);
        if let Some(exif) = exif {
            encoder.set_exif_metadata(exif);
        }
        encoder.encode(samples, side, side, colour).unwrap();
        file
    }

    #[test]
    fn every_kind_of_pixel_is_taken() {
        let grey = gradient(28).into_raw();
        let expected: Vec<f32> = grey.iter().copied().map(f32::from).collect();
        let rgb: Vec<u8> = grey.iter().flat_map(|grey| [*grey; 3]).collect();
        let ink: Vec<u8> = grey.iter().flat_map(|grey| [0, 0, 0, *grey]).collect();
        for (samples, colour) in [
            (&grey, ColorType::L8),
            (&rgb, ColorType::Rgb8),
            (&ink, ColorType::Rgba8),
        ] {
            assert_eq!(
                seen(&file(samples, 28, colour, None)),
                (expected.clone(), vec![]),
                "{colour:?}"
            );
        }
    }

    #[test]
    fn a_picture_is_turned_as_its_exif_says() {
        let grey = gradient(28).into_raw();
        let turned = seen(&file(&grey, 28, ColorType::L8, Some(exif(3, true)))).0;
        let upright = seen(&file(&grey, 28, ColorType::L8, None)).0;
        assert_eq!(turned, upright.iter().rev().copied().collect::<Vec<_>>());
        assert_ne!(turned, upright);
    }

    #[test]
    fn a_file_cut_short_or_of_too_many_pixels_is_refused() {
        let whole = file(&gradient(28).into_raw(), 28, ColorType::L8, None);
        for length in [12, 20, 30, whole.len() / 2] {
            let said = refused(&whole[..length]).to_string();
            assert_eq!(
                said, "bad-image: this WebP is cut short: send the whole file",
                "{length}"
            );
        }
        let mut large = whole;
        // 14 bits each of the width and the height, less one, behind the signature of a lossless one.
        large[21..25].copy_from_slice(&[0xfe, 0xbf, 0xff, 0x0f]);
        assert_eq!(refused(&large).code, Code::TooLarge);
    }
}
