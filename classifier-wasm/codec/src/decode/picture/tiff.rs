//! TIFF: the first page, of 1 to 16 bits a sample, grey, in colours, of a palette or as printers mix them.

mod palette;

use std::io::Cursor;

use image::metadata::Orientation;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use self::palette::Palette;
use super::fault::{bad, cut_short, damaged, unsupported};
use super::raster::{Pixels, Raster};
use crate::decode::Reader;
use crate::preprocess::Prepared;
use crate::reject::{Code, Reject};

/// Most bytes that the pixels may take: four samples of 8 bits for each of as many as are taken.
const MAX_DECODED: usize = 4 * super::MAX_PIXELS;
/// Most bytes that a strip may take beside them, and a table of numbers.
const MAX_STRIP: usize = 64 * 1024 * 1024;
const MAX_TABLE: usize = 4 * 1024 * 1024;

/// Reads `body`, and tells whether there are more pages.
pub fn decode(body: &[u8], reader: &mut Reader) -> Result<(Prepared, bool), Reject> {
    // The decoder refuses a palette, and gives the places in it of a file that does not mention it.
    let palette = Palette::find(body);
    let without = palette.as_ref().map(|palette| palette.hidden(body));
    let body = without.as_deref().unwrap_or(body);

    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_DECODED;
    limits.intermediate_buffer_size = MAX_STRIP;
    limits.ifd_value_size = MAX_TABLE;
    let mut decoder = Decoder::new(Cursor::new(body)).map_err(refused)?.with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(refused)?;
    reader.admit(width as usize, height as usize)?;
    let orientation = decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten();
    let extra = decoder
        .find_tag_unsigned_vec::<u16>(Tag::ExtraSamples)
        .ok()
        .flatten()
        .unwrap_or_default();
    let colour = decoder.colortype().map_err(refused)?;
    let mut read = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut read).map_err(refused)?;
    if read.as_buffer(0).as_bytes().len() < layout.complete_len {
        return Err(too_large());
    }
    let planes = layout.planes;
    let width = width as usize;
    let (channels, has_alpha, pixels) = match (colour, read) {
        (ColorType::Gray(bits @ (1 | 2 | 4 | 8)), DecodingResult::U8(rows)) => {
            let places = unpacked(rows, width, bits);
            match &palette {
                Some(palette) => (3, false, palette.colours(&places)?),
                None => (1, false, Pixels::Bytes(scaled(places, bits))),
            }
        }
        (ColorType::Gray(16), DecodingResult::U16(words)) => (1, false, Pixels::Words(words)),
        (ColorType::RGB(8), DecodingResult::U8(bytes)) => (3, false, Pixels::Bytes(interleaved(bytes, planes))),
        (ColorType::RGB(16), DecodingResult::U16(words)) => (3, false, Pixels::Words(interleaved(words, planes))),
        (ColorType::RGBA(8), DecodingResult::U8(bytes)) => (3, true, Pixels::Bytes(interleaved(bytes, planes))),
        (ColorType::RGBA(16), DecodingResult::U16(words)) => (3, true, Pixels::Words(interleaved(words, planes))),
        // Grey, and how opaque that is.
        (ColorType::Multiband { num_samples: 2, .. }, DecodingResult::U8(bytes)) if is_alpha(&extra) => {
            (1, true, Pixels::Bytes(interleaved(bytes, planes)))
        }
        (ColorType::Multiband { num_samples: 2, .. }, DecodingResult::U16(words)) if is_alpha(&extra) => {
            (1, true, Pixels::Words(interleaved(words, planes)))
        }
        (ColorType::CMYK(8), DecodingResult::U8(bytes)) => {
            let inks = interleaved(bytes, planes);
            (
                3,
                false,
                Pixels::Bytes(inks.as_chunks().0.iter().copied().flat_map(of_inks).collect()),
            )
        }
        (ColorType::YCbCr(8), DecodingResult::U8(bytes)) => {
            let colours = interleaved(bytes, planes);
            (
                3,
                false,
                Pixels::Bytes(colours.as_chunks().0.iter().copied().flat_map(of_luma).collect()),
            )
        }
        (colour, _) => {
            let detail = format!(
                "a TIFF {}: save it grey or RGB, with 8 or 16 bits, or as PNG",
                kind(colour)
            );
            return Err(bad(detail));
        }
    };
    let raster = Raster {
        width,
        height: height as usize,
        channels,
        has_alpha,
        pixels,
        orientation: orientation
            .and_then(Orientation::from_exif)
            .unwrap_or(Orientation::NoTransforms),
    };
    Ok((raster.prepare(reader)?, decoder.more_images()))
}

