//! PNG, a row at a time.

use std::io::Cursor;

use image::metadata::Orientation;
use png::{BitDepth, Decoder, DecodingError, Limits, Reader, Transformations};

use super::{bad, check_size};
use crate::images::ImageShape;
use crate::prepare::Prepare;
use crate::preprocess::{Preparation, Prepared, Source, Transparent};
use crate::reject::{Code, Reject};

/// Most memory that the decoder may take, in bytes: many times a row of the longest.
const MAX_DECODED: usize = 64 * 1024 * 1024;

/// Reads `body`.
pub fn decode(body: &[u8], prepare: &Prepare, image: ImageShape) -> Result<Prepared, Reject> {
    let mut reader = open(body)?;
    let (source, has_alpha) = source(&reader);
    let samples = match reader.info().bit_depth {
        BitDepth::Sixteen => {
            let samples = Samples::of_16_bits(reader, source.channels)?;
            reader = open(body)?;
            samples
        }
        _ => Samples::Bytes,
    };
    let mut narrow = Vec::new();
    if has_alpha {
        let mut preparation = Transparent::new(source, prepare, image);
        each_row(reader, |row, pixels| {
            preparation.add(row, samples.narrow(pixels, source.channels + 1, &mut narrow));
            true
        })?;
        Ok(preparation.finish())
    } else {
        let mut preparation = Preparation::new(source, prepare, image);
        each_row(reader, |row, pixels| {
            preparation.add(row, samples.narrow(pixels, source.channels, &mut narrow));
            true
        })?;
        Ok(preparation.finish())
    }
}

type PngReader<'a> = Reader<Cursor<&'a [u8]>>;

/// Reads to where the pixels begin. They come as 8 or 16 bits, grey or in red, green and blue, with or without alpha.
fn open(body: &[u8]) -> Result<PngReader<'_>, Reject> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(body), Limits { bytes: MAX_DECODED });
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(refused)?;
    check_size(header.width as usize, header.height as usize)?;
    decoder.read_info().map_err(refused)
}

/// The picture, and whether it may be transparent.
fn source(reader: &PngReader) -> (Source, bool) {
    let info = reader.info();
    let (colour, _) = reader.output_color_type();
    let exif = info.exif_metadata.as_deref();
    let has_alpha = matches!(colour.samples(), 2 | 4);
    let source = Source {
        width: info.width as usize,
        height: info.height as usize,
        channels: colour.samples() - usize::from(has_alpha),
        orientation: exif
            .and_then(Orientation::from_exif_chunk)
            .unwrap_or(Orientation::NoTransforms),
    };
    (source, has_alpha)
}

/// Gives each row to `take`, until that has enough: its number, and its pixels as the file has them. A row of an interlaced
/// picture comes in parts, each with zeros where the others have their pixels.
fn each_row(mut reader: PngReader, mut take: impl FnMut(usize, &[u8]) -> bool) -> Result<(), Reject> {
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    if !reader.info().interlaced {
        for number in 0..height {
            let row = reader.next_row().map_err(refused)?.ok_or_else(ends_early)?;
            if !take(number, row.data()) {
                return Ok(());
            }
        }
    } else {
        let length = reader.output_line_size(reader.info().width).unwrap_or_default();
        let stride = (length / width.max(1)).max(1);
        let mut part = vec![0; length];
        for (left, across, top, down) in PASSES {
            for number in (top..height).step_by(down).filter(|_| left < width) {
                let row = reader.next_row().map_err(refused)?.ok_or_else(ends_early)?;
                part.fill(0);
                let places = part.chunks_exact_mut(stride).skip(left).step_by(across);
                for (place, pixel) in places.zip(row.data().chunks_exact(stride)) {
                    place.copy_from_slice(pixel);
                }
                if !take(number, &part) {
                    return Ok(());
                }
            }
        }
    }
    // Reads on to where the pixels end, which may be missing.
    reader.next_row().map(|_| ()).map_err(refused)
}

/// The passes of an interlaced picture: the first column and the step to the next, and the same of rows.
const PASSES: [(usize, usize, usize, usize); 7] = [
    (0, 8, 0, 8),
    (4, 8, 0, 8),
    (0, 4, 4, 8),
    (2, 4, 0, 4),
    (0, 2, 2, 4),
    (1, 2, 0, 2),
    (0, 1, 1, 2),
];

/// What the samples of a picture are.
#[derive(Clone, Copy)]
enum Samples {
    Bytes,
    /// Of 16 bits, of which some programs fill the lower 8 alone: what would be black throughout is taken for that.
    Words {
        /// No colour is above 255.
        has_low_colours: bool,
        /// No pixel is more opaque than 255 of 65,535.
        has_low_alpha: bool,
    },
}

impl Samples {
    fn of_16_bits(reader: PngReader, channels: usize) -> Result<Samples, Reject> {
        let samples = reader.output_color_type().0.samples();
        let (mut has_low_colours, mut has_low_alpha) = (true, samples > channels);
        each_row(reader, |_, pixels| {
            for pixel in pixels.as_chunks::<2>().0.chunks_exact(samples) {
                let (colours, alpha) = pixel.split_at_checked(channels).unwrap_or_default();
                has_low_colours &= colours.iter().all(|[high, _]| *high == 0);
                has_low_alpha &= alpha.iter().all(|[high, _]| *high == 0);
            }
            has_low_colours || has_low_alpha
        })?;
        Ok(Samples::Words {
            has_low_colours,
            has_low_alpha,
        })
    }

    /// A row in 8 bits, `samples` to a pixel, the last of which is alpha where there are 2 or 4.
    fn narrow<'a>(self, row: &'a [u8], samples: usize, narrow: &'a mut Vec<u8>) -> &'a [u8] {
        let Samples::Words {
            has_low_colours,
            has_low_alpha,
        } = self
        else {
            return row;
        };
        narrow.clear();
        for pixel in row.as_chunks::<2>().0.chunks_exact(samples) {
            narrow.extend(pixel.iter().enumerate().map(|(sample, [high, low])| {
                let is_alpha = samples.is_multiple_of(2) && sample + 1 == samples;
                match if is_alpha { has_low_alpha } else { has_low_colours } {
                    true => *low,
                    // To the nearest: 65,535 is 255 times 257.
                    false => ((u32::from(u16::from_be_bytes([*high, *low])) + 128) / 257) as u8,
                }
            }));
        }
        narrow
    }
}

fn refused(error: DecodingError) -> Reject {
    match error {
        DecodingError::LimitsExceeded => Reject::new(
            Code::TooLarge,
            format!("a PNG that takes more than {MAX_DECODED} bytes beside its pixels: save it without metadata"),
        ),
        error => bad(error.to_string()),
    }
}

fn ends_early() -> Reject {
    bad("the picture is shorter than its header says")
}
