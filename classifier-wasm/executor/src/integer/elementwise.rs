//! From floats to integers and back, and sums of two values.

use super::Grid;
use super::finish::Finish;
use super::lines::Lines;
use super::vector::{I32x4, Number};
use crate::vector::F32x4;

/// Floats to the nearest integers of a grid; what is no number becomes the lowest one.
pub fn quantise(grid: Grid, lines: &Lines, images: usize, input: &[f32], output: &mut [i16]) {
    let [scale, low, high] = [grid.scale, grid.low.into(), grid.high.into()].map(F32x4::splat);
    lines.each_four(images, [input, input], output, |[from, _], to| {
        let value = F32x4::load(from).over(scale);
        i16::store(low.at_least(value).at_most(high), to);
    });
}

/// Integers to the floats that they stand for.
pub fn dequantise(scale: f32, lines: &Lines, images: usize, input: &[i16], output: &mut [f32]) {
    let scale = F32x4::splat(scale);
    lines.each_four(images, [input, input], output, |[from, _], to| {
        I32x4::widen(from).floats().times(scale).store(to);
    });
}

/// Sums of two values with these scales.
pub fn add<T: Number>(
    scales: [f32; 2],
    finish: &Finish,
    lines: &Lines,
    images: usize,
    inputs: [&[i16]; 2],
    output: &mut [T],
) {
    let [scale, other_scale] = scales.map(F32x4::splat);
    lines.each_four(images, inputs, output, |[one, other], to| {
        let one = I32x4::widen(one).floats().times(scale);
        let other = I32x4::widen(other).floats().times(other_scale);
        T::store(finish.held(one.plus(other)), to);
    });
}
