//! A value of the executor as a tensor of ONNX has it: with axes, and in some order.

use classifier_executor::{Shape, Value};

/// Which numbers of an image follow one another in the tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// One plane after the other.
    ChannelsFirst,
    /// One pixel after the other.
    ChannelsLast,
}

/// A value, and the tensor that it stands for.
#[derive(Debug, Clone)]
pub struct View {
    pub value: Value,
    /// The value's.
    pub shape: Shape,
    pub order: Order,
    /// The axes of the tensor, of which the first is that of the images: 1.
    pub dims: Vec<usize>,
    /// Zeros that an operator has put around it: above, left, below, right. The axes are without them.
    pub zeros: [usize; 4],
}

impl View {
    /// As a convolution gives it: (1, C, H, W).
    pub fn channels_first(value: Value, shape: Shape) -> View {
        View {
            value,
            shape,
            order: Order::ChannelsFirst,
            dims: vec![1, shape.channels, shape.height, shape.width],
            zeros: [0; 4],
        }
    }

    /// As a dense layer gives it: (1, N).
    pub fn flat(value: Value, numbers: usize) -> View {
        View {
            value,
            shape: Shape::flat(numbers),
            order: Order::ChannelsFirst,
            dims: vec![1, numbers],
            zeros: [0; 4],
        }
    }

    /// Of one channel, and of one pixel, both orders are the same.
    fn is_in(&self, order: Order) -> bool {
        self.order == order || self.shape.channels == 1 || self.shape.height * self.shape.width == 1
    }

    /// Itself, if it is (1, C, H, W) for ONNX, too.
    pub fn as_image(&self) -> Result<&View, String> {
        let Shape {
            height,
            width,
            channels,
        } = self.shape;
        match self.is_in(Order::ChannelsFirst) && self.dims == [1, channels, height, width] {
            true => Ok(self),
            false => Err(format!("axes {:?}", self.dims)),
        }
    }

    /// The axis of the channels. None: they have none of their own.
    pub fn channel_axis(&self) -> Option<usize> {
        let Shape {
            height,
            width,
            channels,
        } = self.shape;
        if self.is_in(Order::ChannelsFirst) && self.dims == [1, channels, height, width] {
            Some(1)
        } else if self.is_in(Order::ChannelsLast) && self.dims == [1, height, width, channels] {
            Some(3)
        } else if self.dims == [1, channels] {
            Some(1)
        } else {
            None
        }
    }

    /// A value that differs in the number of channels.
    pub fn with_channels(&self, value: Value, shape: Shape) -> Result<View, String> {
        let axis = self.channel_axis().ok_or_else(|| format!("axes {:?}", self.dims))?;
        let mut dims = self.dims.clone();
        if let Some(dim) = dims.get_mut(axis) {
            *dim = shape.channels;
        }
        // Of one channel it did not matter.
        let order = if axis == 1 {
            Order::ChannelsFirst
        } else {
            Order::ChannelsLast
        };
        Ok(View {
            value,
            shape,
            order,
            dims,
            zeros: [0; 4],
        })
    }

    /// The axes of height and width.
    pub fn sides(&self) -> Result<Vec<usize>, String> {
        match (self.channel_axis(), self.dims.len()) {
            (Some(1), 4) => Ok(vec![2, 3]),
            (Some(3), 4) => Ok(vec![1, 2]),
            _ => Err(format!("axes {:?}", self.dims)),
        }
    }

    /// Where the number is in the tensor which is at `at` if channels come first.
    pub fn place_of(&self, at: usize) -> usize {
        let plane = self.shape.height * self.shape.width;
        match self.is_in(Order::ChannelsFirst) {
            true => at,
            false => at % plane * self.shape.channels + at / plane,
        }
    }

    /// Whether numbers with the same place are the same numbers of an image.
    pub fn is_laid_out_as(&self, other: &View) -> bool {
        let both = |order: Order| self.is_in(order) && other.is_in(order);
        self.dims == other.dims
            && self.shape == other.shape
            && (both(Order::ChannelsFirst) || both(Order::ChannelsLast))
    }

