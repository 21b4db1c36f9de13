//! Numbers of values that lie one after the other in all of them, so that a loop may take them together.

use super::vector::Number;
use crate::layout::Layout;
use crate::vector::LANES;

/// The lines of two inputs and an output of the same shape: rows of pixels where they lie alike, else single pixels.
pub struct Lines {
    /// Where each begins in an image.
    starts: Vec<[usize; 3]>,
    length: usize,
    /// From one image to the next.
    images: [usize; 3],
}

impl Lines {
    /// Both inputs may be the same.
    pub fn new(one: Layout, other: Layout, output: Layout) -> Lines {
        let all = [one, other, output];
        let starts = |layout: Layout| layout.pixels();
        let each = starts(one).zip(starts(other)).zip(starts(output));
        let each = each.map(|((one, other), output)| [one, other, output]);
        let is_alike = all.iter().all(|layout| layout.pixel == output.pixel);
        let width = output.shape.width;
        let (starts, length) = match is_alike {
            true => (each.step_by(width).collect(), width * output.pixel),
            false => (each.collect(), output.shape.channels),
        };
        Lines {
            starts,
            length,
            images: all.map(Layout::image),
        }
    }

    /// The channels of some values, one after the other in those of the output.
    pub fn beside(inputs: &[Layout], output: Layout) -> Vec<Lines> {
        let mut before = 0;
        let of = |input: &Layout| {
            let starts = input.pixels().zip(output.pixels());
            let lines = Lines {
                starts: starts.map(|(from, to)| [from, from, to + before]).collect(),
                length: input.shape.channels,
                images: [input.image(), input.image(), output.image()],
            };
            before += input.shape.channels;
            lines
        };
        inputs.iter().map(of).collect()
    }

    /// Has `act` compute each line of some images.
    #[inline(always)]
    pub fn each<F, T>(
        &self,
        images: usize,
        inputs: [&[F]; 2],
        output: &mut [T],
        mut act: impl FnMut([&[F]; 2], &mut [T]),
    ) {
        let [one, other] = inputs;
        let [of_one, of_other, of_output] = self.images;
        for image in 0..images {
            for [from, beside, to] in &self.starts {
                let (from, beside, to) = (image * of_one + from, image * of_other + beside, image * of_output + to);
                let from = one.get(from..from + self.length).unwrap_or_default();
                let beside = other.get(beside..beside + self.length).unwrap_or_default();
                let to = output.get_mut(to..to + self.length).unwrap_or_default();
                act([from, beside], to);
            }
        }
    }

    /// The same with four numbers at once; those that are missing from the last ones are zeros.
    #[inline(always)]
    pub fn each_four<F: Number, T: Number>(
        &self,
        images: usize,
        inputs: [&[F]; 2],
        output: &mut [T],
        act: impl Fn([&[F; LANES]; 2], &mut [T; LANES]),
    ) {
        self.each(images, inputs, output, |[one, other], to| {
            let ((one, one_rest), (other, other_rest)) = (one.as_chunks(), other.as_chunks());
            let (to, to_rest) = to.as_chunks_mut();
            for (to, (one, other)) in to.iter_mut().zip(one.iter().zip(other)) {
                act([one, other], to);
            }
            if !to_rest.is_empty() {
                let rest = |rest: &[F]| std::array::from_fn(|at| rest.get(at).copied().unwrap_or_default());
                let mut last = [T::default(); LANES];
                act([&rest(one_rest), &rest(other_rest)], &mut last);
                to_rest.iter_mut().zip(last).for_each(|(to, number)| *to = number);
            }
        });
    }
}
