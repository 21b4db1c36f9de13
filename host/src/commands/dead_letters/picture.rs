//! A payload as a picture in the terminal: half blocks in levels of grey, or characters where nobody sees colours.
//!
//! A letter is often one because its pixels are not of the model's size, so any size is drawn, and of a batch the first image.

use std::fmt::Write;
use std::io::Cursor;

use anstyle::{Ansi256Color, Style};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::imageops::{self, FilterType};
use image::{GrayImage, ImageBuffer, Luma};
use indicatif::HumanCount;
use serde_json::Value;

use crate::images::{self, Shape, npy};
use crate::message::Message;

/// The longer side, in characters of a line: two pixels stand above each other in one, so that 80 x 24 has room for all of it and
/// for what stands above.
const MOST: u32 = 30;

/// From black to white, as on a dark ground.
const LEVELS: &[u8] = b" .:-=+*#%@";

/// The upper half of its place in the colour of the text, the lower one in that of the ground.
const HALF: char = '▀';

/// An image in grey, small enough to be drawn.
#[derive(Debug, PartialEq)]
pub struct Picture {
    grey: GrayImage,
    /// Before it was made smaller.
    size: (u32, u32),
    /// How many images the payload has.
    images: u64,
}

impl Picture {
    /// PNG and JPEG, npy of bytes, bytes of a shape that is named, the nested lists of JSON; and a file of these in Base64. None: it is
    /// none of these.
    pub fn of(message: &Message) -> Option<Self> {
        let body = message.body();
        match named_shape(message) {
            Some((images, shape)) => Self::of_bytes(shape, images, body),
            None => Self::of_file(body).or_else(|| of_text(std::str::from_utf8(body).ok()?.trim())),
        }
    }

    fn of_file(bytes: &[u8]) -> Option<Self> {
        if let Some(decoded) = images::decode(Cursor::new(bytes)) {
            return Self::new(decoded.into_luma8(), 1);
        }
        if !bytes.starts_with(npy::MAGIC) {
            return None;
        }
        let mut rest = bytes;
        let layout = npy::layout(&mut rest).ok()?;
        Self::of_bytes(layout.shape, layout.images, rest)
    }

    fn new(grey: GrayImage, images: u64) -> Option<Self> {
        let size @ (width, height) = grey.dimensions();
        let longest = width.max(height);
        if longest <= MOST {
            return (width > 0 && height > 0).then_some(Self { grey, size, images });
        }
        let scaled = |side: u32| (u64::from(side) * u64::from(MOST) / u64::from(longest)).max(1);
        // Both at most the bound.
        let grey = imageops::resize(&grey, scaled(width) as u32, scaled(height) as u32, FilterType::Triangle);
        Some(Self { grey, size, images })
    }

    /// The first image of rows of bytes; its channels are averaged.
    fn of_bytes(shape: Shape, images: u64, bytes: &[u8]) -> Option<Self> {
        let image = bytes.get(..usize::try_from(shape.values()?).ok()?)?;
        let channels = usize::try_from(shape.channels).ok().filter(|channels| *channels > 0)?;
        let pixels = image
            .chunks(channels)
            .map(|pixel| pixel.iter().map(|value| f64::from(*value)).sum::<f64>() / channels as f64);
        Self::of_pixels((shape.width, shape.height), pixels.collect(), images)
    }

    fn of_pixels((width, height): (u64, u64), pixels: Vec<f64>, images: u64) -> Option<Self> {
        let is_scaled =
            pixels.iter().all(|pixel| (0.0..=1.0).contains(pixel)) && pixels.iter().any(|pixel| pixel.fract() > 0.0);
        let factor = if is_scaled { 255.0 } else { 1.0 };
        let pixels = pixels
            .into_iter()
            .map(|pixel| (pixel * factor).round().clamp(0.0, 255.0) as u8)
            .collect();
        let grey = ImageBuffer::from_raw(width.try_into().ok()?, height.try_into().ok()?, pixels)?;
        Self::new(grey, images)
    }

    /// Its size, and whether the payload has more.
    pub fn caption(&self) -> String {
        let (width, height) = self.size;
        match self.images {
            1 => format!("{width} x {height} pixels"),
            images => format!("{width} x {height} pixels, the first of {} images", HumanCount(images)),
        }
    }

