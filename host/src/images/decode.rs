//! Picture files, decoded for people to look at: within bounds, since whoever sent them is not trusted.

use std::io::{BufRead, Seek};

use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

/// Larger pictures are not decoded.
const LARGEST_SIDE: u32 = 16_384;
const MOST_BYTES: u64 = 512 << 20;

/// The picture, upright; none where it is no picture that can be read, or far too large.
pub fn decode(reader: impl BufRead + Seek) -> Option<DynamicImage> {
    let mut reader = ImageReader::new(reader).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let orientation = decoder.orientation().ok()?;
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    picture.apply_orientation(orientation);
    Some(picture)
}
