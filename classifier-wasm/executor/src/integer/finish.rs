//! What becomes of a sum: a float in a range, or the nearest integer of a grid.

use super::tile::Four;
use super::vector::{I32x4, Number};
use super::{Grid, Slot};
use crate::kernel::Range;
use crate::vector::{F32x4, LANES};

/// What becomes of sums.
pub struct Finish {
    /// What the sums of each four channels start with.
    bias: Vec<Four>,
    /// Of each four channels: what a sum is multiplied with, and what then is added.
    terms: Vec<[[f32; LANES]; 2]>,
    low: f32,
    high: f32,
    /// Whether integers come of it.
    pub is_rounded: bool,
}

impl Finish {
    /// `terms` are bias, scale and offset of each channel. A grid divides all by its scale, and rounds: then the range may as well be
    /// rounded, since rounding keeps the order.
    pub fn new(terms: &[(i32, f32, f32)], range: Range, grid: Option<Grid>) -> Finish {
        let step = grid.map_or(1.0, |grid| grid.scale);
        let of = |first: usize, lane: usize| terms.get(first + lane).copied().unwrap_or_default();
        let firsts = (0..terms.len()).step_by(LANES);
        let bias = firsts
            .clone()
            .map(|first| std::array::from_fn(|lane| of(first, lane).0));
        let terms = firsts.map(|first| {
            [
                std::array::from_fn(|lane| of(first, lane).1 / step),
                std::array::from_fn(|lane| of(first, lane).2 / step),
            ]
        });
        let held = |end: f32| match grid {
            Some(Grid { scale, low, high }) => (end / scale).round_ties_even().clamp(low.into(), high.into()),
            None => end,
        };
        Finish {
            bias: bias.collect(),
            terms: terms.collect(),
            low: held(range.low),
            high: held(range.high),
            is_rounded: grid.is_some(),
        }
    }

    /// What the sums of each four channels start with.
    pub fn bias(&self) -> &[Four] {
        &self.bias
    }

    /// Stores what becomes of the sums of a pixel, which are those of the channels from `channel` on. The pixel begins at `to`.
    #[inline(always)]
    pub fn put<const N: usize>(&self, channel: usize, sums: [I32x4; N], to: usize, output: &mut Slot) {
        let terms = self.terms.get(channel / LANES..).unwrap_or_default();
        let Some(terms) = terms.first_chunk::<N>() else { return };
        match self.is_rounded {
            true => self.store(terms, sums, output.integers.get_mut(to + channel..)),
            false => self.store(terms, sums, output.floats.get_mut(to + channel..)),
        }
    }

    #[inline(always)]
    fn store<T: Number, const N: usize>(&self, terms: &[[[f32; LANES]; 2]; N], sums: [I32x4; N], to: Option<&mut [T]>) {
        if let Some(to) = to.unwrap_or_default().as_chunks_mut().0.first_chunk_mut::<N>() {
            for ((to, sum), [scale, offset]) in to.iter_mut().zip(sums).zip(terms) {
                let value = sum.floats().times(F32x4::load(scale)).plus(F32x4::load(offset));
                T::store(self.held(value), to);
            }
        }
    }

    /// In the range.
    #[inline(always)]
    pub fn held(&self, value: F32x4) -> F32x4 {
        Range {
            low: self.low,
            high: self.high,
        }
        .hold(value)
    }
}
