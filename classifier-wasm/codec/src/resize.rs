//! Makes a picture smaller or larger, row by row, so that only a row of it has to be in memory.
//!
//! Each pixel of the result takes a triangle of the picture's pixels around its centre, as wide as the reduction, so
//! that every pixel counts. All arithmetic is on whole numbers, whose sums do not depend on their order: rows may
//! come in any order, a picture on its side gives the result of the upright one, and `browser/src/picture/resize.js`
//! computes the same to the last bit.

/// The sum of the weights of one pixel of the result, except for rounding. The largest sum, 255 times this squared,
/// is a whole number of 53 bits, which JavaScript has.
const UNIT: u64 = 1 << 22;

/// Which pixels along one side of the picture each pixel of the result takes.
#[derive(Debug)]
pub struct Axis {
    length: usize,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    first: usize,
    weights: Vec<u32>,
    /// The sum of these weights and of those that fall beside the picture.
    whole: u64,
}

impl Axis {
    /// Makes `to` pixels of the middle `window` of `length`. A window that is longer than the picture shows a margin on
    /// either side.
    pub fn new(length: usize, window: usize, to: usize) -> Axis {
        let before = (window as i64 - length as i64).div_euclid(2);
        let places = (0..to).map(|place| {
            let (first, weights) = triangle(place as i64, window as i64, to as i64);
            let whole = weights.iter().copied().map(u64::from).sum();
            let first = first - before;
            let beside = usize::try_from(-first).unwrap_or(0);
            let first = usize::try_from(first).unwrap_or(0);
            let within = weights.into_iter().skip(beside);
            Place {
                first,
                weights: within.take(length.saturating_sub(first)).collect(),
                whole,
            }
        });
        Axis {
            length,
            places: places.collect(),
        }
    }

    /// The same for a picture whose pixels come in reverse.
    pub fn mirrored(mut self) -> Axis {
        for place in &mut self.places {
            place.first = self.length.saturating_sub(place.first + place.weights.len());
            place.weights.reverse();
        }
        self
    }
}

/// The first pixel of `window` that counts for pixel `place` of `to`, and the weights from there on.
fn triangle(place: i64, window: i64, to: i64) -> (i64, Vec<u32>) {
    // In halves of a pixel of the window, times `to`, so that nothing is rounded.
    let reach = 2 * window.max(to);
    let middle = (2 * place + 1) * window;
    let first = ((middle - reach - to).div_euclid(2 * to) + 1).max(0);
    let heights = (first..window).map(|pixel| reach - ((2 * pixel + 1) * to - middle).abs());
    let heights: Vec<_> = heights.map_while(|height| u64::try_from(height).ok()).collect();
    let sum = heights.iter().sum::<u64>().max(1);
    // At most `UNIT`.
    let weights = heights.iter().map(|height| ((height * UNIT + sum / 2) / sum) as u32);
    (first, weights.collect())
}

/// A picture that is being resized.
#[derive(Debug)]
pub struct Resize {
    columns: Axis,
    rows: Axis,
    channels: usize,
    /// Of one row: what each of its pixels adds to each column.
    across: Vec<u32>,
    sums: Vec<u64>,
}

impl Resize {
    /// Waits for rows of as many pixels as `columns` is long, with 1 or 3 `channels`.
    pub fn new(columns: Axis, rows: Axis, channels: usize) -> Resize {
        let stride = columns.places.len() * channels;
        Resize {
            across: vec![0; stride],
            sums: vec![0; stride * rows.places.len()],
            columns,
            rows,
            channels,
        }
    }

    /// Adds the pixels of a row. A row may come in parts, each with zeros where the others have their pixels.
    pub fn add(&mut self, row: usize, pixels: &[u8]) {
        let stride = self.across.len();
        let mut is_across = false;
        for (place, sums) in self.rows.places.iter().zip(self.sums.chunks_exact_mut(stride)) {
            let weight = row.checked_sub(place.first).and_then(|at| place.weights.get(at));
            let Some(weight) = weight.copied().map(u64::from) else {
                continue;
            };
            if !is_across {
                across(&self.columns, self.channels, pixels, &mut self.across);
                is_across = true;
            }
            for (sum, value) in sums.iter_mut().zip(&self.across) {
                *sum += weight * u64::from(*value);
            }
        }
    }

