//! Images made fit to be shown: small ones enlarged with their pixels kept apart, large ones made smaller.

use std::path::Path;

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, ImageDecoder, ImageReader, Limits, RgbImage};

use crate::images::Shape;

/// The side of the square that a thumbnail fits into, in pixels.
pub const SIDE: u32 = 112;
/// Larger pictures are not decoded.
const LARGEST_SIDE: u32 = 16_384;
const MOST_BYTES: u64 = 512 << 20;

/// A picture within [`SIDE`] by [`SIDE`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail(RgbImage);

impl Thumbnail {
    /// Of an image's pixels; none where they are neither grey nor red, green, blue, or are not those of the shape.
    pub fn of_pixels(shape: Shape, pixels: &[u8]) -> Option<Self> {
        let width = u32::try_from(shape.width).ok()?;
        let height = u32::try_from(shape.height).ok()?;
        let picture = match shape.channels {
            1 => DynamicImage::from(GrayImage::from_raw(width, height, pixels.to_vec())?),
            3 => DynamicImage::from(RgbImage::from_raw(width, height, pixels.to_vec())?),
            _ => return None,
        };
        Self::of(&picture.into_rgb8())
    }

    /// Of a file, upright; none where it is no picture, or far too large.
    pub fn of_file(path: &Path) -> Option<Self> {
        let mut reader = ImageReader::open(path).ok()?.with_guessed_format().ok()?;
        let mut limits = Limits::default();
        limits.max_image_width = Some(LARGEST_SIDE);
        limits.max_image_height = Some(LARGEST_SIDE);
        limits.max_alloc = Some(MOST_BYTES);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().ok()?;
        let orientation = decoder.orientation().ok()?;
        let mut picture = DynamicImage::from_decoder(decoder).ok()?;
        picture.apply_orientation(orientation);
        Self::of(&picture.into_rgb8())
    }

    fn of(picture: &RgbImage) -> Option<Self> {
        let (width, height) = picture.dimensions();
        let longest = width.max(height);
        if width == 0 || height == 0 {
            return None;
        }
        let factor = SIDE / longest;
        let (width, height, filter) = match factor {
            0 => {
                let scaled = |side: u32| (u64::from(side) * u64::from(SIDE) / u64::from(longest)).max(1);
                // Both at most the side.
                (scaled(width) as u32, scaled(height) as u32, FilterType::Triangle)
            }
            factor => (width * factor, height * factor, FilterType::Nearest),
        };
        Some(Self(imageops::resize(picture, width, height, filter)))
    }

    /// The picture.
    pub fn image(&self) -> &RgbImage {
        &self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shape(height: u64, width: u64, channels: u64) -> Shape {
        Shape {
            height,
            width,
            channels,
        }
    }

    #[test]
    fn a_small_image_keeps_its_pixels_apart() {
        let thumbnail = Thumbnail::of_pixels(shape(1, 2, 1), &[0, 200]).unwrap();
        let image = thumbnail.image();
        assert_eq!(image.dimensions(), (112, 56));
        assert_eq!(
            (image.get_pixel(55, 55).0, image.get_pixel(56, 0).0),
            ([0; 3], [200; 3])
        );
    }

    #[test]
    fn a_large_image_is_made_smaller_and_keeps_its_form() {
        let pixels = vec![9; 300 * 100 * 3];
        let thumbnail = Thumbnail::of_pixels(shape(100, 300, 3), &pixels).unwrap();
        assert_eq!(thumbnail.image().dimensions(), (112, 37));
        let line = Thumbnail::of_pixels(shape(1, 1000, 1), &[7; 1000]).unwrap();
        assert_eq!(line.image().dimensions(), (112, 1));
    }

    #[test]
    fn what_is_no_picture_gives_none() {
        assert_eq!(Thumbnail::of_pixels(shape(2, 2, 2), &[0; 8]), None);
        assert_eq!(Thumbnail::of_pixels(shape(2, 2, 1), &[0; 3]), None);
        assert_eq!(Thumbnail::of_pixels(shape(0, 2, 1), &[]), None);
        assert_eq!(Thumbnail::of_file(Path::new("there is no such file")), None);
    }

    proptest! {
        #[test]
        fn it_always_fits(height in 1u64..400, width in 1u64..400) {
            let pixels = vec![0; (height * width) as usize];
            let thumbnail = Thumbnail::of_pixels(shape(height, width, 1), &pixels).unwrap();
            let (width, height) = thumbnail.image().dimensions();
            prop_assert!((1..=SIDE).contains(&width) && (1..=SIDE).contains(&height));
        }
    }
}
