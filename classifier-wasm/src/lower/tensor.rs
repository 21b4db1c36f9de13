//! The constants of a model.

use crate::onnx::pb::TensorProto;
use crate::onnx::pb::tensor_proto::DataType;

/// Numbers with their axes. Those that are of no use in a plan have none.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    pub dims: Vec<usize>,
    /// If they are floats.
    pub floats: Vec<f32>,
    /// If they are integers: of shapes and axes.
    pub integers: Vec<i64>,
}

impl Constant {
    /// The other floats have become ones of 32 bits before.
    pub fn read(tensor: TensorProto) -> Result<Constant, String> {
        let dims = tensor
            .dims
            .iter()
            .map(|dim| usize::try_from(*dim))
            .collect::<Result<Vec<_>, _>>();
        let (mut floats, mut integers) = (Vec::new(), Vec::new());
        match DataType::try_from(tensor.data_type) {
            Ok(DataType::Float) => {
                floats = numbers(&tensor.raw_data, tensor.float_data, f32::from_le_bytes);
            }
            Ok(DataType::Int64) => {
                integers = numbers(&tensor.raw_data, tensor.int64_data, i64::from_le_bytes);
            }
            _ => {}
        }
        let dims = dims.map_err(|_| format!("{} has negative axes", tensor.name))?;
        let length = dims.iter().try_fold(1_usize, |length, dim| length.checked_mul(*dim));
        let given = floats.len().max(integers.len());
        if given > 0 && Some(given) != length {
            return Err(format!("{} has {given} numbers for the axes {dims:?}", tensor.name));
        }
        Ok(Constant { dims, floats, integers })
    }

    /// The number, if it is one.
    pub fn single(&self) -> Option<f32> {
        match self.floats.as_slice() {
            [number] => Some(*number),
            _ => None,
        }
    }

    /// A number for each of so many channels, which are the axis `channel` of a tensor with `dims`, when it is spread over that.
    pub fn by_channel(&self, dims: &[usize], channel: Option<usize>, channels: usize) -> Result<Vec<f32>, String> {
        if let Some(number) = self.single().filter(|_| self.dims.len() <= dims.len()) {
            return Ok(vec![number; channels]);
        }
        let refused = || format!("numbers of {:?} for {dims:?}", self.dims);
        let missing = dims.len().checked_sub(self.dims.len()).ok_or_else(refused)?;
        let is_spread = self.dims.iter().enumerate().all(|(axis, dim)| {
            let is_channel = Some(axis + missing) == channel;
            *dim == if is_channel { channels } else { 1 }
        });
        match is_spread && self.floats.len() == channels {
            true => Ok(self.floats.clone()),
            false => Err(refused()),
        }
    }
}

/// A tensor has its numbers either as raw bytes or as what they are.
pub fn numbers<T, const N: usize>(raw: &[u8], typed: Vec<T>, of_bytes: fn([u8; N]) -> T) -> Vec<T> {
    match raw {
        [] => typed,
        raw => raw.as_chunks().0.iter().map(|bytes| of_bytes(*bytes)).collect(),
    }
}
