//! For rows with many numbers: four channels of the output at a time.
//!
//! A vector of four numbers is multiplied with the weights of the first for one channel, of the second for the next one, and so
//! on; then with those for the channels one further. So no number has to be copied to all lanes, and at the end the sums are
//! turned by as many lanes and added.

use std::ops::Range;

use super::{Pairs, ROWS, Sums, Vector, starts};
use crate::vector::{F32x4, LANES};

/// Steps of the loop that are written out: the host looks once each time around whether the time is up, and all sums leave
/// their registers for that.
pub const STEPS: usize = 32;

/// The weights of some channels.
pub struct Weights {
    /// The first of the channels.
    first: usize,
    /// For each four channels and each vector of a row one for each turn of the lanes; then some more, for whole loops.
    vectors: Vec<[Vector; LANES]>,
    /// Vectors of a row.
    row: usize,
}

/// Those of four channels.
pub struct Tile<'w> {
    channel: usize,
    weights: &'w [[[Vector; LANES]; STEPS]],
    row: usize,
}

/// Adds the products of a vector of each row.
///
/// Each may be the last, which ends the loop. A compiler that computes as late as it can, as that of wasmtime does, so has the
/// sums computed there, and does not load all weights before.
macro_rules! steps {
    ($end:lifetime, $left:ident, $sums:ident, $numbers:ident, $weights:ident: $($at:literal)*) => {
        $(
            let weights = $weights[$at].each_ref().map(F32x4::load);
            for (sums, numbers) in $sums.iter_mut().zip(&$numbers[$at]) {
                let numbers = F32x4::load(numbers);
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = sum.plus(numbers.times(weight));
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
    /// See [`super::Weights::new`].
    pub fn new(channels: Range<usize>, numbers: usize, weight: impl Fn(usize, usize) -> f32) -> Weights {
        let of = |first: usize, vector: usize, turn: usize, lane: usize| match vector * LANES + lane {
            number if number < numbers => weight(number, first + (lane + turn) % LANES),
            _ => 0.0,
        };
        let (first, row) = (channels.start, numbers.div_ceil(LANES));
        let count = channels.len().div_ceil(LANES);
        let each = channels
            .step_by(LANES)
            .flat_map(|first| (0..row).map(move |vector| (first, vector)));
        // Exactly as large as it becomes: it is the largest part of a plan.
        let mut vectors = Vec::with_capacity(count * row + STEPS);
        vectors.extend(each.map(|(first, vector)| {
            std::array::from_fn(|turn| std::array::from_fn(|lane| of(first, vector, turn, lane)))
        }));
        vectors.resize(vectors.len() + STEPS, [[0.0; LANES]; LANES]);
        Weights { first, vectors, row }
    }

    /// Each four channels.
    pub fn tiles(&self) -> impl Iterator<Item = Tile<'_>> {
        let count = (self.vectors.len() - STEPS) / self.row;
        (0..count).map(|tile| Tile {
            channel: self.first + tile * LANES,
            weights: self.vectors.get(tile * self.row..).unwrap_or_default().as_chunks().0,
            row: self.row,
        })
    }
}

impl Tile<'_> {
    /// See [`super::Weights::multiply`].
    #[inline(never)]
    pub fn multiply<const STRIDE: usize>(&self, pairs: Pairs<'_, STRIDE>, start: &[Vector], to: &mut impl Sums) {
        let [start] = starts(start, self.channel);
        let mut rows = pairs.rows;
        for pair in 0..pairs.count {
            let sums = self.sums(rows, start);
            rows = rows.get(pairs.step..).unwrap_or_default();
            for (at, sum) in sums.into_iter().enumerate() {
                to.take(pair * ROWS + at, self.channel, [sum]);
            }
        }
    }

    /// The sums of products for two rows.
    #[inline(always)]
    fn sums<const STRIDE: usize>(&self, rows: &[[Vector; STRIDE]], start: F32x4) -> [F32x4; ROWS] {
        let mut sums = [[start, F32x4::splat(0.0), F32x4::splat(0.0), F32x4::splat(0.0)]; ROWS];
        let mut left = self.row;
        let mut loops = rows.as_chunks::<STEPS>().0.iter().zip(self.weights);
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
}