    /// Whether each number, or each channel, has a number in `factor`.
    pub fn is_weighted_by(&self, factor: &View) -> bool {
        let is_of_channels = factor.shape == Shape::flat(self.shape.channels)
            && factor.dims.len() == self.dims.len()
            && self.channel_axis().is_some()
            && factor.channel_axis() == self.channel_axis();
        self.is_laid_out_as(factor) || is_of_channels
    }

    /// Axes as ONNX counts them, from the end where they are negative; in ascending order.
    pub fn axes(&self, axes: &[i64]) -> Result<Vec<usize>, String> {
        absolute(axes, self.dims.len())
    }

    fn with(&self, dims: Vec<usize>) -> Result<View, String> {
        match dims.iter().product::<usize>() == self.shape.values() {
            true => Ok(View { dims, ..self.clone() }),
            false => Err(format!("axes {dims:?} for {:?}", self.dims)),
        }
    }

    pub fn flattened(&self, axis: i64) -> Result<View, String> {
        let axis = if axis < 0 { axis + self.dims.len() as i64 } else { axis };
        let at = usize::try_from(axis).map_err(|_| "an axis that is not there")?;
        let (outer, inner) = self.dims.split_at_checked(at).ok_or("an axis that is not there")?;
        self.with(vec![outer.iter().product(), inner.iter().product()])
    }

    pub fn reshaped(&self, lengths: &[i64], zero_is_length: bool) -> Result<View, String> {
        let mut dims = Vec::new();
        for (axis, length) in lengths.iter().enumerate() {
            dims.push(match length {
                0 if !zero_is_length => *self.dims.get(axis).ok_or("an axis that is not there")?,
                // Filled in below.
                -1 => 1,
                length => usize::try_from(*length).map_err(|_| "a negative length")?,
            });
        }
        let rest = self.shape.values() / dims.iter().product::<usize>().max(1);
        for (dim, length) in dims.iter_mut().zip(lengths) {
            if *length == -1 {
                *dim = rest;
            }
        }
        self.with(dims)
    }

    /// Without these axes of length 1; without all of them if none are named.
    pub fn squeezed(&self, axes: &[i64]) -> Result<View, String> {
        let axes = self.axes(axes)?;
        let dims = self.dims.iter().enumerate();
        let kept = dims.filter(|(axis, dim)| !(axes.contains(axis) || axes.is_empty() && **dim == 1));
        self.with(kept.map(|(_, dim)| *dim).collect())
    }

    pub fn unsqueezed(&self, axes: &[i64]) -> Result<View, String> {
        let mut dims = self.dims.clone();
        for axis in absolute(axes, self.dims.len() + axes.len())? {
            if axis > dims.len() {
                return Err("an axis that is not there".to_owned());
            }
            dims.insert(axis, 1);
        }
        self.with(dims)
    }

    /// Axes of length 1 may move anywhere, and the channels from first to last and back.
    pub fn transposed(&self, order: &[usize]) -> Result<View, String> {
        let dims = order
            .iter()
            .map(|axis| self.dims.get(*axis).copied())
            .collect::<Option<Vec<_>>>();
        let dims = dims.ok_or("an axis that is not there")?;
        let long = |axis: &usize| self.dims.get(*axis).is_some_and(|dim| *dim != 1);
        let moved: Vec<usize> = order.iter().copied().filter(long).collect();
        let order = match (self.channel_axis(), order) {
            _ if moved.is_sorted() => self.order,
            (Some(1), [0, 2, 3, 1]) => Order::ChannelsLast,
            (Some(3), [0, 3, 1, 2]) => Order::ChannelsFirst,
            _ => return Err(format!("axes {:?} in the order {order:?}", self.dims)),
        };
        Ok(View {
            order,
            ..self.with(dims)?
        })
    }
}

fn absolute(axes: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let absolute = |axis: &i64| usize::try_from(if *axis < 0 { axis + rank as i64 } else { *axis });
    let mut axes = axes
        .iter()
        .map(absolute)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| "an axis that is not there")?;
    axes.sort_unstable();
    Ok(axes)
}
