//! The codecs' output and the model's input: N images of the model's size, in raw pixel values.

mod pixels;

use std::borrow::Cow;
use std::ops::RangeInclusive;

pub use pixels::Pixels;

use crate::reject::{Code, Reject};

/// Most images in one request, whatever their size.
const MAX_IMAGES: usize = 4096;
/// Most values (images x height x width x channels) in one request, so that a model of large images does not turn
/// [`MAX_IMAGES`] into gigabytes: 64 MiB as floats.
pub const MAX_VALUES: usize = 1 << 24;
/// Images, rows, columns, channels.
pub const MAX_RANK: usize = 4;

/// The size of one image in pixels, as the model wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// 1: grey. 3: red, green, blue.
    pub channels: usize,
}

impl ImageShape {
    /// Values in one image. A shape of more than [`MAX_VALUES`] is refused when its model is loaded.
    pub const fn values(self) -> usize {
        self.height * self.width * self.channels
    }

    /// The most images that one request may carry.
    pub fn max_images(self) -> usize {
        MAX_IMAGES.min(MAX_VALUES / self.values().max(1))
    }

    /// How many images a tensor of this shape holds, and where their channels are.
    ///
    /// (N, H, W, C) and (H, W, C); channels first, (N, C, H, W) and (C, H, W); and of a grey model, for which there is no other
    /// way to read them, (N, H, W), (H, W), (N, H x W) and (H x W). Where a shape fits both ways, the channels are last.
    pub fn count(self, shape: &[usize]) -> Result<(usize, Layout), Reject> {
        let ImageShape {
            height,
            width,
            channels,
        } = self;
        let is_image = |sides: &[usize]| sides == [height, width, channels];
        let is_first = |sides: &[usize]| sides == [channels, height, width];
        let is_grey = |sides: &[usize]| channels == 1 && (sides == [height, width] || sides == [height * width]);
        let (count, layout) = match *shape {
            [n, ref sides @ ..] if is_image(sides) => (n, Layout::ChannelsLast),
            ref sides if is_image(sides) => (1, Layout::ChannelsLast),
            [n, ref sides @ ..] if is_first(sides) => (n, Layout::ChannelsFirst),
            [n, ref sides @ ..] if is_grey(sides) => (n, Layout::ChannelsLast),
            ref sides if is_first(sides) => (1, Layout::ChannelsFirst),
            ref sides if is_grey(sides) => (1, Layout::ChannelsLast),
            _ => {
                let shape = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
                let detail = format!("shape ({shape}) does not fit the model: send (N, {height}, {width}, {channels})");
                return Err(Reject::new(Code::BadShape, detail));
            }
        };
        match count {
            0 => Err(Reject::new(Code::Empty, "a tensor of 0 images: send at least one")),
            n if n > self.max_images() => Err(self.too_many(n)),
            n => Ok((n, layout)),
        }
    }

    /// The refusal of `count` images.
    pub fn too_many(self, count: usize) -> Reject {
        let detail = format!("{count} images in one request: send at most {}", self.max_images());
        Reject::new(Code::TooManyImages, detail)
    }
}

/// Where a tensor has its channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// N, H, W, C.
    ChannelsLast,
    /// N, C, H, W.
    ChannelsFirst,
}

impl Layout {
    /// Whole images of `shape`, with their channels last.
    pub fn arrange(self, pixels: Pixels, shape: ImageShape) -> Pixels {
        // Of one channel both are the same.
        if self == Layout::ChannelsLast || shape.channels == 1 {
            return pixels;
        }
        match pixels {
            Pixels::U8(values) => Pixels::U8(channels_last(&values, shape)),
            Pixels::F32(values) => Pixels::F32(channels_last(&values, shape)),
        }
    }
}

/// Images of `shape` whose channels came first.
fn channels_last<T: Copy>(values: &[T], shape: ImageShape) -> Vec<T> {
    let (plane, image) = (shape.height * shape.width, shape.values());
    let from = |at: usize| at / image * image + at % shape.channels * plane + at % image / shape.channels;
    let places = (0..values.len()).map(from);
    places.filter_map(|place| values.get(place)).copied().collect()
}

