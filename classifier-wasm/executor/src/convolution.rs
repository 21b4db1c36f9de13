//! Convolutions, and dense layers as convolutions of whole images.

use crate::kernel::{Kernel, Range};
use crate::layout::Layout;
use crate::tile::{Covered, PIXELS, Sums, Weights};
use crate::vector::{F32x4, LANES};
use crate::window::Window;

/// Sums are taken for up to so many vectors of output channels at once.
const VECTORS: usize = 2;

/// A convolution, laid out for its input and its output.
pub struct Convolution {
    /// Of the pixels of all images that are computed at once.
    places: Vec<Place>,
    /// Pixels of an image.
    pixels: usize,
    tiles: Vec<Tile>,
    /// How many neighbouring numbers a kernel covers from the start of a segment on.
    run: usize,
    range: Range,
}

/// Where an output pixel is computed from, and where it goes.
#[derive(Clone, Copy)]
struct Place {
    from: usize,
    to: usize,
}

/// Neighbouring channels of the output, which are computed at once.
struct Tile {
    /// The first of them.
    channel: usize,
    /// One for each four channels.
    bias: Vec<Weights>,
    /// For each number that the kernel covers, one for each four channels.
    weights: Vec<Weights>,
    /// The slices of the input that the kernel covers, counted from its place.
    segments: Vec<usize>,
}

impl Convolution {
    /// Lays out `kernel`, which fits the input, for up to so many images. The input's border is as wide as its window needs.
    pub fn new(kernel: &Kernel, range: Range, input: Layout, output: Layout, images: usize) -> Convolution {
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
        let tile = |group: usize, first: usize| {
            let channel = group * outs + first;
            let vectors = VECTORS.min((outs - first).div_ceil(LANES));
            let lanes = |number: &dyn Fn(usize) -> f32| -> Vec<Weights> {
                let channels = (0..vectors).map(|vector| channel + vector * LANES);
                channels
                    .map(|first| std::array::from_fn(|lane| number(first + lane)))
                    .collect()
            };
            let starts = (0..rows.kernel).flat_map(|y| (0..steps).map(move |x| (y, x)));
            let covered = starts
                .clone()
                .flat_map(|(y, x)| (0..run.next_multiple_of(LANES)).map(move |at| (y, x, at)));
            let weights = covered.flat_map(|(y, x, at)| {
                let (x, place) = if is_whole {
                    (at / input.pixel, at % input.pixel)
                } else {
                    (x, at)
                };
                let tap = y * columns.kernel + x;
                // Behind the last channel of a pixel there may be zeros, which have no weight.
                lanes(&|output| match at < run && place < ins {
                    true => kernel.weight(inputs, output, group * ins + place, tap),
                    false => 0.0,
                })
            });
            Tile {
                channel,
                bias: lanes(&|output| kernel.bias(output)),
                weights: weights.collect(),
                segments: starts
                    .map(|(y, x)| input.at(y * rows.dilation, x * columns.dilation) + group * ins)
                    .collect(),
            }
        };
        let tiles = (0..groups).flat_map(|group| (0..outs).step_by(VECTORS * LANES).map(move |first| (group, first)));
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
            tiles: tiles.map(|(group, first)| tile(group, first)).collect(),
            run,
            range,
        }
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[f32], output: &mut [f32]) {
        let places = self.places.get(..images * self.pixels).unwrap_or_default();
        for tile in &self.tiles {
            match tile.bias.len() {
                1 => self.tile::<1>(tile, places, input, output),
                _ => self.tile::<VECTORS>(tile, places, input, output),
            }
        }
    }

    /// Computes some channels of some pixels.
    #[inline(never)]
    fn tile<const N: usize>(&self, tile: &Tile, places: &[Place], input: &[f32], output: &mut [f32]) {
        let covered = Covered {
            input,
            segments: &tile.segments,
            run: self.run,
        };
        let Some(bias) = tile.bias.first_chunk::<N>() else {
            return;
        };
        let start: Sums<N> = bias.each_ref().map(F32x4::load);
        let mut store = |place: &Place, sums: Sums<N>| {
            let to = output
                .get_mut(place.to + tile.channel..)
                .unwrap_or_default()
                .as_chunks_mut()
                .0;
            for (to, sum) in to.iter_mut().zip(sums) {
                self.range.hold(sum).store(to);
            }
        };
        let (tiled, rest) = places.as_chunks::<PIXELS>();
        for [a, b, c] in tiled {
            if let Some([first, second, third]) = covered.three([a.from, b.from, c.from], &tile.weights, start) {
                store(a, first);
                store(b, second);
                store(c, third);
            }
        }
        for place in rest {
            if let Some(sums) = covered.one(place.from, &tile.weights, start) {
                store(place, sums);
            }
        }
    }
}
