//! Convolutions of images with one channel or three, as a first layer is: four neighbouring pixels of the output at once.
//!
//! What their kernels cover overlaps. So each number of the input is loaded once for the strip, and multiplied for each pixel
//! that it counts for.

use crate::kernel::{Kernel, Place, Range};
use crate::layout::{Layout, Shape};
use crate::tile::Vector;
use crate::vector::{F32x4, LANES};

/// Pixels of a strip.
const PIXELS: usize = 4;

/// The most rows of a kernel.
const MOST_ROWS: usize = 5;

/// Sums are taken for up to so many vectors of output channels at once.
const VECTORS: usize = 2;

/// A convolution with a small kernel, laid out for its input and its output.
pub struct Strip {
    /// Where each strip of an image begins, in the input and in the output.
    places: Vec<Place>,
    /// Whether only the largest of each 2 x 2 pixels is stored. Then strips that share these follow each other.
    pooled: bool,
    /// The rows of the kernel, counted from there.
    rows: [usize; MOST_ROWS],
    tiles: Vec<Tile>,
    reach: Reach,
    range: Range,
    input: usize,
    output: Layout,
}

/// Neighbouring channels of the output.
struct Tile {
    /// The first of them.
    channel: usize,
    /// One for each four channels.
    bias: Vec<Vector>,
    /// For each number that the kernel covers, row by row, one for each four channels.
    weights: Vec<Vector>,
}

/// How a kernel lies in the input.
#[derive(Clone, Copy, PartialEq)]
struct Reach {
    rows: usize,
    /// How many neighbouring numbers it covers in a row.
    run: usize,
    /// From one pixel of the output to the next.
    step: usize,
}

impl Reach {
    /// Whether there is code for it: 3 x 3 numbers of one channel or three and 5 x 5 of one with a stride of 1 or 2, 4 x 4 with one of 2.
    fn is_known(self) -> bool {
        let Reach { rows, run, step } = self;
        matches!(
            (rows, run, step),
            (3, 3, 1 | 2) | (3, 9, 3 | 6) | (4, 4, 2) | (5, 5, 1 | 2)
        )
    }

    fn of(kernel: &Kernel, image: Shape) -> Reach {
        let columns = kernel.window.columns;
        Reach {
            rows: kernel.window.rows.kernel,
            run: columns.kernel * image.channels,
            step: columns.stride * image.channels,
        }
    }
}

/// Multiplies the numbers of a row: all are written out, 27 at most.
macro_rules! row {
    ($end:lifetime, $sums:ident, $left:ident, $input:ident, $row:ident, $reach:ident, $weights:ident, $y:literal, $step:ident) => {
        if $y < ROWS {
            let (Some(numbers), Some(weights)) = ($input.get($row..$row + $reach), $weights.get($y)) else {
                break $end;
            };
            vector!($end, $sums, $left, numbers, weights, $step, 0);
            vector!($end, $sums, $left, numbers, weights, $step, 4);
            vector!($end, $sums, $left, numbers, weights, $step, 8);
            vector!($end, $sums, $left, numbers, weights, $step, 12);
            vector!($end, $sums, $left, numbers, weights, $step, 16);
            vector!($end, $sums, $left, numbers, weights, $step, 20);
            vector!($end, $sums, $left, numbers, weights, $step, 24);
        }
    };
}

