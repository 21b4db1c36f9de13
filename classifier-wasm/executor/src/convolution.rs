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
    places: Vec<Place>,
    tiles: Vec<Tile>,
    /// How many neighbouring numbers a kernel covers from the start of a segment on.
    run: usize,
    range: Range,
    /// Floats of an image.
    input: usize,
    output: usize,
}

/// Where an output pixel is computed from, and where it goes; in floats from the start of the image.
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
    /// Lays out `kernel`, which fits the input. The input's border is as wide as its window needs.
    pub fn new(kernel: &Kernel, range: Range, input: Layout, output: Layout) -> Convolution {
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
        Convolution {
            places: from.zip(output.pixels()).map(|(from, to)| Place { from, to }).collect(),
            tiles: tiles.map(|(group, first)| tile(group, first)).collect(),
            run,
            range,
            input: input.image(),
            output: output.image(),
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

    /// Computes some channels of all images.
    #[inline(never)]
    fn tile<const N: usize>(&self, tile: &Tile, images: usize, input: &[f32], output: &mut [f32]) {
        let covered = Covered {
            input,
            segments: &tile.segments,
            run: self.run,
        };
        let Some(bias) = tile.bias.first_chunk::<N>() else {
            return;
        };
        let start: Sums<N> = bias.each_ref().map(F32x4::load);
        let mut store = |to: usize, sums: Sums<N>| {
            let to = output
                .get_mut(to + tile.channel..)
                .unwrap_or_default()
                .as_chunks_mut()
                .0;
            for (to, sum) in to.iter_mut().zip(sums) {
                self.range.hold(sum).store(to);
            }
        };
        let mut places = (0..images).flat_map(|image| {
            self.places.iter().map(move |place| Place {
                from: image * self.input + place.from,
                to: image * self.output + place.to,
            })
        });
        while let Some(a) = places.next() {
            let (Some(b), Some(c)) = (places.next(), places.next()) else {
                break;
            };
            let tiled = [a, b, c];
            if let Some(sums) = covered.three(tiled.map(|place| place.from), &tile.weights, start) {
                tiled
                    .into_iter()
                    .zip(sums)
                    .for_each(|(place, sums)| store(place.to, sums));
            }
        }
        let all = images * self.places.len();
        for index in all - all % PIXELS..all {
            let (image, at) = (index / self.places.len(), index % self.places.len());
            if let Some(place) = self.places.get(at)
                && let Some(sums) = covered.one(image * self.input + place.from, &tile.weights, start)
            {
                store(image * self.output + place.to, sums);
            }
        }
    }
}
