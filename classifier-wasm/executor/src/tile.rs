//! The innermost loop: sums of products for a few pixels and a few vectors of channels at once.
//!
//! The sums of a tile stay in registers. There are 16: three pixels by three vectors leave room for what is multiplied, and
//! each number that is loaded is used three times.

use core::sync::atomic::{Ordering, compiler_fence};

use crate::vector::{F32x4, LANES};

/// Four weights: of one input number, for four channels of the output.
pub type Weights = [f32; LANES];

/// The sums of one pixel.
pub type Sums<const VECTORS: usize> = [F32x4; VECTORS];

/// The numbers that a kernel covers at a pixel: `run` of them from each of `segments` on, counted from the pixel's place.
pub struct Covered<'a> {
    pub input: &'a [f32],
    pub segments: &'a [usize],
    pub run: usize,
}

impl Covered<'_> {
    #[inline(always)]
    fn row(&self, place: usize, segment: usize) -> Option<&[f32]> {
        self.input.get(place + segment..)?.get(..self.run)
    }

    /// The sums of products for the pixels at three places. Weights lie in the order of the numbers, and a sum takes its
    /// products in that order.
    ///
    /// None: a place is beside the input.
    #[inline(always)]
    pub fn three<const VECTORS: usize>(
        &self,
        [first, second, third]: [usize; 3],
        weights: &[Weights],
        start: Sums<VECTORS>,
    ) -> Option<[Sums<VECTORS>; 3]> {
        let mut sums = [start; 3];
        let weights: &[[Weights; VECTORS]] = weights.as_chunks().0;
        for (&segment, weights) in self.segments.iter().zip(weights.chunks_exact(self.run)) {
            let [a, b, c] = &mut sums;
            let rows = (self.row(first, segment)?.iter())
                .zip(self.row(second, segment)?)
                .zip(self.row(third, segment)?);
            for (((x, y), z), weights) in rows.zip(weights) {
                let weights = weights.each_ref().map(F32x4::load);
                add(a, x, &weights);
                add(b, y, &weights);
                add(c, z, &weights);
            }
        }
        Some(sums)
    }

    /// The same for one pixel.
    #[inline(always)]
    pub fn one<const VECTORS: usize>(
        &self,
        place: usize,
        weights: &[Weights],
        start: Sums<VECTORS>,
    ) -> Option<Sums<VECTORS>> {
        let mut sums = start;
        let weights: &[[Weights; VECTORS]] = weights.as_chunks().0;
        for (&segment, weights) in self.segments.iter().zip(weights.chunks_exact(self.run)) {
            for (number, weights) in self.row(place, segment)?.iter().zip(weights) {
                add(&mut sums, number, &weights.each_ref().map(F32x4::load));
            }
        }
        Some(sums)
    }
}

#[inline(always)]
fn add<const VECTORS: usize>(sums: &mut Sums<VECTORS>, number: &f32, weights: &[F32x4; VECTORS]) {
    let number = F32x4::splat(*number);
    for (sum, weight) in sums.iter_mut().zip(weights) {
        *sum = sum.plus(number.times(*weight));
    }
    // Otherwise the compiler loads everything first, for which there are too few registers.
    compiler_fence(Ordering::SeqCst);
}
