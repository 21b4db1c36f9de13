//! The images in the picture: pixels unchanged, large ones reduced.

use std::io::{BufReader, Cursor};
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};

use crate::files;
use crate::images::{self, Shape};

/// Larger images are reduced to this, in pixels: twice the size at which they are shown, for screens of high density.
const SIDE: u32 = 224;

/// An image as a PNG file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail(Vec<u8>);

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
        Self::of(picture)
    }

    /// Of a file, upright; none where it is no picture, or far too large.
    pub fn of_file(path: &Path) -> Option<Self> {
        let file = BufReader::new(files::open(path).ok()?);
        Self::of(images::decode(file)?)
    }

    fn of(picture: DynamicImage) -> Option<Self> {
        let picture = match picture.width().max(picture.height()) > SIDE {
            true => picture.thumbnail(SIDE, SIDE),
            false => picture,
        };
        let mut png = Cursor::new(Vec::new());
        picture.into_rgb8().write_to(&mut png, ImageFormat::Png).ok()?;
        Some(Self(png.into_inner()))
    }

    /// As a `data:` URL.
    pub fn data_url(&self) -> String {
        format!("data:image/png;base64,{}", BASE64_STANDARD.encode(&self.0))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of_pixels([height, width, channels]: [u64; 3], pixels: &[u8]) -> Option<RgbImage> {
        let shape = Shape {
            height,
            width,
            channels,
        };
        let png = Thumbnail::of_pixels(shape, pixels)?.0;
        Some(
            image::load_from_memory_with_format(&png, ImageFormat::Png)
                .unwrap()
                .into_rgb8(),
        )
    }

    #[test]
    fn a_small_image_keeps_its_pixels_and_a_large_one_its_shape() {
        let small = of_pixels([1, 2, 1], &[0, 200]).unwrap();
        assert_eq!(small.into_raw(), [0, 0, 0, 200, 200, 200]);
        let large = of_pixels([100, 300, 3], &vec![9; 300 * 100 * 3]).unwrap();
        assert_eq!(large.dimensions(), (224, 75));
        let line = of_pixels([1, 1000, 1], &[7; 1000]).unwrap();
        assert_eq!(line.dimensions(), (224, 1));
    }

    #[test]
    fn what_is_no_picture_gives_none() {
        assert_eq!(of_pixels([2, 2, 2], &[0; 8]), None);
        assert_eq!(of_pixels([2, 2, 1], &[0; 3]), None);
        assert_eq!(of_pixels([0, 2, 1], &[]), None);
        assert_eq!(Thumbnail::of_file(Path::new("there is no such file")), None);
    }
}
