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
    /// How many rows and columns lie in the output.
    pub rows: usize,
    pub columns: usize,
}

/// What becomes of transformed products.
pub struct Finish {
    /// One for each four channels of the output.
    pub bias: Vec<Vector>,
    pub range: Range,
    /// Whether only the largest of each 2 x 2 pixels is stored.
    pub pooled: bool,
    pub output: Layout,
}

/// Transforms a patch of the input, for each four channels: its columns, then the rows of what these give. It becomes the row
/// `row` of a pair.
pub fn take_apart(input: &[f32], layout: Layout, half: &mut [Vector], to: &mut [[Vector; PAIR]], row: usize) {
    let half: &mut [[Vector; INPUT]] = half.as_chunks_mut().0;
    let rows = [0, 1, 2, 3, 4, 5].map(|y| {
        let at = layout.at(y, 0);
        input
            .get(at..at + INPUT * layout.pixel)
            .unwrap_or_default()
            .as_chunks()
            .0
    });
    columns_of_input(rows, half);
    let vectors = layout.vectors();
    let columns = [0, 1, 2, 3, 4, 5].map(|x| half.get(x * vectors..(x + 1) * vectors).unwrap_or_default());
    match row {
        0 => rows_of_input::<0>(columns, to),
        _ => rows_of_input::<1>(columns, to),
    }
}

#[inline(never)]
fn columns_of_input([a, b, c, d, e, f]: [&[Vector]; INPUT], half: &mut [[Vector; INPUT]]) {
    let all = a.iter().zip(b).zip(c).zip(d).zip(e).zip(f);
    for ((((((a, b), c), d), e), f), to) in all.zip(half) {
        let numbers = points::inputs([a, b, c, d, e, f].map(F32x4::load));
        for (to, number) in to.iter_mut().zip(numbers) {
            number.store(to);
        }
    }
}

#[inline(never)]
fn rows_of_input<const ROW: usize>([a, b, c, d, e, f]: [&[[Vector; INPUT]]; INPUT], to: &mut [[Vector; PAIR]]) {
    let all = a.iter().zip(b).zip(c).zip(d).zip(e).zip(f);
    for ((((((a, b), c), d), e), f), to) in all.zip(to) {
        let to: &mut [[[Vector; ROWS]; INPUT]] = to.as_chunks_mut().0.as_chunks_mut().0;
        for (y, to) in to.iter_mut().enumerate() {
            let numbers = [a, b, c, d, e, f].map(|column| column.get(y).map_or(F32x4::splat(0.0), F32x4::load));
            for (to, number) in to.iter_mut().zip(points::inputs(numbers)) {
                if let Some(to) = to.get_mut(ROW) {
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
        let (row, pixels) = (self.output.row(), patch.columns * self.output.pixel);
        let mut rows = output
            .get_mut(patch.to..)
            .unwrap_or_default()
            .chunks_mut(row)
            .take(patch.rows);
        let rows = [(); OUTPUT].map(|()| rows.next().and_then(|row| row.get_mut(..pixels)).unwrap_or_default());
        let rows = rows.map(|row| row.as_chunks_mut().0);
        match self.pooled {
            true => self.pooled_rows_of_output(half, rows),
            false => self.rows_of_output(half, rows),
        }
    }

    #[inline(never)]
    fn rows_of_output(&self, half: &[[[Vector; INPUT]; OUTPUT]], mut rows: [&mut [Vector]; OUTPUT]) {
        for (vector, (half, bias)) in half.iter().zip(&self.bias).enumerate() {
            let bias = F32x4::load(bias);
            for (half, row) in half.iter().zip(&mut rows) {
                let numbers = points::outputs(half.each_ref().map(F32x4::load));
                self.store(numbers, bias, row, vector);
            }
        }
    }

    #[inline(never)]
    fn pooled_rows_of_output(&self, half: &[[[Vector; INPUT]; OUTPUT]], mut rows: [&mut [Vector]; OUTPUT]) {
        for (vector, (half, bias)) in half.iter().zip(&self.bias).enumerate() {
            let bias = F32x4::load(bias);
            let (pairs, _) = half.as_chunks::<2>();
            for (pair, row) in pairs.iter().zip(&mut rows) {
                let [[a, b, c, d], [e, f, g, h]] = pair
                    .each_ref()
                    .map(|half| points::outputs(half.each_ref().map(F32x4::load)));
                let numbers = [[a, b, e, f], [c, d, g, h]].map(|[a, b, c, d]| a.at_least(b).at_least(c.at_least(d)));
                self.store(numbers, bias, row, vector);
            }
        }
    }

    /// Stores four channels of neighbouring pixels. Those beside the image have nowhere to go.
    #[inline(always)]
    fn store<const N: usize>(&self, numbers: [F32x4; N], bias: F32x4, row: &mut [Vector], vector: usize) {
        let vectors = self.output.vectors();
        for (x, number) in numbers.into_iter().enumerate() {
            if let Some(to) = row.get_mut(x * vectors + vector) {
                self.range.hold(number.plus(bias)).store(to);
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
