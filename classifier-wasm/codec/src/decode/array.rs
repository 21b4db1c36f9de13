//! The result of reading a format: images of the model's size, before they are scaled to 0 to 255.

use super::Decoded;
use crate::dtype::Dtype;
use crate::images::{ImageShape, Images, Pixels};
use crate::prepare::Scale;
use crate::reject::{Code, Reject};
use crate::warning::Warning;

/// Images as they were sent.
#[derive(Debug)]
pub struct Array {
    /// How many.
    pub count: usize,
    /// Row-major N, H, W, C.
    pub pixels: Pixels,
    /// What the values mean.
    pub kind: Kind,
    /// Why they may not be what the sender meant, each once.
    pub warnings: Vec<Warning>,
}

/// What values mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Numbers on any scale.
    Numbers,
    /// Bools, 0 and 1, so their scale is known.
    Bits,
    /// Pixels of pictures, 0 to 255.
    Pixels,
}

impl Kind {
    /// What values of a type are.
    pub fn of(dtype: Dtype) -> Kind {
        if dtype.is_bool() { Kind::Bits } else { Kind::Numbers }
    }
}

impl Array {
    /// Numbers, or bits, of a tensor of `shape`.
    pub fn of_tensor(shape: &[usize], pixels: Pixels, kind: Kind, image: ImageShape) -> Result<Array, Reject> {
        let (count, layout) = image.count(shape)?;
        // The reader has counted them; `Images` checks that.
        Ok(Array {
            count,
            pixels: layout.arrange(pixels, image),
            kind,
            warnings: Vec::new(),
        })
    }

    /// Appends the images of `other`.
    pub fn append(&mut self, other: Array, image: ImageShape) -> Result<(), Reject> {
        if self.kind != other.kind {
            let detail = "pictures and arrays of numbers in one list: send them in two messages";
            return Err(Reject::new(Code::BadArray, detail));
        }
        self.count += other.count;
        if self.count > image.max_images() {
            return Err(image.too_many(self.count));
        }
        self.pixels.append(other.pixels);
        other.warnings.into_iter().for_each(|warning| self.warn(warning));
        Ok(())
    }

    /// Adds a warning.
    pub fn warn(&mut self, warning: Warning) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// The images on the scale 0 to 255.
    pub fn finish(mut self, scale: Scale, image: ImageShape) -> Result<Decoded, Reject> {
        let ends_at_1 = match self.kind {
            Kind::Numbers => seem_to_end_at_1(&self.pixels),
            Kind::Bits => true,
            Kind::Pixels => false,
        };
        let is_of_unit_range = match (self.kind, scale) {
            (Kind::Pixels, _) | (_, Scale::Byte) => false,
            (_, Scale::One) | (Kind::Bits, _) => true,
            (Kind::Numbers, Scale::Auto) => ends_at_1,
            (Kind::Numbers, Scale::Unsaid) => {
                if ends_at_1 {
                    self.warn(Warning::PixelsOf0To1);
                }
                false
            }
        };
        let images = match is_of_unit_range {
            true => Images::of_unit_range(image, self.count, self.pixels)?,
            false => Images::new(image, self.count, self.pixels)?,
        };
        Ok(Decoded {
            images,
            warnings: self.warnings,
        })
    }
}

/// Whether numbers can hardly be pixels of 0 to 255: all are within 0 to 1, and some are fractions. With only zeros
/// and ones nobody can tell, and a black image is black on every scale.
fn seem_to_end_at_1(pixels: &Pixels) -> bool {
    let Pixels::F32(values) = pixels else {
        return false;
    };
    values.iter().all(|value| (0.0..=1.0).contains(value)) && values.iter().any(|value| value.fract() != 0.0)
}