/// Multiplies the four numbers from `$first` on, if the strip has them, for all pixels that they count for.
macro_rules! vector {
    ($end:lifetime, $sums:ident, $left:ident, $numbers:ident, $weights:ident, $step:ident, $first:literal) => {
        if $first < $numbers.len() {
            // The last vector may overlap the one before.
            let at = usize::min($first, $numbers.len() - LANES);
            let Some(vector) = $numbers.get(at..).and_then(|rest| rest.first_chunk()) else {
                break $end;
            };
            let vector = F32x4::load(vector);
            vector!($end, $sums, $left, at, vector.lane::<0>(), $weights, $step, $first, 0);
            vector!($end, $sums, $left, at, vector.lane::<1>(), $weights, $step, $first, 1);
            vector!($end, $sums, $left, at, vector.lane::<2>(), $weights, $step, $first, 2);
            vector!($end, $sums, $left, at, vector.lane::<3>(), $weights, $step, $first, 3);
        }
    };
    ($end:lifetime, $sums:ident, $left:ident, $at:ident, $number:expr, $weights:ident, $step:ident, $first:literal, $lane:literal) => {
        if $lane >= $first - $at {
            let [a, b, c, d] = &mut $sums;
            add(a, $number, $weights.get($at + $lane));
            add(b, $number, ($at + $lane).checked_sub($step).and_then(|at| $weights.get(at)));
            add(c, $number, ($at + $lane).checked_sub(2 * $step).and_then(|at| $weights.get(at)));
            add(d, $number, ($at + $lane).checked_sub(3 * $step).and_then(|at| $weights.get(at)));
            // Each may be the last: as in `tile`, a compiler that computes as late as it can has the sums computed here.
            $left -= 1;
            if $left == 0 {
                break $end;
            }
        }
    };
}

/// Adds the products of a number with its weights, if it has some.
#[inline(always)]
fn add<const N: usize>(sums: &mut [F32x4; N], number: F32x4, weights: Option<&[Vector; N]>) {
    if let Some(weights) = weights {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum = sum.plus(number.times(F32x4::load(weight)));
        }
    }
}

impl Strip {
    /// Whether it computes a kernel. There must be nothing between the channels of two pixels.
    pub fn suits(kernel: &Kernel, input: Layout) -> bool {
        let columns = kernel.window.columns;
        Reach::of(kernel, input.shape).is_known()
            && input.pixel == input.shape.channels
            && kernel.groups == 1
            && columns.dilation == 1
            && columns.output >= PIXELS
    }

    /// Lays out `kernel`, which it suits. The pixels of the input have no floats more than channels, and those of the output
    /// are whole vectors.
    pub fn new(kernel: &Kernel, (range, pooled): (Range, bool), input: Layout, output: Layout) -> Strip {
        let (rows, columns) = (kernel.window.rows, kernel.window.columns);
        let (inputs, outputs) = (input.shape.channels, output.shape.channels);
        let (top, left) = (input.border.top - rows.before, input.border.left - columns.before);
        // The last strip of a row may begin in the one before.
        let starts = (0..columns.output).step_by(PIXELS);
        let starts: Vec<usize> = starts.map(|x| x.min(columns.output - PIXELS)).collect();
        let size = if pooled { 2 } else { 1 };
        let places = (0..rows.output / size)
            .flat_map(|y| starts.iter().map(move |x| (y, *x)))
            .flat_map(|(y, x)| (0..size).map(move |down| (y, x, down)));
        let tile = |channel: usize| {
            let vectors = VECTORS.min((outputs - channel).div_ceil(LANES));
            let lanes = |number: &dyn Fn(usize) -> f32| -> Vec<Vector> {
                let firsts = (0..vectors).map(|vector| channel + vector * LANES);
                firsts
                    .map(|first| std::array::from_fn(|lane| number(first + lane)))
                    .collect()
            };
            let numbers = (0..rows.kernel)
                .flat_map(|y| (0..columns.kernel * inputs).map(move |at| (y, at / inputs, at % inputs)));
            let weights = numbers.flat_map(|(y, x, place)| {
                lanes(&|output| kernel.weight(inputs, output, place, y * columns.kernel + x))
            });
            Tile {
                channel,
                bias: lanes(&|output| kernel.bias(output)),
                weights: weights.collect(),
            }
        };
        Strip {
            places: places
                .map(|(y, x, down)| Place {
                    from: input.at(top + (y * size + down) * rows.stride, left + x * columns.stride),
                    to: output.inside(y, x / size),
                    is_first: down == 0,
                })
                .collect(),
            pooled,
            rows: [0, 1, 2, 3, 4].map(|y| input.at(y * rows.dilation, 0)),
            tiles: (0..outputs).step_by(VECTORS * LANES).map(tile).collect(),
            reach: Reach::of(kernel, input.shape),
            range,
            input: input.image(),
            output,
        }
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[f32], output: &mut [f32]) {
        for tile in &self.tiles {
            match tile.bias.len() {
                1 => self.tile::<1>(tile, images, input, output),
                _ => self.tile::<VECTORS>(tile, images, input, output),
            }
        }
    }

