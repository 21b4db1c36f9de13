//! A picture of any size and colour, made into one image of the model's size as its rows come in.
//!
//! `browser/src/picture/prepare.js` does the same to a picture, bit for bit, so that the same file gets the same answer in
//! the host and on the page.

mod transparent;

use image::metadata::Orientation;

use transparent::Transparent;

use crate::images::ImageShape;
use crate::prepare::{Fit, Invert, Prepare};
use crate::resize::{Axis, Resize};

/// A border with at least this mean is light.
const LIGHT: u64 = 128;
/// The weights of red, green and blue in the luma (ITU-R BT.709), of [`WHITE`]: an odd number, so that no value is
/// half-way, and a picture may be turned grey before or after it is inverted.
const LUMA: [u32; 3] = [2126, 7152, 721];
const WHITE: u32 = 9999;

/// What is known of a picture before its rows come.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// Pixels of a row, as stored.
    pub width: usize,
    /// Rows, as stored.
    pub height: usize,
    /// 1: grey. 3: red, green, blue.
    pub channels: usize,
    /// How what is stored is turned upright.
    pub orientation: Orientation,
}

/// A picture on its way to the model.
#[derive(Debug)]
pub struct Preparation {
    source: Source,
    image: ImageShape,
    invert: Invert,
    resize: Resize,
    border: Border,
    /// A row in the model's channels, where these are not the picture's.
    converted: Vec<u8>,
}

/// A picture on its way to the model, transparent in part or not.
#[derive(Debug)]
pub enum Rows {
    /// Every pixel is seen.
    Opaque(Box<Preparation>),
    /// Each pixel has one more sample: how opaque it is.
    Transparent(Box<Transparent>),
}

impl Rows {
    /// Waits for the rows of `source`, whose channels are without the one of transparency.
    pub fn new(source: Source, has_alpha: bool, prepare: &Prepare, image: ImageShape) -> Rows {
        match has_alpha {
            true => Rows::Transparent(Box::new(Transparent::new(source, prepare, image))),
            false => Rows::Opaque(Box::new(Preparation::new(source, prepare, image))),
        }
    }

    /// Takes in the pixels of a row, like [`Preparation::add`].
    pub fn add(&mut self, row: usize, pixels: &[u8]) {
        match self {
            Rows::Opaque(preparation) => preparation.add(row, pixels),
            Rows::Transparent(transparent) => transparent.add(row, pixels),
        }
    }

    /// The image, once all rows are added.
    pub fn finish(self) -> Prepared {
        match self {
            Rows::Opaque(preparation) => preparation.finish(),
            Rows::Transparent(transparent) => transparent.finish(),
        }
    }
}

/// An image of the model's size.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// Row-major H, W, C.
    pub values: Vec<u8>,
    /// The border of the picture is light, and the request does not say whether to invert it.
    pub has_light_border: bool,
}

impl Preparation {
    /// Waits for the rows of `source`.
    pub fn new(source: Source, prepare: &Prepare, image: ImageShape) -> Preparation {
        let Source { width, height, .. } = source;
        let is_on_its_side = is_on_its_side(source.orientation);
        let (across, down) = if is_on_its_side {
            (height, width)
        } else {
            (width, height)
        };
        let (window_across, window_down) = window(prepare.fit, across, down, image);
        let mut across = Axis::new(across, window_across, image.width);
        let mut down = Axis::new(down, window_down, image.height);
        let (left_is_right, top_is_bottom) = is_mirrored(source.orientation);
        if left_is_right {
            across = across.mirrored();
        }
        if top_is_bottom {
            down = down.mirrored();
        }
        let (columns, rows) = if is_on_its_side { (down, across) } else { (across, down) };
        Preparation {
            source,
            image,
            invert: prepare.invert,
            resize: Resize::new(columns, rows, image.channels),
            border: Border::new(width, height, image.channels),
            converted: Vec::new(),
        }
    }

    /// Takes in the pixels of a row, as it is stored. Rows may come in any order, and in parts, each with zeros where the
    /// others have their pixels.
    pub fn add(&mut self, row: usize, pixels: &[u8]) {
        let pixels = match (self.source.channels, self.image.channels) {
            (1, 3) => {
                self.converted.clear();
                self.converted.extend(pixels.iter().flat_map(|grey| [*grey; 3]));
                &self.converted
            }
            (3, 1) => {
                self.converted.clear();
                self.converted.extend(pixels.as_chunks().0.iter().copied().map(luma));
                &self.converted
            }
            _ => pixels,
        };
        let is_outermost = row == 0 || row + 1 == self.source.height;
        self.border.add(pixels, is_outermost);
        self.resize.add(row, pixels);
    }

