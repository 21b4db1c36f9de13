//! Convolutions of 3 x 3 numbers with a quarter of the products: Winograd's minimal filtering F(4 x 4, 3 x 3).
//!
//! 4 x 4 pixels of the output depend on 6 x 6 of the input. Both these and the weights are transformed by sums; then 36 products
//! for each pair of channels give what takes 144 otherwise, and other sums give the output.
//!
//! Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015, arXiv:1509.09308; the points are 0, 1, -1, 2, -2.

use crate::kernel::{Kernel, Range};
use crate::layout::{Border, Layout, Shape};
use crate::tile::{Covered, PIXELS, Sums, Weights};
use crate::vector::{F32x4, LANES};
use crate::window::{Steps, Window};

/// Rows and columns of the output that are computed at once.
const OUTPUT: usize = 4;

/// And of the input that they depend on.
const INPUT: usize = 6;

/// Numbers of such a patch.
const PLACES: usize = INPUT * INPUT;

/// So many such patches are computed at once.
const PATCHES: usize = 24;

/// Sums are taken for up to so many vectors of output channels at once.
const VECTORS: usize = 2;

/// A convolution of 3 x 3, laid out for its input and its output.
pub struct Winograd {
    patches: Vec<Patch>,
    /// For each of the places in a transformed patch the weights of some channels of the output after the others.
    weights: Vec<Vec<Channels>>,
    input: Layout,
    finish: Finish,
}

/// Memory for what is half done, which all layers have in turn.
#[derive(Default)]
pub struct Scratch {
    /// Transformed patches of the input: place, patch, channel.
    transformed: Vec<f32>,
    /// And those of the output.
    products: Vec<f32>,
    /// A patch of which the columns are transformed: row, column, channel.
    wide: Vec<f32>,
}

impl Scratch {
    /// Makes room for a layer.
    pub fn fit(&mut self, layer: &Winograd) {
        let (input, output) = (layer.input.pixel, layer.finish.output.pixel);
        for (memory, floats) in [
            (&mut self.transformed, PLACES * PATCHES * input),
            (&mut self.products, PLACES * PATCHES * output),
            (&mut self.wide, PLACES * input.max(output)),
        ] {
            memory.resize(floats.max(memory.len()), 0.0);
        }
    }
}

/// What becomes of transformed products.
struct Finish {
    /// One for each four channels of the output.
    bias: Vec<Weights>,
    range: Range,
    output: Layout,
}

/// 4 x 4 pixels of the output.
#[derive(Clone, Copy)]
struct Patch {
    /// Where they begin to depend on the input, and where they begin in the output.
    from: usize,
    to: usize,
    /// How many rows and columns lie in the image.
    rows: usize,
    columns: usize,
}

