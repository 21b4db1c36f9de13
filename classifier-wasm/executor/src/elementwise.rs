//! What is done with each number alone: scaling, ranges, additions.

use crate::kernel::Range;
use crate::layout::Layout;
use crate::tile::Weights;
use crate::vector::{F32x4, LANES};

/// `value * scale + offset + other`, held to a range.
pub struct Elementwise {
    /// Of each pixel: in the input, in the other input, in the output.
    places: Vec<[usize; 3]>,
    /// Scale and offset for each four channels.
    terms: Vec<[Weights; 2]>,
    range: Range,
    images: [usize; 3],
}

impl Elementwise {
    /// `terms` are a scale and an offset for each channel. All have whole vectors and the same shape.
    pub fn new(
        terms: impl Fn(usize) -> [f32; 2],
        range: Range,
        input: Layout,
        other: Option<Layout>,
        output: Layout,
    ) -> Elementwise {
        let other = other.unwrap_or(input);
        let pixels = input.pixels().zip(other.pixels()).zip(output.pixels());
        let terms = (0..input.shape.channels).step_by(LANES).map(|first| {
            let lanes: [[f32; 2]; LANES] = std::array::from_fn(|lane| match first + lane < input.shape.channels {
                true => terms(first + lane),
                false => [0.0; 2],
            });
            [lanes.map(|[scale, _]| scale), lanes.map(|[_, offset]| offset)]
        });
        Elementwise {
            places: pixels.map(|((input, other), output)| [input, other, output]).collect(),
            terms: terms.collect(),
            range,
            images: [input.image(), other.image(), output.image()],
        }
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[f32], other: Option<&[f32]>, output: &mut [f32]) {
        let [from, beside, to] = self.images;
        for image in 0..images {
            for &[a, b, c] in &self.places {
                let input = input.get(image * from + a..).unwrap_or_default().as_chunks().0;
                let output = output.get_mut(image * to + c..).unwrap_or_default().as_chunks_mut().0;
                let each = input.iter().zip(&self.terms).zip(output);
                let scaled = each.map(|((number, [scale, offset]), to)| {
                    let scaled = F32x4::load(number).times(F32x4::load(scale));
                    (scaled.plus(F32x4::load(offset)), to)
                });
                match other {
                    None => scaled.for_each(|(value, to)| self.range.hold(value).store(to)),
                    Some(other) => {
                        let other = other.get(image * beside + b..).unwrap_or_default().as_chunks().0;
                        scaled
                            .zip(other)
                            .for_each(|((value, to), other)| self.range.hold(value.plus(F32x4::load(other))).store(to));
                    }
                }
            }
        }
    }
}

/// Makes an image's numbers probabilities: the highest is taken off first, so that none overflows.
pub fn softmax(row: &mut [f32]) {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|value| *value = (*value - highest).exp());
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
}
