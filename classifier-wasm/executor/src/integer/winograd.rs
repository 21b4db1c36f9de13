//! Convolutions of 3 x 3 integers with less than half of the products: Winograd's minimal filtering F(2 x 2, 3 x 3), which is exact.
//!
//! 2 x 2 pixels of the output depend on 4 x 4 of the input. Both these and the weights are transformed by sums; then 16 products
//! for each pair of channels give what takes 36 otherwise, and other sums give the output. The weights' transform has halves, so
//! four times the weights are transformed, and four times the output comes of it. What wraps around on the way comes back.
//!
//! Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015, arXiv:1509.09308.

use super::finish::Finish;
use super::kernel::IntegerKernel;
use super::scratch::Scratch;
use super::tile::{CHANNELS, Four, ROWS, Rows, STEPS, Sums, Vector, Weights};
use super::vector::{I16x8, I32x4, LANES};
use super::{Grid, Slot};
use crate::kernel::Range;
use crate::layout::{Border, Layout, Shape};
use crate::window::{Steps, Window};

/// Rows and columns of the output that are computed at once.
const OUTPUT: usize = 2;

/// And of the input that they depend on.
const INPUT: usize = 4;

/// Numbers of such a patch.
const PLACES: usize = INPUT * INPUT;

/// So much larger is what the transforms give.
const FACTOR: i32 = 4;

/// The most pairs of patches whose transform is computed before it is multiplied.
const MOST_PAIRS: usize = 32;

/// Vectors of transformed patches, at most: they stay in the cache.
const TRANSFORMED: usize = 1 << 14;

/// Eight channels of two patches, at each of its places, and a cache line: else every second line of the cache would stay empty.
const PAIR: usize = PLACES * ROWS + 4;

/// A convolution of 3 x 3, laid out for its input and its output.
pub struct Winograd {
    patches: Vec<Patch>,
    /// For each of the places in a transformed patch.
    weights: Vec<Weights>,
    input: Layout,
    output: Layout,
    finish: Finish,
}

/// 2 x 2 pixels of the output.
#[derive(Clone, Copy)]
struct Patch {
    /// Where they begin to depend on the input.
    from: usize,
    /// Where each goes. None: it is beside the image.
    to: [Option<usize>; OUTPUT * OUTPUT],
}

impl Winograd {
    /// Whether it computes a kernel, takes less than one product after the other, and has room for sums.
    pub fn suits(kernel: &IntegerKernel, image: Shape) -> bool {
        let Window { rows, columns } = kernel.window;
        let is_three = |steps: Steps| steps.kernel == 3 && steps.stride == 1 && steps.dilation == 1;
        let (inputs, outputs) = (image.channels.div_ceil(LANES), kernel.bias.len().div_ceil(CHANNELS));
        let patches = rows.output.div_ceil(OUTPUT) * columns.output.div_ceil(OUTPUT);
        // In products of vectors, and what the transforms cost beside them.
        let direct = rows.output * columns.output * 9 * inputs * outputs * CHANNELS;
        let transformed = patches * (PLACES * inputs * outputs * CHANNELS + 40 * inputs + 100 * outputs);
        let is_known = is_three(rows) && is_three(columns) && kernel.groups == 1 && image.channels >= LANES;
        is_known && transformed < direct && kernel.largest_sum(image.channels) <= i64::from(i32::MAX / FACTOR)
    }

    /// What it reads beside an image: patches may be larger than what is left of it.
    pub fn border(kernel: &IntegerKernel, image: Shape) -> Border {
        let Window { mut rows, mut columns } = kernel.window;
        rows.output = rows.output.next_multiple_of(OUTPUT);
        columns.output = columns.output.next_multiple_of(OUTPUT);
        Window { rows, columns }.border(image)
    }

