//! The innermost loops: sums of products of rows of numbers with weights, for some channels of the output.
//!
//! Rows with many numbers are multiplied by [`turned`], short ones by [`wide`].

mod turned;
mod wide;

use std::ops::Range;

use crate::vector::{F32x4, LANES};

/// Four numbers that lie side by side.
pub type Vector = [f32; LANES];

/// Rows of numbers that are multiplied at once: they share each weight that is loaded. Their sums are half of the 16 registers.
pub const ROWS: usize = 2;

/// Items of rows that must follow the last one: a loop looks at so many at once, and leaves those that are not its own unused.
pub const AHEAD: usize = turned::STEPS;

/// The weights of some channels of the output, in the order in which they are read.
pub enum Weights {
    Turned(turned::Weights),
    Wide(wide::Weights),
}

/// What is multiplied: pairs of rows.
#[derive(Clone, Copy)]
pub struct Pairs<'a, const STRIDE: usize> {
    /// A vector of each row is among the first of an item. [`AHEAD`] items follow the last.
    pub rows: &'a [[Vector; STRIDE]],
    /// Items from one pair to the next.
    pub step: usize,
    pub count: usize,
}

/// What is done with sums.
pub trait Sums {
    /// Those of a row, counted over all pairs, for the channels from `channel` on.
    fn take<const N: usize>(&mut self, row: usize, channel: usize, sums: [F32x4; N]);
}

impl Weights {
    /// Lays them out; `weight` is that of a number for a channel. The first channel begins a vector.
    pub fn new(channels: Range<usize>, numbers: usize, weight: impl Fn(usize, usize) -> f32) -> Weights {
        match wide::suits(numbers.div_ceil(LANES), channels.len().div_ceil(LANES)) {
            true => Weights::Wide(wide::Weights::new(channels, numbers, weight)),
            false => Weights::Turned(turned::Weights::new(channels, numbers, weight)),
        }
    }

    /// Adds the products of pairs of rows to what their channels start with, and hands the sums over.
    pub fn multiply<const STRIDE: usize>(&self, pairs: Pairs<'_, STRIDE>, start: &[Vector], sums: &mut impl Sums) {
        match self {
            Weights::Turned(weights) => weights.tiles().for_each(|tile| tile.multiply(pairs, start, sums)),
            Weights::Wide(weights) => weights.tiles().for_each(|tile| tile.multiply(pairs, start, sums)),
        }
    }
}

/// What the sums of some channels start with: zero where nothing is said.
#[inline(always)]
fn starts<const N: usize>(start: &[Vector], channel: usize) -> [F32x4; N] {
    let start = start.get(channel / LANES..).unwrap_or_default();
    std::array::from_fn(|at| start.get(at).map_or(F32x4::splat(0.0), F32x4::load))
}
