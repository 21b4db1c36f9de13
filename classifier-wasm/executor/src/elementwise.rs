//! What is done with each number alone: scaling, ranges, additions.

use crate::kernel::Range;
use crate::layout::Layout;
use crate::tile::Weights;
use crate::vector::{F32x4, LANES};

/// `value * scale + offset`, or `value + other`, held to a range.
pub struct Elementwise {
    /// A scale and an offset for each four channels. None: the numbers stay as they are.
    terms: Vec<[Weights; 2]>,
    range: Range,
    input: Layout,
    other: Option<Layout>,
    output: Layout,
}

impl Elementwise {
    /// `terms` are a scale and an offset for each channel, or none. All have whole vectors and the same shape.
    pub fn new(terms: &[[f32; 2]], range: Range, input: Layout, other: Option<Layout>, output: Layout) -> Elementwise {
        let of = |channel: usize, term: usize| terms.get(channel).and_then(|terms| terms.get(term)).copied();
        let lanes = |first: usize, term: usize| std::array::from_fn(|lane| of(first + lane, term).unwrap_or_default());
        let firsts = (0..terms.len()).step_by(LANES);
        Elementwise {
            terms: firsts.map(|first| [lanes(first, 0), lanes(first, 1)]).collect(),
            range,
            input,
            other,
            output,
        }
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[f32], other: Option<&[f32]>, output: &mut [f32]) {
        for (image, y) in (0..images).flat_map(|image| (0..self.input.shape.height).map(move |y| (image, y))) {
            let from = self.input.place_of_row(image, y);
            let row = input
                .get(from..from + self.input.shape.width * self.input.pixel)
                .unwrap_or_default();
            let row = row.as_chunks().0;
            let to = output
                .get_mut(self.output.place_of_row(image, y)..)
                .unwrap_or_default()
                .as_chunks_mut()
                .0;
            let beside = self.other.zip(other).map(|(layout, other)| {
                other
                    .get(layout.place_of_row(image, y)..)
                    .unwrap_or_default()
                    .as_chunks()
                    .0
            });
            match (self.terms.is_empty(), beside) {
                (true, None) => self.row(row.iter().map(F32x4::load), to),
                (true, Some(beside)) => self.row(sums(row, beside), to),
                (false, _) => {
                    let terms = self.terms.iter().cycle();
                    let scaled = row.iter().zip(terms).map(|(number, [scale, offset])| {
                        F32x4::load(number).times(F32x4::load(scale)).plus(F32x4::load(offset))
                    });
                    self.row(scaled, to);
                }
            }
        }
    }

    #[inline(always)]
    fn row(&self, numbers: impl Iterator<Item = F32x4>, to: &mut [Weights]) {
        for (number, to) in numbers.zip(to) {
            self.range.hold(number).store(to);
        }
    }
}

#[inline(always)]
fn sums(row: &[Weights], other: &[Weights]) -> impl Iterator<Item = F32x4> {
    row.iter()
        .zip(other)
        .map(|(one, other)| F32x4::load(one).plus(F32x4::load(other)))
}

/// Makes an image's numbers probabilities: the highest is taken off first, so that none overflows.
pub fn softmax(row: &mut [f32]) {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|value| *value = (*value - highest).exp());
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
}
