//! Images as they come: bytes or floats, without borders.

use crate::layout::Layout;

/// The pixels of some images, row-major: image, row, column, channel.
#[derive(Debug, Clone, Copy)]
pub enum Pixels<'a> {
    /// From 0 to 255.
    U8(&'a [u8]),
    /// Any numbers.
    F32(&'a [f32]),
}

impl Pixels<'_> {
    /// How many numbers they are.
    pub fn len(&self) -> usize {
        match self {
            Pixels::U8(bytes) => bytes.len(),
            Pixels::F32(floats) => floats.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lays out the images from `first` on, as many as `to` holds.
    pub(crate) fn lay_out(&self, first: usize, images: usize, layout: Layout, to: &mut [f32]) {
        let values = layout.shape.values();
        let range = first * values..(first + images) * values;
        match self {
            Pixels::U8(bytes) => copy(bytes.get(range).unwrap_or_default(), layout, to, f32::from),
            Pixels::F32(floats) => copy(floats.get(range).unwrap_or_default(), layout, to, |float| float),
        }
    }
}

fn copy<T: Copy>(images: &[T], layout: Layout, to: &mut [f32], number: impl Fn(T) -> f32) {
    let (width, channels) = (layout.shape.width, layout.shape.channels);
    let each = images.chunks_exact(layout.shape.values());
    for (image, to) in each.zip(to.chunks_exact_mut(layout.image())) {
        for (y, row) in image.chunks_exact(width * channels).enumerate() {
            let start = layout.at(layout.border.top + y, layout.border.left);
            let Some(to) = to.get_mut(start..) else { return };
            if layout.pixel == channels {
                to.iter_mut().zip(row).for_each(|(to, from)| *to = number(*from));
                continue;
            }
            for (pixel, to) in row.chunks_exact(channels).zip(to.chunks_exact_mut(layout.pixel)) {
                to.iter_mut().zip(pixel).for_each(|(to, from)| *to = number(*from));
            }
        }
    }
}
