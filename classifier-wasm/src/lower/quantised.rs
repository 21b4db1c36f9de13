//! Integers in place of floats: `QuantizeLinear`, `DequantizeLinear`, and the operators between them.
//!
//! Most quantisers write an operator on floats between the two, and the runtime is to see that it may compute with integers. Others
//! write both with the operator as one, such as `QLinearConv`: [`expand`] takes that apart. So all are seen here alike: an
//! operator whose inputs are dequantised integers becomes one on the integers, and the executor joins it with the
//! `QuantizeLinear` behind it. Where the executor has none on integers, it computes with the floats.

mod constants;
mod expand;

use std::collections::HashMap;

use classifier_executor::{Grid, IntegerKernel, IntegerOperator, Operator, Pooling, Value, Window};

pub use self::constants::{Integers, Weights};
pub use self::expand::expand;
use super::attributes::{float, int};
use super::tensor::Constant;
use super::view::View;
use super::{Known, Lacks, Lowering, lacks};
use crate::onnx::pb::NodeProto;

/// Which values of the executor's graph are integers, and which floats stand for integers.
#[derive(Default)]
pub struct Quantised {
    /// The grids of integers.
    grids: HashMap<Value, Grid>,
    /// The integers of floats, with the scale.
    integers: HashMap<Value, (Value, f32)>,
}

impl Quantised {
    /// The integers that a value of floats stands for, and their scale.
    fn of(&self, view: &View) -> Option<(Value, f32)> {
        self.integers.get(&view.value).copied()
    }
}

