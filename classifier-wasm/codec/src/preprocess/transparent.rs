//! Partly transparent pictures: put on black, the background of the models' images, which stays black if the picture
//! is inverted.
//!
//! A picture that is dark throughout would be invisible there. It has its shape in its transparency, like ink on
//! paper, so it is always inverted.

use super::{Preparation, Prepared, Source, luma};
use crate::images::ImageShape;
use crate::prepare::{Invert, Prepare};

/// Below this a value is invisible on black.
const DARK: u8 = 64;

/// Such a picture on its way to the model.
#[derive(Debug)]
pub struct Transparent {
    channels: usize,
    pixels: usize,
    on_black: Preparation,
    /// Inverted, except where it is transparent.
    exchanged: Preparation,
    is_dark: bool,
    opaque: usize,
    light: Vec<u8>,
    dark: Vec<u8>,
}

impl Transparent {
    /// Waits for the rows of `source`, whose channels do not include transparency.
    pub fn new(source: Source, prepare: &Prepare, image: ImageShape) -> Transparent {
        let left_alone = Prepare {
            invert: Invert::Never,
            ..*prepare
        };
        Transparent {
            channels: source.channels,
            pixels: source.width * source.height,
            on_black: Preparation::new(source, prepare, image),
            exchanged: Preparation::new(source, &left_alone, image),
            is_dark: true,
            opaque: 0,
            light: Vec::new(),
            dark: Vec::new(),
        }
    }

    /// Adds a row like [`Preparation::add`], each pixel with its opacity.
    pub fn add(&mut self, row: usize, pixels: &[u8]) {
        self.light.clear();
        self.dark.clear();
        for pixel in pixels.chunks_exact(self.channels + 1) {
            let Some((alpha, colours)) = pixel.split_last() else {
                continue;
            };
            self.opaque += usize::from(*alpha == u8::MAX);
            for colour in colours {
                // At most alpha.
                let seen = ((u16::from(*colour) * u16::from(*alpha) + 127) / 255) as u8;
                self.light.push(seen);
                self.dark.push(alpha - seen);
            }
        }
        self.is_dark &= match self.channels {
            1 => self.light.iter().all(|grey| *grey < DARK),
            _ => self.light.as_chunks().0.iter().all(|colour| luma(*colour) < DARK),
        };
        self.on_black.add(row, &self.light);
        self.exchanged.add(row, &self.dark);
    }

    /// The image, once all rows are added.
    pub fn finish(self) -> Prepared {
        let is_ink = self.is_dark && self.opaque < self.pixels;
        match is_ink || self.on_black.is_inverted() {
            true => self.exchanged.finish(),
            false => self.on_black.finish(),
        }
    }
}