/// Neighbouring channels of the output.
struct Channels {
    first: usize,
    vectors: usize,
    /// For each channel of the input one for each four of them.
    weights: Vec<Weights>,
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
    pub fn new(kernel: &Kernel, range: Range, input: Layout, output: Layout) -> Winograd {
        let Window { rows, columns } = kernel.window;
        let (inputs, outputs) = (input.shape.channels, output.shape.channels);
        let corners = (0..rows.output)
            .step_by(OUTPUT)
            .flat_map(|y| (0..columns.output).step_by(OUTPUT).map(move |x| (y, x)));
        let (top, left) = (input.border.top - rows.before, input.border.left - columns.before);
        let patches = corners.map(|(y, x)| Patch {
            from: input.at(top + y, left + x),
            to: output.at(output.border.top + y, output.border.left + x),
            rows: OUTPUT.min(rows.output - y),
            columns: OUTPUT.min(columns.output - x),
        });
        // [output][input] -> the 36 of a transformed kernel.
        let transformed: Vec<[[f32; INPUT]; INPUT]> = (0..outputs)
            .flat_map(|output| (0..inputs).map(move |input| (output, input)))
            .map(|(output, input)| {
                let row = |y: usize| [0, 1, 2].map(|x| f64::from(kernel.weight(inputs, output, input, y * 3 + x)));
                let wide = weights([0, 1, 2].map(|y| weights(row(y))));
                wide.map(|row| row.map(|weight| weight as f32))
            })
            .collect();
        let of = |place: usize, output: usize, input: usize| {
            let kernel = (output < outputs)
                .then(|| transformed.get(output * inputs + input))
                .flatten();
            kernel
                .and_then(|kernel| kernel.as_flattened().get(place))
                .copied()
                .unwrap_or_default()
        };
        let channels = |place: usize, first: usize| {
            let vectors = VECTORS.min((outputs - first).div_ceil(LANES));
            let each = (0..inputs.next_multiple_of(LANES))
                .flat_map(|input| (0..vectors).map(move |vector| (input, first + vector * LANES)));
            Channels {
                first,
                vectors,
                weights: each
                    .map(|(input, first)| std::array::from_fn(|lane| of(place, first + lane, input)))
                    .collect(),
            }
        };
        let firsts = || (0..outputs).step_by(VECTORS * LANES);
        let bias = (0..outputs).step_by(LANES);
        let finish = Finish {
            bias: bias
                .map(|first| std::array::from_fn(|lane| kernel.bias(first + lane)))
                .collect(),
            range,
            output,
        };
        Winograd {
            patches: patches.collect(),
            weights: (0..PLACES)
                .map(|place| firsts().map(|first| channels(place, first)).collect())
                .collect(),
            input,
            finish,
        }
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[f32], scratch: &mut Scratch, output: &mut [f32]) {
        let (from, to) = (self.input.image(), self.finish.output.image());
        let mut all = (0..images).flat_map(|image| {
            self.patches.iter().map(move |patch| Patch {
                from: image * from + patch.from,
                to: image * to + patch.to,
                ..*patch
            })
        });
        loop {
            let mut patches = [None; PATCHES];
            let mut count = 0;
            for (slot, patch) in patches.iter_mut().zip(&mut all) {
                let start = input.get(patch.from..).unwrap_or_default();
                take_apart(start, self.input, &mut scratch.wide, &mut scratch.transformed, count);
                *slot = Some(patch);
                count += 1;
            }
            if count == 0 {
                return;
            }
            let pixels = [self.input.pixel, self.finish.output.pixel];
            let places = (scratch.transformed.chunks_exact(PATCHES * self.input.pixel))
                .zip(scratch.products.chunks_exact_mut(PATCHES * self.finish.output.pixel));
            for ((from, to), weights) in places.zip(&self.weights) {
                for channels in weights {
                    match channels.vectors {
                        1 => multiply::<1>(channels, count, self.input.shape.channels, pixels, from, to),
                        _ => multiply::<VECTORS>(channels, count, self.input.shape.channels, pixels, from, to),
                    }
                }
            }
            for (index, patch) in patches.into_iter().flatten().enumerate() {
                self.finish
                    .put_together(&scratch.products, index, patch, &mut scratch.wide, output);
            }
        }
    }
}

/// Transforms a patch of the input: its columns, then the rows of what these give. All channels of a pixel lie side by side.
#[inline(never)]
fn take_apart(input: &[f32], layout: Layout, wide: &mut [f32], to: &mut [f32], index: usize) {
    let pixel = layout.pixel;
    for x in 0..INPUT {
        let rows = [0, 1, 2, 3, 4, 5].map(|y| vectors(input, layout.at(y, x), pixel));
        let mut columns = wide
            .chunks_exact_mut(INPUT * pixel)
            .map(|row| vectors_mut(row, x * pixel, pixel));
        each_input(rows, &mut columns);
    }
    let rows = wide
        .chunks_exact(INPUT * pixel)
        .zip(to.chunks_exact_mut(INPUT * PATCHES * pixel))
        .take(INPUT);
    for (row, places) in rows {
        let columns = [0, 1, 2, 3, 4, 5].map(|x| vectors(row, x * pixel, pixel));
        let places = places.chunks_exact_mut(PATCHES * pixel);
        each_input(
            columns,
            &mut places.map(|place| vectors_mut(place, index * pixel, pixel)),
        );
    }
}

