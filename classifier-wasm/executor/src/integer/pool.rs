//! The largest integer of a window, or its mean.

use super::finish::Finish;
use super::vector::{I16x8, I32x4, LANES, Number};
use super::{Grid, Slot};
use crate::kernel::Range;
use crate::layout::Layout;
use crate::pool::Pooling;
use crate::vector::{F32x4, LANES as FOUR};
use crate::window::Window;

/// The pixels that windows cover.
struct Windows {
    /// Of each output pixel: where it lies, and how many pixels of the input its window covers.
    places: Vec<(usize, usize)>,
    /// Those pixels, one window after the other.
    covered: Vec<usize>,
    /// From one image to the next.
    images: [usize; 2],
}

impl Windows {
    fn new(window: Window, input: Layout, output: Layout) -> Windows {
        let (mut places, mut covered) = (Vec::new(), Vec::new());
        let Window { rows, columns } = window;
        let outputs = (0..rows.output).flat_map(|y| (0..columns.output).map(move |x| (y, x)));
        for ((y, x), to) in outputs.zip(output.pixels()) {
            let before = covered.len();
            for y in rows.covered(y, input.shape.height) {
                covered.extend(columns.covered(x, input.shape.width).map(|x| input.inside(y, x)));
            }
            places.push((to, covered.len() - before));
        }
        Windows {
            places,
            covered,
            images: [input.image(), output.image()],
        }
    }

    /// Has `act` compute each output pixel of some images from the places of its input's pixels.
    #[inline(always)]
    fn each(&self, images: usize, mut act: impl FnMut(usize, &[usize], usize)) {
        let [from, to] = self.images;
        for image in 0..images {
            let mut covered = self.covered.as_slice();
            for (place, count) in &self.places {
                let (pixels, rest) = covered.split_at_checked(*count).unwrap_or_default();
                covered = rest;
                act(image * from, pixels, image * to + place);
            }
        }
    }
}

/// The largest integer of each window. Padding is none.
pub struct Largest {
    windows: Windows,
    /// Of a pixel.
    numbers: usize,
}

impl Largest {
    /// Both have whole vectors.
    pub fn new(window: Window, input: Layout, output: Layout) -> Largest {
        Largest {
            windows: Windows::new(window, input, output),
            numbers: input.pixel,
        }
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[i16], output: &mut [i16]) {
        self.windows.each(images, |image, pixels, to| {
            let to: &mut [[i16; LANES]] = output
                .get_mut(to..to + self.numbers)
                .unwrap_or_default()
                .as_chunks_mut()
                .0;
            to.fill([i16::MIN; LANES]);
            for pixel in pixels {
                let from = input.get(image + pixel..).unwrap_or_default().as_chunks().0;
                for (to, from) in to.iter_mut().zip(from) {
                    I16x8::load(to).at_least(I16x8::load(from)).store(to);
                }
            }
        });
    }
}

/// The mean of each window.
pub struct Mean {
    windows: Windows,
    finish: Finish,
    scale: f32,
    /// How many numbers padding counts as; none if it does not count.
    taps: Option<usize>,
    channels: usize,
}

impl Mean {
    /// The input has whole vectors.
    pub fn new(
        window: Window,
        pooling: Pooling,
        scale: f32,
        range: Range,
        grid: Option<Grid>,
        [input, output]: [Layout; 2],
    ) -> Mean {
        Mean {
            windows: Windows::new(window, input, output),
            finish: Finish::new(&[], range, grid),
            scale: grid.map_or(scale, |grid| scale / grid.scale),
            taps: (pooling == Pooling::MeanWithPadding).then(|| window.taps()),
            channels: input.shape.channels,
        }
    }

    /// Computes `images` images.
    pub fn run(&self, images: usize, input: &[i16], output: &mut Slot) {
        match self.finish.is_rounded {
            true => self.pooled(images, input, &mut output.integers),
            false => self.pooled(images, input, &mut output.floats),
        }
    }

    fn pooled<T: Number>(&self, images: usize, input: &[i16], output: &mut [T]) {
        self.windows.each(images, |image, pixels, to| {
            let share = F32x4::splat(self.scale / self.taps.unwrap_or(pixels.len()) as f32);
            for channel in (0..self.channels).step_by(FOUR) {
                let mut sum = I32x4::splat(0);
                for pixel in pixels {
                    let from = input.get(image + pixel + channel..).and_then(<[_]>::first_chunk);
                    sum = sum.plus(from.map_or(I32x4::splat(0), I32x4::widen));
                }
                let to = output.get_mut(to + channel..).and_then(<[_]>::first_chunk_mut);
                if let Some(to) = to {
                    T::store(self.finish.held(sum.floats().times(share)), to);
                }
            }
        });
    }
}
