//! PNG, a row at a time.

use std::io::Cursor;

use image::metadata::Orientation;
use png::{BitDepth, Decoder, DecodingError, Limits, Transformations};

use super::fault::{cut_short, damaged};
use super::samples::Words;
use crate::decode::Reader;
use crate::preprocess::{Prepared, Rows, Source};
use crate::reject::{Code, Reject};

/// Most memory that the decoder may take, in bytes: many times a row of the longest.
const MAX_DECODED: usize = 64 * 1024 * 1024;

/// Reads `body`, and tells whether it is an animation. Of an animation it reads the image that programs without
/// animation support show.
pub fn decode(body: &[u8], reader: &mut Reader) -> Result<(Prepared, bool), Reject> {
    let mut file = open(body, reader)?;
    let (source, has_alpha) = source(&file);
    let is_animated = file
        .info()
        .animation_control
        .is_some_and(|animation| animation.num_frames > 1);
    let words = match file.info().bit_depth {
        BitDepth::Sixteen => {
            let mut words = Words::new(source.channels, has_alpha);
            each_row(file, |_, pixels| words.look(in_words(pixels)))?;
            file = start(body)?;
            Some(words)
        }
        _ => None,
    };
    let mut rows = Rows::new(source, has_alpha, reader.prepare, reader.image);
    let mut narrow = Vec::new();
    each_row(file, |row, pixels| {
        match words {
            Some(words) => {
                narrow.clear();
                narrow.extend(words.narrow(in_words(pixels)));
                rows.add(row, &narrow);
            }
            None => rows.add(row, pixels),
        }
        true
    })?;
    Ok((rows.finish(), is_animated))
}

fn in_words(pixels: &[u8]) -> impl Iterator<Item = u16> {
    pixels.as_chunks().0.iter().copied().map(u16::from_be_bytes)
}

type PngReader<'a> = png::Reader<Cursor<&'a [u8]>>;

/// Reads to where the pixels begin, unless there are too many.
fn open<'a>(body: &'a [u8], reader: &mut Reader) -> Result<PngReader<'a>, Reject> {
    let mut decoder = decoder(body);
    let header = decoder.read_header_info().map_err(refused)?;
    reader.admit(header.width as usize, header.height as usize)?;
    decoder.read_info().map_err(refused)
}

/// The same once more.
fn start(body: &[u8]) -> Result<PngReader<'_>, Reject> {
    decoder(body).read_info().map_err(refused)
}

/// Gives pixels of 8 or 16 bits, grey or in red, green and blue, with or without alpha.
fn decoder(body: &[u8]) -> Decoder<Cursor<&[u8]>> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(body), Limits { bytes: MAX_DECODED });
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder
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

fn refused(error: DecodingError) -> Reject {
    match error {
        DecodingError::LimitsExceeded => Reject::new(
            Code::TooLarge,
            format!("a PNG that takes more than {MAX_DECODED} bytes beside its pixels: save it without metadata"),
        ),
        DecodingError::IoError(_) => cut_short("PNG"),
        error => damaged("PNG", error),
    }
}

fn ends_early() -> Reject {
    cut_short("PNG")
}
