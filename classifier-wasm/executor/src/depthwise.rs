//! Convolutions in which each channel has a kernel of its own: four channels share a vector.
//!
//! The vectors of four channels are copied to a plane, in which neighbouring pixels are neighbours: so what a kernel covers of a row is
//! one slice, and pixels of the output that lie side by side share what is loaded.

use crate::kernel::{Kernel, Range};
use crate::layout::{Layout, each_image};
use crate::scratch::Scratch;
use crate::tile::Vector;
use crate::vector::{F32x4, LANES};
use crate::window::Window;

/// Pixels of a strip.
const PIXELS: usize = 4;

/// A depthwise convolution, laid out for its input and its output.
pub struct Depthwise {
    /// Where what is computed at once begins, in the plane and in the output: strips, or else pixels.
    places: Vec<(usize, usize)>,
    shape: Option<Square>,
    /// What the kernel covers, counted from there.
    taps: Vec<usize>,
    /// One for each four channels.
    bias: Vec<Vector>,
    /// For each four channels one for each tap.
    weights: Vec<Vector>,
    range: Range,
    input: Layout,
    output: Layout,
}

/// Kernels that there is code for to compute strips.
#[derive(Clone, Copy, PartialEq)]
struct Square {
    size: usize,
    stride: usize,
}

impl Square {
    /// Only of those whose rows have a strip.
    fn of(Window { rows, columns }: Window) -> Option<Square> {
        let square = Square {
            size: columns.kernel,
            stride: columns.stride,
        };
        let is_known = matches!(square.size, 3 | 5) && matches!(square.stride, 1 | 2);
        let is_square = rows.kernel == columns.kernel && columns.dilation == 1;
        (is_known && is_square && columns.output >= PIXELS).then_some(square)
    }
}

/// Multiplies what a strip covers in one row.
macro_rules! row {
    ($end:lifetime, $sums:ident, $left:ident, $plane:ident, $taps:ident, $weights:ident, $size:ident, $stride:ident, $y:literal) => {
        if $y < $size {
            let (Some(tap), Some(weights)) = ($taps.get($y * $size), $weights.get($y)) else {
                break $end;
            };
            let reach = (PIXELS - 1) * $stride + $size;
            let Some(numbers) = $plane.get(*tap..*tap + reach) else {
                break $end;
            };
            for (pixel, sum) in $sums.iter_mut().enumerate() {
                let covered = numbers.get(pixel * $stride..).unwrap_or_default();
                for (number, weight) in covered.iter().zip(weights) {
                    *sum = sum.plus(F32x4::load(number).times(F32x4::load(weight)));
                }
            }
            // Each may be the last: as in `tile`, a compiler that computes as late as it can has the sums computed here.
            $left -= 1;
            if $left == 0 {
                break $end;
            }
        }
    };
}

impl Depthwise {
    /// Lays out `kernel`, which is depthwise. The input has whole vectors and a border as wide as its window needs.
    pub fn new(kernel: &Kernel, range: Range, input: Layout, output: Layout) -> Depthwise {
        let Window { rows, columns } = kernel.window;
        let channels = input.shape.channels;
        let shape = Square::of(kernel.window);
        let step = if shape.is_some() { PIXELS } else { 1 };
        let (top, left) = (input.border.top - rows.before, input.border.left - columns.before);
        let plane = |y: usize, x: usize| input.at(y, x) / input.pixel;
        // The last strip of a row may begin in the one before.
        let starts = (0..columns.output).step_by(step).map(|x| x.min(columns.output - step));
        let places = (0..rows.output).flat_map(|y| starts.clone().map(move |x| (y, x)));
        let taps = (0..rows.kernel)
            .flat_map(|y| (0..columns.kernel).map(move |x| plane(y * rows.dilation, x * columns.dilation)));
        let lanes = |vector: usize, tap: usize| {
            let of = |channel: usize| kernel.weight(channels, channel, channel, tap);
            std::array::from_fn(|lane| of(vector * LANES + lane))
        };
        let weights = (0..input.vectors()).flat_map(|vector| (0..kernel.window.taps()).map(move |tap| (vector, tap)));
        Depthwise {
            places: places
                .map(|(y, x)| {
                    let from = plane(top + y * rows.stride, left + x * columns.stride);
                    (from, output.inside(y, x))
                })
                .collect(),
            shape,
            taps: taps.collect(),
            bias: kernel.bias_vectors(),
            weights: weights.map(|(vector, tap)| lanes(vector, tap)).collect(),
            range,
            input,
            output,
        }
    }