/// Transforms six numbers of the input for each four channels.
#[inline(always)]
fn each_input<'t>([a, b, c, d, e, f]: [&[Weights]; INPUT], to: &mut impl Iterator<Item = &'t mut [Weights]>) {
    let mut to = [(); INPUT].map(|()| to.next().unwrap_or_default().iter_mut());
    let from = a.iter().zip(b).zip(c).zip(d).zip(e).zip(f);
    for (((((a, b), c), d), e), f) in from {
        let transformed = inputs([a, b, c, d, e, f].map(F32x4::load));
        for (to, number) in to.iter_mut().zip(transformed) {
            if let Some(to) = to.next() {
                number.store(to);
            }
        }
    }
}

/// The vectors of a pixel.
#[inline(always)]
fn vectors(from: &[f32], at: usize, pixel: usize) -> &[Weights] {
    let pixel = from.get(at..).and_then(|rest| rest.get(..pixel));
    pixel.unwrap_or_default().as_chunks().0
}

#[inline(always)]
fn vectors_mut(from: &mut [f32], at: usize, pixel: usize) -> &mut [Weights] {
    let pixel = from.get_mut(at..).and_then(|rest| rest.get_mut(..pixel));
    pixel.unwrap_or_default().as_chunks_mut().0
}

/// Multiplies one place of the transformed patches with its weights, for some channels of the output.
#[inline(never)]
fn multiply<const N: usize>(
    channels: &Channels,
    patches: usize,
    inputs: usize,
    [pixel_from, pixel_to]: [usize; 2],
    from: &[f32],
    to: &mut [f32],
) {
    let covered = Covered {
        input: from,
        segments: &[0],
        run: inputs,
    };
    let start: Sums<N> = [F32x4::splat(0.0); N];
    let mut put = |patch: usize, sums: Sums<N>| {
        let to = to
            .get_mut(patch * pixel_to + channels.first..)
            .unwrap_or_default()
            .as_chunks_mut()
            .0;
        for (to, sum) in to.iter_mut().zip(sums) {
            sum.store(to);
        }
    };
    for patch in (0..patches - patches % PIXELS).step_by(PIXELS) {
        let places = [0, 1, 2].map(|next| (patch + next) * pixel_from);
        if let Some(sums) = covered.three(places, &channels.weights, start) {
            for (next, sums) in sums.into_iter().enumerate() {
                put(patch + next, sums);
            }
        }
    }
    for patch in patches - patches % PIXELS..patches {
        if let Some(sums) = covered.one(patch * pixel_from, &channels.weights, start) {
            put(patch, sums);
        }
    }
}

impl Finish {
    /// Transforms the products of a patch to pixels of the output: columns, then rows.
    #[inline(never)]
    fn put_together(&self, products: &[f32], index: usize, patch: Patch, wide: &mut [f32], output: &mut [f32]) {
        let (layout, range) = (self.output, self.range);
        let pixel = layout.pixel;
        for x in 0..INPUT {
            let rows =
                [0, 1, 2, 3, 4, 5].map(|y| vectors(products, ((y * INPUT + x) * PATCHES + index) * pixel, pixel));
            let mut columns = wide
                .chunks_exact_mut(INPUT * pixel)
                .map(|row| vectors_mut(row, x * pixel, pixel).iter_mut());
            let mut to = [(); OUTPUT].map(|()| columns.next().unwrap_or_default());
            let [a, b, c, d, e, f] = rows;
            for (((((a, b), c), d), e), f) in a.iter().zip(b).zip(c).zip(d).zip(e).zip(f) {
                let transformed = outputs([a, b, c, d, e, f].map(F32x4::load));
                for (to, number) in to.iter_mut().zip(transformed) {
                    if let Some(to) = to.next() {
                        number.store(to);
                    }
                }
            }
        }
        for (y, row) in wide.chunks_exact(INPUT * pixel).enumerate().take(patch.rows) {
            let [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5].map(|x| vectors(row, x * pixel, pixel));
            let start = patch.to + layout.at(y, 0);
            let to = output.get_mut(start..start + patch.columns * pixel).unwrap_or_default();
            let mut pixels = to
                .chunks_exact_mut(pixel)
                .map(|pixel| pixel.as_chunks_mut().0.iter_mut());
            let mut to = [(); OUTPUT].map(|()| pixels.next().unwrap_or_default());
            for ((((((a, b), c), d), e), f), bias) in a.iter().zip(b).zip(c).zip(d).zip(e).zip(f).zip(&self.bias) {
                let bias = F32x4::load(bias);
                let transformed = outputs([a, b, c, d, e, f].map(F32x4::load));
                for (to, number) in to.iter_mut().zip(transformed) {
                    // Pixels beside the image have nowhere to go.
                    if let Some(to) = to.next() {
                        range.hold(number.plus(bias)).store(to);
                    }
                }
            }
        }
    }
}

