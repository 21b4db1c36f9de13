//! The codecs' output and the model's input: N images of the model's size, in raw pixel values.

use std::borrow::Cow;
use std::ops::RangeInclusive;

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

/// Values of pixels: bytes for as long as all of them are, a quarter of the memory and never out of range.
#[derive(Debug, Clone, PartialEq)]
pub enum Pixels {
    /// Integers from 0 to 255.
    U8(Vec<u8>),
    /// Any numbers.
    F32(Vec<f32>),
}

impl Pixels {
    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Pixels::U8(values) => values.len(),
            Pixels::F32(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All values as floats.
    pub fn into_floats(self) -> Vec<f32> {
        match self {
            Pixels::U8(values) => values.into_iter().map(f32::from).collect(),
            Pixels::F32(values) => values,
        }
    }

    /// Appends a byte.
    pub fn push_byte(&mut self, value: u8) {
        match self {
            Pixels::U8(values) => values.push(value),
            Pixels::F32(values) => values.push(value.into()),
        }
    }

    /// Appends a value; as a byte if all are.
    pub fn push(&mut self, value: f32) {
        let byte = value as u8;
        match self {
            // Minus zero is no byte.
            Pixels::U8(values) if f32::from(byte).to_bits() == value.to_bits() => values.push(byte),
            Pixels::F32(values) => values.push(value),
            Pixels::U8(_) => self.append(Pixels::F32(vec![value])),
        }
    }

    /// Appends the values of `other`; as bytes if all are.
    pub fn append(&mut self, other: Pixels) {
        match (&mut *self, other) {
            (Pixels::U8(values), Pixels::U8(more)) => values.extend(more),
            (Pixels::F32(values), more) => values.extend(more.into_floats()),
            (Pixels::U8(values), Pixels::F32(more)) => {
                let mut floats = Vec::with_capacity(values.capacity().max(values.len() + more.len()));
                floats.extend(values.iter().copied().map(f32::from));
                floats.extend(more);
                *self = Pixels::F32(floats);
            }
        }
    }
}

impl From<Vec<u8>> for Pixels {
    fn from(values: Vec<u8>) -> Pixels {
        Pixels::U8(values)
    }
}

impl From<Vec<f32>> for Pixels {
    fn from(values: Vec<f32>) -> Pixels {
        Pixels::F32(values)
    }
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
mod tests {
    use super::*;

    const GREY: ImageShape = ImageShape {
        height: 28,
        width: 28,
        channels: 1,
    };
    const COLOUR: ImageShape = ImageShape {
        height: 4,
        width: 5,
        channels: 3,
    };

    #[test]
    fn every_documented_shape_is_counted() {
        let (last, first) = (Layout::ChannelsLast, Layout::ChannelsFirst);
        for (shape, expected) in [
            (&[40, 28, 28, 1][..], 40),
            (&[40, 1, 28, 28], 40),
            (&[3, 28, 28], 3),
            (&[1, 28, 28], 1),
            (&[28, 28, 1], 1),
            (&[28, 28], 1),
            (&[40, 784], 40),
            (&[784], 1),
        ] {
            let (count, layout) = GREY.count(shape).unwrap();
            assert_eq!(count, expected, "{shape:?}");
            // Of one channel it makes no difference.
            assert_eq!(layout.arrange(vec![1, 2].into(), GREY), vec![1, 2].into(), "{shape:?}");
        }
        assert_eq!(COLOUR.count(&[2, 4, 5, 3]).unwrap(), (2, last));
        assert_eq!(COLOUR.count(&[4, 5, 3]).unwrap(), (1, last));
        assert_eq!(COLOUR.count(&[2, 3, 4, 5]).unwrap(), (2, first));
        assert_eq!(COLOUR.count(&[3, 4, 5]).unwrap(), (1, first));
    }

    #[test]
    fn other_shapes_are_refused_and_named() {
        for shape in [
            &[][..],
            &[785],
            &[28, 27],
            &[28, 1, 28],
            &[1, 28, 28, 3],
            &[1, 1, 28, 28, 1],
        ] {
            assert_eq!(GREY.count(shape).unwrap_err().code, Code::BadShape, "{shape:?}");
        }
        // Flat colours may have their channels first or last.
        for shape in [&[2, 4, 5][..], &[2, 60], &[60]] {
            assert_eq!(COLOUR.count(shape).unwrap_err().code, Code::BadShape, "{shape:?}");
        }
        let detail = GREY.count(&[10, 32, 32]).unwrap_err().detail;
        assert_eq!(detail, "shape (10, 32, 32) does not fit the model: send (N, 28, 28, 1)");
    }

    #[test]
    fn no_images_and_too_many_are_refused() {
        assert_eq!(GREY.count(&[0, 28, 28]).unwrap_err().code, Code::Empty);
        assert_eq!(GREY.count(&[4096, 28, 28]).unwrap().0, 4096);
        assert_eq!(GREY.count(&[4097, 28, 28]).unwrap_err().code, Code::TooManyImages);
        assert_eq!(GREY.count(&[usize::MAX, 28, 28]).unwrap_err().code, Code::TooManyImages);
    }