    /// In lines of at most `columns`.
    pub fn drawn(&self, columns: usize, has_colours: bool) -> String {
        let columns = u32::try_from(columns).unwrap_or(u32::MAX).min(self.grey.width());
        let level = |x: u32, y: u32| self.grey.get_pixel_checked(x, y).map_or(0, |Luma([level])| *level);
        let mut drawn = String::new();
        for y in (0..self.grey.height()).step_by(2) {
            let mut line = String::new();
            let mut shown = None;
            for x in 0..columns {
                let pair = [level(x, y), level(x, y + 1)];
                if !has_colours {
                    line.push(character(pair));
                    continue;
                }
                if shown != Some(pair) {
                    let [upper, lower] = pair.map(|level| Some(Ansi256Color(grey(level)).into()));
                    // Writing to a string cannot fail.
                    let _ = write!(line, "{}", Style::new().fg_color(upper).bg_color(lower));
                    shown = Some(pair);
                }
                line.push(HALF);
            }
            if has_colours {
                let _ = write!(line, "{}", anstyle::Reset);
            }
            drawn += line.trim_end_matches(' ');
            drawn.push('\n');
        }
        drawn
    }
}

/// Black, 24 levels of grey and white stand at these numbers of the 256 colours of a terminal.
fn grey(level: u8) -> u8 {
    match level {
        ..4 => 16,
        247.. => 231,
        level => u8::try_from(232 + (u16::from(level) - 4) * 24 / 243).unwrap_or(255),
    }
}

/// The character that is as light as both together.
fn character(pair: [u8; 2]) -> char {
    let [upper, lower] = pair.map(usize::from);
    let number = (upper + lower) * (LEVELS.len() - 1) / (2 * 255);
    char::from(LEVELS.get(number).copied().unwrap_or(b' '))
}

/// Of `application/octet-stream;shape=40,28,28,1`: the number of images, and the shape of each.
fn named_shape(message: &Message) -> Option<(u64, Shape)> {
    let media = message.content_type()?.to_ascii_lowercase();
    let shape = media
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("shape="))?;
    let sizes = shape.trim_matches('"').split(',').map(|size| size.trim().parse().ok());
    let layout = images::Layout::from_dimensions(&sizes.collect::<Option<Vec<u64>>>()?).ok()?;
    Some((layout.images, layout.shape))
}

/// The first image of `{"array": [...]}` or a bare list, either of which may be encoded once more as a string; or a file in
/// Base64 in the place of either.
fn of_text(text: &str) -> Option<Picture> {
    let value = match serde_json::from_str(text) {
        Ok(Value::String(inner)) => match serde_json::from_str(&inner) {
            Ok(value) => value,
            Err(_) => return of_base64(&inner),
        },
        Ok(value) => value,
        Err(_) => return of_base64(text),
    };
    let value = match &value {
        Value::Object(members) => members.get("array")?,
        list => list,
    };
    if let Value::String(inner) = value {
        return of_base64(inner);
    }
    let images = value.as_array()?;
    match depth(value) {
        2 => of_rows(images, 1),
        // Grey, or colours with or without transparency.
        3 if is_pixel(value) => of_rows(images, 1),
        3 | 4 => of_rows(images.first()?.as_array()?, images.len() as u64),
        _ => None,
    }
}

/// Bare, or as a data URL; lines may be broken.
fn of_base64(text: &str) -> Option<Picture> {
    let encoded = match text.strip_prefix("data:") {
        Some(url) => url.split_once(";base64,")?.1,
        None => text,
    };
    let encoded: String = encoded.split_ascii_whitespace().collect();
    Picture::of_file(&BASE64_STANDARD.decode(encoded).ok()?)
}

/// How many lists stand in each other, by the first of each.
fn depth(value: &Value) -> usize {
    value.as_array().map_or(0, |list| 1 + list.first().map_or(0, depth))
}

/// Whether the innermost list is one pixel's channels.
fn is_pixel(value: &Value) -> bool {
    let innermost = value.get(0).and_then(|row| row.get(0)).and_then(Value::as_array);
    innermost.is_some_and(|values| matches!(values.len(), 1 | 3 | 4))
}

