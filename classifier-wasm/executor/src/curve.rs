//! Functions of single numbers, as activations are.

use crate::layout::Layout;

/// A function of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Curve {
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `slope * x + offset`, from 0 to 1.
    HardSigmoid {
        /// 0.2 unless a model says otherwise.
        slope: f32,
        /// 0.5 unless a model says otherwise.
        offset: f32,
    },
    /// `x` times the sigmoid that is made of lines: of slope 1/6, and 1/2 at 0.
    HardSwish,
    /// `x` where it is positive, else so much of it.
    LeakyRelu(f32),
}

impl Curve {
    /// Computes `images` images.
    pub(crate) fn run(self, images: usize, layouts: [Layout; 2], input: &[f32], output: &mut [f32]) {
        // Each has a loop of its own, of which the compiler makes one of vectors.
        match self {
            Curve::Sigmoid => each(images, layouts, input, output, sigmoid),
            Curve::Tanh => each(images, layouts, input, output, |x| 2.0 * sigmoid(2.0 * x) - 1.0),
            Curve::HardSigmoid { slope, offset } => {
                each(images, layouts, input, output, |x| (slope * x + offset).clamp(0.0, 1.0));
            }
            Curve::HardSwish => each(images, layouts, input, output, |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
            Curve::LeakyRelu(slope) => {
                each(images, layouts, input, output, |x| if x < 0.0 { slope * x } else { x });
            }
        }
    }
}

#[inline(always)]
fn each(images: usize, [from, to]: [Layout; 2], input: &[f32], output: &mut [f32], of: impl Fn(f32) -> f32) {
    let numbers = from.shape.width * from.pixel;
    for (image, y) in (0..images).flat_map(|image| (0..from.shape.height).map(move |y| (image, y))) {
        let (from, to) = (from.place_of_row(image, y), to.place_of_row(image, y));
        let row = input.get(from..from + numbers).unwrap_or_default();
        for (to, from) in output.get_mut(to..to + numbers).unwrap_or_default().iter_mut().zip(row) {
            *to = of(*from);
        }
    }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// e to the power of `x`, to the last bits, and the same on every machine: that of Cephes (Moshier, expf).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Beyond these the result would be none of a float.
    let x = x.clamp(-87.0, 88.0);
    // Added and taken away, it leaves no digits behind the point.
    const ROUNDS: f32 = 12_582_912.0;
    let n = x * std::f32::consts::LOG2_E + ROUNDS - ROUNDS;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let terms = [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 0.5];
    let sum = terms.iter().fold(1.987_569_1e-4, |sum, term| sum * r + term);
    let two_to_n = f32::from_bits(((n as i32 + 127) as u32) << 23);
    (sum * r * r + r + 1.0) * two_to_n
}