    fn tile<const N: usize>(&self, tile: &Tile, images: usize, input: &[f32], output: &mut [f32]) {
        let Reach { run, step, .. } = self.reach;
        match (run, step) {
            (3, 1) => self.places::<3, 3, 1, N>(tile, images, input, output),
            (3, _) => self.places::<3, 3, 2, N>(tile, images, input, output),
            (4, _) => self.places::<4, 4, 2, N>(tile, images, input, output),
            (5, 1) => self.places::<5, 5, 1, N>(tile, images, input, output),
            (5, _) => self.places::<5, 5, 2, N>(tile, images, input, output),
            (_, 3) => self.places::<3, 9, 3, N>(tile, images, input, output),
            _ => self.places::<3, 9, 6, N>(tile, images, input, output),
        }
    }

    /// Computes some channels of all pixels.
    #[inline(never)]
    fn places<const ROWS: usize, const RUN: usize, const STEP: usize, const N: usize>(
        &self,
        tile: &Tile,
        images: usize,
        input: &[f32],
        output: &mut [f32],
    ) {
        let Some(bias) = tile.bias.first_chunk::<N>() else {
            return;
        };
        let start = bias.each_ref().map(F32x4::load);
        let pixel = self.output.pixel;
        for image in 0..images {
            for &place in &self.places {
                let from = image * self.input + place.from;
                let to = image * self.output.image() + place.to + tile.channel;
                let input = input.get(from..).unwrap_or_default();
                let output = output.get_mut(to..).unwrap_or_default();
                let sums = self.strip::<ROWS, RUN, STEP, N>(&tile.weights, input, start);
                if self.pooled {
                    let [a, b, c, d] = sums;
                    for (x, (mut sums, other)) in [(a, b), (c, d)].into_iter().enumerate() {
                        sums.iter_mut()
                            .zip(other)
                            .for_each(|(one, other)| *one = one.at_least(other));
                        self.put(sums, output.get_mut(x * pixel..), |sum, to| place.put(sum, to));
                    }
                } else {
                    for (x, sums) in sums.into_iter().enumerate() {
                        self.put(sums, output.get_mut(x * pixel..), F32x4::store);
                    }
                }
            }
        }
    }

    /// Stores some channels of a pixel.
    #[inline(always)]
    fn put<const N: usize>(&self, sums: [F32x4; N], to: Option<&mut [f32]>, put: impl Fn(F32x4, &mut Vector)) {
        if let Some(to) = to.and_then(|to| to.as_chunks_mut().0.first_chunk_mut::<N>()) {
            for (to, sum) in to.iter_mut().zip(sums) {
                put(self.range.hold(sum), to);
            }
        }
    }

    /// The sums of products of a strip. A sum takes its products in the order of the numbers.
    #[inline(always)]
    fn strip<const ROWS: usize, const RUN: usize, const STEP: usize, const N: usize>(
        &self,
        weights: &[Vector],
        input: &[f32],
        start: [F32x4; N],
    ) -> [[F32x4; N]; PIXELS] {
        let reach = const { (PIXELS - 1) * STEP + RUN };
        let weights: &[[[Vector; N]; RUN]] = weights.as_chunks().0.as_chunks().0;
        let mut sums = [start; PIXELS];
        let mut left = ROWS * reach;
        let [a, b, c, d, e] = self.rows;
        // Rows without a loop: so their sums stay where they are.
        'end: {
            row!('end, sums, left, input, a, reach, weights, 0, STEP);
            row!('end, sums, left, input, b, reach, weights, 1, STEP);
            row!('end, sums, left, input, c, reach, weights, 2, STEP);
            row!('end, sums, left, input, d, reach, weights, 3, STEP);
            row!('end, sums, left, input, e, reach, weights, 4, STEP);
        }
        sums
    }
}
