//! How the numbers that a model gives become probabilities.
//!
//! What they are stands in no file, and the last operator does not tell it: a clip, a product or a mean may stand behind a
//! softmax. So the numbers themselves are looked at. That is done once, on made-up images when the model is loaded, and
//! holds from then on: two images are never answered by two rules.

use std::fmt;

use classifier_codec::images::ImageShape;
use classifier_codec::reject::{Code, Reject};

/// How far beside 0 to 1 a probability, and how far beside 1 a sum of them, may lie: 8 bits round to either side.
const EDGE: f32 = 0.01;
const SUM: f32 = 0.1;

/// What a model's numbers are, and so what becomes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scores {
    /// None is negative, and an image's sum to 1.
    Probabilities,
    /// Each is from 0 to 1, and an image's do not sum to 1, such as a sigmoid for each class.
    Independent,
    /// Any other.
    Logits,
    /// One from 0 to 1.
    OneProbability,
    /// Any other one.
    OneLogit,
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scores::Probabilities => "probabilities, taken as they are",
            Scores::Independent => {
                "values from 0 to 1 that do not sum to 1, such as sigmoids: each divided by their sum"
            }
            Scores::Logits => "logits, through a softmax",
            Scores::OneProbability => "one probability p, as of a sigmoid: 1 - p and p, for two classes",
            Scores::OneLogit => "one logit, p by a sigmoid: 1 - p and p, for two classes",
        })
    }
}

impl Scores {
    /// By the model's `rows` for [`probes`], of which no more are asked for than it takes. `is_softmax`: the graph ends in
    /// one, which a single row then confirms.
    pub fn decide(rows: impl Iterator<Item = Result<Vec<f32>, Reject>>, is_softmax: bool) -> Result<Scores, Reject> {
        let (mut seen, mut only_one, mut sum_to_1) = (false, false, true);
        for row in rows {
            let row = row?;
            // An image that a model cannot cope with, such as a black one that it divides by its mean, says nothing.
            if !is_usable(&row) {
                continue;
            }
            (seen, only_one) = (true, row.len() == 1);
            if row.iter().any(|&value| !is_probability(value)) {
                return Ok(if only_one { Scores::OneLogit } else { Scores::Logits });
            }
            if is_softmax && row.iter().all(|&value| value > 1.0 - EDGE) {
                return Err(unsupported(
                    "the model's softmax gives 1 for every class: it must be over the last axis of (N, labels), and where \
                     there is one output a sigmoid takes its place",
                ));
            }
            sum_to_1 &= (row.iter().sum::<f32>() - 1.0).abs() <= SUM;
            if is_softmax && sum_to_1 {
                break;
            }
        }
        match (seen, only_one, sum_to_1) {
            (false, ..) => Err(unsupported(
                "the model gives NaN or infinite numbers for black, noise and gradients alike, from 0 to 255 and from 0 to 1: \
                 run it on an image where it was made, and mend what overflows",
            )),
            (_, true, _) => Ok(Scores::OneProbability),
            (.., true) => Ok(Scores::Probabilities),
            (.., false) => Ok(Scores::Independent),
        }
    }

    /// How many classes a model of so many outputs has.
    pub fn classes(self, outputs: usize) -> usize {
        match self {
            Scores::OneProbability | Scores::OneLogit => 2,
            _ => outputs,
        }
    }

    /// The probabilities of one image: none negative, in all 1, and in the order of the model's own numbers.
    pub fn probabilities(self, row: Vec<f32>) -> Result<Vec<f32>, Reject> {
        if !is_usable(&row) {
            return Err(bad_output("numbers that are NaN or infinite"));
        }
        match (self, row.as_slice()) {
            (Scores::Logits, _) => Ok(softmax(row)),
            (Scores::OneLogit, &[logit]) => Ok(softmax(vec![0.0, logit])),
            (Scores::OneProbability, &[p]) => shares(vec![1.0 - p, p]),
            _ => shares(row),
        }
    }
}

/// Whether a softmax of it is one: a logit may be minus infinity, for what cannot be.
fn is_usable(row: &[f32]) -> bool {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    highest.is_finite() && !row.iter().any(|value| value.is_nan())
}

