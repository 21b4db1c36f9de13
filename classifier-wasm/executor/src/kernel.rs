//! The weights of convolutions, as models have them, and what is done with their sums.

use crate::layout::Shape;
use crate::tile::Vector;
use crate::vector::{F32x4, LANES};
use crate::window::Window;

/// The weights of a convolution.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// Where it reads.
    pub window: Window,
    /// Inputs and outputs are divided into so many; outputs of one see its inputs alone.
    pub groups: usize,
    /// Row-major: output, input of its group, row, column.
    pub weights: Vec<f32>,
    /// One for each output.
    pub bias: Vec<f32>,
}

impl Kernel {
    /// Whether it fits images of this shape.
    pub(crate) fn fits(&self, image: Shape) -> bool {
        let (inputs, outputs) = (image.channels, self.bias.len());
        let is_divided = |channels: usize| channels > 0 && channels.is_multiple_of(self.groups);
        self.groups > 0
            && is_divided(inputs)
            && is_divided(outputs)
            && self.weights.len() == outputs * (inputs / self.groups) * self.window.taps()
    }

    /// Whether each channel has a kernel of its own.
    pub(crate) fn is_depthwise(&self, image: Shape) -> bool {
        self.groups == image.channels && self.bias.len() == image.channels
    }

    /// The weight between an input and an output, both counted over all groups.
    pub(crate) fn weight(&self, inputs: usize, output: usize, input: usize, tap: usize) -> f32 {
        let (ins, outs) = (inputs / self.groups, self.bias.len() / self.groups);
        if output >= self.bias.len() || input / ins != output / outs {
            return 0.0;
        }
        let at = (output * ins + input % ins) * self.window.taps() + tap;
        self.weights.get(at).copied().unwrap_or_default()
    }

    /// The bias of an output; of those that fill a vector up, none.
    pub(crate) fn bias(&self, output: usize) -> f32 {
        self.bias.get(output).copied().unwrap_or_default()
    }

    /// The biases of each four outputs.
    pub(crate) fn bias_vectors(&self) -> Vec<Vector> {
        let firsts = (0..self.bias.len()).step_by(LANES);
        firsts
            .map(|first| std::array::from_fn(|lane| self.bias(first + lane)))
            .collect()
    }

    /// Multiplies each output and then adds to it.
    pub(crate) fn rescale(&mut self, scale: &[f32], offset: &[f32]) {
        let each = self.weights.len() / self.bias.len().max(1);
        for (weights, scale) in self.weights.chunks_mut(each.max(1)).zip(scale) {
            weights.iter_mut().for_each(|weight| *weight *= scale);
        }
        for ((bias, scale), offset) in self.bias.iter_mut().zip(scale).zip(offset) {
            *bias = *bias * scale + offset;
        }
    }
}

/// Where a pixel of a convolution is computed from, and where it goes.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub from: usize,
    pub to: usize,
    /// Whether it is the first of those that go there: of the others only what is larger stays.
    pub is_first: bool,
}

impl Place {
    /// Stores a sum.
    #[inline(always)]
    pub fn put(self, sum: F32x4, to: &mut Vector) {
        match self.is_first {
            true => sum.store(to),
            false => sum.at_least(F32x4::load(to)).store(to),
        }
    }
}

/// The range that values are held to: that of a ReLU, or of a ReLU6.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// No value is lower.
    pub low: f32,
    /// No value is higher.
    pub high: f32,
}

impl Range {
    /// All numbers.
    pub const ALL: Range = Range {
        low: f32::NEG_INFINITY,
        high: f32::INFINITY,
    };

    /// Zero and above.
    pub const POSITIVE: Range = Range {
        low: 0.0,
        high: f32::INFINITY,
    };

    /// NaN stays NaN, so that a result shows what went wrong.
    #[inline(always)]
    pub(crate) fn hold(self, value: F32x4) -> F32x4 {
        value.at_least(F32x4::splat(self.low)).at_most(F32x4::splat(self.high))
    }
}
