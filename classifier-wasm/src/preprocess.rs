//! A picture of any size and colour, made into one image of the model's size.
//!
//! Nothing is inverted and nothing is cropped: Fashion-MNIST is a light object on black, and a picture of a dark object
//! on white is classified as just that.

use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageBuffer, Pixel, Rgba};

use crate::images::ImageShape;

/// Turns `picture` grey where the model has one channel, then stretches it to the model's size (a triangle filter whose
/// support grows with the reduction, so every pixel counts). What is transparent shows the black behind it. Gives raw
/// values 0 to 255, row-major H, W, C.
pub fn fit(picture: DynamicImage, image: ImageShape) -> Vec<f32> {
    let picture = if picture.color().has_alpha() {
        on_black(picture)
    } else {
        picture
    };
    match image.channels {
        1 => resized(picture.into_luma8(), image),
        _ => resized(picture.into_rgb8(), image),
    }
}

fn on_black(picture: DynamicImage) -> DynamicImage {
    let mut picture = picture.into_rgba8();
    for Rgba([red, green, blue, alpha]) in picture.pixels_mut() {
        for channel in [red, green, blue] {
            // At most 255 * 255 / 255.
            *channel = ((u16::from(*channel) * u16::from(*alpha) + 127) / 255) as u8;
        }
    }
    picture.into()
}

fn resized<P: Pixel<Subpixel = u8> + 'static>(picture: ImageBuffer<P, Vec<u8>>, image: ImageShape) -> Vec<f32> {
    // The sides of a model's image fit in 24 bits.
    let (width, height) = (image.width as u32, image.height as u32);
    let picture = if picture.dimensions() == (width, height) {
        picture
    } else {
        imageops::resize(&picture, width, height, FilterType::Triangle)
    };
    picture.into_raw().into_iter().map(f32::from).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb, RgbImage, RgbaImage};

    const GREY: ImageShape = ImageShape {
        height: 2,
        width: 3,
        channels: 1,
    };
    const COLOUR: ImageShape = ImageShape {
        height: 2,
        width: 3,
        channels: 3,
    };

    #[test]
    fn pixels_of_the_right_size_are_left_alone() {
        let picture = GrayImage::from_raw(3, 2, vec![0, 1, 2, 3, 4, 255]).map(DynamicImage::from);
        assert_eq!(
            picture.map(|picture| fit(picture, GREY)),
            Some(vec![0.0, 1.0, 2.0, 3.0, 4.0, 255.0])
        );
    }

    #[test]
    fn every_pixel_counts_when_a_picture_shrinks() {
        let stripes = GrayImage::from_fn(300, 200, |x, _| Luma([if x % 2 == 0 { 0 } else { 200 }]));
        for value in fit(stripes.into(), GREY) {
            assert!((value - 100.0).abs() <= 4.0, "{value}");
        }
    }

    #[test]
    fn grey_becomes_colour_and_colour_grey() {
        let grey = GrayImage::from_pixel(3, 2, Luma([77]));
        assert_eq!(fit(grey.into(), COLOUR), [77.0; 18]);
        let colour = RgbImage::from_pixel(3, 2, Rgb([90, 90, 90]));
        assert_eq!(fit(colour.into(), GREY), [90.0; 6]);
    }

    #[test]
    fn what_is_transparent_shows_black() {
        let picture = RgbaImage::from_pixel(3, 2, Rgba([200, 200, 200, 0]));
        assert_eq!(fit(picture.into(), GREY), [0.0; 6]);
        let half = RgbaImage::from_pixel(3, 2, Rgba([200, 200, 200, 128]));
        assert_eq!(fit(half.into(), GREY), [100.0; 6]);
    }

    /// The page does the same to a picture before it asks the component: `browser/test/unit/picture.test.js` has the same
    /// picture, and the same sums.
    #[test]
    fn a_picture_becomes_what_the_page_makes_of_it_to_the_last_bit() {
        let mut state = 77u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let noise = RgbImage::from_fn(97, 53, |_, _| Rgb([next(), next(), next()]));
        for (channels, expected) in [(1, 4_157_336_356), (3, 3_762_368_823)] {
            let image = ImageShape {
                height: 28,
                width: 28,
                channels,
            };
            let values = fit(noise.clone().into(), image);
            let sum = values.iter().fold(2_166_136_261u32, |sum, value| {
                (sum ^ *value as u32).wrapping_mul(16_777_619)
            });
            assert_eq!(sum, expected, "{channels} channels");
        }
    }
}