    #[test]
    fn channels_that_come_first_are_put_last() {
        let tiny = ImageShape {
            height: 1,
            width: 2,
            channels: 3,
        };
        let planes = vec![1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16];
        let pixels = vec![1, 3, 5, 2, 4, 6, 11, 13, 15, 12, 14, 16];
        let as_floats = |values: &Vec<u8>| Pixels::F32(Pixels::from(values.clone()).into_floats());
        for (planes, pixels) in [(as_floats(&planes), as_floats(&pixels)), (planes.into(), pixels.into())] {
            assert_eq!(Layout::ChannelsFirst.arrange(planes.clone(), tiny), pixels);
            assert_eq!(Layout::ChannelsLast.arrange(planes.clone(), tiny), planes);
        }
        // Where both fit, they are last, as the contract has them.
        let square = ImageShape {
            height: 3,
            width: 3,
            ..tiny
        };
        assert_eq!(square.count(&[1, 3, 3, 3]).unwrap(), (1, Layout::ChannelsLast));
    }

    #[test]
    fn a_model_of_large_images_takes_fewer_of_them() {
        let large = ImageShape {
            height: 224,
            width: 224,
            channels: 3,
        };
        assert_eq!(large.max_images(), 111);
    }

    #[test]
    fn a_value_outside_the_pixel_range_is_found_and_placed() {
        let mut values = vec![0.0; 2 * GREY.values()];
        values[784 + 28 + 2] = 256.0;
        let reject = Images::new(GREY, 2, values.clone()).unwrap_err();
        assert_eq!(reject.code, Code::OutOfRange);
        assert!(
            reject.detail.starts_with("value 256 in image 1 at row 1, column 2"),
            "{reject}"
        );
        for (value, code) in [
            (-0.5, Code::OutOfRange),
            (f32::NAN, Code::NotFinite),
            (f32::INFINITY, Code::NotFinite),
        ] {
            values[784 + 28 + 2] = value;
            assert_eq!(Images::new(GREY, 2, values.clone()).unwrap_err().code, code);
        }
    }

    #[test]
    fn what_is_tried_on_a_model_may_be_of_any_range_and_must_be_finite() {
        let values = vec![-1.0; GREY.values()];
        assert!(Images::of_any_range(GREY, 1, values.clone()).is_ok());
        for value in [f32::NAN, f32::NEG_INFINITY] {
            let values = [&values[1..], &[value]].concat();
            assert_eq!(Images::of_any_range(GREY, 1, values).unwrap_err().code, Code::NotFinite);
        }
        assert_eq!(Images::of_any_range(GREY, 2, values).unwrap_err().code, Code::BadShape);
    }

    #[test]
    fn bytes_are_checked_like_floats_and_are_the_same_numbers() {
        let bytes: Vec<u8> = (0..2 * GREY.values()).map(|at| (at % 256) as u8).collect();
        let floats = Pixels::from(bytes.clone()).into_floats();
        let [narrow, wide] = [
            Images::new(GREY, 2, bytes.clone()).unwrap(),
            Images::new(GREY, 2, floats.clone()).unwrap(),
        ];
        assert_eq!(narrow.pixels(), &Pixels::U8(bytes.clone()));
        assert_eq!(narrow.values(), wide.values());
        assert!(narrow.iter().eq(wide.iter()) && narrow.iter().count() == 2);
        for count in [0, 1, 3] {
            let reject = Images::new(GREY, count, bytes.clone()).unwrap_err();
            assert_eq!(reject, Images::new(GREY, count, floats.clone()).unwrap_err());
        }
        let reject = Images::of_unit_range(GREY, 2, bytes).unwrap_err();
        assert_eq!(reject, Images::of_unit_range(GREY, 2, floats).unwrap_err());
        assert_eq!(reject.code, Code::OutOfRange);
        let bits = Images::of_unit_range(GREY, 1, vec![1; 784]).unwrap();
        assert_eq!(bits.values(), [255.0; 784]);
    }

    #[test]
    fn what_is_appended_makes_floats_of_bytes_only_where_it_must() {
        let (bytes, floats) = (Pixels::U8(vec![1, 2]), Pixels::F32(vec![0.5]));
        for (first, second, expected) in [
            (&bytes, &bytes, Pixels::U8(vec![1, 2, 1, 2])),
            (&bytes, &floats, Pixels::F32(vec![1.0, 2.0, 0.5])),
            (&floats, &bytes, Pixels::F32(vec![0.5, 1.0, 2.0])),
        ] {
            let mut both = first.clone();
            both.append(second.clone());
            assert_eq!(both, expected);
            assert_eq!(both.len(), first.len() + second.len());
        }
    }

    #[test]
    fn values_that_do_not_fill_the_images_are_refused() {
        assert_eq!(Images::new(GREY, 2, vec![0.0; 784]).unwrap_err().code, Code::BadShape);
        assert_eq!(Images::new(GREY, 0, Pixels::U8(vec![])).unwrap_err().code, Code::Empty);
        assert_eq!(
            Images::new(GREY, 5000, Pixels::U8(vec![])).unwrap_err().code,
            Code::TooManyImages
        );
    }
}