    /// Lays out `kernel`, which it suits. Both have whole vectors, and the input its border.
    pub fn new(kernel: &IntegerKernel, range: Range, grid: Option<Grid>, input: Layout, output: Layout) -> Winograd {
        let Window { rows, columns } = kernel.window;
        let (inputs, outputs) = (input.shape.channels, output.shape.channels);
        let (top, left) = (input.border.top - rows.before, input.border.left - columns.before);
        let corners = (0..rows.output)
            .step_by(OUTPUT)
            .flat_map(|y| (0..columns.output).step_by(OUTPUT).map(move |x| (y, x)));
        let patches = corners.map(|(y, x)| Patch {
            from: input.at(top + y, left + x),
            to: [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(down, right)| {
                let (y, x) = (y + down, x + right);
                (y < rows.output && x < columns.output).then(|| output.inside(y, x))
            }),
        });
        let weight = |place: usize, input: usize, output: usize| {
            let row = |y: usize| of_weights([0, 1, 2].map(|x| kernel.weight(inputs, output, input, y * 3 + x)));
            let [a, b, c] = [row(0), row(1), row(2)];
            let column = |x: usize| {
                let of = |row: &[i16; INPUT]| row.get(x).copied().unwrap_or_default();
                of_weights([of(&a), of(&b), of(&c)])
            };
            column(place % INPUT).get(place / INPUT).copied().unwrap_or_default()
        };
        let weights =
            (0..PLACES).map(|place| Weights::new(0..outputs, inputs, |input, output| weight(place, input, output)));
        let terms = kernel.terms().into_iter();
        let terms: Vec<_> = terms
            .map(|(bias, scale, offset)| (bias * FACTOR, scale / FACTOR as f32, offset))
            .collect();
        Winograd {
            patches: patches.collect(),
            weights: weights.collect(),
            input,
            output,
            finish: Finish::new(&terms, range, grid),
        }
    }

    /// Four channels each.
    fn outputs(&self) -> usize {
        self.output.shape.channels.div_ceil(CHANNELS)
    }

    /// How many pairs of patches are computed at once.
    fn pairs(&self) -> usize {
        (TRANSFORMED / (self.input.vectors() * PAIR)).clamp(1, MOST_PAIRS)
    }

    /// Makes room for it.
    pub fn fit(&self, scratch: &mut Scratch) {
        let pairs = self.pairs();
        // One more, since rows are read from any place of the first pair on.
        let rows = (pairs * self.input.vectors() + 1 + STEPS) * PAIR;
        scratch.fit(rows, (pairs * ROWS * self.outputs() + 1) * PLACES);
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[i16], scratch: &mut Scratch, output: &mut Slot) {
        let Scratch { rows, products } = scratch;
        let (vectors, outputs) = (self.input.vectors(), self.outputs());
        let (from, to) = (self.input.image(), self.output.image());
        let mut all = (0..images).flat_map(|image| {
            self.patches.iter().map(move |patch| Patch {
                from: image * from + patch.from,
                to: patch.to.map(|place| place.map(|place| image * to + place)),
            })
        });
        loop {
            let mut patches = [None; MOST_PAIRS * ROWS];
            let mut count = 0;
            for (slot, patch) in patches.iter_mut().zip(all.by_ref().take(self.pairs() * ROWS)) {
                let pair = rows.as_chunks_mut().0.chunks_exact_mut(vectors).nth(count / ROWS);
                self.take_apart(
                    input.get(patch.from..).unwrap_or_default(),
                    pair.unwrap_or_default(),
                    count % ROWS,
                );
                *slot = Some(patch);
                count += 1;
            }
            if count == 0 {
                return;
            }
            for (place, weights) in self.weights.iter().enumerate() {
                let rows = Rows::<PAIR> {
                    items: rows.get(place * ROWS..).unwrap_or_default().as_chunks().0,
                    step: vectors,
                    pairs: count.div_ceil(ROWS),
                };
                let to = products.get_mut(place..).unwrap_or_default().as_chunks_mut().0;
                weights.multiply(rows, &[], &mut Products { to, outputs });
            }
            let products = products.as_chunks().0.chunks_exact(outputs);
            for (patch, products) in patches.into_iter().flatten().zip(products) {
                self.put_together(products, patch, output);
            }
        }
    }

