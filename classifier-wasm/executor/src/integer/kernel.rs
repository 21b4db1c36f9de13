//! The weights of convolutions of integers, as models have them.

use super::LARGEST;
use crate::layout::Shape;
use crate::window::Window;

/// The weights of a convolution of integers. Its sums are exact; a float is what a sum becomes with its scale and its offset.
#[derive(Debug, Clone, PartialEq)]
pub struct IntegerKernel {
    /// Where it reads.
    pub window: Window,
    /// Inputs and outputs are divided into so many; outputs of one see its inputs alone.
    pub groups: usize,
    /// Row-major: output, input of its group, row, column. From -255 to 255.
    pub weights: Vec<i16>,
    /// Added to the sum of each output.
    pub bias: Vec<i32>,
    /// What the sum of each output is multiplied with: the scale of the input times that of the weights.
    pub scale: Vec<f32>,
    /// What then is added to each output.
    pub offset: Vec<f32>,
}

impl IntegerKernel {
    /// Whether it fits images of this shape, and no sum of any of them can overflow.
    pub(crate) fn fits(&self, image: Shape) -> bool {
        let (inputs, outputs) = (image.channels, self.bias.len());
        let is_divided = |channels: usize| channels > 0 && channels.is_multiple_of(self.groups);
        let is_divided = self.groups > 0 && is_divided(inputs) && is_divided(outputs);
        let is_finite = |numbers: &[f32]| numbers.len() == outputs && numbers.iter().all(|number| number.is_finite());
        is_divided
            && self.weights.len() == outputs * self.of_output(inputs)
            && is_finite(&self.scale)
            && is_finite(&self.offset)
            && self
                .weights
                .iter()
                .all(|weight| weight.unsigned_abs() <= LARGEST.unsigned_abs())
            && self.largest_sum(inputs) <= i64::from(i32::MAX)
    }

    /// Whether each channel has a kernel of its own.
    pub(crate) fn is_depthwise(&self, image: Shape) -> bool {
        self.groups == image.channels && self.bias.len() == image.channels && image.channels > 1
    }

    /// How many weights an output has.
    fn of_output(&self, inputs: usize) -> usize {
        inputs / self.groups * self.window.taps()
    }

    /// How far from zero a sum of an output can be, for any image.
    pub(crate) fn largest_sum(&self, inputs: usize) -> i64 {
        let each = self.weights.chunks(self.of_output(inputs).max(1)).zip(&self.bias);
        let largest = each.map(|(weights, bias)| {
            let weights = weights.iter().map(|weight| i64::from(*weight).abs());
            weights.sum::<i64>() * i64::from(LARGEST) + i64::from(*bias).abs()
        });
        largest.max().unwrap_or_default()
    }

    /// The weight between an input and an output, both counted over all groups.
    pub(crate) fn weight(&self, inputs: usize, output: usize, input: usize, tap: usize) -> i16 {
        let (ins, outs) = (inputs / self.groups, self.bias.len() / self.groups);
        if output >= self.bias.len() || input / ins != output / outs {
            return 0;
        }
        let at = (output * ins + input % ins) * self.window.taps() + tap;
        self.weights.get(at).copied().unwrap_or_default()
    }

    /// The bias, the scale and the offset of each output.
    pub(crate) fn terms(&self) -> Vec<(i32, f32, f32)> {
        let terms = self.bias.iter().zip(&self.scale).zip(&self.offset);
        terms.map(|((bias, scale), offset)| (*bias, *scale, *offset)).collect()
    }
}
