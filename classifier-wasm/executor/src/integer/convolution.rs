//! Convolutions of integers, and dense layers as convolutions of whole images; by rows, as [`convolution`](crate::convolution) has them.

use super::finish::Finish;
use super::kernel::IntegerKernel;
use super::scratch::Scratch;
use super::tile::{CHANNELS, ROWS, Rows, STEPS, Sums, Vector, Weights};
use super::vector::{I16x8, I32x4, LANES};
use super::{Grid, Slot};
use crate::kernel::Range;
use crate::layout::Layout;
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
    /// How many neighbouring numbers a kernel covers from the start of a segment on.
    run: usize,
    finish: Finish,
}

/// Where an output pixel is computed from, and where it goes.
#[derive(Clone, Copy)]
struct Place {
    from: usize,
    to: usize,
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
        kernel: &IntegerKernel,
        range: Range,
        grid: Option<Grid>,
        input: Layout,
        output: Layout,
        images: usize,
    ) -> Convolution {
        let Window { rows, columns } = kernel.window;
        let (inputs, outputs) = (input.shape.channels, output.shape.channels);
        // A vector must not reach into the next group. Weights between groups are zero, so one group will do, too.
        let groups = if (outputs / kernel.groups).is_multiple_of(CHANNELS) {
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
                // What fills a vector up has no weight.
                match at < run && place < ins {
                    true => kernel.weight(inputs, output, group * ins + place, y * columns.kernel + x),
                    false => 0,
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
        let from = (0..rows.output)
            .flat_map(|y| (0..columns.output).map(move |x| input.at(top + y * rows.stride, left + x * columns.stride)));
        let of_one: Vec<(usize, usize)> = from.zip(output.pixels()).collect();
        let places = (0..images).flat_map(|image| {
            of_one.iter().map(move |(from, to)| Place {
                from: image * input.image() + from,
                to: image * output.image() + to,
            })
        });
        Convolution {
            places: places.collect(),
            pixels: of_one.len(),
            groups: (0..groups).map(group).collect(),
            run,
            finish: Finish::new(&kernel.terms(), range, grid),
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
        scratch.fit((self.pairs() * self.row() + STEPS) * ROWS, 0);
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[i16], scratch: &mut Scratch, output: &mut Slot) {
        let places = self.places.get(..images * self.pixels).unwrap_or_default();
        let rows = scratch.rows.as_chunks_mut().0;
        for places in places.chunks(self.pairs() * ROWS) {
            for group in &self.groups {
                self.copy(&group.segments, places, input, rows);
                let rows = Rows {
                    items: &*rows,
                    step: self.row(),
                    pairs: places.len().div_ceil(ROWS),
                };
                let mut pixels = Pixels {
                    places,
                    finish: &self.finish,
                    output,
                };
                group.weights.multiply(rows, self.finish.bias(), &mut pixels);
            }
        }
    }

    /// Copies what the kernel covers at some places, in whole vectors: what lies behind it has no weight. The last one is its own
    /// neighbour if it has no other.
    #[inline(never)]
    fn copy(&self, segments: &[usize], places: &[Place], input: &[i16], to: &mut [[Vector; ROWS]]) {
        let vectors = self.run.div_ceil(LANES);
        let pairs = places.chunks(ROWS).zip(to.chunks_exact_mut(self.row()));
        for (pair, to) in pairs {
            let (Some(first), Some(second)) = (pair.first(), pair.last()) else {
                return;
            };
            for (segment, to) in segments.iter().zip(to.chunks_exact_mut(vectors)) {
                let of = |place: &Place| {
                    let from = place.from + segment;
                    input
                        .get(from..from + vectors * LANES)
                        .unwrap_or_default()
                        .as_chunks()
                        .0
                };
                for ([one, other], (a, b)) in to.iter_mut().zip(of(first).iter().zip(of(second))) {
                    I16x8::load(a).store(one);
                    I16x8::load(b).store(other);
                }
            }
        }
    }
}

/// Pixels of the output.
struct Pixels<'a> {
    places: &'a [Place],
    finish: &'a Finish,
    output: &'a mut Slot,
}

impl Sums for Pixels<'_> {
    #[inline(always)]
    fn take(&mut self, row: usize, channel: usize, sum: I32x4) {
        // The last pair may have only one row.
        if let Some(place) = self.places.get(row) {
            self.finish.put(channel, [sum], place.to, self.output);
        }
    }
}
