//! Products of a matrix with the values of an image.

use classifier_executor::{Kernel, Operator, Window};

use super::attributes::{float, int};
use super::view::View;
use super::{Lacks, Lowering, lacks};
use crate::onnx::pb::NodeProto;

/// A matrix that an image is multiplied with.
pub struct Matrix {
    pub outputs: usize,
    inputs: usize,
    /// Whether the weights of an output lie one after the other.
    is_transposed: bool,
}

impl Matrix {
    /// That of `node`, for the values of `view`.
    pub fn of(node: &NodeProto, view: &View, dims: &[usize]) -> Result<Matrix, Lacks> {
        let ([1, inputs], &[rows, columns]) = (view.dims.as_slice(), dims) else {
            return Err("not an image by a matrix".to_owned());
        };
        if int(node, "transA", 0) != 0 || *inputs != view.shape.values() {
            return Err("not an image by a matrix".to_owned());
        }
        let is_transposed = int(node, "transB", 0) != 0;
        let (outputs, inputs) = if is_transposed {
            (rows, columns)
        } else {
            (columns, rows)
        };
        Ok(Matrix {
            outputs,
            inputs,
            is_transposed,
        })
    }

    /// The axis of the outputs.
    pub fn output_axis(&self) -> usize {
        if self.is_transposed { 0 } else { 1 }
    }

    /// Its numbers as the executor has those of a kernel that covers the whole image: channel by channel.
    pub fn by_channel<T: Copy + Default>(&self, view: &View, numbers: &[T]) -> Vec<T> {
        let of = |output: usize, input: usize| {
            let at = if self.is_transposed {
                output * self.inputs + input
            } else {
                input * self.outputs + output
            };
            numbers.get(at).copied().unwrap_or_default()
        };
        let places: Vec<usize> = (0..self.inputs).map(|at| view.place_of(at)).collect();
        let each = (0..self.outputs).flat_map(|output| places.iter().map(move |place| (output, *place)));
        each.map(|(output, input)| of(output, input)).collect()
    }
}

impl Lowering<'_> {
    /// A product of a matrix with the values of an image: a convolution of the whole.
    pub(super) fn dense(&mut self, node: &NodeProto) -> Result<View, Lacks> {
        let view = self.input(node, 0)?.clone();
        if let Some(view) = self.integer_dense(node, &view)? {
            return Ok(view);
        }
        let weights = self.weights(node, 1)?;
        let matrix = Matrix::of(node, &view, &weights.dims)?;
        let (alpha, beta) = (float(node, "alpha", 1.0), float(node, "beta", 1.0));
        let mut weights = matrix.by_channel(&view, &weights.floats);
        weights.iter_mut().for_each(|weight| *weight *= alpha);
        let bias = match self.constant(node, 2)? {
            None => vec![0.0; matrix.outputs],
            Some(bias) => bias
                .by_channel(&[1, matrix.outputs], Some(1), matrix.outputs)?
                .iter()
                .map(|bias| beta * bias)
                .collect(),
        };
        let kernel = Kernel {
            window: Window::whole(view.shape),
            groups: 1,
            weights,
            bias,
        };
        let value = self
            .graph
            .add(Operator::Convolution(kernel), &[view.value])
            .map_err(lacks)?;
        Ok(View::flat(value, matrix.outputs))
    }
}
