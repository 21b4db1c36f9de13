//! For rows with few numbers: up to 16 channels of the output at a time.
//!
//! Each number is copied to all lanes and multiplied with its weights for four channels. That takes more for each number, but
//! nothing is left to do with the sums.

use std::ops::Range;

use super::{Pairs, ROWS, Sums, Vector, starts};
use crate::vector::{F32x4, LANES};

/// Four channels each. With two rows, their sums are half of the 16 registers.
pub const MOST_VECTORS: usize = 4;

/// The most vectors of a row: all are written out.
const MOST_ROW: usize = 5;

/// Vectors that follow the last weights: a body may read as many, and leaves those that are not its own unused.
const AHEAD: usize = MOST_ROW * LANES * MOST_VECTORS;

/// Whether it takes less than the turned way, for two rows of so many vectors: four copies of each vector for all channels of a tile
/// instead of six turns and six sums at the end for each four channels.
pub fn suits(row: usize, vectors: usize) -> bool {
    row <= MOST_ROW && row * ROWS * LANES < 12 * vectors.min(MOST_VECTORS)
}

/// The weights of some channels.
pub struct Weights {
    /// The first of the channels.
    first: usize,
    /// Numbers of a row.
    numbers: usize,
    /// For the channels of each tile and each number one for each four of the channels; then some more, for whole bodies.
    vectors: Vec<Vector>,
}

/// Those of up to 16 channels.
pub struct Tile<'w> {
    channel: usize,
    /// How many vectors its channels are.
    count: usize,
    numbers: usize,
    weights: &'w [Vector],
}

/// Multiplies a vector of each row. As in `turned`, each number may be the last.
macro_rules! vectors {
    ($end:lifetime, $left:ident, $sums:ident, $numbers:ident, $weights:ident: $($at:literal)*) => {
        $(
            let Some(pair) = $numbers[$at].first_chunk::<ROWS>() else { break $end };
            let pair = pair.each_ref().map(F32x4::load);
            number!($end, $left, $sums, $weights[$at * LANES], pair, 0, $at * LANES + 1);
            number!($end, $left, $sums, $weights[$at * LANES + 1], pair, 1, $at * LANES + 2);
            number!($end, $left, $sums, $weights[$at * LANES + 2], pair, 2, $at * LANES + 3);
            number!($end, $left, $sums, $weights[$at * LANES + 3], pair, 3, $at * LANES + 4);
        )*
    };
}

/// Multiplies one number of each row.
macro_rules! number {
    ($end:lifetime, $left:ident, $sums:ident, $weights:expr, $pair:ident, $lane:literal, $count:expr) => {
        let weights = $weights.each_ref().map(F32x4::load);
        for (sums, numbers) in $sums.iter_mut().zip($pair) {
            let number = numbers.lane::<$lane>();
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = sum.plus(number.times(weight));
            }
        }
        if $left == $count {
            break $end;
        }
    };
}

impl Weights {
    /// See [`super::Weights::new`].
    pub fn new(channels: Range<usize>, numbers: usize, weight: impl Fn(usize, usize) -> f32) -> Weights {
        let (first, count) = (channels.start, channels.len().div_ceil(LANES));
        let tiles = (0..count).step_by(MOST_VECTORS);
        let of_tiles = tiles.map(|at| at..count.min(at + MOST_VECTORS));
        let each = of_tiles
            .flat_map(|tile| (0..numbers).flat_map(move |number| tile.clone().map(move |vector| (number, vector))));
        let lanes = |(number, vector): (usize, usize)| {
            std::array::from_fn(|lane| weight(number, first + vector * LANES + lane))
        };
        let mut vectors: Vec<Vector> = each.map(lanes).collect();
        vectors.resize(vectors.len() + AHEAD, [0.0; LANES]);
        Weights {
            first,
            numbers,
            vectors,
        }
    }

    /// Each 16 channels, and what is left.
    pub fn tiles(&self) -> impl Iterator<Item = Tile<'_>> {
        let count = (self.vectors.len() - AHEAD) / self.numbers;
        let tiles = (0..count).step_by(MOST_VECTORS);
        tiles.map(move |at| Tile {
            channel: self.first + at * LANES,
            count: MOST_VECTORS.min(count - at),
            numbers: self.numbers,
            weights: self.vectors.get(at * self.numbers..).unwrap_or_default(),
        })
    }
}

impl Tile<'_> {
    /// See [`super::Weights::multiply`].
    #[inline(always)]
    pub fn multiply<const STRIDE: usize>(&self, pairs: Pairs<'_, STRIDE>, start: &[Vector], to: &mut impl Sums) {
        match self.count {
            1 => self.pairs::<STRIDE, 1>(pairs, start, to),
            2 => self.pairs::<STRIDE, 2>(pairs, start, to),
            3 => self.pairs::<STRIDE, 3>(pairs, start, to),
            _ => self.pairs::<STRIDE, MOST_VECTORS>(pairs, start, to),
        }
    }

    #[inline(never)]
    fn pairs<const STRIDE: usize, const N: usize>(
        &self,
        pairs: Pairs<'_, STRIDE>,
        start: &[Vector],
        to: &mut impl Sums,
    ) {
        let start = starts::<N>(start, self.channel);
        let Some(weights) = self.weights.as_chunks::<N>().0.first_chunk() else {
            return;
        };
        let mut rows = pairs.rows;
        for pair in 0..pairs.count {
            let Some(numbers) = rows.first_chunk() else { return };
            let sums = sums(weights, numbers, self.numbers, start);
            rows = rows.get(pairs.step..).unwrap_or_default();
            for (at, sums) in sums.into_iter().enumerate() {
                to.take(pair * ROWS + at, self.channel, sums);
            }
        }
    }
}

/// The sums of products for two rows.
#[inline(always)]
fn sums<const STRIDE: usize, const N: usize>(
    weights: &[[Vector; N]; MOST_ROW * LANES],
    numbers: &[[Vector; STRIDE]; MOST_ROW],
    count: usize,
    start: [F32x4; N],
) -> [[F32x4; N]; ROWS] {
    let mut sums = [start; ROWS];
    'end: {
        vectors!('end, count, sums, numbers, weights: 0 1 2 3 4);
    }
    sums
}