fn is_probability(value: f32) -> bool {
    (-EDGE..=1.0 + EDGE).contains(&value)
}

/// Each value's share of their sum. Where no class has any, all have the same.
fn shares(mut row: Vec<f32>) -> Result<Vec<f32>, Reject> {
    if let Some(value) = row.iter().find(|&&value| !is_probability(value)) {
        return Err(bad_output(format!(
            "{value}, where it gave probabilities for the images that it was tried with: let the model end in a softmax"
        )));
    }
    row.iter_mut().for_each(|value| *value = value.max(0.0));
    let sum: f32 = row.iter().sum();
    let even = 1.0 / row.len() as f32;
    // What is too small to divide by is no answer either.
    row.iter_mut()
        .for_each(|value| *value = if sum > f32::MIN_POSITIVE { *value / sum } else { even });
    Ok(row)
}

/// Probabilities of logits; the highest is taken off first, so that none overflows.
fn softmax(mut row: Vec<f32>) -> Vec<f32> {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|value| *value = (*value - highest).exp());
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
    row
}

/// Images that nobody has taken: black, and noise and gradients, from 0 to 255 and from 0 to 1, as nothing says which the
/// model expects. The same each time. Logits may look like probabilities on one of them by chance, and not on all.
pub fn probes(shape: ImageShape) -> impl Iterator<Item = Vec<f32>> {
    let row = shape.width * shape.channels;
    let values = row * shape.height;
    let noise = move |seed: u32| {
        let mut state = seed;
        (0..values).map(move |_| {
            // A linear congruential generator, of which the upper bits are noise enough.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as f32
        })
    };
    let gradient = move |place: fn(usize, usize) -> usize, of: usize| {
        (0..values).map(move |at| 255.0 * place(at, row) as f32 / of as f32)
    };
    let probe = move |number: u32| -> Vec<f32> {
        match number {
            0 => vec![0.0; values],
            1 => noise(1).collect(),
            2 => noise(2).map(|value| value / 255.0).collect(),
            3 => gradient(|at, row| at % row, row).collect(),
            4 => gradient(|at, row| at / row, shape.height).collect(),
            5 => gradient(|at, row| row - at % row, row)
                .map(|value| value / 255.0)
                .collect(),
            6 => noise(3).map(|value| if value < 128.0 { 0.0 } else { 255.0 }).collect(),
            _ => vec![255.0; values],
        }
    };
    (0..8).map(probe)
}

fn unsupported(detail: &str) -> Reject {
    Reject::new(Code::UnsupportedModel, detail)
}

