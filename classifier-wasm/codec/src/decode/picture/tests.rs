use super::*;
use flate2::Crc;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba};
use std::io::Cursor;

use crate::decode::Decoded;
use crate::images::ImageShape;
use crate::prepare::{Fit, Invert, Prepare};

const GREY: ImageShape = ImageShape {
    height: 28,
    width: 28,
    channels: 1,
};
const PNG: ImageFormat = ImageFormat::Png;
const JPEG: ImageFormat = ImageFormat::Jpeg;

fn file(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.into().write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn decode(body: &[u8], format: ImageFormat, prepare: &Prepare) -> Result<Decoded, Reject> {
    crate::decode::decode(Some(format.to_mime_type()), body, prepare, GREY)
}

fn values(body: &[u8], format: ImageFormat) -> Vec<f32> {
    let decoded = decode(body, format, &Prepare::default()).unwrap();
    decoded.images.values()
}

/// The values of a picture whose bytes tell its format, and its warnings.
pub fn seen(body: &[u8]) -> (Vec<f32>, Vec<Warning>) {
    let Decoded { images, warnings } = crate::decode::decode(None, body, &Prepare::default(), GREY).unwrap();
    (images.values(), warnings)
}

/// Why such a picture is refused.
pub fn refused(body: &[u8]) -> Reject {
    crate::decode::decode(None, body, &Prepare::default(), GREY).unwrap_err()
}

fn code(body: &[u8], format: ImageFormat) -> Code {
    decode(body, format, &Prepare::default()).unwrap_err().code
}

pub fn gradient(side: u32) -> GrayImage {
    GrayImage::from_fn(side, side, |x, y| Luma([(x * 5 + y * 3) as u8]))
}

/// A TIFF header and one entry: the orientation.
pub fn exif(orientation: u8, is_big_endian: bool) -> Vec<u8> {
    match is_big_endian {
        true => [
            &b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"[..],
            &[orientation],
            &[0; 6],
        ]
        .concat(),
        false => [
            &b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..],
            &[orientation],
            &[0; 7],
        ]
        .concat(),
    }
}

/// The file with a chunk after its header.
fn with_chunk(png: &[u8], kind: &[u8], data: &[u8]) -> Vec<u8> {
    let (header, rest) = png.split_at(33);
    let mut sum = Crc::new();
    sum.update(kind);
    sum.update(data);
    let (length, sum) = ((data.len() as u32).to_be_bytes(), sum.sum().to_be_bytes());
    [header, &length, kind, data, &sum, rest].concat()
}

#[test]
fn a_png_of_the_models_size_is_taken_pixel_for_pixel() {
    let picture = gradient(28);
    let expected = picture.pixels().map(|pixel| f32::from(pixel.0[0])).collect::<Vec<_>>();
    assert_eq!(values(&file(picture, PNG), PNG), expected);
}

#[test]
fn a_jpeg_is_taken_with_its_loss() {
    let picture = gradient(28);
    for (pixel, value) in picture.pixels().zip(values(&file(picture.clone(), JPEG), JPEG)) {
        let pixel = f32::from(pixel.0[0]);
        assert!((pixel - value).abs() < 24.0, "{pixel} became {value}");
    }
}

#[test]
fn a_picture_is_turned_as_its_exif_says() {
    let stored = RgbImage::from_fn(41, 23, |x, y| Rgb([(x * 6) as u8, (y * 11) as u8, (x * y) as u8]));
    let [png, jpeg] = [PNG, JPEG].map(|format| file(stored.clone(), format));
    let mut seen = Vec::new();
    for number in 1..=8 {
        let mut upright = DynamicImage::from(stored.clone());
        upright.apply_orientation(Orientation::from_exif(number).unwrap());
        let expected = values(&file(upright, PNG), PNG);
        for is_big_endian in [true, false] {
            let exif = exif(number, is_big_endian);
            assert_eq!(values(&with_chunk(&png, b"eXIf", &exif), PNG), expected, "{number}");
            let length = (exif.len() as u16 + 8).to_be_bytes();
            let turned = [&jpeg[..2], b"\xff\xe1", &length, b"Exif\0\0", &exif, &jpeg[2..]].concat();
            let values = values(&turned, JPEG);
            let off = values.iter().zip(&expected).map(|(one, other)| (one - other).abs());
            assert!(off.fold(0.0, f32::max) < 24.0, "{number}");
        }
        seen.push(expected);
    }
    for (place, values) in seen.iter().enumerate() {
        assert!(!seen[..place].contains(values), "{place} looks like one before");
    }
    let nonsense = with_chunk(&png, b"eXIf", &exif(9, true));
    assert_eq!(values(&nonsense, PNG), seen[0]);
}

