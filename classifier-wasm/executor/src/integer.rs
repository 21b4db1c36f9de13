//! Integers in place of floats, as quantisers write networks.
//!
//! An integer stands for a float: itself times the scale of its value. What ONNX calls the zero point is taken off as soon as it is
//! made, so that 0 is zero, and the padding around an image too. An integer of 8 bits then is one from -255 to 255. It takes 16
//! bits, for which WebAssembly multiplies eight pairs at once; their sums take 32 and are exact. So an answer depends neither on
//! the order of a sum nor on the machine.
//!
//! Operators on integers give floats, as they mean in ONNX. Where a range and a rounding follow, [`passes`](crate::passes) makes one
//! pass of all, which stores integers again.

mod convolution;
mod depthwise;
mod elementwise;
mod finish;
mod kernel;
mod lines;
mod pool;
mod scratch;
mod strip;
mod tile;
mod vector;
mod winograd;

use self::convolution::Convolution;
use self::depthwise::Depthwise;
use self::elementwise::{add, dequantise, quantise};
use self::finish::Finish;
pub use self::kernel::IntegerKernel;
use self::lines::Lines;
use self::pool::{Largest, Mean};
pub use self::scratch::Scratch;
use self::strip::Strip;
use self::winograd::Winograd;
use crate::error::GraphError;
use crate::kernel::Range;
use crate::layout::{Border, Layout, Shape};
use crate::pool::Pooling;
use crate::slot::Slot;
use crate::window::Window;

/// No integer is further from zero.
pub const LARGEST: i16 = 255;

/// The floats that integers stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// From one to the next.
    pub scale: f32,
    /// No integer is lower.
    pub low: i16,
    /// No integer is higher.
    pub high: i16,
}

/// An operator that takes integers or gives them.
#[derive(Debug, Clone, PartialEq)]
pub enum IntegerOperator {
    /// Each float to the nearest integer, of two equally near ones to the even one.
    Quantise(Grid),
    /// The floats that integers stand for, by their scale.
    Dequantise(f32),
    /// A convolution of integers.
    Convolution(IntegerKernel),
    /// The sum of two values with these scales.
    Add([f32; 2]),
    /// The mean of each window, of integers with this scale.
    Mean(Window, Pooling, f32),
}

impl IntegerOperator {
    /// Whether it makes integers of floats.
    pub(crate) fn takes_floats(&self) -> bool {
        matches!(self, IntegerOperator::Quantise(_))
    }

    pub(crate) fn name(&self) -> String {
        match self {
            IntegerOperator::Quantise(grid) => format!("a rounding to {grid:?}"),
            IntegerOperator::Dequantise(scale) => format!("a scale of {scale}"),
            IntegerOperator::Convolution(IntegerKernel {
                window,
                groups,
                weights,
                bias,
                ..
            }) => format!(
                "a convolution over {window:?} in {groups} groups, of {} integers for {} outputs,",
                weights.len(),
                bias.len()
            ),
            IntegerOperator::Add(scales) => format!("an addition with scales of {scales:?}"),
            IntegerOperator::Mean(window, ..) => format!("a mean over {window:?}"),
        }
    }

    /// The shape of what it gives for values of these shapes. None: it does not take them.
    pub(crate) fn output(&self, inputs: &[Shape]) -> Result<Option<Shape>, GraphError> {
        let is_scale = |scale: f32| scale.is_finite() && scale > 0.0;
        Ok(match (self, inputs) {
            (IntegerOperator::Quantise(grid), &[image]) => {
                let ends = -LARGEST..=LARGEST;
                let is_range = grid.low <= grid.high && ends.contains(&grid.low) && ends.contains(&grid.high);
                (is_scale(grid.scale) && is_range).then_some(image)
            }
            (IntegerOperator::Dequantise(scale), &[image]) => is_scale(*scale).then_some(image),
            (IntegerOperator::Convolution(kernel), &[image]) => {
                kernel.window.check(image)?;
                let output = kernel.window.output(kernel.bias.len());
                kernel.fits(image).then_some(output)
            }
            (IntegerOperator::Add(scales), &[image, other]) => {
                (image == other && scales.iter().all(|scale| is_scale(*scale))).then_some(image)
            }
            (IntegerOperator::Mean(window, _, scale), &[image]) => {
                window.check(image)?;
                let is_usual = is_scale(*scale) && window.is_filled(image);
                is_usual.then(|| window.output(image.channels))
            }
            _ => None,
        })
    }
}

/// What a pass on integers computes.
pub enum Act {
    Operator(IntegerOperator),
    Largest(Window),
    Concatenate,
}

impl Act {
    /// What it reads beside an image.
    pub fn border(&self, image: Shape) -> Border {
        match self {
            Act::Operator(IntegerOperator::Convolution(kernel)) if Winograd::suits(kernel, image) => {
                Winograd::border(kernel, image)
            }
            Act::Operator(IntegerOperator::Convolution(kernel)) => kernel.window.border(image),
            _ => Border::default(),
        }
    }