/// The model answered with what is no answer.
pub fn bad_output(detail: impl Into<String>) -> Reject {
    Reject::new(Code::BadOutput, detail)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn decided<const N: usize>(rows: [&[f32]; N], is_softmax: bool) -> Result<Scores, Reject> {
        Scores::decide(rows.into_iter().map(|row| Ok(row.to_vec())), is_softmax)
    }

    #[test]
    fn what_the_numbers_are_is_told_by_all_of_them_and_not_by_the_first() {
        for (rows, scores) in [
            ([&[0.3, 0.7][..], &[0.0, 1.0]], Scores::Probabilities),
            ([&[0.31, 0.72], &[0.02, 0.95]], Scores::Probabilities),
            ([&[0.3, 0.7], &[0.9, 0.9]], Scores::Independent),
            ([&[0.0, 0.0], &[0.0, 0.0]], Scores::Independent),
            ([&[0.3, 0.7], &[-0.5, 1.5]], Scores::Logits),
            ([&[0.3, 0.7], &[2.0, 3.0]], Scores::Logits),
            ([&[-0.3, -0.7], &[0.5, 0.5]], Scores::Logits),
            ([&[0.3, 0.7], &[f32::NEG_INFINITY, 0.1]], Scores::Logits),
            ([&[0.3], &[1.0]], Scores::OneProbability),
            ([&[0.3], &[1.5]], Scores::OneLogit),
        ] {
            assert_eq!(decided(rows, false).unwrap(), scores, "{rows:?}");
        }
    }

    #[test]
    fn a_softmax_is_confirmed_by_one_row_and_not_believed_against_its_numbers() {
        let rows = [Ok(vec![0.3, 0.7]), Err(bad_output("asked for a second row"))];
        assert_eq!(Scores::decide(rows.into_iter(), true).unwrap(), Scores::Probabilities);
        assert_eq!(decided([&[0.3, 0.9], &[0.9, 0.9]], true).unwrap(), Scores::Independent);
        for ones in [&[1.0, 1.0, 1.0][..], &[0.996, 0.996], &[1.0]] {
            let reject = decided([ones], true).unwrap_err();
            assert_eq!(reject.code, Code::UnsupportedModel);
            assert!(reject.detail.contains("over the last axis"), "{reject}");
        }
    }

    #[test]
    fn images_that_a_model_cannot_cope_with_say_nothing_unless_they_are_all() {
        let nan: &[f32] = &[f32::NAN, 0.5];
        let infinite: &[f32] = &[f32::INFINITY, 0.5];
        assert_eq!(
            decided([nan, infinite, &[0.5, 0.5]], false).unwrap(),
            Scores::Probabilities
        );
        assert_eq!(
            decided([nan, &[0.5, 0.5], infinite], true).unwrap(),
            Scores::Probabilities
        );
        assert_eq!(
            decided([nan, infinite], false).unwrap_err().code,
            Code::UnsupportedModel
        );
    }

    #[test]
    fn probabilities_sum_to_1_and_keep_the_order_of_the_numbers() {
        for (scores, row, expected) in [
            (
                Scores::Probabilities,
                &[0.25, 0.70][..],
                &[0.263_157_9, 0.736_842_1][..],
            ),
            (Scores::Probabilities, &[-1e-3, 1.0], &[0.0, 1.0]),
            (Scores::Independent, &[0.9, 0.6, 0.0], &[0.6, 0.4, 0.0]),
            (Scores::Independent, &[0.0, 0.0], &[0.5, 0.5]),
            (Scores::Logits, &[1000.0, 1000.0, -1000.0], &[0.5, 0.5, 0.0]),
            (Scores::Logits, &[f32::NEG_INFINITY, 3.0], &[0.0, 1.0]),
            (Scores::OneProbability, &[0.2], &[0.8, 0.2]),
            (Scores::OneLogit, &[0.0], &[0.5, 0.5]),
            (Scores::OneLogit, &[1000.0], &[0.0, 1.0]),
        ] {
            let given = scores.probabilities(row.to_vec()).unwrap();
            let off = given
                .iter()
                .zip(expected)
                .map(|(given, expected)| (given - expected).abs());
            assert!(
                given.len() == expected.len() && off.fold(0.0, f32::max) < 1e-6,
                "{scores:?} {given:?}"
            );
        }
    }

    #[test]
    fn numbers_that_are_none_of_what_was_decided_are_a_bad_output() {
        for (scores, row) in [
            (Scores::Probabilities, &[1.5, -0.5][..]),
            (Scores::Independent, &[3.0, 0.0]),
            (Scores::OneProbability, &[-2.0]),
            (Scores::Probabilities, &[f32::NAN, 1.0]),
            (Scores::Logits, &[f32::NAN, 0.0]),
            (Scores::Logits, &[f32::INFINITY, 0.0]),
            (Scores::Logits, &[f32::NEG_INFINITY, f32::NEG_INFINITY]),
            (Scores::Logits, &[]),
        ] {
            let reject = scores.probabilities(row.to_vec()).unwrap_err();
            assert_eq!(reject.code, Code::BadOutput, "{scores:?} {row:?}");
        }
    }

    #[test]
    fn made_up_images_are_of_their_size_in_both_ranges_and_the_same_each_time() {
        let shape = ImageShape {
            height: 4,
            width: 5,
            channels: 3,
        };
        let images: Vec<_> = probes(shape).collect();
        assert_eq!(images, probes(shape).collect::<Vec<_>>());
        for (index, image) in images.iter().enumerate() {
            assert_eq!(image.len(), 60);
            assert!(image.iter().all(|value| (0.0..=255.0).contains(value)), "{index}");
            assert!(!images[..index].contains(image), "{index} is there twice");
        }
        let is_small = |image: &&Vec<f32>| image.iter().all(|&value| value <= 1.0);
        assert_eq!(images.iter().filter(is_small).count(), 3, "black, and two from 0 to 1");
    }
}
