//! `samples/shoe.jpg`: what a photograph of the first Fashion-MNIST test image's boot might look like. It is made here, dark on light and
//! wider than high, so that no photograph of anybody's has to be in the repository.

use host::images::test_images;
use image::imageops::{self, FilterType};
use image::{GrayImage, Rgb, RgbImage};

const WIDTH: u32 = 480;
const HEIGHT: u32 = 360;
/// Where the boot begins and ends in the test image: above and below is nothing.
const CUT: u32 = 96;
const PAPER: [f32; 3] = [253.0, 252.0, 250.0];
const LEATHER: [f32; 3] = [52.0, 34.0, 26.0];

/// Draws it: brown leather on white paper.
pub fn shoe() -> RgbImage {
    let batch = test_images().unwrap().read(1).unwrap().unwrap();
    let small = GrayImage::from_raw(28, 28, batch.pixels).unwrap();
    let boot = imageops::resize(&small, WIDTH, WIDTH, FilterType::CatmullRom);
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let leather = f32::from(boot.get_pixel(x, y + CUT).0[0]) / 255.0;
        let channel = |channel: usize| PAPER[channel] + (LEATHER[channel] - PAPER[channel]) * leather;
        Rgb([0, 1, 2].map(|index| channel(index).round() as u8))
    })
}
