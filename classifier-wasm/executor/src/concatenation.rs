//! The channels of several values, one value after the other.

use crate::layout::Layout;

/// A concatenation, laid out for its inputs and its output.
pub struct Concatenation {
    inputs: Vec<Layout>,
    output: Layout,
}

impl Concatenation {
    /// All have the same height and width.
    pub fn new(inputs: Vec<Layout>, output: Layout) -> Concatenation {
        Concatenation { inputs, output }
    }

    /// Computes `images` images.
    pub fn run<'s>(&self, images: usize, inputs: impl Iterator<Item = &'s [f32]>, output: &mut [f32]) {
        let mut first = 0;
        for (layout, input) in self.inputs.iter().zip(inputs) {
            let channels = layout.shape.channels;
            for image in 0..images {
                let (from, to) = (image * layout.image(), image * self.output.image() + first);
                for (from, to) in layout
                    .pixels()
                    .map(|at| from + at)
                    .zip(self.output.pixels().map(|at| to + at))
                {
                    let pixel = input.get(from..from + channels).unwrap_or_default();
                    let to = output.get_mut(to..).unwrap_or_default();
                    to.iter_mut().zip(pixel).for_each(|(to, from)| *to = *from);
                }
            }
            first += channels;
        }
    }
}
