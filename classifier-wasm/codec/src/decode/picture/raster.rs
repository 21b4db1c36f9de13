//! A picture that its decoder gives as a whole.

use image::metadata::Orientation;

use super::fault::bad;
use super::samples::Words;
use crate::decode::Reader;
use crate::preprocess::{Prepared, Rows, Source};
use crate::reject::Reject;

/// All pixels, row by row.
#[derive(Debug)]
pub struct Raster {
    pub width: usize,
    pub height: usize,
    /// 1: grey. 3: red, green, blue.
    pub channels: usize,
    /// Whether each pixel has one more sample, how opaque it is.
    pub has_alpha: bool,
    pub pixels: Pixels,
    pub orientation: Orientation,
}

#[derive(Debug)]
pub enum Pixels {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
}

impl Raster {
    /// Makes it the model's image.
    pub fn prepare(&self, reader: &Reader) -> Result<Prepared, Reject> {
        let source = Source {
            width: self.width,
            height: self.height,
            channels: self.channels,
            orientation: self.orientation,
        };
        let stride = self.width * (self.channels + usize::from(self.has_alpha));
        let length = match &self.pixels {
            Pixels::Bytes(bytes) => bytes.len(),
            Pixels::Words(words) => words.len(),
        };
        if stride == 0 || length != stride * self.height {
            return Err(bad(
                "a picture that is shorter than its header says: send the whole file",
            ));
        }
        let mut rows = Rows::new(source, self.has_alpha, reader.prepare, reader.image);
        match &self.pixels {
            Pixels::Bytes(bytes) => {
                for (row, pixels) in bytes.chunks_exact(stride).enumerate() {
                    rows.add(row, pixels);
                }
            }
            Pixels::Words(words) => {
                let mut seen = Words::new(self.channels, self.has_alpha);
                seen.look(words.iter().copied());
                let mut narrow = Vec::with_capacity(stride);
                for (row, pixels) in words.chunks_exact(stride).enumerate() {
                    narrow.clear();
                    narrow.extend(seen.narrow(pixels.iter().copied()));
                    rows.add(row, &narrow);
                }
            }
        }
        Ok(rows.finish())
    }
}
