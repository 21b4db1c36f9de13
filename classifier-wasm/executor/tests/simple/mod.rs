//! The operators by their definitions.

pub mod layers;

use classifier_executor::{Curve, Kernel, Operator, Pooling, Shape, Steps, Window};

/// An image in row-major order: row, column, channel.
pub struct Image {
    pub shape: Shape,
    pub values: Vec<f64>,
}

impl Image {
    pub fn new(shape: Shape, pixels: &[f32]) -> Image {
        let values = pixels.iter().copied().map(f64::from).collect();
        Image { shape, values }
    }

    fn at(&self, y: usize, x: usize, channel: usize) -> f64 {
        self.values[(y * self.shape.width + x) * self.shape.channels + channel]
    }

    fn of(shape: Shape, value: impl Fn(usize, usize, usize) -> f64) -> Image {
        let mut values = Vec::new();
        for y in 0..shape.height {
            for x in 0..shape.width {
                values.extend((0..shape.channels).map(|channel| value(y, x, channel)));
            }
        }
        Image { shape, values }
    }

    pub fn plus(&self, other: &Image) -> Image {
        Image::of(self.shape, |y, x, c| self.at(y, x, c) + other.at(y, x, c))
    }

    /// The product of each number with that of the same channel and place; a single pixel is at all places.
    pub fn times(&self, other: &Image) -> Image {
        let at = |place: usize, size: usize| if size == 1 { 0 } else { place };
        Image::of(self.shape, |y, x, c| {
            self.at(y, x, c) * other.at(at(y, other.shape.height), at(x, other.shape.width), c)
        })
    }

    pub fn beside(&self, other: &Image) -> Image {
        let channels = self.shape.channels + other.shape.channels;
        Image::of(Shape { channels, ..self.shape }, |y, x, c| {
            match c.checked_sub(self.shape.channels) {
                None => self.at(y, x, c),
                Some(c) => other.at(y, x, c),
            }
        })
    }

    pub fn after(&self, operator: &Operator) -> Image {
        match operator {
            Operator::Convolution(kernel) => self.convolved(kernel),
            Operator::Pool(window, pooling) => self.pooled(*window, *pooling),
            Operator::Scale { scale, offset } => Image::of(self.shape, |y, x, c| {
                self.at(y, x, c) * f64::from(scale[c]) + f64::from(offset[c])
            }),
            Operator::Hold(range) => Image::of(self.shape, |y, x, c| {
                self.at(y, x, c).max(f64::from(range.low)).min(f64::from(range.high))
            }),
            Operator::Curve(curve) => Image::of(self.shape, |y, x, c| value_of(*curve, self.at(y, x, c))),
            other => panic!("{other:?} has no single input of any shape"),
        }
    }

    /// Where the taps of a window lie in the image: row and column of the kernel, row and column of the image.
    fn taps(&self, window: Window, y: usize, x: usize) -> Vec<[usize; 4]> {
        let covered = |steps: Steps, place: usize, size: usize| {
            (0..steps.kernel).filter_map(move |tap| {
                let at = (place * steps.stride + tap * steps.dilation).checked_sub(steps.before)?;
                (at < size).then_some((tap, at))
            })
        };
        let mut taps = Vec::new();
        for (i, y) in covered(window.rows, y, self.shape.height) {
            taps.extend(covered(window.columns, x, self.shape.width).map(|(j, x)| [i, j, y, x]));
        }
        taps
    }

    fn convolved(&self, kernel: &Kernel) -> Image {
        let window = kernel.window;
        let outputs = kernel.bias.len();
        let (ins, outs) = (self.shape.channels / kernel.groups, outputs / kernel.groups);
        let shape = Shape {
            height: window.rows.output,
            width: window.columns.output,
            channels: outputs,
        };
        Image::of(shape, |y, x, output| {
            let mut sum = f64::from(kernel.bias[output]);
            for [i, j, y, x] in self.taps(window, y, x) {
                for input in 0..ins {
                    let weight = ((output * ins + input) * window.rows.kernel + i) * window.columns.kernel + j;
                    sum += f64::from(kernel.weights[weight]) * self.at(y, x, output / outs * ins + input);
                }
            }
            sum
        })
    }

    fn pooled(&self, window: Window, pooling: Pooling) -> Image {
        let shape = Shape {
            height: window.rows.output,
            width: window.columns.output,
            ..self.shape
        };
        Image::of(shape, |y, x, channel| {
            let taps = self.taps(window, y, x);
            let numbers = taps.iter().map(|[_, _, y, x]| self.at(*y, *x, channel));
            match pooling {
                Pooling::Largest => numbers.fold(f64::NEG_INFINITY, f64::max),
                Pooling::Mean => numbers.sum::<f64>() / taps.len() as f64,
                Pooling::MeanWithPadding => numbers.sum::<f64>() / (window.rows.kernel * window.columns.kernel) as f64,
            }
        })
    }
}

fn value_of(curve: Curve, x: f64) -> f64 {
    match curve {
        Curve::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Curve::Tanh => x.tanh(),
        Curve::HardSigmoid { slope, offset } => (f64::from(slope) * x + f64::from(offset)).clamp(0.0, 1.0),
        Curve::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Curve::LeakyRelu(slope) => x.max(f64::from(slope) * x),
    }
}
