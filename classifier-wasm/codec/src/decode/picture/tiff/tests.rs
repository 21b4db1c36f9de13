use std::io::Cursor;

use tiff::encoder::colortype::{CMYK8, Gray8, Gray16, RGB8, RGBA8};
use tiff::encoder::{Compression, TiffEncoder};

use super::super::tests::{gradient, refused, seen};
use super::*;
use crate::warning::Warning;

/// A page with one tag more, of 16 bits.
macro_rules! file {
    ($colour:ty, $samples:expr) => {{
        let mut file = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut file).unwrap();
        encoder.write_image::<$colour>(28, 28, $samples).unwrap();
        file.into_inner()
    }};
}

fn expected() -> Vec<f32> {
    gradient(28).as_raw().iter().copied().map(f32::from).collect()
}

fn each<const N: usize, T>(pixel: impl Fn(u8) -> [T; N]) -> Vec<T> {
    gradient(28).as_raw().iter().flat_map(|grey| pixel(*grey)).collect()
}

#[test]
fn every_kind_of_pixel_is_taken() {
    let expected = (expected(), vec![]);
    assert_eq!(seen(&file!(Gray8, &each(|grey| [grey]))), expected);
    assert_eq!(seen(&file!(Gray16, &each(|grey| [u16::from(grey) * 257]))), expected);
    assert_eq!(seen(&file!(Gray16, &each(|grey| [u16::from(grey)]))), expected);
    assert_eq!(seen(&file!(RGB8, &each(|grey| [grey; 3]))), expected);
    assert_eq!(seen(&file!(RGBA8, &each(|grey| [255, 255, 255, grey]))), expected);
    assert_eq!(seen(&file!(CMYK8, &each(|grey| [0, 0, 0, 255 - grey]))), expected);
}

#[test]
fn every_compression_is_taken_and_further_pages_are_told() {
    for compression in [
        Compression::Lzw,
        Compression::Packbits,
        Compression::Deflate(Default::default()),
    ] {
        let mut file = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut file).unwrap().with_compression(compression);
        let grey = each(|grey| [grey]);
        encoder.write_image::<Gray8>(28, 28, &grey).unwrap();
        encoder.write_image::<Gray8>(28, 28, &[0; 784]).unwrap();
        assert_eq!(seen(&file.into_inner()), (expected(), vec![Warning::FirstFrameOnly]));
    }
}

#[test]
fn a_picture_is_turned_as_its_tag_says() {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    let mut page = encoder.new_image::<Gray8>(28, 28).unwrap();
    page.encoder().write_tag(Tag::Orientation, 3u16).unwrap();
    page.write_data(&each(|grey| [grey])).unwrap();
    let turned: Vec<f32> = expected().into_iter().rev().collect();
    assert_eq!(seen(&file.into_inner()).0, turned);
}

/// Entries of a directory, little-endian and without compression: a tag, a type of 16 (3) or 32 bits (4), a count, a value.
fn by_hand(bits: u16, photometric: u16, map: &[u16], pixels: &[u8]) -> Vec<u8> {
    let entries = 10;
    let map_at = 8 + 2 + 12 * entries + 4;
    let pixels_at = map_at + 2 * map.len() as u32;
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend((entries as u16).to_le_bytes());
    for (tag, kind, count, value) in [
        (256u16, 4u16, 1, 28),
        (257, 4, 1, 28),
        (258, 3, 1, u32::from(bits)),
        (259, 3, 1, 1),
        (262, 3, 1, u32::from(photometric)),
        (273, 4, 1, pixels_at),
        (277, 3, 1, 1),
        (278, 4, 1, 28),
        (279, 4, 1, pixels.len() as u32),
        (320, 3, map.len() as u32, map_at),
    ] {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(u32::to_le_bytes(count));
        file.extend(u32::to_le_bytes(value));
    }
    file.extend([0; 4]);
    file.extend(map.iter().flat_map(|value| value.to_le_bytes()));
    file.extend(pixels);
    file
}

#[test]
fn a_palette_is_looked_up() {
    let greys: Vec<u16> = (0..768).map(|at| (at % 256) * 257).collect();
    let places = gradient(28).into_raw();
    assert_eq!(seen(&by_hand(8, 3, &greys, &places)), (expected(), vec![]));
    // From white to black, of 4 bits; two pixels a byte.
    let four: Vec<u16> = (0..48).map(|at| (15 - at % 16) * 17 * 257).collect();
    let (values, _) = seen(&by_hand(4, 3, &four, &[0xf0; 14 * 28]));
    assert_eq!((values[0], values[1], values[28]), (0.0, 255.0, 0.0));
    let beyond = refused(&by_hand(8, 3, &greys[..3 * 80], &[80; 784]));
    assert!(beyond.detail.contains("beyond the end of its palette"), "{beyond}");
}

#[test]
fn one_bit_is_black_or_white_as_the_file_says() {
    let row = [0x0f, 0xff, 0xff, 0xf0];
    let pixels = row.repeat(28);
    for (photometric, left, right) in [(1, 0.0, 255.0), (0, 255.0, 0.0)] {
        let (values, _) = seen(&by_hand(1, photometric, &[], &pixels));
        assert_eq!(
            (values[3], values[4], values[27]),
            (left, right, right),
            "{photometric}"
        );
    }
}

#[test]
fn a_file_cut_short_of_another_kind_or_of_too_many_pixels_is_refused() {
    let whole = by_hand(8, 1, &[], &[0; 784]);
    for length in [8, 60, 100, whole.len() - 100] {
        let said = refused(&whole[..length]).to_string();
        assert_eq!(
            said, "bad-image: this TIFF is cut short: send the whole file",
            "{length}"
        );
    }
    for bits in [3, 12, 24, 32] {
        let reject = refused(&by_hand(bits, 1, &[], &[0; 784 * 4]));
        assert_eq!(reject.code, Code::BadImage, "{bits}: {reject}");
    }
    let mut large = whole;
    large[18..22].fill(0xff);
    assert_eq!(refused(&large).code, Code::TooLarge);
}