/// What can be added and multiplied: a number, four of them, or a row of either, each by itself.
trait Linear: Copy {
    fn add(self, other: Self) -> Self;
    fn times(self, factor: f64) -> Self;

    #[inline(always)]
    fn less(self, other: Self) -> Self {
        self.add(other.times(-1.0))
    }
}

impl Linear for f64 {
    fn add(self, other: f64) -> f64 {
        self + other
    }

    fn times(self, factor: f64) -> f64 {
        self * factor
    }
}

impl Linear for F32x4 {
    #[inline(always)]
    fn add(self, other: F32x4) -> F32x4 {
        self.plus(other)
    }

    #[inline(always)]
    fn times(self, factor: f64) -> F32x4 {
        F32x4::times(self, F32x4::splat(factor as f32))
    }

    #[inline(always)]
    fn less(self, other: F32x4) -> F32x4 {
        self.minus(other)
    }
}

impl<T: Linear, const N: usize> Linear for [T; N] {
    #[inline(always)]
    fn add(self, other: [T; N]) -> [T; N] {
        let mut others = other.into_iter();
        self.map(|one| others.next().map_or(one, |other| one.add(other)))
    }

    #[inline(always)]
    fn times(self, factor: f64) -> [T; N] {
        self.map(|one| one.times(factor))
    }

    #[inline(always)]
    fn less(self, other: [T; N]) -> [T; N] {
        let mut others = other.into_iter();
        self.map(|one| others.next().map_or(one, |other| one.less(other)))
    }
}

/// Transforms six numbers of the input.
#[inline(always)]
fn inputs<T: Linear>([a, b, c, d, e, f]: [T; INPUT]) -> [T; INPUT] {
    let (even, odd) = (e.less(c.times(4.0)), d.less(b.times(4.0)));
    let (far_even, far_odd) = (e.less(c), d.less(b).times(2.0));
    [
        even.less(c).add(a.times(4.0)),
        even.add(odd),
        even.less(odd),
        far_even.add(far_odd),
        far_even.less(far_odd),
        f.less(d.times(5.0)).add(b.times(4.0)),
    ]
}

/// Transforms three weights. Not all divisions are exact, so it is done in 64 bits.
fn weights<T: Linear>([a, b, c]: [T; 3]) -> [T; INPUT] {
    let (near, far, twice) = (a.add(c), a.add(c.times(4.0)), b.times(2.0));
    [
        a.times(1.0 / 4.0),
        near.add(b).times(-1.0 / 6.0),
        near.less(b).times(-1.0 / 6.0),
        far.add(twice).times(1.0 / 24.0),
        far.less(twice).times(1.0 / 24.0),
        c,
    ]
}

/// Transforms six products to four numbers of the output.
#[inline(always)]
fn outputs<T: Linear>([a, b, c, d, e, f]: [T; INPUT]) -> [T; OUTPUT] {
    let (near, near_odd) = (b.add(c), b.less(c));
    let (far, far_odd) = (d.add(e), d.less(e));
    [
        a.add(near).add(far),
        near_odd.add(far_odd.times(2.0)),
        near.add(far.times(4.0)),
        near_odd.add(far_odd.times(8.0)).add(f),
    ]
}
