//! Where the numbers of a value lie.

use crate::vector::LANES;

/// What a value has for each image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Numbers for each pixel.
    pub channels: usize,
}

impl Shape {
    /// A vector: one pixel.
    pub fn flat(channels: usize) -> Shape {
        Shape {
            height: 1,
            width: 1,
            channels,
        }
    }

    /// Numbers for each image.
    pub fn values(self) -> usize {
        self.height * self.width * self.channels
    }
}

/// What the numbers of a value are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Floats of 32 bits.
    Floats,
    /// Integers that stand for floats.
    Integers,
}

impl Kind {
    /// How many of them a vector has.
    pub const fn lanes(self) -> usize {
        match self {
            Kind::Floats => LANES,
            Kind::Integers => 2 * LANES,
        }
    }
}

/// Rows and columns of zeros around each image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Border {
    pub top: usize,
    pub left: usize,
    pub bottom: usize,
    pub right: usize,
}

impl Border {
    /// Enough for two readers.
    pub fn and(self, other: Border) -> Border {
        Border {
            top: self.top.max(other.top),
            left: self.left.max(other.left),
            bottom: self.bottom.max(other.bottom),
            right: self.right.max(other.right),
        }
    }
}

/// The first `images` images of a value that is read, each beside that of one that is written. Both come with their floats of an image.
pub fn each_image<'a>(
    images: usize,
    (input, from): (&'a [f32], usize),
    (output, to): (&'a mut [f32], usize),
) -> impl Iterator<Item = (&'a [f32], &'a mut [f32])> {
    input.chunks_exact(from).zip(output.chunks_exact_mut(to)).take(images)
}

/// The place of each number of an image, counted in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub kind: Kind,
    pub shape: Shape,
    pub border: Border,
    /// From one pixel to the next.
    pub pixel: usize,
}

impl Layout {
    /// Pixels are whole vectors.
    pub fn new(kind: Kind, shape: Shape, border: Border) -> Layout {
        Layout {
            kind,
            shape,
            border,
            pixel: shape.channels.next_multiple_of(kind.lanes()),
        }
    }

    /// Pixels have no numbers more than channels: for images that only convolutions read, which need no whole vectors.
    pub fn packed(kind: Kind, shape: Shape, border: Border) -> Layout {
        Layout {
            kind,
            shape,
            border,
            pixel: shape.channels,
        }
    }

    /// Vectors of a pixel, if it has whole ones.
    pub fn vectors(self) -> usize {
        self.pixel / self.kind.lanes()
    }

    /// From one row to the next.
    pub fn row(self) -> usize {
        (self.border.left + self.shape.width + self.border.right) * self.pixel
    }

    /// From one image to the next.
    pub fn image(self) -> usize {
        (self.border.top + self.shape.height + self.border.bottom) * self.row()
    }

    /// The first channel of a pixel. Rows and columns count from the start of the border.
    pub fn at(self, y: usize, x: usize) -> usize {
        y * self.row() + x * self.pixel
    }

    /// The same, counted from the start of the image.
    pub fn inside(self, y: usize, x: usize) -> usize {
        self.at(self.border.top + y, self.border.left + x)
    }

    /// The first pixel of a row of an image.
    pub fn place_of_row(self, image: usize, y: usize) -> usize {
        image * self.image() + self.at(self.border.top + y, self.border.left)
    }

    /// The first channels of an image's pixels, row by row.
    pub fn pixels(self) -> impl Iterator<Item = usize> {
        let Border { top, left, .. } = self.border;
        let Shape { height, width, .. } = self.shape;
        (0..height).flat_map(move |y| (0..width).map(move |x| self.at(top + y, left + x)))
    }
}