    /// Pixels of a plane.
    fn plane(&self) -> usize {
        self.input.image() / self.input.pixel
    }

    /// Makes room for it.
    pub fn fit(&self, scratch: &mut Scratch) {
        scratch.fit(self.plane(), 0, 0);
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[f32], scratch: &mut Scratch, output: &mut [f32]) {
        let (from, to) = (self.input.image(), self.output.image());
        let plane = scratch.rows.get_mut(..self.plane()).unwrap_or_default();
        for (input, output) in each_image(images, (input, from), (output, to)) {
            let weights = self.weights.chunks_exact(self.taps.len());
            for (vector, (weights, bias)) in weights.zip(&self.bias).enumerate() {
                copy(input.as_chunks().0, self.input.vectors(), vector, plane);
                let output = output.get_mut(vector * LANES..).unwrap_or_default();
                let bias = F32x4::load(bias);
                match self.shape {
                    Some(Square { size: 3, stride: 1 }) => self.strips::<3, 1>(plane, weights, bias, output),
                    Some(Square { size: 3, .. }) => self.strips::<3, 2>(plane, weights, bias, output),
                    Some(Square { stride: 1, .. }) => self.strips::<5, 1>(plane, weights, bias, output),
                    Some(_) => self.strips::<5, 2>(plane, weights, bias, output),
                    None => self.pixels(plane, weights, bias, output),
                }
            }
        }
    }

    #[inline(never)]
    fn strips<const SIZE: usize, const STRIDE: usize>(
        &self,
        plane: &[Vector],
        weights: &[Vector],
        bias: F32x4,
        output: &mut [f32],
    ) {
        let (weights, taps): (&[[Vector; SIZE]], _) = (weights.as_chunks().0, self.taps.as_slice());
        for &(from, to) in &self.places {
            let plane = plane.get(from..).unwrap_or_default();
            let mut sums = [bias; PIXELS];
            let mut left = taps.len() / SIZE;
            // Rows without a loop: so their sums stay where they are.
            'end: {
                row!('end, sums, left, plane, taps, weights, SIZE, STRIDE, 0);
                row!('end, sums, left, plane, taps, weights, SIZE, STRIDE, 1);
                row!('end, sums, left, plane, taps, weights, SIZE, STRIDE, 2);
                row!('end, sums, left, plane, taps, weights, SIZE, STRIDE, 3);
                row!('end, sums, left, plane, taps, weights, SIZE, STRIDE, 4);
            }
            let pixels = output.get_mut(to..).unwrap_or_default().chunks_mut(self.output.pixel);
            for (pixel, sum) in pixels.zip(sums) {
                if let Some(to) = pixel.first_chunk_mut() {
                    self.range.hold(sum).store(to);
                }
            }
        }
    }

    /// Any kernel, one pixel after the other.
    #[inline(never)]
    fn pixels(&self, plane: &[Vector], weights: &[Vector], bias: F32x4, output: &mut [f32]) {
        for &(from, to) in &self.places {
            let plane = plane.get(from..).unwrap_or_default();
            let products = self.taps.iter().zip(weights).filter_map(|(tap, weight)| {
                let number = plane.get(*tap)?;
                Some(F32x4::load(number).times(F32x4::load(weight)))
            });
            let sum = products.fold(bias, F32x4::plus);
            if let Some(to) = output.get_mut(to..).and_then(<[_]>::first_chunk_mut) {
                self.range.hold(sum).store(to);
            }
        }
    }
}

/// Copies one vector of each pixel, of several pixels at once: the host looks each time around the loop whether the time is up.
#[inline(never)]
fn copy(pixels: &[Vector], vectors: usize, vector: usize, plane: &mut [Vector]) {
    let mut groups = pixels.chunks_exact(PIXELS * vectors);
    let (plane, rest) = plane.as_chunks_mut::<PIXELS>();
    for (to, from) in plane.iter_mut().zip(groups.by_ref()) {
        for (pixel, to) in to.iter_mut().enumerate() {
            if let Some(from) = from.get(pixel * vectors + vector) {
                F32x4::load(from).store(to);
            }
        }
    }
    for (to, from) in rest.iter_mut().zip(groups.remainder().chunks(vectors)) {
        if let Some(from) = from.get(vector) {
            F32x4::load(from).store(to);
        }
    }
}