fn of_rows(rows: &[Value], images: u64) -> Option<Picture> {
    let width = rows.first()?.as_array()?.len();
    let mut pixels = Vec::new();
    for row in rows {
        let row = row.as_array().filter(|row| row.len() == width)?;
        for pixel in row {
            pixels.push(match pixel {
                Value::Array(channels) => {
                    let values: Option<Vec<f64>> = channels.iter().map(Value::as_f64).collect();
                    values?.iter().sum::<f64>() / channels.len().max(1) as f64
                }
                value => value.as_f64()?,
            });
        }
    }
    Picture::of_pixels((width as u64, rows.len() as u64), pixels, images)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::images::{python_message, test_images};

    fn message(media: &str, body: impl Into<bytes::Bytes>) -> Message {
        let mut message = Message::new(body.into());
        if !media.is_empty() {
            message.set_header("content-type", media.to_owned());
        }
        message
    }

    fn drawn(message: &Message) -> String {
        Picture::of(message).unwrap().drawn(80, false)
    }

    #[test]
    fn the_same_pixels_are_the_same_picture_in_every_format() {
        let expected = " @\n@\n";
        let pixels = [0, 255, 0, 255, 255, 0, 255, 0];
        let mut png = Vec::new();
        let grey = GrayImage::from_raw(2, 4, pixels.to_vec()).unwrap();
        grey.write_to(&mut Cursor::new(&mut png), image::ImageFormat::Png)
            .unwrap();
        let mut npy = b"\x93NUMPY\x01\x00".to_vec();
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 4, 2, 1), }\n";
        npy.extend((header.len() as u16).to_le_bytes());
        npy.extend(header.as_bytes());
        npy.extend(pixels);
        let [of_png, of_npy] = [&png, &npy].map(|file| BASE64_STANDARD.encode(file));
        for letter in [
            message("", png),
            message("", npy),
            message("", of_npy.clone()),
            message("", format!("\"{of_npy}\"")),
            message("", format!("{{\"array\": \"{of_png}\"}}")),
            message("text/plain", format!("data:image/png;base64,{of_png}\n")),
            message("", format!("\"data:image/png;base64,{of_png}\"")),
            message("application/octet-stream;shape=1,4,2,1", pixels.to_vec()),
            message("", "[[0, 255], [0, 255], [255, 0], [255, 0]]"),
            message("", "[[0.0, 1.0], [0.0, 1.0], [1.0, 0.001], [1.0, 0.0]]"),
            message(
                "",
                "{\"array\": [[[[0], [255]], [[0], [255]], [[255], [0]], [[255], [0]]]]}",
            ),
            message(
                "",
                "\"{\\\"array\\\": [[[0, 255], [0, 255], [255, 0], [255, 0]], []]}\"",
            ),
        ] {
            assert_eq!(drawn(&letter), expected, "{letter:?}");
        }
    }

    #[test]
    fn of_the_python_program_s_message_the_first_image_is_drawn() {
        let batch = test_images().unwrap().read(3).unwrap().unwrap();
        let picture = Picture::of(&Message::new(python_message(&batch))).unwrap();
        assert_eq!(picture.caption(), "28 x 28 pixels, the first of 3 images");
        assert_eq!(picture.grey.as_raw()[..], batch.pixels[..784]);
        assert_eq!(picture.drawn(80, false).lines().count(), 14);
    }

    #[test]
    fn colours_are_levels_of_grey_and_end_with_the_line() {
        let picture = Picture::of(&message("", "[[0, 0], [255, 255]]")).unwrap();
        assert_eq!(picture.drawn(80, true), "\u{1b}[38;5;16m\u{1b}[48;5;231m▀▀\u{1b}[0m\n");
        assert_eq!([3, 4, 128, 246, 247].map(grey), [16, 232, 244, 255, 231]);
    }

    #[test]
    fn a_large_picture_fits_into_a_small_terminal() {
        let grey = GrayImage::from_pixel(900, 300, Luma([200]));
        let picture = Picture::new(grey, 1).unwrap();
        assert_eq!(picture.caption(), "900 x 300 pixels");
        let drawn = picture.drawn(80, false);
        assert_eq!((drawn.lines().count(), drawn.lines().next().unwrap().len()), (5, 30));
    }

    #[test]
    fn what_is_no_picture_is_none() {
        for body in [
            "",
            "hello",
            "[1, 2]",
            "[[1, 2], [3]]",
            "[[\"a\"]]",
            "{\"array\": 1}",
            "[[]]",
            "{}",
        ] {
            assert_eq!(Picture::of(&Message::new(body)), None, "{body}");
        }
        assert_eq!(
            Picture::of(&message("application/octet-stream;shape=2,2", vec![1; 3])),
            None
        );
        assert_eq!(
            Picture::of(&message(
                "application/octet-stream;shape=99999999999,99999999999",
                vec![1; 3]
            )),
            None
        );
    }

    proptest! {
        #[test]
        fn no_payload_makes_it_panic(
            body in prop_oneof![prop::collection::vec(any::<u8>(), 0..64), "[\\[\\]{}0-9,. \"a]{0,40}".prop_map(String::into_bytes)],
            media in "application/octet-stream(;shape=[0-9,]{0,12})?",
        ) {
            if let Some(picture) = Picture::of(&message(&media, body)) {
                let _ = (picture.drawn(7, true), picture.drawn(7, false), picture.caption());
            }
        }
    }
}