    /// Whether each pixel of its input has to be whole vectors.
    pub fn needs_vectors(&self, image: Shape) -> bool {
        match self {
            Act::Operator(IntegerOperator::Convolution(kernel)) => {
                kernel.is_depthwise(image) || Winograd::suits(kernel, image)
            }
            Act::Operator(IntegerOperator::Quantise(_)) => false,
            _ => true,
        }
    }

    /// Whether a range, and then a rounding, may become part of it.
    pub fn is_finished(&self) -> bool {
        use IntegerOperator::{Add, Convolution, Mean};
        matches!(self, Act::Operator(Convolution(_) | Add(_) | Mean(..)))
    }
}

/// A pass on integers, laid out for its inputs and its output.
pub enum Step {
    Convolution(Convolution),
    Strip(Strip),
    Depthwise(Depthwise),
    Winograd(Winograd),
    Quantise(Grid, Lines),
    Dequantise(f32, Lines),
    Add([f32; 2], Finish, Lines),
    Mean(Mean),
    Largest(Largest),
    Concatenate(Vec<Lines>),
}

impl Step {
    /// The pass for `act`, for up to so many images at once. None: it has no input.
    pub fn new(
        act: &Act,
        range: Range,
        grid: Option<Grid>,
        inputs: &[Layout],
        output: Layout,
        images: usize,
    ) -> Option<Step> {
        let input = *inputs.first()?;
        Some(match act {
            Act::Operator(IntegerOperator::Convolution(kernel)) if Winograd::suits(kernel, input.shape) => {
                Step::Winograd(Winograd::new(kernel, range, grid, input, output))
            }
            Act::Operator(IntegerOperator::Convolution(kernel)) if Depthwise::suits(kernel, input.shape, output) => {
                Step::Depthwise(Depthwise::new(kernel, range, grid, input, output))
            }
            Act::Operator(IntegerOperator::Convolution(kernel)) if Strip::suits(kernel, input, output) => {
                Step::Strip(Strip::new(kernel, range, grid, input, output))
            }
            Act::Operator(IntegerOperator::Convolution(kernel)) => {
                Step::Convolution(Convolution::new(kernel, range, grid, input, output, images))
            }
            Act::Operator(IntegerOperator::Quantise(grid)) => Step::Quantise(*grid, Lines::new(input, input, output)),
            Act::Operator(IntegerOperator::Dequantise(scale)) => {
                Step::Dequantise(*scale, Lines::new(input, input, output))
            }
            Act::Operator(IntegerOperator::Add(scales)) => {
                let scales = scales.map(|scale| grid.map_or(scale, |grid| scale / grid.scale));
                let other = *inputs.get(1)?;
                Step::Add(scales, Finish::new(&[], range, grid), Lines::new(input, other, output))
            }
            Act::Operator(IntegerOperator::Mean(window, pooling, scale)) => {
                Step::Mean(Mean::new(*window, *pooling, *scale, range, grid, [input, output]))
            }
            Act::Largest(window) => Step::Largest(Largest::new(*window, input, output)),
            Act::Concatenate => Step::Concatenate(Lines::beside(inputs, output)),
        })
    }

    /// Makes room for it.
    pub fn fit(&self, scratch: &mut Scratch) {
        match self {
            Step::Convolution(convolution) => convolution.fit(scratch),
            Step::Winograd(winograd) => winograd.fit(scratch),
            _ => {}
        }
    }

    /// Computes `images` images.
    pub fn run<'s>(
        &self,
        images: usize,
        inputs: impl Iterator<Item = &'s Slot>,
        scratch: &mut Scratch,
        output: &mut Slot,
    ) {
        let mut inputs = inputs.map(|slot| (slot.integers.as_slice(), slot.floats.as_slice()));
        if let Step::Concatenate(lines) = self {
            for (lines, (input, _)) in lines.iter().zip(inputs) {
                lines.each(images, [input, input], &mut output.integers, |[from, _], to| {
                    to.copy_from_slice(from);
                });
            }
            return;
        }
        let Some((input, floats)) = inputs.next() else { return };
        match self {
            Step::Convolution(convolution) => convolution.run(images, input, scratch, output),
            Step::Strip(strip) => strip.run(images, input, output),
            Step::Depthwise(depthwise) => depthwise.run(images, input, output),
            Step::Winograd(winograd) => winograd.run(images, input, scratch, output),
            Step::Quantise(grid, lines) => quantise(*grid, lines, images, floats, &mut output.integers),
            Step::Dequantise(scale, lines) => dequantise(*scale, lines, images, input, &mut output.floats),
            Step::Add(scales, finish, lines) => {
                let (other, _) = inputs.next().unwrap_or_default();
                match finish.is_rounded {
                    true => add(*scales, finish, lines, images, [input, other], &mut output.integers),
                    false => add(*scales, finish, lines, images, [input, other], &mut output.floats),
                }
            }
            Step::Mean(mean) => mean.run(images, input, output),
            Step::Largest(largest) => largest.run(images, input, &mut output.integers),
            Step::Concatenate(_) => {}
        }
    }
}
