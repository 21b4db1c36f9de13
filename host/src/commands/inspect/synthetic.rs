//! Images that nobody has labelled: gradients, blobs and noise. The same in every run.

use fastrand::Rng;

/// Image number `index` of height, width and channels, row-major H, W, C: of three in a row, one of each sort.
pub fn image(index: usize, [height, width, channels]: [usize; 3]) -> Vec<u8> {
    let mut rng = Rng::with_seed(index as u64);
    let shade: fn(&mut Sort, f32, f32, usize) -> f32 = match index % 3 {
        0 => Sort::gradient,
        1 => Sort::blobs,
        _ => Sort::noise,
    };
    let mut sort = Sort {
        angle: rng.f32() * std::f32::consts::TAU,
        centres: std::array::from_fn(|_| [rng.f32(), rng.f32()]),
        tint: std::array::from_fn(|_| 0.1 + 0.9 * rng.f32()),
        rng,
    };
    let mut pixels = Vec::with_capacity(height * width * channels);
    for row in 0..height {
        for column in 0..width {
            let (y, x) = (row as f32 / height as f32, column as f32 / width as f32);
            for channel in 0..channels {
                let tint = match sort.tint.get(channel) {
                    Some(tint) if channels > 1 => *tint,
                    _ => 1.0,
                };
                // A cast of a float saturates.
                pixels.push((shade(&mut sort, y, x, channel) * tint * 255.0) as u8);
            }
        }
    }
    pixels
}

/// What an image's shades, 0 to 1, are made from. Places are 0 to 1 too.
struct Sort {
    angle: f32,
    centres: [[f32; 2]; 3],
    /// How bright each channel of a coloured image is at most.
    tint: [f32; 3],
    rng: Rng,
}

impl Sort {
    /// From one side to the other, in a direction of its own for each channel.
    fn gradient(&mut self, y: f32, x: f32, channel: usize) -> f32 {
        let (sin, cos) = (self.angle + channel as f32).sin_cos();
        0.5 + ((y - 0.5) * sin + (x - 0.5) * cos) * 0.7
    }

    /// Light spots on black, each brightest in a channel of its own.
    fn blobs(&mut self, y: f32, x: f32, channel: usize) -> f32 {
        let spot = |(index, [top, left]): (usize, &[f32; 2])| {
            let distance = (y - top).powi(2) + (x - left).powi(2);
            let share = if index == channel { 1.0 } else { 0.6 };
            share * (-distance * 25.0).exp()
        };
        self.centres.iter().enumerate().map(spot).sum()
    }

    fn noise(&mut self, _: f32, _: f32, _: usize) -> f32 {
        self.rng.f32()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_of_their_size_the_same_each_time_and_no_two_alike() {
        let images: Vec<_> = (0..24).map(|index| image(index, [6, 8, 3])).collect();
        for (index, one) in images.iter().enumerate() {
            assert_eq!(one.len(), 144);
            assert_eq!(image(index, [6, 8, 3]), *one);
            assert!(!images.iter().take(index).any(|other| other == one));
            let range = (one.iter().min(), one.iter().max());
            assert!(range.0 < Some(&100) && range.1 > Some(&80), "{index}: {range:?}");
        }
    }
}
