//! The mean images, and how near an image is to each.

use std::array;

/// Of one image, 28 by 28.
pub const PIXELS: usize = 784;
const CLASSES: usize = 10;

/// One mean image for each class, unsigned bytes, row-major.
static CENTROIDS: &[u8; CLASSES * PIXELS] = include_bytes!("../../../models/golden/centroids.bin");

/// The squared distance at which a class becomes e times less likely. Chosen so that most images are neither even
/// between the classes nor certain; it does not change the winning class.
const SPREAD: f64 = 200_000.0;

/// The classes' names, in order.
pub fn labels() -> impl Iterator<Item = &'static str> {
    include_str!("../../../models/labels.txt").lines()
}

/// The class of one image of [`PIXELS`] values: the smallest squared distance wins, the first of equal ones.
pub fn nearest(image: &[f32]) -> usize {
    let distances = distances(image);
    let mut nearest = 0;
    for (class, distance) in distances.iter().enumerate() {
        if *distance < distances[nearest] {
            nearest = class;
        }
    }
    nearest
}

/// How likely each class is if images scatter evenly around its mean. Sums to 1.
pub fn probabilities(image: &[f32]) -> [f32; CLASSES] {
    let distances = distances(image);
    let smallest = distances.iter().copied().fold(f64::INFINITY, f64::min);
    let weights = distances.map(|distance| (-(distance - smallest) / SPREAD).exp());
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| (weight / sum) as f32)
}

/// Squared; exact for whole pixel values.
fn distances(image: &[f32]) -> [f64; CLASSES] {
    array::from_fn(|class| {
        let centroid = &CENTROIDS[class * PIXELS..][..PIXELS];
        let square = |(pixel, mean): (&f32, &u8)| (f64::from(*pixel) - f64::from(*mean)).powi(2);
        image.iter().zip(centroid).map(square).sum()
    })
}
