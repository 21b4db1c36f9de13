//! Patches of an image: transformed to what is multiplied, and back.

use super::{INPUT, OUTPUT, PAIR, PLACES, points};
use crate::kernel::Range;
use crate::layout::Layout;
use crate::tile::{ROWS, Vector};
use crate::vector::F32x4;

/// 4 x 4 pixels of the output.
#[derive(Clone, Copy)]
pub struct Patch {
    /// Where they begin to depend on the input, and where they begin in the output.
    pub from: usize,
    pub to: usize,
    /// How many rows and columns lie in the image.
    pub rows: usize,
    pub columns: usize,
}

/// What becomes of transformed products.
pub struct Finish {
    /// One for each four channels of the output.
    pub bias: Vec<Vector>,
    pub range: Range,
    pub output: Layout,
}

/// Transforms a patch of the input, for each four channels: its columns, then the rows of what these give. It becomes the row
/// `row` of a pair.
pub fn take_apart(input: &[f32], layout: Layout, half: &mut [Vector], to: &mut [[Vector; PAIR]], row: usize) {
    let half: &mut [[[Vector; INPUT]; INPUT]] = half.as_chunks_mut().0.as_chunks_mut().0;
    for x in 0..INPUT {
        let column = [0, 1, 2, 3, 4, 5].map(|y| {
            let at = layout.at(y, x);
            input.get(at..at + layout.pixel).unwrap_or_default().as_chunks().0
        });
        column_of_input(column, x, half);
    }
    rows_of_input(half, to, row);
}

#[inline(always)]
fn column_of_input([a, b, c, d, e, f]: [&[Vector]; INPUT], x: usize, half: &mut [[[Vector; INPUT]; INPUT]]) {
    let column = a.iter().zip(b).zip(c).zip(d).zip(e).zip(f);
    for ((((((a, b), c), d), e), f), half) in column.zip(half) {
        let numbers = points::inputs([a, b, c, d, e, f].map(F32x4::load));
        if let Some(to) = half.get_mut(x) {
            for (to, number) in to.iter_mut().zip(numbers) {
                number.store(to);
            }
        }
    }
}

#[inline(never)]
fn rows_of_input(half: &[[[Vector; INPUT]; INPUT]], to: &mut [[Vector; PAIR]], row: usize) {
    for (columns, to) in half.iter().zip(to) {
        let to: &mut [[[Vector; ROWS]; INPUT]] = to.as_chunks_mut().0.as_chunks_mut().0;
        for (y, to) in to.iter_mut().enumerate() {
            let [a, b, c, d, e, f] = columns;
            let numbers = [a, b, c, d, e, f].map(|column| column.get(y).map_or(F32x4::splat(0.0), F32x4::load));
            for (to, number) in to.iter_mut().zip(points::inputs(numbers)) {
                if let Some(to) = to.get_mut(row) {
                    number.store(to);
                }
            }
        }
    }
}

impl Finish {
    /// Transforms the products of a patch to pixels of the output: columns, then rows.
    pub fn put_together(&self, products: &[[Vector; PLACES]], patch: Patch, half: &mut [Vector], output: &mut [f32]) {
        let half: &mut [[[Vector; INPUT]; OUTPUT]] = half.as_chunks_mut().0.as_chunks_mut().0;
        columns_of_output(products, half);
        let layout = self.output;
        for y in 0..patch.rows {
            let start = patch.to + layout.at(y, 0);
            let to = output.get_mut(start..start + patch.columns * layout.pixel);
            self.row_of_output(half, y, to.unwrap_or_default());
        }
    }

    #[inline(never)]
    fn row_of_output(&self, half: &[[[Vector; INPUT]; OUTPUT]], y: usize, to: &mut [f32]) {
        let mut pixels = to
            .chunks_exact_mut(self.output.pixel)
            .map(|pixel| pixel.as_chunks_mut().0.iter_mut());
        let mut to = [(); OUTPUT].map(|()| pixels.next().unwrap_or_default());
        for (rows, bias) in half.iter().zip(&self.bias) {
            let Some(row) = rows.get(y) else { return };
            let numbers = points::outputs(row.each_ref().map(F32x4::load));
            for (to, number) in to.iter_mut().zip(numbers) {
                // Pixels beside the image have nowhere to go.
                if let Some(to) = to.next() {
                    self.range.hold(number.plus(F32x4::load(bias))).store(to);
                }
            }
        }
    }
}

#[inline(never)]
fn columns_of_output(products: &[[Vector; PLACES]], half: &mut [[[Vector; INPUT]; OUTPUT]]) {
    for (products, half) in products.iter().zip(half) {
        let (rows, _) = products.as_chunks::<INPUT>();
        for x in 0..INPUT {
            let numbers: [F32x4; INPUT] = std::array::from_fn(|y| {
                let number = rows.get(y).and_then(|row| row.get(x));
                number.map_or(F32x4::splat(0.0), F32x4::load)
            });
            for (row, number) in half.iter_mut().zip(points::outputs(numbers)) {
                if let Some(to) = row.get_mut(x) {
                    number.store(to);
                }
            }
        }
    }
}
