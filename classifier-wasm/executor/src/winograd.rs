//! Convolutions of 3 x 3 numbers with a quarter of the products: Winograd's minimal filtering F(4 x 4, 3 x 3).
//!
//! 4 x 4 pixels of the output depend on 6 x 6 of the input. Both these and the weights are transformed by sums; then 36 products
//! for each pair of channels give what takes 144 otherwise, and other sums give the output.
//!
//! Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015, arXiv:1509.09308.

mod patch;
mod points;

use std::iter;

use self::patch::{Finish, Patch};
use crate::kernel::{Kernel, Range};
use crate::layout::{Border, Layout, Shape};
use crate::scratch::Scratch;
use crate::tile::{AHEAD, Pairs, ROWS, Sums, Vector, Weights};
use crate::vector::{F32x4, LANES};
use crate::window::{Steps, Window};

/// Rows and columns of the output that are computed at once.
const OUTPUT: usize = 4;

/// And of the input that they depend on.
const INPUT: usize = 6;

/// Numbers of such a patch.
const PLACES: usize = INPUT * INPUT;

/// Vectors of transformed patches of the input that are computed before they are multiplied: they stay in the cache.
const TRANSFORMED: usize = 1 << 16;

/// The most pairs of patches that are.
const MOST_PAIRS: usize = 20;

/// Four channels of two patches, at each of its places, and a cache line: else every second line of the cache would stay empty.
const PAIR: usize = PLACES * ROWS + LANES;

/// A convolution of 3 x 3, laid out for its input and its output.
pub struct Winograd {
    patches: Vec<Patch>,
    /// For each of the places in a transformed patch.
    weights: Vec<Weights>,
    input: Layout,
    finish: Finish,
}

impl Winograd {
    /// Whether it computes a kernel, and takes less than one product after the other.
    pub fn suits(kernel: &Kernel, image: Shape) -> bool {
        let Window { rows, columns } = kernel.window;
        let is_three = |steps: Steps| steps.kernel == 3 && steps.stride == 1 && steps.dilation == 1;
        let (inputs, outputs) = (image.channels, kernel.bias.len());
        let patches = rows.output.div_ceil(OUTPUT) * columns.output.div_ceil(OUTPUT);
        // In vectors: what is multiplied, and some 60 sums for each transformed vector.
        let vectors = outputs.div_ceil(LANES);
        let direct = rows.output * columns.output * 9 * inputs * vectors;
        let transformed = patches * (PLACES * inputs * vectors + 60 * (inputs.div_ceil(LANES) + vectors));
        is_three(rows) && is_three(columns) && kernel.groups == 1 && inputs >= LANES && transformed < direct
    }

    /// What it reads beside an image: patches may be larger than what is left of it.
    pub fn border(kernel: &Kernel, image: Shape) -> Border {
        let Window { mut rows, mut columns } = kernel.window;
        rows.output = rows.output.next_multiple_of(OUTPUT);
        columns.output = columns.output.next_multiple_of(OUTPUT);
        Window { rows, columns }.border(image)
    }

    /// Lays out `kernel`, which it suits. Both have whole vectors, and the input its border.
    pub fn new(kernel: &Kernel, (range, pooled): (Range, bool), input: Layout, output: Layout) -> Winograd {
        let Window { rows, columns } = kernel.window;
        let (inputs, outputs) = (input.shape.channels, output.shape.channels);
        let corners = (0..rows.output)
            .step_by(OUTPUT)
            .flat_map(|y| (0..columns.output).step_by(OUTPUT).map(move |x| (y, x)));
        let (top, left) = (input.border.top - rows.before, input.border.left - columns.before);
        let size = if pooled { 2 } else { 1 };
        let patches = corners.map(|(y, x)| Patch {
            from: input.at(top + y, left + x),
            to: output.inside(y / size, x / size),
            rows: OUTPUT.min(rows.output - y) / size,
            columns: OUTPUT.min(columns.output - x) / size,
        });
        // [place][output][input], since each place is read by itself: the cache holds no large layer.
        let place = || Vec::with_capacity(outputs * inputs);
        let mut transformed: Vec<Vec<f32>> = iter::repeat_with(place).take(PLACES).collect();
        for (output, input) in (0..outputs).flat_map(|output| (0..inputs).map(move |input| (output, input))) {
            let row = |y: usize| [0, 1, 2].map(|x| f64::from(kernel.weight(inputs, output, input, y * 3 + x)));
            let wide = points::weights([0, 1, 2].map(|y| points::weights(row(y))));
            for (place, weight) in transformed.iter_mut().zip(wide.as_flattened()) {
                place.push(*weight as f32);
            }
        }
        let weights = |place: Vec<f32>| {
            Weights::new(0..outputs, inputs, |input, output| match output < outputs {
                true => place.get(output * inputs + input).copied().unwrap_or_default(),
                false => 0.0,
            })
        };
        Winograd {
            patches: patches.collect(),
            weights: transformed.into_iter().map(weights).collect(),
            input,
            finish: Finish {
                bias: kernel.bias_vectors(),
                range,
                pooled,
                output,
            },
        }
    }