#[test]
fn sixteen_bits_are_taken_to_the_nearest_and_those_that_hold_eight_as_eight() {
    let expected = values(&file(gradient(28), PNG), PNG);
    let at = |x: u32, y: u32| (x * 5 + y * 3) as u8;
    let sixteen = |factor: u16| {
        let grey = ImageBuffer::<Luma<u16>, _>::from_fn(28, 28, |x, y| Luma([u16::from(at(x, y)) * factor]));
        let colour = ImageBuffer::<Rgb<u16>, _>::from_fn(28, 28, |x, y| Rgb([u16::from(at(x, y)) * factor; 3]));
        [DynamicImage::ImageLuma16(grey), DynamicImage::ImageRgb16(colour)]
    };
    for picture in [sixteen(1), sixteen(257)].into_iter().flatten() {
        assert_eq!(values(&file(picture, PNG), PNG), expected);
    }
    for (alpha, factor) in [(255, 1), (u16::MAX, 1), (u16::MAX, 257)] {
        let picture =
            ImageBuffer::<LumaA<u16>, _>::from_fn(28, 28, |x, y| LumaA([u16::from(at(x, y)) * factor, alpha]));
        assert_eq!(
            values(&file(DynamicImage::ImageLumaA16(picture), PNG), PNG),
            expected,
            "{alpha} {factor}"
        );
    }
}

#[test]
fn a_shape_that_is_all_in_the_transparency_is_seen() {
    let shape = gradient(28);
    let expected = values(&file(shape.clone(), PNG), PNG);
    let at = |x, y| shape.get_pixel(x, y).0[0];
    for colour in [0, 255] {
        let rgba = ImageBuffer::from_fn(28, 28, |x, y| Rgba([colour, colour, colour, at(x, y)]));
        assert_eq!(
            values(&file(DynamicImage::ImageRgba8(rgba), PNG), PNG),
            expected,
            "{colour}"
        );
        let wide = u16::from(colour) * 257;
        let rgba = ImageBuffer::from_fn(28, 28, |x, y| Rgba([wide, wide, wide, u16::from(at(x, y)) * 257]));
        assert_eq!(
            values(&file(DynamicImage::ImageRgba16(rgba), PNG), PNG),
            expected,
            "{colour}"
        );
    }
}

#[test]
fn one_colour_of_a_png_may_be_the_transparent_one() {
    let picture = GrayImage::from_fn(28, 28, |x, _| Luma([if x < 14 { 255 } else { 80 }]));
    let values = values(&with_chunk(&file(picture, PNG), b"tRNS", &[0, 255]), PNG);
    assert_eq!((values[0], values[27]), (0.0, 80.0));
}

#[test]
fn a_light_border_is_told_and_exchanged_where_that_is_asked_for() {
    let light = GrayImage::from_fn(28, 28, |x, y| {
        Luma([if x.min(y) > 5 && x.max(y) < 20 { 30 } else { 250 }])
    });
    for format in [PNG, JPEG] {
        let light = file(light.clone(), format);
        let left_alone = decode(&light, format, &Prepare::default()).unwrap();
        assert_eq!(left_alone.warnings, [Warning::LightBorder]);
        let prepare = Prepare {
            fit: Fit::Contain,
            invert: Invert::Auto,
            ..Prepare::default()
        };
        let exchanged = decode(&light, format, &prepare).unwrap();
        assert_eq!(exchanged.warnings, []);
        let values = exchanged.images.values();
        assert!(values[0] < 20.0 && values[12 * 29] > 200.0, "{values:?}");
    }
}