/// A length in decimal digits. A length over this machine's limit becomes that limit, which is too many of anything,
/// so a 32-bit component refuses it with the same error.
pub fn length(digits: &str) -> Option<usize> {
    let length: u64 = digits.parse().ok()?;
    Some(usize::try_from(length).unwrap_or(usize::MAX))
}

/// N images: row-major N, H, W, C, every value finite and, but for [`Images::of_any_range`], within 0 to 255.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    shape: ImageShape,
    count: usize,
    pixels: Pixels,
}

impl Images {
    /// Checks that `pixels` are `count` images of `shape` in raw pixel values.
    pub fn new(shape: ImageShape, count: usize, pixels: impl Into<Pixels>) -> Result<Images, Reject> {
        Images::checked(0.0..=255.0, shape, count, pixels.into())
    }

    /// The same for pixels from 0 to 1, which are multiplied by 255.
    pub fn of_unit_range(shape: ImageShape, count: usize, pixels: impl Into<Pixels>) -> Result<Images, Reject> {
        let floats = Pixels::F32(pixels.into().into_floats());
        let mut images = Images::checked(0.0..=1.0, shape, count, floats)?;
        if let Pixels::F32(values) = &mut images.pixels {
            values.iter_mut().for_each(|value| *value *= 255.0);
        }
        Ok(images)
    }

    /// The same for values that only need to be finite, for trying out a model's scaling. Messages never come this
    /// way.
    pub fn of_any_range(shape: ImageShape, count: usize, pixels: impl Into<Pixels>) -> Result<Images, Reject> {
        Images::checked(f32::MIN..=f32::MAX, shape, count, pixels.into())
    }

    fn checked(range: RangeInclusive<f32>, shape: ImageShape, count: usize, pixels: Pixels) -> Result<Images, Reject> {
        if count == 0 {
            return Err(Reject::new(Code::Empty, "0 images: send at least one"));
        }
        if count > shape.max_images() {
            return Err(shape.too_many(count));
        }
        if pixels.len() != count * shape.values() {
            let ImageShape {
                height,
                width,
                channels,
            } = shape;
            let detail = format!(
                "{} values are not {count} images of {height} x {width} x {channels}: send {}",
                pixels.len(),
                count * shape.values()
            );
            return Err(Reject::new(Code::BadShape, detail));
        }
        // A byte is within every range that they are checked for.
        if let Pixels::F32(values) = &pixels
            && let Some((at, value)) = values.iter().enumerate().find(|(_, value)| !range.contains(value))
        {
            return Err(bad_value(shape, at, *value, *range.end()));
        }
        Ok(Images { shape, count, pixels })
    }

    /// N.
    pub fn count(&self) -> usize {
        self.count
    }

    /// All values, row-major N, H, W, C.
    pub fn pixels(&self) -> &Pixels {
        &self.pixels
    }

    /// The same as floats.
    pub fn values(&self) -> Vec<f32> {
        self.pixels.clone().into_floats()
    }

    /// Each image as floats, row-major H, W, C.
    pub fn iter(&self) -> impl Iterator<Item = Cow<'_, [f32]>> {
        let image = self.shape.values();
        (0..self.count).map(move |at| {
            let range = at * image..(at + 1) * image;
            match &self.pixels {
                Pixels::U8(values) => values
                    .get(range)
                    .unwrap_or_default()
                    .iter()
                    .copied()
                    .map(f32::from)
                    .collect(),
                Pixels::F32(values) => values.get(range).unwrap_or_default().into(),
            }
        })
    }
}

fn bad_value(shape: ImageShape, at: usize, value: f32, end: f32) -> Reject {
    let (image, within) = (at / shape.values(), at % shape.values());
    let (row, column) = (
        within / (shape.width * shape.channels),
        within / shape.channels % shape.width,
    );
    let code = if value.is_finite() {
        Code::OutOfRange
    } else {
        Code::NotFinite
    };
    let remedy = match end {
        1.0 => "send pixels from 0 to 1, as scale=1 has them",
        _ => "send raw pixels from 0 to 255, not normalised",
    };
    let detail = format!("value {value} in image {image} at row {row}, column {column}: {remedy}");
    Reject::new(code, detail)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