    /// The result, row-major, inverted or not. `margin` has the values of a pixel beside the picture, as they come out.
    pub fn finish(self, is_inverted: bool, margin: [u64; 3]) -> Vec<u8> {
        let within = |place: &Place| place.weights.iter().copied().map(u64::from).sum::<u64>();
        let columns: Vec<_> = self
            .columns
            .places
            .iter()
            .map(|place| (within(place), place.whole))
            .collect();
        let rows = self.rows.places.iter().map(|place| (within(place), place.whole));
        let places = rows.flat_map(|(height, whole_height)| {
            let columns = columns.iter();
            columns.map(move |(width, whole_width)| (height * width, whole_height * whole_width))
        });
        let pixels = places.zip(self.sums.chunks_exact(self.channels));
        let values = pixels.flat_map(|((within, whole), sums)| {
            sums.iter().zip(margin).map(move |(sum, margin)| {
                let seen = if is_inverted { 255 * within - sum } else { *sum };
                let sum = seen + margin * (whole - within);
                // At most 255: the sum is of values up to that.
                ((sum + whole / 2) / whole.max(1)) as u8
            })
        });
        values.collect()
    }
}

fn across(columns: &Axis, channels: usize, pixels: &[u8], across: &mut [u32]) {
    // Three sums at once, or one: known here, so that the inner loops are short.
    for (place, sums) in columns.places.iter().zip(across.chunks_exact_mut(channels)) {
        let pixels = pixels.get(place.first * channels..).unwrap_or_default();
        match sums {
            [grey] => {
                let parts = place.weights.iter().zip(pixels);
                *grey = parts.map(|(weight, value)| weight * u32::from(*value)).sum();
            }
            [red, green, blue] => {
                (*red, *green, *blue) = (0, 0, 0);
                for (weight, [r, g, b]) in place.weights.iter().zip(pixels.as_chunks().0) {
                    *red += weight * u32::from(*r);
                    *green += weight * u32::from(*g);
                    *blue += weight * u32::from(*b);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn made(length: usize, window: usize, to: usize, pixels: &[u8], is_inverted: bool) -> Vec<u8> {
        let mut resize = Resize::new(Axis::new(length, window, to), Axis::new(1, 1, 1), 1);
        resize.add(0, pixels);
        resize.finish(is_inverted, [9, 0, 0])
    }

    #[test]
    fn pixels_of_the_right_number_are_left_alone() {
        assert_eq!(made(4, 4, 4, &[0, 1, 77, 255], false), [0, 1, 77, 255]);
    }

    #[test]
    fn a_plain_picture_stays_plain_whatever_its_size() {
        for length in [1, 2, 3, 27, 28, 29, 97, 4096, 65_535] {
            for to in [1, 2, 28, 224] {
                assert!(
                    made(length, length, to, &vec![255; length], false)
                        .iter()
                        .all(|value| *value == 255)
                );
                assert!(
                    made(length, length, to, &vec![1; length], true)
                        .iter()
                        .all(|value| *value == 254)
                );
            }
        }
    }

    #[test]
    fn a_window_shows_the_middle_or_a_margin_around_the_picture() {
        assert_eq!(made(6, 2, 2, &[1, 2, 3, 4, 5, 6], false), [3, 4]);
        assert_eq!(made(2, 6, 6, &[3, 4], false), [9, 9, 3, 4, 9, 9]);
        assert_eq!(made(2, 6, 6, &[3, 4], true), [9, 9, 252, 251, 9, 9]);
    }

    #[test]
    fn a_mirrored_picture_gives_what_it_gave() {
        let pixels: Vec<u8> = (0..97).map(|pixel| (pixel * 37 % 256) as u8).collect();
        let turned: Vec<u8> = pixels.iter().rev().copied().collect();
        for window in [97, 50, 131] {
            let mut resize = Resize::new(Axis::new(97, window, 28).mirrored(), Axis::new(1, 1, 1), 1);
            resize.add(0, &turned);
            assert_eq!(
                resize.finish(false, [9, 0, 0]),
                made(97, window, 28, &pixels, false),
                "{window}"
            );
        }
    }
}
