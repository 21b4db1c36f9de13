//! Pictures that are transparent in part: on black, which is the ground that the models have.
//!
//! A picture that is dark throughout would not be seen there. It has its shape in its transparency, as ink on paper: put on
//! white and exchanged light for dark, it is light on black like any other.

use super::{Preparation, Prepared, Source, luma};
use crate::images::ImageShape;
use crate::prepare::{Invert, Prepare};

/// On black nothing is seen of what stays below this.
const DARK: u8 = 64;

/// Such a picture on its way to the model.
#[derive(Debug)]
pub struct Transparent {
    channels: usize,
    pixels: usize,
    on_black: Preparation,
    as_ink: Preparation,
    is_dark: bool,
    opaque: usize,
    black: Vec<u8>,
    ink: Vec<u8>,
}

impl Transparent {
    /// Waits for the rows of `source`, whose channels are without the one of transparency.
    pub fn new(source: Source, prepare: &Prepare, image: ImageShape) -> Transparent {
        // Ink is exchanged already.
        let ink = Prepare {
            invert: Invert::Never,
            ..*prepare
        };
        Transparent {
            channels: source.channels,
            pixels: source.width * source.height,
            on_black: Preparation::new(source, prepare, image),
            as_ink: Preparation::new(source, &ink, image),
            is_dark: true,
            opaque: 0,
            black: Vec::new(),
            ink: Vec::new(),
        }
    }

    /// Takes in a row like [`Preparation::add`], each pixel with how opaque it is.
    pub fn add(&mut self, row: usize, pixels: &[u8]) {
        self.black.clear();
        self.ink.clear();
        for pixel in pixels.chunks_exact(self.channels + 1) {
            let Some((alpha, colours)) = pixel.split_last() else {
                continue;
            };
            self.opaque += usize::from(*alpha == u8::MAX);
            for colour in colours {
                // At most alpha, which is what the white behind it would leave of it.
                let seen = ((u16::from(*colour) * u16::from(*alpha) + 127) / 255) as u8;
                self.black.push(seen);
                self.ink.push(alpha - seen);
            }
        }
        self.is_dark &= match self.channels {
            1 => self.black.iter().all(|grey| *grey < DARK),
            _ => self.black.as_chunks().0.iter().all(|colour| luma(*colour) < DARK),
        };
        self.on_black.add(row, &self.black);
        self.as_ink.add(row, &self.ink);
    }

    /// The image, once every row has come.
    pub fn finish(self) -> Prepared {
        match self.is_dark && self.opaque < self.pixels {
            true => self.as_ink.finish(),
            false => self.on_black.finish(),
        }
    }
}