    /// Transforms a patch of the input, for each eight channels. It becomes the row `row` of a pair.
    #[inline(never)]
    fn take_apart(&self, input: &[i16], to: &mut [[Vector; PAIR]], row: usize) {
        let vectors = self.input.vectors();
        let pixels: [[&[Vector]; INPUT]; INPUT] = std::array::from_fn(|y| {
            std::array::from_fn(|x| {
                let at = self.input.at(y, x);
                let pixel = input.get(at..at + vectors * LANES).unwrap_or_default();
                pixel.as_chunks().0
            })
        });
        let [a, b, c, d] = pixels;
        for (vector, to) in to.iter_mut().enumerate().take(vectors) {
            let rows = [
                of_row(a, vector),
                of_row(b, vector),
                of_row(c, vector),
                of_row(d, vector),
            ];
            let [a, b, c, d] = turned(rows);
            let places = [of_inputs(a), of_inputs(b), of_inputs(c), of_inputs(d)];
            let to: &mut [[[Vector; ROWS]; INPUT]] = to.as_chunks_mut().0.as_chunks_mut().0;
            for (to, numbers) in to.iter_mut().zip(turned(places)) {
                for (to, number) in to.iter_mut().zip(numbers) {
                    if let Some(to) = to.get_mut(row) {
                        number.store(to);
                    }
                }
            }
        }
    }

    /// Transforms the products of a patch to pixels of the output.
    #[inline(never)]
    fn put_together(&self, products: &[[Four; PLACES]], patch: Patch, output: &mut Slot) {
        for (four, (products, bias)) in products.iter().zip(self.finish.bias()).enumerate() {
            let [a, b, c, d] = turned(loaded(products));
            let (a, b) = (of_products(a), of_products(b));
            let (c, d) = (of_products(c), of_products(d));
            let ([a, e], [b, f], [c, g], [d, h]) = (a, b, c, d);
            let ([a, b], [c, d]) = (of_products([a, b, c, d]), of_products([e, f, g, h]));
            for (sum, to) in [a, b, c, d].into_iter().zip(patch.to) {
                if let Some(to) = to {
                    let sum = sum.plus(I32x4::load(bias));
                    self.finish.put(four * CHANNELS, [sum], to, output);
                }
            }
        }
    }
}

/// The products of one place, each the first of its patch and four channels.
struct Products<'a> {
    to: &'a mut [[Four; PLACES]],
    outputs: usize,
}

impl Sums for Products<'_> {
    #[inline(always)]
    fn take(&mut self, row: usize, channel: usize, sum: I32x4) {
        if let Some([to, ..]) = self.to.get_mut(row * self.outputs + channel / CHANNELS) {
            sum.store(to);
        }
    }
}

/// Four neighbouring pixels, transformed.
#[inline(always)]
fn of_row([a, b, c, d]: [&[Vector]; INPUT], vector: usize) -> [I16x8; INPUT] {
    let of = |pixel: &[Vector]| pixel.get(vector).map_or(I16x8::splat(0), I16x8::load);
    of_inputs([of(a), of(b), of(c), of(d)])
}

#[inline(always)]
fn loaded([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]: &[Four; PLACES]) -> [[I32x4; INPUT]; INPUT] {
    let row = |a: &Four, b: &Four, c: &Four, d: &Four| [I32x4::load(a), I32x4::load(b), I32x4::load(c), I32x4::load(d)];
    [row(a, b, c, d), row(e, f, g, h), row(i, j, k, l), row(m, n, o, p)]
}

/// Rows as columns.
#[inline(always)]
fn turned<T>([[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]]: [[T; INPUT]; INPUT]) -> [[T; INPUT]; INPUT] {
    [[a, e, i, m], [b, f, j, n], [c, g, k, o], [d, h, l, p]]
}

/// Transforms four numbers of the input.
#[inline(always)]
fn of_inputs([a, b, c, d]: [I16x8; INPUT]) -> [I16x8; INPUT] {
    [a.minus(c), b.plus(c), c.minus(b), b.minus(d)]
}

/// Transforms three weights, twice as large. From 255 on they grow to 765, and then to 2,295.
fn of_weights([a, b, c]: [i16; 3]) -> [i16; INPUT] {
    [2 * a, a + b + c, a - b + c, 2 * c]
}

/// Transforms four products to two numbers of the output.
#[inline(always)]
fn of_products([a, b, c, d]: [I32x4; INPUT]) -> [I32x4; OUTPUT] {
    [a.plus(b).plus(c), b.minus(c).minus(d)]
}