    /// Whether the picture is inverted, once all rows are added.
    fn is_inverted(&self) -> bool {
        match self.invert {
            Invert::Unsaid | Invert::Never => false,
            Invert::Always => true,
            Invert::Auto => self.border.is_light(),
        }
    }

    /// The image, once all rows are added.
    pub fn finish(self) -> Prepared {
        let is_inverted = self.is_inverted();
        let has_light_border = self.invert == Invert::Unsaid && self.border.is_light();
        let values = self.resize.finish(is_inverted, self.border.mean(is_inverted));
        let values = if is_on_its_side(self.source.orientation) {
            transposed(&values, self.image)
        } else {
            values
        };
        Prepared {
            values,
            has_light_border,
        }
    }
}

/// The grey value of a colour.
pub fn luma(colour: [u8; 3]) -> u8 {
    let parts = colour.iter().zip(LUMA);
    let sum: u32 = parts.map(|(value, part)| u32::from(*value) * part).sum();
    // At most 255, as the parts are `WHITE` together.
    ((sum + WHITE / 2) / WHITE) as u8
}

/// How many pixels across and down, of an upright picture, become the model's image.
fn window(fit: Fit, width: usize, height: usize, image: ImageShape) -> (usize, usize) {
    let shape = image.width as f64 / image.height as f64;
    let (wide, high) = (width as f64, height as f64);
    if fit == Fit::Stretch || (wide / high / shape - 1.0).abs() < 0.01 {
        return (width, height);
    }
    let is_wider = wide / high > shape;
    // Sides have 16 bits.
    let across = ((high * shape).round() as usize).max(1);
    let down = ((wide / shape).round() as usize).max(1);
    match is_wider == (fit == Fit::Crop) {
        true => (across, height),
        false => (width, down),
    }
}

/// Whether a row as stored is a column of the upright picture.
fn is_on_its_side(orientation: Orientation) -> bool {
    orientation.to_exif() > 4
}

/// Whether the stored picture starts with the right side, and with the bottom, of the upright one.
fn is_mirrored(orientation: Orientation) -> (bool, bool) {
    let number = orientation.to_exif();
    (matches!(number, 2 | 3 | 6 | 7), matches!(number, 3 | 4 | 7 | 8))
}

/// The columns of an image as its rows.
fn transposed(values: &[u8], image: ImageShape) -> Vec<u8> {
    let ImageShape {
        height,
        width,
        channels,
    } = image;
    let pixel = |x: usize, y: usize| values.chunks_exact(channels).nth(x * height + y);
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    places.filter_map(|(x, y)| pixel(x, y)).flatten().copied().collect()
}

/// The outermost pixels of a picture. Their mean says whether it is light around, and is the colour of its margins.
#[derive(Debug)]
struct Border {
    channels: usize,
    pixels: u64,
    /// Of the values of each channel; a grey picture has only the first.
    sums: [u64; 3],
}

impl Border {
    fn new(width: usize, height: usize, channels: usize) -> Border {
        let within = width.saturating_sub(2) * height.saturating_sub(2);
        Border {
            channels,
            pixels: (width * height - within) as u64,
            sums: [0; 3],
        }
    }

    /// Takes in a row, which has its first and last pixel in the border, or all of them.
    fn add(&mut self, row: &[u8], is_outermost: bool) {
        let (first, rest) = row.split_at_checked(self.channels).unwrap_or_default();
        let (within, last) = rest.split_at(rest.len().saturating_sub(self.channels));
        let within = if is_outermost { within } else { &[] };
        for part in [first, within, last] {
            for pixel in part.chunks_exact(self.channels) {
                for (sum, value) in self.sums.iter_mut().zip(pixel) {
                    *sum += u64::from(*value);
                }
            }
        }
    }

    fn is_light(&self) -> bool {
        self.sums.iter().sum::<u64>() >= LIGHT * self.pixels * self.channels as u64
    }

    /// Of each channel, inverted or not.
    fn mean(&self, is_inverted: bool) -> [u64; 3] {
        self.sums.map(|sum| {
            let sum = if is_inverted { 255 * self.pixels - sum } else { sum };
            (sum + self.pixels / 2) / self.pixels.max(1)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
