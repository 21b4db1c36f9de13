//! Convolutions of images with one channel or three by 3 x 3 integers, as a first layer is: what such a kernel covers is too short
//! for whole vectors. Two neighbouring numbers are copied to all lanes at once, and multiplied for all channels.

use super::finish::Finish;
use super::kernel::IntegerKernel;
use super::tile::{CHANNELS, Four, Vector};
use super::vector::{I16x8, I32x4};
use super::{Grid, Slot};
use crate::kernel::Range;
use crate::layout::{Layout, Shape};

/// Rows of the kernel.
const ROWS: usize = 3;

/// Pixels that are computed at once.
const PIXELS: usize = 2;

/// Four channels each, that are computed at once.
const VECTORS: usize = 2;

/// A convolution with a small kernel, laid out for its input and its output.
pub struct Strip {
    /// Where each pixel of an image is computed from, and where it goes.
    places: Vec<[usize; 2]>,
    /// The rows of the kernel, counted from there.
    rows: [usize; ROWS],
    /// Pairs of numbers of a row.
    pairs: usize,
    /// For each eight channels, each row and each pair of numbers.
    weights: Vec<[Vector; VECTORS]>,
    images: [usize; 2],
    finish: Finish,
}

impl Strip {
    /// Whether it computes a kernel: that of an image with so few channels that a pixel has no whole vectors. Those of the output
    /// are there in eights.
    pub fn suits(kernel: &IntegerKernel, input: Layout, output: Layout) -> bool {
        let is_known = kernel.window.rows.kernel == ROWS && matches!(Self::run_of(kernel, input.shape), 3 | 9);
        let is_laid_out = input.pixel == input.shape.channels && output.pixel.is_multiple_of(VECTORS * CHANNELS);
        is_known && is_laid_out && kernel.groups == 1 && kernel.window.columns.dilation == 1
    }

    /// How many numbers a row of the kernel covers.
    fn run_of(kernel: &IntegerKernel, image: Shape) -> usize {
        kernel.window.columns.kernel * image.channels
    }

    /// Lays out `kernel`, which it suits. The input has no numbers between its pixels, and its border.
    pub fn new(kernel: &IntegerKernel, range: Range, grid: Option<Grid>, input: Layout, output: Layout) -> Strip {
        let (rows, columns) = (kernel.window.rows, kernel.window.columns);
        let (inputs, outputs) = (input.shape.channels, output.shape.channels);
        let (top, left) = (input.border.top - rows.before, input.border.left - columns.before);
        let from = (0..rows.output)
            .flat_map(|y| (0..columns.output).map(move |x| input.at(top + y * rows.stride, left + x * columns.stride)));
        let run = Self::run_of(kernel, input.shape);
        let weight = |first: usize, y: usize, pair: usize, lane: usize| match pair * 2 + lane % 2 {
            at if at < run => {
                let (x, input) = (at / inputs, at % inputs);
                kernel.weight(inputs, first + lane / 2, input, y * columns.kernel + x)
            }
            _ => 0,
        };
        let pairs = run.div_ceil(2);
        let firsts = (0..outputs).step_by(VECTORS * CHANNELS);
        let each = firsts.flat_map(|first| (0..ROWS).map(move |y| (first, y)));
        let each = each.flat_map(|(first, y)| (0..pairs).map(move |pair| (first, y, pair)));
        let weights = each.map(|(first, y, pair)| {
            let vector = |at: usize| std::array::from_fn(|lane| weight(first + at * CHANNELS, y, pair, lane));
            [vector(0), vector(1)]
        });
        // The last channels may be a vector alone, and what goes beside it is nowhere.
        let mut terms = kernel.terms();
        terms.resize(outputs.next_multiple_of(VECTORS * CHANNELS), (0, 0.0, 0.0));
        Strip {
            places: from.zip(output.pixels()).map(|(from, to)| [from, to]).collect(),
            rows: [0, 1, 2].map(|y| input.at(y * rows.dilation, 0)),
            pairs,
            weights: weights.collect(),
            images: [input.image(), output.image()],
            finish: Finish::new(&terms, range, grid),
        }
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[i16], output: &mut Slot) {
        let tiles = self.weights.chunks(ROWS * self.pairs);
        for (tile, weights) in tiles.enumerate() {
            let channel = tile * VECTORS * CHANNELS;
            match self.pairs {
                2 => self.tile::<2>(images, channel, weights, input, output),
                _ => self.tile::<5>(images, channel, weights, input, output),
            }
        }
    }

    /// Computes eight channels.
    #[inline(never)]
    fn tile<const PAIRS: usize>(
        &self,
        images: usize,
        channel: usize,
        weights: &[[Vector; VECTORS]],
        input: &[i16],
        output: &mut Slot,
    ) {
        let Some(weights) = weights.as_chunks::<PAIRS>().0.first_chunk::<ROWS>() else {
            return;
        };
        let bias = self.finish.bias().get(channel / CHANNELS..).unwrap_or_default();
        let Some(bias) = bias.first_chunk::<VECTORS>() else {
            return;
        };
        let [from, to] = self.images;
        for image in 0..images {
            let input = input.get(image * from..).unwrap_or_default();
            for places in self.places.chunks(PIXELS) {
                let (Some(first), Some(second)) = (places.first(), places.last()) else {
                    return;
                };
                let Some(sums) = sums(self.rows, weights, bias, input, [first[0], second[0]]) else {
                    return;
                };
                for ([_, place], sums) in places.iter().zip(sums) {
                    self.finish.put(channel, sums, image * to + place, output);
                }
            }
        }
    }
}

/// The sums for two pixels.
#[inline(always)]
fn sums<const PAIRS: usize>(
    rows: [usize; ROWS],
    weights: &[[[Vector; VECTORS]; PAIRS]; ROWS],
    bias: &[Four; VECTORS],
    input: &[i16],
    [first, second]: [usize; PIXELS],
) -> Option<[[I32x4; VECTORS]; PIXELS]> {
    let [a, b] = bias;
    let bias = [I32x4::load(a), I32x4::load(b)];
    let [mut one, mut other] = [bias; PIXELS];
    for (row, weights) in rows.into_iter().zip(weights) {
        let of = |place: usize| input.get(place + row..)?.as_chunks::<2>().0.first_chunk::<PAIRS>();
        for ((a, b), [weight, next]) in of(first)?.iter().zip(of(second)?).zip(weights) {
            let (a, b) = (I16x8::pair(a), I16x8::pair(b));
            let (weight, next) = (I16x8::load(weight), I16x8::load(next));
            one = [one[0].plus(a.dot(weight)), one[1].plus(a.dot(next))];
            other = [other[0].plus(b.dot(weight)), other[1].plus(b.dot(next))];
        }
    }
    Some([one, other])
}
