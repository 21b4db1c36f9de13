//! Convolutions, and dense layers as convolutions of whole images.
//!
//! The numbers under the kernel are copied to rows, one for each pixel of the output: so the innermost loop reads one slice,
//! whatever the kernel, and all channels of the output share the copy.

use crate::kernel::{Kernel, Place, Range};
use crate::layout::Layout;
use crate::scratch::Scratch;
use crate::tile::{AHEAD, Pairs, ROWS, Sums, Vector, Weights};
use crate::vector::{F32x4, LANES};
use crate::window::Window;

/// Vectors that are copied before they are multiplied: they stay in the fastest cache.
const COPIED: usize = 1 << 10;

/// A convolution, laid out for its input and its output.
pub struct Convolution {
    /// Of the pixels of all images that are computed at once.
    places: Vec<Place>,
    /// Pixels of an image.
    pixels: usize,
    groups: Vec<Group>,
    /// One for each four channels of the output.
    bias: Vec<Vector>,
    /// How many neighbouring numbers a kernel covers from the start of a segment on.
    run: usize,
    range: Range,
}

/// Channels of the output that are computed from the same ones of the input.
struct Group {
    /// The slices of the input that the kernel covers, counted from its place.
    segments: Vec<usize>,
    weights: Weights,
}

impl Convolution {
    /// Lays out `kernel`, which fits the input, for up to so many images. The input's border is as wide as its window needs.
    pub fn new(
        kernel: &Kernel,
        (range, pooled): (Range, bool),
        input: Layout,
        output: Layout,
        images: usize,
    ) -> Convolution {
        let Window { rows, columns } = kernel.window;
        let (inputs, outputs) = (input.shape.channels, output.shape.channels);
        // A vector must not reach into the next group. Weights between groups are zero, so one group will do, too.
        let groups = if (outputs / kernel.groups).is_multiple_of(LANES) {
            kernel.groups
        } else {
            1
        };
        let (ins, outs) = (inputs / groups, outputs / groups);
        // The channels of a row of the kernel are one slice, unless there are others between them.
        let is_whole = groups == 1 && columns.dilation == 1;
        let (steps, run) = if is_whole {
            (1, (columns.kernel - 1) * input.pixel + ins)
        } else {
            (columns.kernel, ins)
        };
        let starts: Vec<(usize, usize)> = (0..rows.kernel).flat_map(|y| (0..steps).map(move |x| (y, x))).collect();
        let padded = run.next_multiple_of(LANES);
        let group = |group: usize| {
            let weight = |number: usize, output: usize| {
                let (at, (y, x)) = (
                    number % padded,
                    starts.get(number / padded).copied().unwrap_or_default(),
                );
                let (x, place) = if is_whole {
                    (at / input.pixel, at % input.pixel)
                } else {
                    (x, at)
                };
                // Behind the last channel of a pixel there may be zeros, which have no weight.
                match at < run && place < ins {
                    true => kernel.weight(inputs, output, group * ins + place, y * columns.kernel + x),
                    false => 0.0,
                }
            };
            Group {
                segments: starts
                    .iter()
                    .map(|(y, x)| input.at(y * rows.dilation, x * columns.dilation) + group * ins)
                    .collect(),
                weights: Weights::new(group * outs..(group + 1) * outs, starts.len() * padded, weight),
            }
        };
        // The border may be wider than this window's padding.
        let (top, left) = (input.border.top - rows.before, input.border.left - columns.before);
        // Those that are one pixel of the output follow each other.
        let size = if pooled { 2 } else { 1 };
        let shares = (0..size).flat_map(|y| (0..size).map(move |x| (y, x)));
        let of_one: Vec<Place> = (0..rows.output / size)
            .flat_map(|y| (0..columns.output / size).map(move |x| (y, x)))
            .flat_map(|(y, x)| shares.clone().map(move |share| (y, x, share)))
            .map(|(y, x, (down, right))| Place {
                from: input.at(
                    top + (y * size + down) * rows.stride,
                    left + (x * size + right) * columns.stride,
                ),
                to: output.inside(y, x),
                is_first: (down, right) == (0, 0),
            })
            .collect();
        let places = (0..images).flat_map(|image| {
            of_one.iter().map(move |place| Place {
                from: image * input.image() + place.from,
                to: image * output.image() + place.to,
                ..*place
            })
        });
        Convolution {
            places: places.collect(),
            pixels: of_one.len(),
            groups: (0..groups).map(group).collect(),
            bias: kernel.bias_vectors(),
            run,
            range,
        }
    }

    /// Vectors of a row.
    fn row(&self) -> usize {
        let segments = self.groups.first().map_or(0, |group| group.segments.len());
        segments * self.run.div_ceil(LANES)
    }

    /// How many pairs of rows are copied at once.
    fn pairs(&self) -> usize {
        (COPIED / (ROWS * self.row())).max(1)
    }

    /// Makes room for it.
    pub fn fit(&self, scratch: &mut Scratch) {
        scratch.fit((self.pairs() * self.row() + AHEAD) * ROWS, 0, 0);
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[f32], scratch: &mut Scratch, output: &mut [f32]) {
        let places = self.places.get(..images * self.pixels).unwrap_or_default();
        let rows = scratch.rows.as_chunks_mut().0;
        for places in places.chunks(self.pairs() * ROWS) {
            for group in &self.groups {
                self.copy(&group.segments, places, input, rows);
                let pairs = Pairs {
                    rows: &*rows,
                    step: self.row(),
                    count: places.len().div_ceil(ROWS),
                };
                let range = self.range;
                let mut pixels = Pixels { places, range, output };
                group.weights.multiply(pairs, &self.bias, &mut pixels);
            }
        }
    }

    /// Copies what the kernel covers at some places. The last one is its own neighbour if it has no other.
    #[inline(never)]
    fn copy(&self, segments: &[usize], places: &[Place], input: &[f32], to: &mut [[Vector; ROWS]]) {
        let pairs = places.chunks(ROWS).zip(to.chunks_exact_mut(self.row()));
        for (pair, to) in pairs {
            let (Some(first), Some(second)) = (pair.first(), pair.last()) else {
                return;
            };
            for (segment, to) in segments.iter().zip(to.chunks_exact_mut(self.run.div_ceil(LANES))) {
                let of = |place: &Place| {
                    let from = place.from + segment;
                    input.get(from..from + self.run).unwrap_or_default().as_chunks()
                };
                let ((a, a_rest), (b, b_rest)) = (of(first), of(second));
                for (to, (a, b)) in to.iter_mut().zip(a.iter().zip(b)) {
                    let [one, other] = to;
                    F32x4::load(a).store(one);
                    F32x4::load(b).store(other);
                }
                if let (true, Some(to)) = (!a_rest.is_empty(), to.last_mut()) {
                    *to = [a_rest, b_rest]
                        .map(|rest| std::array::from_fn(|at| rest.get(at).copied().unwrap_or_default()));
                }
            }
        }
    }
}

/// Pixels of the output.
struct Pixels<'a> {
    places: &'a [Place],
    range: Range,
    output: &'a mut [f32],
}

impl Sums for Pixels<'_> {
    #[inline(always)]
    fn take<const N: usize>(&mut self, row: usize, channel: usize, sums: [F32x4; N]) {
        // The last pair may have only one row.
        let Some(place) = self.places.get(row) else { return };
        let to = self.output.get_mut(place.to + channel..).unwrap_or_default();
        if let Some(to) = to.as_chunks_mut().0.first_chunk_mut::<N>() {
            for (to, sum) in to.iter_mut().zip(sums) {
                place.put(self.range.hold(sum), to);
            }
        }
    }
}
