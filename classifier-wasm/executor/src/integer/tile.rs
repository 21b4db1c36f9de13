//! The innermost loop for integers, as [`tile`](crate::tile) is for floats: sums of products of two rows of numbers with the weights of four
//! channels.
//!
//! A vector has four pairs of numbers. The first pair is multiplied with its weights for one channel, the second with its for the
//! next one, and so on; then with those for the channels one further. The products of a pair are added at once. At the end the sums
//! are turned by as many lanes and added.

use std::ops::Range;

use super::vector::{I16x8, I32x4, LANES};

/// Eight numbers that lie side by side.
pub type Vector = [i16; LANES];

/// Sums of four channels.
pub type Four = [i32; CHANNELS];

/// Channels that are computed at once.
pub const CHANNELS: usize = 4;

/// Rows of numbers that are multiplied at once: they share each weight that is loaded. Their sums are half of the 16 registers.
pub const ROWS: usize = 2;

/// Steps of the loop that are written out: the host looks once each time around whether the time is up, and all sums leave
/// their registers for that.
pub const STEPS: usize = 32;

/// The weights of some channels of the output, in the order in which they are read.
pub struct Weights {
    /// The first of the channels.
    first: usize,
    /// For each four channels and each vector of a row one for each turn of the lanes; then some more, for whole loops.
    vectors: Vec<[Vector; CHANNELS]>,
    /// Vectors of a row.
    row: usize,
}

/// What is multiplied: pairs of rows.
#[derive(Clone, Copy)]
pub struct Rows<'a, const STRIDE: usize> {
    /// A vector of each row is among the first of an item. [`STEPS`] items follow the last; they are not used.
    pub items: &'a [[Vector; STRIDE]],
    /// Items from one pair to the next.
    pub step: usize,
    pub pairs: usize,
}

/// What is done with sums.
pub trait Sums {
    /// Those of a row, counted over all pairs, for the four channels from `channel` on.
    fn take(&mut self, row: usize, channel: usize, sums: I32x4);
}

/// Adds the products of a vector of each row. Each may be the last, as for floats.
macro_rules! steps {
    ($end:lifetime, $left:ident, $sums:ident, $numbers:ident, $weights:ident: $($at:literal)*) => {
        $(
            let weights = $weights[$at].each_ref().map(I16x8::load);
            for (sums, numbers) in $sums.iter_mut().zip(&$numbers[$at]) {
                let numbers = I16x8::load(numbers);
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = sum.plus(numbers.dot(weight));
                }
            }
            if $left == $at + 1 {
                break $end;
            }
        )*
        $left -= STEPS;
    };
}

impl Weights {
    /// Lays them out; `weight` is that of a number for a channel.
    pub fn new(channels: Range<usize>, numbers: usize, weight: impl Fn(usize, usize) -> i16) -> Weights {
        let of = |first: usize, vector: usize, turn: usize, lane: usize| match vector * LANES + lane {
            number if number < numbers => weight(number, first + (lane / 2 + turn) % CHANNELS),
            _ => 0,
        };
        let (first, row) = (channels.start, numbers.div_ceil(LANES));
        let count = channels.len().div_ceil(CHANNELS);
        let each = channels
            .step_by(CHANNELS)
            .flat_map(|first| (0..row).map(move |vector| (first, vector)));
        // Exactly as large as it becomes: it is the largest part of a plan.
        let mut vectors = Vec::with_capacity(count * row + STEPS);
        vectors.extend(each.map(|(first, vector)| {
            std::array::from_fn(|turn| std::array::from_fn(|lane| of(first, vector, turn, lane)))
        }));
        vectors.resize(vectors.len() + STEPS, [[0; LANES]; CHANNELS]);
        Weights { first, vectors, row }
    }

    /// Adds the products of pairs of rows to what their channels start with, and hands the sums over.
    pub fn multiply<const STRIDE: usize>(&self, rows: Rows<'_, STRIDE>, start: &[Four], sums: &mut impl Sums) {
        let count = (self.vectors.len() - STEPS) / self.row;
        for tile in 0..count {
            let channel = self.first + tile * CHANNELS;
            let weights = self.vectors.get(tile * self.row..).unwrap_or_default();
            let start = start.get(channel / CHANNELS).map_or(I32x4::splat(0), I32x4::load);
            multiply(self.row, rows, channel, weights.as_chunks().0, start, sums);
        }
    }
}

/// Multiplies pairs of rows with the weights of four channels.
#[inline(never)]
fn multiply<const STRIDE: usize>(
    row: usize,
    rows: Rows<'_, STRIDE>,
    channel: usize,
    weights: &[[[Vector; CHANNELS]; STEPS]],
    start: I32x4,
    to: &mut impl Sums,
) {
    let mut items = rows.items;
    for pair in 0..rows.pairs {
        let sums = sums(row, items, weights, start);
        items = items.get(rows.step..).unwrap_or_default();
        for (at, sum) in sums.into_iter().enumerate() {
            to.take(pair * ROWS + at, channel, sum);
        }
    }
}

/// The sums of products for two rows of so many vectors.
#[inline(always)]
fn sums<const STRIDE: usize>(
    row: usize,
    items: &[[Vector; STRIDE]],
    weights: &[[[Vector; CHANNELS]; STEPS]],
    start: I32x4,
) -> [I32x4; ROWS] {
    let mut sums = [[start, I32x4::splat(0), I32x4::splat(0), I32x4::splat(0)]; ROWS];
    let mut left = row;
    let mut loops = items.as_chunks::<STEPS>().0.iter().zip(weights);
    'end: {
        // Most rows end in the first loop, which is none: so their sums stay where they are.
        if let Some((numbers, weights)) = loops.next() {
            steps!('end, left, sums, numbers, weights: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
        }
        for (numbers, weights) in loops {
            steps!('end, left, sums, numbers, weights: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
        }
    }
    sums.map(|[a, b, c, d]| a.plus(b.turned::<1>()).plus(c.turned::<2>().plus(d.turned::<3>())))
}
