//! Convolutions in which each channel has a kernel of its own: four channels share a vector.

use crate::kernel::{Kernel, Range};
use crate::layout::{Layout, each_image};
use crate::tile::Vector;
use crate::vector::{F32x4, LANES};
use crate::window::Window;

/// A depthwise convolution, laid out for its input and its output.
pub struct Depthwise {
    /// Where each output pixel is computed from, and where it goes.
    places: Vec<(usize, usize)>,
    /// What its kernel covers, counted from there.
    taps: Vec<usize>,
    /// One for each four channels.
    bias: Vec<Vector>,
    /// For each tap one for each four channels.
    weights: Vec<Vector>,
    range: Range,
    input: usize,
    output: usize,
}

impl Depthwise {
    /// Lays out `kernel`, which is depthwise. The input has whole vectors and a border as wide as its window needs.
    pub fn new(kernel: &Kernel, range: Range, input: Layout, output: Layout) -> Depthwise {
        let Window { rows, columns } = kernel.window;
        let channels = input.shape.channels;
        let (top, left) = (input.border.top - rows.before, input.border.left - columns.before);
        let from = (0..rows.output)
            .flat_map(|y| (0..columns.output).map(move |x| input.at(top + y * rows.stride, left + x * columns.stride)));
        let taps = (0..rows.kernel)
            .flat_map(|y| (0..columns.kernel).map(move |x| input.at(y * rows.dilation, x * columns.dilation)));
        let firsts = || (0..channels).step_by(LANES);
        let lanes = |first: usize, tap: usize| {
            std::array::from_fn(|lane| kernel.weight(channels, first + lane, first + lane, tap))
        };
        let weights = (0..kernel.window.taps()).flat_map(|tap| firsts().map(move |first| (first, tap)));
        Depthwise {
            places: from.zip(output.pixels()).collect(),
            taps: taps.collect(),
            bias: firsts()
                .map(|first| std::array::from_fn(|lane| kernel.bias(first + lane)))
                .collect(),
            weights: weights.map(|(first, tap)| lanes(first, tap)).collect(),
            range,
            input: input.image(),
            output: output.image(),
        }
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[f32], output: &mut [f32]) {
        for (input, output) in each_image(images, (input, self.input), (output, self.output)) {
            for &(from, to) in &self.places {
                let (Some(input), Some(output)) = (input.get(from..), output.get_mut(to..)) else {
                    continue;
                };
                let (sums, _) = output.as_chunks_mut();
                for (sum, bias) in sums.iter_mut().zip(&self.bias) {
                    *sum = *bias;
                }
                let vectors = self.bias.len();
                // Several taps at once, so that a sum is loaded and stored less often.
                for (taps, weights) in self.taps.chunks(TAPS).zip(self.weights.chunks(TAPS * vectors)) {
                    let of = |tap: usize| input.get(tap..).unwrap_or_default().as_chunks().0;
                    match *taps {
                        [a, b, c] => {
                            let (first, rest) = weights.split_at(vectors);
                            let (second, third) = rest.split_at(vectors);
                            let taps = (of(a).iter().zip(first))
                                .zip(of(b).iter().zip(second))
                                .zip(of(c).iter().zip(third));
                            for (sum, ((a, b), c)) in sums.iter_mut().zip(taps) {
                                add(add(add(F32x4::load(sum), a), b), c).store(sum);
                            }
                        }
                        _ => {
                            for (tap, weights) in taps.iter().zip(weights.chunks(vectors)) {
                                for (sum, tap) in sums.iter_mut().zip(of(*tap).iter().zip(weights)) {
                                    add(F32x4::load(sum), tap).store(sum);
                                }
                            }
                        }
                    }
                }
                for sum in sums.iter_mut().take(vectors) {
                    self.range.hold(F32x4::load(sum)).store(sum);
                }
            }
        }
    }
}

/// So many numbers of a kernel are multiplied at once.
const TAPS: usize = 3;

#[inline(always)]
fn add(sum: F32x4, (number, weight): (&Vector, &Vector)) -> F32x4 {
    sum.plus(F32x4::load(number).times(F32x4::load(weight)))
}