#[test]
fn a_file_cut_short_is_refused() {
    let png = file(gradient(28), PNG);
    for length in [8, 20, 40, png.len() / 2, png.len() - 20] {
        assert_eq!(code(&png[..length], PNG), Code::BadImage, "{length}");
    }
    let jpeg = file(gradient(28), JPEG);
    for length in [4, 20, jpeg.len() / 2, jpeg.len() - 20] {
        assert_eq!(code(&jpeg[..length], JPEG), Code::BadImage, "{length}");
    }
}

#[test]
fn a_refusal_says_what_is_wrong_with_the_file_and_what_to_do() {
    for (format, name) in [(PNG, "PNG"), (JPEG, "JPEG"), (ImageFormat::Bmp, "BMP")] {
        let whole = file(gradient(28), format);
        for length in [whole.len() / 2, whole.len() * 3 / 4] {
            let detail = refused(&whole[..length]).detail;
            assert_eq!(detail, format!("this {name} is cut short: send the whole file"));
        }
    }
    let mut png = file(gradient(28), PNG);
    // In the sum of the pixels, before the last part.
    let sum = png.len() - 13;
    png[sum] ^= 1;
    let detail = refused(&png).detail;
    assert!(detail.starts_with("this PNG is damaged (CRC error: "), "{detail}");
    assert!(
        detail.ends_with(" while decoding `IDAT` chunk): save the picture again"),
        "{detail}"
    );
    let detail = refused(b"\x89PNG\r\n\x1a\nand no more").detail;
    let expected = "this PNG is damaged (`no m` chunk appeared before IHDR chunk): save the picture again";
    assert_eq!(detail, expected);
    let mut jpeg = file(gradient(28), JPEG);
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    jpeg[frame + 1] = 0xc9;
    let expected =
        "this JPEG is of a rare kind that is not supported (with arithmetic coding): save the picture as PNG";
    assert_eq!(refused(&jpeg).detail, expected);
    jpeg[frame + 1] = 0xc0;
    jpeg[frame + 4] = 12;
    let detail = refused(&jpeg).detail;
    assert!(detail.contains("(of more than 8 bits)"), "{detail}");
    jpeg[frame + 4] = 8;
    // Its number of components.
    jpeg[frame + 9] = 0;
    let detail = refused(&jpeg).detail;
    assert!(
        detail.starts_with("this JPEG is damaged (") && !detail.contains('"'),
        "{detail}"
    );
}

#[test]
fn a_photograph_of_fifty_megapixels_is_taken() {
    let photograph = RgbImage::from_pixel(8_000, 6_250, Rgb([40, 80, 120]));
    let grey = f32::from(crate::preprocess::luma([40, 80, 120]));
    assert_eq!(values(&file(photograph, PNG), PNG), [grey; 28 * 28]);
    let photograph = RgbImage::from_pixel(4_000, 3_000, Rgb([90, 90, 90]));
    assert_eq!(values(&file(photograph, JPEG), JPEG), [90.0; 28 * 28]);
}

#[test]
fn a_picture_past_the_bound_is_refused_before_it_is_decoded() {
    let mut png = file(GrayImage::new(1, 1), PNG);
    for (width, height) in [
        (65_535, 65_535),
        (65_536, 1),
        (1, 65_536),
        (8_193, 8_192),
        (0x7fff_ffff, 0x7fff_ffff),
    ] {
        let header = [
            &b"IHDR"[..],
            &u32::to_be_bytes(width),
            &u32::to_be_bytes(height),
            &png[24..29],
        ]
        .concat();
        let mut sum = Crc::new();
        sum.update(&header);
        png.splice(12..33, [&header[..], &sum.sum().to_be_bytes()].concat());
        assert_eq!(code(&png, PNG), Code::TooLarge, "{width} x {height}");
    }
    let mut jpeg = file(GrayImage::new(1, 1), JPEG);
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xff);
    assert_eq!(code(&jpeg, JPEG), Code::TooLarge);
}
