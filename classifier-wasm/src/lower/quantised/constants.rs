//! Constants of integers, and the weights that they are with a scale.

use crate::lower::tensor::{Constant, numbers};
use crate::onnx::pb::TensorProto;
use crate::onnx::pb::tensor_proto::DataType;

/// Integers of 8 or 32 bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Integers {
    pub kind: DataType,
    pub dims: Vec<usize>,
    pub numbers: Vec<i32>,
}

/// Integers that stand for floats.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    pub dims: Vec<usize>,
    /// Without their zero points.
    pub numbers: Vec<i32>,
    /// One, or one for each place of an axis.
    scales: Vec<f32>,
    axis: usize,
}

impl Integers {
    /// The constant of a tensor. None: it is of another kind.
    pub fn read(tensor: &TensorProto) -> Result<Option<Integers>, String> {
        let kind = DataType::try_from(tensor.data_type).unwrap_or_default();
        let (raw, typed) = (tensor.raw_data.as_slice(), tensor.int32_data.clone());
        let numbers = match kind {
            DataType::Int8 => numbers(raw, typed, |[byte]: [u8; 1]| i32::from(byte.cast_signed())),
            DataType::Uint8 => numbers(raw, typed, |[byte]: [u8; 1]| i32::from(byte)),
            DataType::Int32 => numbers(raw, typed, i32::from_le_bytes),
            _ => return Ok(None),
        };
        let dims = tensor.dims.iter().map(|dim| usize::try_from(*dim));
        let dims = dims.collect::<Result<Vec<_>, _>>();
        let dims = dims.map_err(|_| format!("{} has negative axes", tensor.name))?;
        let length = dims.iter().try_fold(1_usize, |length, dim| length.checked_mul(*dim));
        if length != Some(numbers.len()) {
            let given = numbers.len();
            return Err(format!("{} has {given} numbers for the axes {dims:?}", tensor.name));
        }
        Ok(Some(Integers { kind, dims, numbers }))
    }

    /// A zero point that is left out: of the integers' own kind, else of the number of a type that says so.
    pub fn zero(kind: Option<DataType>, named: i64) -> Result<Integers, String> {
        let named = i32::try_from(named).unwrap_or(-1);
        let kind = match (kind, DataType::try_from(named)) {
            (Some(kind), _) => kind,
            (None, Ok(DataType::Undefined)) => DataType::Uint8,
            (None, Ok(kind)) => kind,
            (None, Err(_)) => return Err(format!("integers of type {named}")),
        };
        Ok(Integers {
            kind,
            dims: Vec::new(),
            numbers: vec![0],
        })
    }

    /// From the lowest to the highest of its kind.
    pub fn range(&self) -> Result<[i32; 2], String> {
        match self.kind {
            DataType::Uint8 => Ok([0, 255]),
            DataType::Int8 => Ok([-128, 127]),
            kind => Err(format!("integers of {kind:?}")),
        }
    }

    /// The nearest integers to a constant.
    pub fn round(constant: &Constant, scales: &[f32], zeros: &Integers, axis: i64) -> Result<Integers, String> {
        let [low, high] = zeros.range()?;
        let spread = Spread::of(&constant.dims, axis, [scales.len(), zeros.numbers.len()])?;
        let numbers = constant.floats.iter().enumerate().map(|(at, float)| {
            let [scale, zero] = spread.at(at);
            let scale = scales.get(scale).copied().unwrap_or(1.0);
            let zero = zeros.numbers.get(zero).copied().unwrap_or_default();
            ((float / scale).round_ties_even() as i32)
                .saturating_add(zero)
                .clamp(low, high)
        });
        Ok(Integers {
            kind: zeros.kind,
            dims: constant.dims.clone(),
            numbers: numbers.collect(),
        })
    }

    /// The weights that they are.
    pub fn scaled(&self, scales: &[f32], zeros: &Integers, axis: i64) -> Result<Weights, String> {
        let spread = Spread::of(&self.dims, axis, [scales.len(), zeros.numbers.len()])?;
        let numbers = self.numbers.iter().enumerate().map(|(at, number)| {
            let [_, zero] = spread.at(at);
            number.saturating_sub(zeros.numbers.get(zero).copied().unwrap_or_default())
        });
        Ok(Weights {
            dims: self.dims.clone(),
            numbers: numbers.collect(),
            scales: scales.to_vec(),
            axis: spread.axis,
        })
    }
}

impl Weights {
    /// As floats.
    pub fn floats(&self) -> Constant {
        let spread = Spread::of(&self.dims, self.axis as i64, [self.scales.len(), 1]);
        let scale = |at: usize| match &spread {
            Ok(spread) => self.scales.get(spread.at(at)[0]).copied().unwrap_or_default(),
            Err(_) => 0.0,
        };
        Constant {
            dims: self.dims.clone(),
            floats: self
                .numbers
                .iter()
                .enumerate()
                .map(|(at, number)| *number as f32 * scale(at))
                .collect(),
            integers: Vec::new(),
        }
    }

    /// Whether each is one that the executor multiplies.
    pub fn fit(&self) -> bool {
        self.numbers.iter().all(|number| (-255..=255).contains(number))
    }

    /// For the executor.
    pub fn small(&self) -> Vec<i16> {
        self.numbers.iter().map(|number| *number as i16).collect()
    }

    /// The scale of each output, which are an axis. None: the scales are those of another axis.
    pub fn scales_along(&self, axis: usize, outputs: usize) -> Option<impl Iterator<Item = f32>> {
        let is_along = self.scales.len() == 1 || self.axis == axis && self.scales.len() == outputs;
        is_along.then(|| self.each_scale(outputs))
    }

    /// Its scale so many times, or the scales.
    pub fn each_scale(&self, outputs: usize) -> impl Iterator<Item = f32> {
        self.scales.iter().copied().cycle().take(outputs)
    }

    /// Whether there is one for each output, and a scale for each or for all.
    pub fn is_bias_of(&self, outputs: usize) -> bool {
        self.dims == [outputs] && (self.scales.len() == 1 || self.scales.len() == outputs)
    }
}

/// Which scale and which zero point a number of a tensor has.
struct Spread {
    axis: usize,
    /// Numbers of one place of the axis.
    inner: usize,
    /// Places of the axis.
    length: usize,
    /// Whether there is one for each place: of scales and of zero points.
    is_each: [bool; 2],
}

impl Spread {
    fn of(dims: &[usize], axis: i64, counts: [usize; 2]) -> Result<Spread, String> {
        if counts == [1, 1] {
            return Ok(Spread {
                axis: 0,
                inner: 1,
                length: 1,
                is_each: [false; 2],
            });
        }
        let at = usize::try_from(if axis < 0 { axis + dims.len() as i64 } else { axis });
        let at = at.ok().filter(|at| *at < dims.len());
        let (axis, length) = at
            .and_then(|at| Some((at, *dims.get(at)?)))
            .ok_or("an axis that is not there")?;
        if !counts.iter().all(|count| *count == 1 || *count == length) {
            return Err(format!("{} scales for the axes {dims:?}", counts[0]));
        }
        Ok(Spread {
            axis,
            inner: dims.iter().skip(axis + 1).product(),
            length,
            is_each: counts.map(|count| count > 1),
        })
    }

    fn at(&self, number: usize) -> [usize; 2] {
        let place = number / self.inner.max(1) % self.length.max(1);
        self.is_each.map(|is_each| if is_each { place } else { 0 })
    }
}
