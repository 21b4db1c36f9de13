//! Convolutions of integers in which each channel has a kernel of its own.
//!
//! The numbers of two pixels are laid side by side, channel by channel, and multiplied with the weights of both: the products
//! of a channel are added at once.

use super::finish::Finish;
use super::kernel::IntegerKernel;
use super::tile::{CHANNELS, Vector};
use super::vector::{I16x8, I32x4, LANES};
use super::{Grid, Slot};
use crate::kernel::Range;
use crate::layout::{Layout, Shape};
use crate::window::Window;

/// Pairs of pixels that are written out, as a kernel of 3 x 3 has them.
const STEPS: usize = 5;

/// A depthwise convolution, laid out for its input and its output.
pub struct Depthwise {
    /// Where each pixel of an image is computed from, and where it goes.
    places: Vec<[usize; 2]>,
    /// The pixels that the kernel covers, counted from there, in pairs; the last ones may have no weight.
    pairs: Vec<[usize; 2]>,
    /// For each eight channels and each pair those of the first four channels, and of the others.
    weights: Vec<[Vector; 2]>,
    images: [usize; 2],
    finish: Finish,
}

impl Depthwise {
    /// Whether it computes a kernel. The channels of the output are there in eights.
    pub fn suits(kernel: &IntegerKernel, image: Shape, output: Layout) -> bool {
        kernel.is_depthwise(image) && output.pixel.is_multiple_of(LANES)
    }

    /// Lays out `kernel`, which it suits. Both have whole vectors, and the input its border.
    pub fn new(kernel: &IntegerKernel, range: Range, grid: Option<Grid>, input: Layout, output: Layout) -> Depthwise {
        let Window { rows, columns } = kernel.window;
        let channels = input.shape.channels;
        let (top, left) = (input.border.top - rows.before, input.border.left - columns.before);
        let from = (0..rows.output)
            .flat_map(|y| (0..columns.output).map(move |x| input.at(top + y * rows.stride, left + x * columns.stride)));
        let taps: Vec<usize> = (0..rows.kernel)
            .flat_map(|y| (0..columns.kernel).map(move |x| input.at(y * rows.dilation, x * columns.dilation)))
            .collect();
        let count = taps.len().div_ceil(2).next_multiple_of(STEPS);
        let tap = |at: usize| taps.get(at).copied().unwrap_or_default();
        let weight = |channel: usize, tap: usize| match tap < taps.len() {
            true => kernel.weight(channels, channel, channel, tap),
            false => 0,
        };
        let four =
            |first: usize, pair: usize| std::array::from_fn(|lane| weight(first + lane / 2, pair * 2 + lane % 2));
        let firsts = (0..channels).step_by(LANES);
        let each = firsts.flat_map(|first| (0..count).map(move |pair| (first, pair)));
        let mut terms = kernel.terms();
        terms.resize(channels.next_multiple_of(LANES), (0, 0.0, 0.0));
        Depthwise {
            places: from.zip(output.pixels()).map(|(from, to)| [from, to]).collect(),
            pairs: (0..count).map(|pair| [tap(pair * 2), tap(pair * 2 + 1)]).collect(),
            weights: each
                .map(|(first, pair)| [four(first, pair), four(first + CHANNELS, pair)])
                .collect(),
            images: [input.image(), output.image()],
            finish: Finish::new(&terms, range, grid),
        }
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[i16], output: &mut Slot) {
        let [from, to] = self.images;
        let each = (0..images).flat_map(|image| self.places.iter().map(move |place| (image, place)));
        for (image, [place, goes]) in each {
            let input = input.get(image * from + place..).unwrap_or_default();
            self.pixel(input, image * to + goes, output);
        }
    }

    #[inline(always)]
    fn pixel(&self, input: &[i16], to: usize, output: &mut Slot) {
        let pairs = self.pairs.as_chunks::<STEPS>().0;
        let bias = self.finish.bias().as_chunks::<2>().0;
        for ((at, weights), [low, high]) in self.weights.chunks_exact(self.pairs.len()).enumerate().zip(bias) {
            let channel = at * LANES;
            let mut sums = [I32x4::load(low), I32x4::load(high)];
            for (pairs, weights) in pairs.iter().zip(weights.as_chunks::<STEPS>().0) {
                for ([a, b], [low, high]) in pairs.iter().zip(weights) {
                    let of = |tap: &usize| {
                        let pixel = input.get(tap + channel..).and_then(<[_]>::first_chunk);
                        pixel.map_or(I16x8::splat(0), I16x8::load)
                    };
                    let [first, second] = of(a).beside(of(b));
                    let [one, other] = sums;
                    sums = [
                        one.plus(first.dot(I16x8::load(low))),
                        other.plus(second.dot(I16x8::load(high))),
                    ];
                }
            }
            self.finish.put(channel, sums, to, output);
        }
    }
}