impl Lowering<'_> {
    /// `QuantizeLinear`, of weights or of values.
    pub(super) fn quantised(&self, node: &NodeProto) -> Result<Option<Integers>, Lacks> {
        match self.constant(node, 0) {
            Ok(Some(constant)) => {
                let (scales, zeros) = self.steps(node, None)?;
                Integers::round(constant, &scales, &zeros, int(node, "axis", 1)).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// `DequantizeLinear` of weights.
    pub(super) fn dequantised(&mut self, node: &NodeProto) -> Result<Option<Known>, Lacks> {
        let name = node.input.first().ok_or("an input is missing")?;
        let Some(Known::Integers(integers)) = self.known.get(name.as_str()) else {
            return Ok(None);
        };
        let (scales, zeros) = self.steps(node, Some(integers))?;
        let weights = integers.scaled(&scales, &zeros, int(node, "axis", 1))?;
        let constant = weights.floats();
        Ok(Some(Known::Weights(weights, constant)))
    }

    /// Scales and zero points of a node: one, or one for each channel.
    fn steps(&self, node: &NodeProto, integers: Option<&Integers>) -> Result<(Vec<f32>, Integers), Lacks> {
        if int(node, "block_size", 0) != 0 {
            return Err("in blocks".to_owned());
        }
        let scales = self.weights(node, 1)?.floats.clone();
        let is_scale = |scale: &f32| scale.is_finite() && *scale > 0.0;
        if scales.is_empty() || !scales.iter().all(is_scale) {
            return Err("a scale that is not positive".to_owned());
        }
        let zeros = match node.input.get(2).map(String::as_str) {
            None | Some("") => Integers::zero(integers.map(|integers| integers.kind), int(node, "output_dtype", 0))?,
            Some(name) => match self.known.get(name) {
                Some(Known::Integers(zeros)) => zeros.clone(),
                _ => return Err(format!("{name} is no constant of 8 or 32 bits")),
            },
        };
        Ok((scales, zeros))
    }

    /// The grid of values: one for all channels.
    fn grid(&self, node: &NodeProto) -> Result<Grid, Lacks> {
        let (scales, zeros) = self.steps(node, None)?;
        match (scales.as_slice(), zeros.numbers.as_slice()) {
            ([scale], [zero]) => {
                let [low, high] = zeros.range()?;
                let from_zero = |end: i32| i16::try_from(end - zero).map_err(|_| "more than 8 bits".to_owned());
                Ok(Grid {
                    scale: *scale,
                    low: from_zero(low)?,
                    high: from_zero(high)?,
                })
            }
            _ => Err("values with several scales".to_owned()),
        }
    }

    /// `QuantizeLinear` of values.
    pub(super) fn quantise(&mut self, node: &NodeProto) -> Result<View, Lacks> {
        let (view, grid) = (self.input(node, 0)?.clone(), self.grid(node)?);
        // Floats that stand for the same integers.
        if let Some((value, scale)) = self.quantised.of(&view)
            && self.quantised.grids.get(&value) == Some(&Grid { scale, ..grid })
            && scale.to_bits() == grid.scale.to_bits()
        {
            return Ok(View { value, ..view });
        }
        let view = self.add(Operator::Integer(IntegerOperator::Quantise(grid)), &view)?;
        self.quantised.grids.insert(view.value, grid);
        Ok(view)
    }

    /// `DequantizeLinear` of values.
    pub(super) fn dequantise(&mut self, node: &NodeProto) -> Result<View, Lacks> {
        let (view, grid) = (self.input(node, 0)?.clone(), self.grid(node)?);
        let of_value = self
            .quantised
            .grids
            .get(&view.value)
            .ok_or("values that are no integers")?;
        if (of_value.low, of_value.high) != (grid.low, grid.high) {
            return Err("another zero point than its values have".to_owned());
        }
        self.stand_for(&view, view.value, grid.scale)
    }

    /// Floats for integers.
    fn stand_for(&mut self, view: &View, integers: Value, scale: f32) -> Result<View, Lacks> {
        let operator = Operator::Integer(IntegerOperator::Dequantise(scale));
        let value = self.graph.add(operator, &[integers]).map_err(lacks)?;
        let grid = self.quantised.grids.get(&integers).copied();
        if let Some(grid) = grid {
            self.quantised.grids.insert(integers, Grid { scale, ..grid });
        }
        self.quantised.integers.insert(value, (integers, scale));
        Ok(View { value, ..view.clone() })
    }

    /// The weights of a node, if they are integers.
    fn integer_weights(&self, node: &NodeProto) -> Option<&Weights> {
        match self.known.get(node.input.get(1)?.as_str())? {
            Known::Weights(weights, _) if weights.fit() => Some(weights),
            _ => None,
        }
    }

    /// Bias and offset of so many outputs whose sums have these scales. A bias of integers has their scales, too.
    fn integer_bias(&self, node: &NodeProto, scales: &[f32], beta: f32) -> Result<(Vec<i32>, Vec<f32>), Lacks> {
        let outputs = scales.len();
        let none = || (vec![0; outputs], vec![0.0; outputs]);
        let Some(name) = node.input.get(2).filter(|name| !name.is_empty()) else {
            return Ok(none());
        };
        let is_of_sums = |weights: &Weights| {
            let near = |(one, other): (f32, &f32)| (one - other).abs() <= 1e-6 * other.abs();
            weights.is_bias_of(outputs) && weights.each_scale(outputs).zip(scales).all(near)
        };
        let (bias, offset) = none();
        match self.known.get(name.as_str()) {
            Some(Known::Integers(bias)) if bias.numbers.len() == outputs => Ok((bias.numbers.clone(), offset)),
            Some(Known::Weights(weights, _)) if beta == 1.0 && is_of_sums(weights) => {
                Ok((weights.numbers.clone(), offset))
            }
            _ => {
                let constant = self.weights(node, 2)?;
                let offset = constant.by_channel(&[1, outputs], Some(1), outputs)?;
                Ok((bias, offset.iter().map(|number| beta * number).collect()))
            }
        }
    }

    /// A convolution of integers with integers. None: it is one of floats.
    pub(super) fn integer_convolution(&mut self, node: &NodeProto, view: &View) -> Result<Option<View>, Lacks> {
        let (Some((value, scale)), Some(weights)) = (self.quantised.of(view), self.integer_weights(node)) else {
            return Ok(None);
        };
        let [outputs, _, rows, columns] = *weights.dims else {
            return Ok(None);
        };
        let Some(scales) = weights.scales_along(0, outputs) else {
            return Ok(None);
        };
        let scale: Vec<f32> = scales.map(|of_weights| scale * of_weights).collect();
        let (bias, offset) = self.integer_bias(node, &scale, 1.0)?;
        let kernel = IntegerKernel {
            window: super::windows::read(node, view, [rows, columns])?,
            groups: usize::try_from(int(node, "group", 1)).map_err(|_| "no groups")?,
            weights: weights.small(),
            bias,
            scale,
            offset,
        };
        let view = View { value, ..view.clone() };
        let operator = Operator::Integer(IntegerOperator::Convolution(kernel));
        self.image(operator, &view).map(Some)
    }

    /// A product of integers with a matrix of them. None: it is one of floats.
    pub(super) fn integer_dense(&mut self, node: &NodeProto, view: &View) -> Result<Option<View>, Lacks> {
        let (Some((value, scale)), Some(weights)) = (self.quantised.of(view), self.integer_weights(node)) else {
            return Ok(None);
        };
        let matrix = super::dense::Matrix::of(node, view, &weights.dims)?;
        let Some(scales) = weights.scales_along(matrix.output_axis(), matrix.outputs) else {
            return Ok(None);
        };
        let (alpha, beta) = (float(node, "alpha", 1.0), float(node, "beta", 1.0));
        let scale: Vec<f32> = scales.map(|of_weights| alpha * scale * of_weights).collect();
        let (bias, offset) = self.integer_bias(node, &scale, beta)?;
        let kernel = IntegerKernel {
            window: Window::whole(view.shape),
            groups: 1,
            weights: matrix.by_channel(view, &weights.small()),
            bias,
            scale,
            offset,
        };
        let operator = Operator::Integer(IntegerOperator::Convolution(kernel));
        let value = self.graph.add(operator, &[value]).map_err(lacks)?;
        Ok(Some(View::flat(value, matrix.outputs)))
    }

    /// A sum of integers with integers. None: it is one of floats.
    pub(super) fn integer_sum(&mut self, one: &View, other: &View) -> Result<Option<Value>, Lacks> {
        let (Some((one, scale)), Some((other, other_scale))) = (self.quantised.of(one), self.quantised.of(other))
        else {
            return Ok(None);
        };
        let operator = Operator::Integer(IntegerOperator::Add([scale, other_scale]));
        self.graph.add(operator, &[one, other]).map(Some).map_err(lacks)
    }

    /// A pool of integers; the largest ones stay integers. None: it is one of floats.
    pub(super) fn integer_pool(
        &mut self,
        window: Window,
        pooling: Pooling,
        view: &View,
    ) -> Result<Option<Value>, Lacks> {
        let (value, scale) = match self.quantised.of(view) {
            Some(integers) => integers,
            // An operator on the integers themselves.
            None => match self.quantised.grids.get(&view.value).copied() {
                Some(grid) if pooling == Pooling::Largest => {
                    let pool = Operator::Pool(window, pooling);
                    let value = self.graph.add(pool, &[view.value]).map_err(lacks)?;
                    self.quantised.grids.insert(value, grid);
                    return Ok(Some(value));
                }
                _ => return Ok(None),
            },
        };
        if pooling != Pooling::Largest {
            let operator = Operator::Integer(IntegerOperator::Mean(window, pooling, scale));
            return self.graph.add(operator, &[value]).map(Some).map_err(lacks);
        }
        let pool = Operator::Pool(window, pooling);
        let pooled = self.graph.add(pool, &[value]).map_err(lacks)?;
        if let Some(grid) = self.quantised.grids.get(&value).copied() {
            self.quantised.grids.insert(pooled, grid);
        }
        self.stand_for(view, pooled, scale).map(|view| Some(view.value))
    }

    /// Integers of the same grid side by side. None: they are floats.
    pub(super) fn integer_concatenation(&mut self, views: &[View]) -> Result<Option<Value>, Lacks> {
        let integers: Option<Vec<_>> = views.iter().map(|view| self.quantised.of(view)).collect();
        let grid = |(value, scale): &(Value, f32)| {
            let grid = self.quantised.grids.get(value)?;
            Some(Grid { scale: *scale, ..*grid })
        };
        let (Some(integers), Some(first)) = (integers, views.first()) else {
            return Ok(None);
        };
        let grids: Option<Vec<Grid>> = integers.iter().map(grid).collect();
        let (Some(grids), Some((_, scale))) = (grids, integers.first()) else {
            return Ok(None);
        };
        let Some(grid) = grids
            .first()
            .copied()
            .filter(|first| grids.iter().all(|grid| grid == first))
        else {
            return Ok(None);
        };
        let values: Vec<Value> = integers.iter().map(|(value, _)| *value).collect();
        let joined = self.graph.add(Operator::Concatenate, &values).map_err(lacks)?;
        self.quantised.grids.insert(joined, grid);
        self.stand_for(first, joined, *scale).map(|view| Some(view.value))
    }
}

/// The floats of a constant, also of one that has been quantised.
pub fn floats_of(known: &Known) -> Option<&Constant> {
    match known {
        Known::Constant(constant) | Known::Weights(_, constant) => Some(constant),
        _ => None,
    }
}
