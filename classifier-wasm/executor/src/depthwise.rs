//! Convolutions in which each channel has a kernel of its own: four channels share a vector.

use crate::kernel::{Kernel, Range};
use crate::layout::Layout;
use crate::tile::Weights;
use crate::vector::{F32x4, LANES};
use crate::window::Window;

/// A depthwise convolution, laid out for its input and its output.
pub struct Depthwise {
    /// Where each output pixel is computed from, and where it goes.
    places: Vec<(usize, usize)>,
    /// What its kernel covers, counted from there.
    taps: Vec<usize>,
    /// One for each four channels.
    bias: Vec<Weights>,
    /// For each four channels one for each tap.
    weights: Vec<Weights>,
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
        let weights = firsts().flat_map(|first| (0..kernel.window.taps()).map(move |tap| (first, tap)));
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
        let images = input
            .chunks_exact(self.input)
            .zip(output.chunks_exact_mut(self.output))
            .take(images);
        for (input, output) in images {
            for &(from, to) in &self.places {
                let (Some(input), Some(output)) = (input.get(from..), output.get_mut(to..)) else {
                    continue;
                };
                let each = self.bias.iter().zip(self.weights.chunks_exact(self.taps.len()));
                for (vector, ((bias, weights), to)) in each.zip(output.as_chunks_mut().0).enumerate() {
                    let mut sum = F32x4::load(bias);
                    for (tap, weight) in self.taps.iter().zip(weights) {
                        if let Some(number) = input.get(tap + vector * LANES..).and_then(|rest| rest.first_chunk()) {
                            sum = sum.plus(F32x4::load(number).times(F32x4::load(weight)));
                        }
                    }
                    self.range.hold(sum).store(to);
                }
            }
        }
    }
}
