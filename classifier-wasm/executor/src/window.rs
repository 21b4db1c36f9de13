//! The places that a kernel reads for each pixel of its output.

use crate::error::GraphError;
use crate::layout::{Border, Shape};

/// How a kernel moves over an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// From top to bottom.
    pub rows: Steps,
    /// From left to right.
    pub columns: Steps,
}

/// How a kernel moves in one direction.
///
/// What lies beside the image is padding: `before` it by name, behind it as far as the output reaches. So all ways in which
/// formats say it (explicit, "same", rounded up) are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Its size.
    pub kernel: usize,
    /// From one place to the next.
    pub stride: usize,
    /// From one of its numbers to the next.
    pub dilation: usize,
    /// Padding before the image.
    pub before: usize,
    /// The size of the output.
    pub output: usize,
}

impl Steps {
    /// The whole of `size` numbers at once.
    pub fn whole(size: usize) -> Steps {
        Steps {
            kernel: size,
            stride: 1,
            dilation: 1,
            before: 0,
            output: 1,
        }
    }

    /// Refuses what no layer has, and borders that are larger than the image and the kernel together.
    fn check(self, size: usize) -> Result<(), GraphError> {
        const MOST: usize = 1 << 14;
        let numbers = [self.kernel, self.stride, self.dilation, self.output];
        let is_usual = numbers.iter().all(|number| (1..=MOST).contains(number)) && self.before <= MOST;
        if is_usual && self.before.max(self.behind(size)) <= size + self.kernel * self.dilation + self.stride {
            Ok(())
        } else {
            Err(GraphError(format!("no layer has {self:?}")))
        }
    }

    /// How many it reads behind `size` numbers.
    fn behind(self, size: usize) -> usize {
        let reach = (self.output - 1) * self.stride + (self.kernel - 1) * self.dilation + 1;
        reach.saturating_sub(self.before + size)
    }

    /// Those of `size` numbers that it covers at a place of the output.
    pub(crate) fn covered(self, place: usize, size: usize) -> impl Iterator<Item = usize> {
        (0..self.kernel)
            .filter_map(move |tap| (place * self.stride + tap * self.dilation).checked_sub(self.before))
            .filter(move |at| *at < size)
    }
}

impl Window {
    /// The whole image at once.
    pub fn whole(image: Shape) -> Window {
        Window {
            rows: Steps::whole(image.height),
            columns: Steps::whole(image.width),
        }
    }

    /// Numbers of a kernel, for one channel.
    pub(crate) fn taps(self) -> usize {
        self.rows.kernel * self.columns.kernel
    }

    /// Refuses windows that no layer has, and those whose sizes would overflow.
    pub(crate) fn check(self, image: Shape) -> Result<(), GraphError> {
        self.rows.check(image.height)?;
        self.columns.check(image.width)
    }

    /// Whether it covers a pixel of the image at each place.
    pub(crate) fn is_filled(self, image: Shape) -> bool {
        let is_filled =
            |steps: Steps, size: usize| (0..steps.output).all(|place| steps.covered(place, size).next().is_some());
        is_filled(self.rows, image.height) && is_filled(self.columns, image.width)
    }

    /// Rows and columns that it reads beside an image.
    pub(crate) fn border(self, image: Shape) -> Border {
        Border {
            top: self.rows.before,
            left: self.columns.before,
            bottom: self.rows.behind(image.height),
            right: self.columns.behind(image.width),
        }
    }

    /// The shape of its output.
    pub(crate) fn output(self, channels: usize) -> Shape {
        Shape {
            height: self.rows.output,
            width: self.columns.output,
            channels,
        }
    }
}
