//! The innermost loop: sums of products for a few pixels and a few vectors of channels at once.
//!
//! The sums of a tile stay in registers. There are 16: three pixels by two vectors leave room for what is multiplied.

use crate::vector::{F32x4, LANES};

/// Four weights: of one input number, for four channels of the output.
pub type Weights = [f32; LANES];

/// The sums of one pixel.
pub type Sums<const VECTORS: usize> = [F32x4; VECTORS];

/// Pixels of a tile.
pub const PIXELS: usize = 3;

/// The numbers that a kernel covers at a pixel: `run` of them from each of `segments` on, counted from the pixel's place.
pub struct Covered<'a> {
    pub input: &'a [f32],
    pub segments: &'a [usize],
    pub run: usize,
}

/// Adds the products of four numbers of each pixel.
///
/// Each of them may be the last, which ends the loop. A compiler that computes as late as it can, as that of wasmtime does, so has
/// the sums computed there, and does not load all numbers of a turn before.
macro_rules! turn {
    ($left:ident, $sums:ident, $numbers:expr, $weights:ident) => {
        let [a, b, c, d] = $weights;
        let numbers = $numbers.map(F32x4::load);
        add(&mut $sums, numbers.map(F32x4::lane::<0>), a);
        if $left == 1 {
            break;
        }
        add(&mut $sums, numbers.map(F32x4::lane::<1>), b);
        if $left == 2 {
            break;
        }
        add(&mut $sums, numbers.map(F32x4::lane::<2>), c);
        if $left == 3 {
            break;
        }
        add(&mut $sums, numbers.map(F32x4::lane::<3>), d);
        if $left == LANES {
            break;
        }
        $left -= LANES;
    };
}

impl Covered<'_> {
    /// Whole vectors of a row. What lies behind the run is not used.
    #[inline(always)]
    fn row(&self, place: usize, segment: usize) -> Option<&[[f32; LANES]]> {
        let rest = self.input.get(place + segment..)?;
        rest.as_chunks().0.get(..self.run.div_ceil(LANES))
    }

    /// The weights of each segment: a vector for each channel, in the order of the numbers; filled up to whole vectors of
    /// numbers.
    #[inline(always)]
    fn weights<'w, const N: usize>(&self, weights: &'w [Weights]) -> impl Iterator<Item = &'w [[[Weights; N]; LANES]]> {
        weights
            .as_chunks()
            .0
            .as_chunks()
            .0
            .chunks_exact(self.run.div_ceil(LANES))
    }

    /// The sums of products for the pixels at three places. A sum takes its products in the order of the numbers.
    ///
    /// None: a place is beside the input.
    #[inline(always)]
    pub fn three<const N: usize>(
        &self,
        [p, q, r]: [usize; PIXELS],
        weights: &[Weights],
        start: Sums<N>,
    ) -> Option<[Sums<N>; PIXELS]> {
        let mut sums = [start; PIXELS];
        for (&segment, weights) in self.segments.iter().zip(self.weights(weights)) {
            let mut left = self.run;
            let mut chunks = (self.row(p, segment)?.iter())
                .zip(self.row(q, segment)?)
                .zip(self.row(r, segment)?)
                .zip(weights);
            while let Some((((p, q), r), weights)) = chunks.next() {
                turn!(left, sums, [p, q, r], weights);
                let Some((((p, q), r), weights)) = chunks.next() else {
                    break;
                };
                turn!(left, sums, [p, q, r], weights);
                let Some((((p, q), r), weights)) = chunks.next() else {
                    break;
                };
                turn!(left, sums, [p, q, r], weights);
                let Some((((p, q), r), weights)) = chunks.next() else {
                    break;
                };
                turn!(left, sums, [p, q, r], weights);
            }
        }
        Some(sums)
    }

    /// The same for one pixel.
    #[inline(always)]
    pub fn one<const N: usize>(&self, place: usize, weights: &[Weights], start: Sums<N>) -> Option<Sums<N>> {
        let mut sums = [start];
        for (&segment, weights) in self.segments.iter().zip(self.weights(weights)) {
            let mut left = self.run;
            let mut chunks = self.row(place, segment)?.iter().zip(weights);
            while let Some((p, weights)) = chunks.next() {
                turn!(left, sums, [p], weights);
                let Some((p, weights)) = chunks.next() else { break };
                turn!(left, sums, [p], weights);
            }
        }
        let [sums] = sums;
        Some(sums)
    }
}

#[inline(always)]
fn add<const P: usize, const N: usize>(sums: &mut [Sums<N>; P], numbers: [F32x4; P], weights: &[Weights; N]) {
    let weights = weights.each_ref().map(F32x4::load);
    for (sums, number) in sums.iter_mut().zip(numbers) {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum = sum.plus(number.times(weight));
        }
    }
}
