//! The largest number of a window, or its mean.

use crate::layout::{Layout, each_image};
use crate::tile::Vector;
use crate::vector::{F32x4, LANES};
use crate::window::Window;

/// What becomes of the numbers of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The largest stays. Padding is none.
    Largest,
    /// The mean of those in the image.
    Mean,
    /// Their sum divided by the size of the window, so that padding counts as zeros.
    MeanWithPadding,
}

/// A pooling layer, laid out for its input and its output.
pub struct Pool {
    /// Of each output pixel.
    places: Vec<Place>,
    /// The pixels of the input that the windows cover, one window after the other.
    covered: Vec<usize>,
    pooling: Pooling,
    input: usize,
    output: usize,
    vectors: usize,
}

struct Place {
    to: usize,
    /// How many pixels its window covers.
    covers: usize,
    /// What the sum is multiplied with.
    share: f32,
}

impl Pool {
    /// Both have whole vectors.
    pub fn new(window: Window, pooling: Pooling, input: Layout, output: Layout) -> Pool {
        let (mut places, mut covered) = (Vec::new(), Vec::new());
        let Window { rows, columns } = window;
        let outputs = (0..rows.output).flat_map(|y| (0..columns.output).map(move |x| (y, x)));
        for ((y, x), to) in outputs.zip(output.pixels()) {
            let before = covered.len();
            for y in rows.covered(y, input.shape.height) {
                let pixels = columns.covered(x, input.shape.width);
                covered.extend(pixels.map(|x| input.at(input.border.top + y, input.border.left + x)));
            }
            let covers = covered.len() - before;
            let counted = if pooling == Pooling::MeanWithPadding {
                window.taps()
            } else {
                covers
            };
            let share = 1.0 / counted as f32;
            places.push(Place { to, covers, share });
        }
        Pool {
            places,
            covered,
            pooling,
            input: input.image(),
            output: output.image(),
            vectors: input.shape.channels.div_ceil(LANES),
        }
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[f32], output: &mut [f32]) {
        for (input, output) in each_image(images, (input, self.input), (output, self.output)) {
            match self.pooling {
                Pooling::Largest => self.image(input, output, f32::NEG_INFINITY, |a, b| b.at_least(a)),
                _ => {
                    self.image(input, output, 0.0, F32x4::plus);
                    for place in &self.places {
                        let share = F32x4::splat(place.share);
                        for sum in self.pixel_mut(output, place) {
                            F32x4::load(sum).times(share).store(sum);
                        }
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn image(&self, input: &[f32], output: &mut [f32], start: f32, join: impl Fn(F32x4, F32x4) -> F32x4) {
        let of = |pixel: usize| input.get(pixel..).unwrap_or_default().as_chunks().0;
        let mut covered = self.covered.as_slice();
        for place in &self.places {
            let (pixels, rest) = covered.split_at_checked(place.covers).unwrap_or_default();
            covered = rest;
            let to = self.pixel_mut(output, place);
            // Of two rows and columns, which most windows have, no sum is stored and loaded again.
            if let [a, b, c, d] = *pixels {
                let four = of(a).iter().zip(of(b)).zip(of(c)).zip(of(d));
                for (to, (((a, b), c), d)) in to.iter_mut().zip(four) {
                    let [a, b, c, d] = [a, b, c, d].map(F32x4::load);
                    join(join(join(a, b), c), d).store(to);
                }
                continue;
            }
            to.iter_mut().for_each(|to| *to = [start; LANES]);
            for pixel in pixels {
                for (to, number) in to.iter_mut().zip(of(*pixel)) {
                    join(F32x4::load(to), F32x4::load(number)).store(to);
                }
            }
        }
    }

    #[inline(always)]
    fn pixel_mut<'o>(&self, output: &'o mut [f32], place: &Place) -> &'o mut [Vector] {
        let pixel = output.get_mut(place.to..place.to + self.vectors * LANES);
        pixel.unwrap_or_default().as_chunks_mut().0
    }
}