/// Whether the first extra sample says how opaque a pixel is.
fn is_alpha(extra: &[u16]) -> bool {
    matches!(extra.first(), Some(1 | 2))
}

/// One sample a byte, of rows that begin with a byte each.
fn unpacked(rows: Vec<u8>, width: usize, bits: u8) -> Vec<u8> {
    if bits == 8 {
        return rows;
    }
    let bits = usize::from(bits);
    let of_byte = |byte: u8| {
        (0..8 / bits)
            .rev()
            .map(move |place| byte >> (place * bits) & ((1 << bits) - 1))
    };
    let rows = rows.chunks_exact((width * bits).div_ceil(8).max(1));
    rows.flat_map(|row| row.iter().copied().flat_map(of_byte).take(width))
        .collect()
}

/// Samples of fewer bits than 8 on the scale that ends at 255.
fn scaled(mut samples: Vec<u8>, bits: u8) -> Vec<u8> {
    let step = match bits {
        1 => 255,
        2 => 85,
        4 => 17,
        _ => return samples,
    };
    samples.iter_mut().for_each(|sample| *sample *= step);
    samples
}

/// Pixel by pixel, of samples that may come as one picture for each colour.
fn interleaved<T: Copy>(samples: Vec<T>, planes: usize) -> Vec<T> {
    if planes < 2 {
        return samples;
    }
    let pixels = samples.len() / planes;
    let places = (0..pixels).flat_map(|pixel| (0..planes).map(move |plane| plane * pixels + pixel));
    places.filter_map(|place| samples.get(place)).copied().collect()
}

/// Cyan, magenta, yellow and black on white.
fn of_inks([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    let light = |ink: u8| ((255 - u32::from(ink)) * (255 - u32::from(black)) + 127) / 255;
    [cyan, magenta, yellow].map(|ink| light(ink) as u8)
}

/// How light a pixel is, and how blue and how red, as JPEG has them.
fn of_luma([luma, blue, red]: [u8; 3]) -> [u8; 3] {
    let (luma, blue, red) = (f32::from(luma), f32::from(blue) - 128.0, f32::from(red) - 128.0);
    // A cast stops at 0 and 255.
    [
        luma + 1.402 * red,
        luma - 0.344_136 * blue - 0.714_136 * red,
        luma + 1.772 * blue,
    ]
    .map(|value| value.round() as u8)
}

fn refused(error: TiffError) -> Reject {
    match error {
        TiffError::LimitsExceeded => too_large(),
        TiffError::IoError(_) => cut_short("TIFF"),
        TiffError::UnsupportedError(error) => unsupported("TIFF", error),
        TiffError::FormatError(error) => damaged("TIFF", error),
        error => damaged("TIFF", error),
    }
}

/// What kind of pixels it has.
fn kind(colour: ColorType) -> String {
    let bits = colour.bit_depth();
    match colour {
        ColorType::Gray(_) | ColorType::GrayA(_) => format!("in grey of {bits} bits"),
        ColorType::RGB(_) | ColorType::RGBA(_) => format!("in RGB of {bits} bits"),
        ColorType::CMYK(_) | ColorType::CMYKA(_) => format!("in CMYK of {bits} bits"),
        ColorType::Lab(_) => "in CIE L*a*b*".to_owned(),
        ColorType::Multiband { num_samples, .. } => format!("of {num_samples} samples a pixel"),
        _ => format!("of {bits} bits a sample"),
    }
}

fn too_large() -> Reject {
    let detail = format!("a TIFF that takes more than {MAX_DECODED} bytes: save it with 8 bits");
    Reject::new(Code::TooLarge, detail)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
