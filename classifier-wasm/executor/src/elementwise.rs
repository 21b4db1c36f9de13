//! What is done with each number alone, or with those of two values that have the same place.

use crate::curve::exp;
use crate::kernel::Range;
use crate::layout::{Layout, Shape};
use crate::tile::Vector;
use crate::vector::{F32x4, LANES};

/// What becomes of a number.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It stays.
    None,
    /// It is multiplied with the first and added to the second of what its channel has.
    Scale(Vec<[f32; 2]>),
    /// It is added to one of another value.
    Add,
    /// It is multiplied with one of another value, which may be a single pixel.
    Multiply,
}

/// A change of each number, held to a range; laid out for its inputs and its output, which have whole vectors.
pub struct Elementwise {
    change: Change,
    /// A scale and an offset for each four channels.
    terms: Vec<[Vector; 2]>,
    range: Range,
    input: Layout,
    other: Layout,
    output: Layout,
}

impl Elementwise {
    /// `other` is the other value's, if there is one.
    pub fn new(change: Change, range: Range, input: Layout, other: Option<Layout>, output: Layout) -> Elementwise {
        let terms = match &change {
            Change::Scale(terms) => terms.as_slice(),
            _ => &[],
        };
        let of = |channel: usize, term: usize| terms.get(channel).and_then(|terms| terms.get(term)).copied();
        let lanes = |first: usize, term: usize| std::array::from_fn(|lane| of(first + lane, term).unwrap_or_default());
        let firsts = (0..terms.len()).step_by(LANES);
        Elementwise {
            terms: firsts.map(|first| [lanes(first, 0), lanes(first, 1)]).collect(),
            change,
            range,
            input,
            other: other.unwrap_or(input),
            output,
        }
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[f32], other: &[f32], output: &mut [f32]) {
        let Shape { height, width, .. } = self.input.shape;
        let is_single = self.other.shape != self.input.shape;
        for (image, y) in (0..images).flat_map(|image| (0..height).map(move |y| (image, y))) {
            let from = self.input.place_of_row(image, y);
            let row = input.get(from..from + width * self.input.pixel).unwrap_or_default();
            let vectors = row.as_chunks().0;
            let row = vectors.iter().map(F32x4::load);
            let beside = self.other.place_of_row(image, if is_single { 0 } else { y });
            let beside = other.get(beside..).unwrap_or_default().as_chunks().0;
            let to = self.output.place_of_row(image, y);
            let to = output.get_mut(to..).unwrap_or_default().as_chunks_mut().0;
            match self.change {
                Change::None => self.row(row, to),
                Change::Scale(_) => {
                    let terms = self.terms.iter().cycle();
                    let scale = |(number, [scale, offset]): (F32x4, &[Vector; 2])| {
                        number.times(F32x4::load(scale)).plus(F32x4::load(offset))
                    };
                    self.row(row.zip(terms).map(scale), to);
                }
                Change::Add => self.add(vectors, beside, to),
                Change::Multiply => {
                    let pixels = if is_single {
                        self.input.pixel / LANES
                    } else {
                        beside.len()
                    };
                    let beside = beside.iter().take(pixels).cycle();
                    self.row(row.zip(beside).map(|(one, other)| one.times(F32x4::load(other))), to);
                }
            }
        }
    }

    /// Several vectors are written out: the host looks each time around the loop whether the time is up.
    #[inline(always)]
    fn add(&self, row: &[Vector], beside: &[Vector], to: &mut [Vector]) {
        const VECTORS: usize = 8;
        let (rows, rest_of_row) = row.as_chunks::<VECTORS>();
        let (all, rest_of_all) = beside.get(..row.len()).unwrap_or_default().as_chunks::<VECTORS>();
        let (to, rest) = to.get_mut(..row.len()).unwrap_or_default().as_chunks_mut::<VECTORS>();
        let sum = |to: &mut Vector, one: &Vector, other: &Vector| {
            self.range.hold(F32x4::load(one).plus(F32x4::load(other))).store(to);
        };
        for ((to, row), beside) in to.iter_mut().zip(rows).zip(all) {
            to.iter_mut()
                .zip(row)
                .zip(beside)
                .for_each(|((to, one), other)| sum(to, one, other));
        }
        rest.iter_mut()
            .zip(rest_of_row)
            .zip(rest_of_all)
            .for_each(|((to, one), other)| sum(to, one, other));
    }

    #[inline(always)]
    fn row(&self, numbers: impl Iterator<Item = F32x4>, to: &mut [Vector]) {
        for (number, to) in numbers.zip(to) {
            self.range.hold(number).store(to);
        }
    }
}

/// Makes an image's numbers probabilities: the highest is taken off first, so that none overflows.
pub fn softmax(row: &mut [f32]) {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|value| *value = exp(*value - highest));
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
}