    /// Vectors of a pixel, of the input and of the output.
    fn vectors(&self) -> [usize; 2] {
        [self.input.vectors(), self.finish.output.vectors()]
    }

    /// How many pairs of patches are computed at once.
    fn pairs(&self) -> usize {
        let [inputs, _] = self.vectors();
        (TRANSFORMED / (inputs * PAIR)).clamp(1, MOST_PAIRS)
    }

    /// Makes room for it.
    pub fn fit(&self, scratch: &mut Scratch) {
        let ([inputs, outputs], pairs) = (self.vectors(), self.pairs());
        // One more, since rows are read from any place of the first pair on, and as many as there may be in a turn.
        let rows = (pairs * inputs + 1 + AHEAD) * PAIR;
        scratch.fit(
            rows,
            (pairs * ROWS * outputs + 1) * PLACES,
            inputs.max(outputs) * PLACES,
        );
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[f32], scratch: &mut Scratch, output: &mut [f32]) {
        let Scratch {
            rows, products, half, ..
        } = scratch;
        let [inputs, outputs] = self.vectors();
        let (from, to) = (self.input.image(), self.finish.output.image());
        let mut all = (0..images).flat_map(|image| {
            self.patches.iter().map(move |patch| Patch {
                from: image * from + patch.from,
                to: image * to + patch.to,
                ..*patch
            })
        });
        loop {
            let mut patches = [None; MOST_PAIRS * ROWS];
            let mut count = 0;
            for (slot, patch) in patches.iter_mut().zip(all.by_ref().take(self.pairs() * ROWS)) {
                let pair = rows.as_chunks_mut().0.chunks_exact_mut(inputs).nth(count / ROWS);
                let start = input.get(patch.from..).unwrap_or_default();
                patch::take_apart(start, self.input, half, pair.unwrap_or_default(), count % ROWS);
                *slot = Some(patch);
                count += 1;
            }
            if count == 0 {
                return;
            }
            for (place, weights) in self.weights.iter().enumerate() {
                let pairs = Pairs::<PAIR> {
                    rows: rows.get(place * ROWS..).unwrap_or_default().as_chunks().0,
                    step: inputs,
                    count: count.div_ceil(ROWS),
                };
                let to = products.get_mut(place..).unwrap_or_default().as_chunks_mut().0;
                weights.multiply(pairs, &[], &mut Products { to, outputs });
            }
            let products = products.as_chunks().0.chunks_exact(outputs);
            for (patch, products) in patches.into_iter().flatten().zip(products) {
                self.finish.put_together(products, patch, half, output);
            }
        }
    }
}

/// The products of one place, each the first of its patch and four channels.
struct Products<'a> {
    to: &'a mut [[Vector; PLACES]],
    /// Vectors of a pixel of the output.
    outputs: usize,
}

impl Sums for Products<'_> {
    #[inline(always)]
    fn take<const N: usize>(&mut self, row: usize, channel: usize, sums: [F32x4; N]) {
        let to = self
            .to
            .get_mut(row * self.outputs + channel / LANES..)
            .unwrap_or_default();
        if let Some(to) = to.first_chunk_mut::<N>() {
            for ([to, ..], sum) in to.iter_mut().zip(sums) {
                sum.store(to);
            }
        }
    }
}
