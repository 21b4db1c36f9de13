//! Sums and products of values with constants, and of two values.

use crate::onnx::pb::NodeProto;
use classifier_executor::Operator;

use super::attributes::{float, int};
use super::tensor::Constant;
use super::view::View;
use super::{Known, Lacks, Lowering, lacks};

impl Lowering<'_> {
    /// One of `Add`, `Sub`, `Mul` and `Div`.
    pub(super) fn arithmetic(&mut self, node: &NodeProto) -> Result<View, Lacks> {
        let [first, second] = node.input.as_slice() else {
            return Err("not two inputs".to_owned());
        };
        let known = |name: &String| {
            self.known
                .get(name.as_str())
                .ok_or_else(|| format!("{name} is not known"))
        };
        match (known(first)?, known(second)?) {
            (Known::Computed(_), Known::Constant(constant) | Known::Weights(_, constant)) => {
                let view = self.input(node, 0)?.clone();
                let numbers = numbers(constant, &view)?.into_iter();
                let terms: Vec<[f32; 2]> = match node.op_type.as_str() {
                    "Add" => numbers.map(|number| [1.0, number]).collect(),
                    "Sub" => numbers.map(|number| [1.0, -number]).collect(),
                    "Mul" => numbers.map(|number| [number, 0.0]).collect(),
                    _ => numbers.map(|number| [1.0 / number, 0.0]).collect(),
                };
                self.scale(terms, &view)
            }
            (Known::Constant(constant) | Known::Weights(_, constant), Known::Computed(_)) => {
                let view = self.input(node, 1)?.clone();
                let numbers = numbers(constant, &view)?.into_iter();
                let terms: Vec<[f32; 2]> = match node.op_type.as_str() {
                    "Add" => numbers.map(|number| [1.0, number]).collect(),
                    "Sub" => numbers.map(|number| [-1.0, number]).collect(),
                    "Mul" => numbers.map(|number| [number, 0.0]).collect(),
                    _ => return Err("divides by a value".to_owned()),
                };
                self.scale(terms, &view)
            }
            (Known::Computed(_), Known::Computed(_)) if node.op_type == "Add" => {
                let (view, other) = (self.input(node, 0)?.clone(), self.input(node, 1)?.clone());
                if !view.is_laid_out_as(&other) {
                    return Err("values of different shapes".to_owned());
                }
                let value = match self.integer_sum(&view, &other)? {
                    Some(value) => value,
                    None => self
                        .graph
                        .add(Operator::Add, &[view.value, other.value])
                        .map_err(lacks)?,
                };
                Ok(View { value, ..view })
            }
            (Known::Computed(_), Known::Computed(_)) if node.op_type == "Mul" => {
                let (one, other) = (self.input(node, 0)?.clone(), self.input(node, 1)?.clone());
                // Weights of channels may stand on either side.
                let (view, factor) = if one.is_weighted_by(&other) {
                    (one, other)
                } else {
                    (other, one)
                };
                if !view.is_weighted_by(&factor) {
                    return Err("values of different shapes".to_owned());
                }
                let value = self
                    .graph
                    .add(Operator::Multiply, &[view.value, factor.value])
                    .map_err(lacks)?;
                Ok(View { value, ..view })
            }
            _ => Err("not of a value and a constant".to_owned()),
        }
    }

    pub(super) fn batch_normalization(&mut self, node: &NodeProto) -> Result<View, Lacks> {
        let view = self.input(node, 0)?.clone();
        if int(node, "training_mode", 0) != 0 || int(node, "spatial", 1) != 1 {
            return Err("not by what it has learnt of each channel".to_owned());
        }
        let epsilon = float(node, "epsilon", 1e-5);
        let of = |index: usize| Ok::<_, Lacks>(&self.weights(node, index)?.floats);
        let (scale, offset, mean, variance) = (of(1)?, of(2)?, of(3)?, of(4)?);
        let each = scale.iter().zip(offset).zip(mean).zip(variance);
        let terms = each.map(|(((scale, offset), mean), variance)| {
            let scale = f64::from(*scale) / f64::from(variance + epsilon).sqrt();
            [scale as f32, (f64::from(*offset) - f64::from(*mean) * scale) as f32]
        });
        let terms = terms.collect();
        // Which axis the channels are is the same for all operators of ONNX with channels.
        if view.channel_axis() != Some(1) {
            return Err(format!("axes {:?}", view.dims));
        }
        self.scale(terms, &view)
    }

    fn scale(&mut self, terms: Vec<[f32; 2]>, view: &View) -> Result<View, Lacks> {
        if !terms.iter().flatten().all(|number| number.is_finite()) {
            return Err("numbers that are not finite".to_owned());
        }
        let scale = terms.iter().map(|[scale, _]| *scale).collect();
        let offset = terms.iter().map(|[_, offset]| *offset).collect();
        self.add(Operator::Scale { scale, offset }, view)
    }
}

fn numbers(constant: &Constant, view: &View) -> Result<Vec<f32>, Lacks> {
    constant.by_channel(&view.dims, view.channel_axis(), view.shape.channels)
}
