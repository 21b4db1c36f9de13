//! Whether a model takes raw pixels, found out by trying: nothing in a file says it, and a model that is fed otherwise
//! than it was trained answers all the same, and badly.
//!
//! Where the model is of the size of the test images and has as many classes, their labels decide. Elsewhere only the
//! answers can be looked at, and what they suggest is a guess, and is called one.

use std::time::{Duration, Instant};

use super::scaling::{OTHERS, RAW, Scaling, TO_ONE};
use super::synthetic;
use super::verdict::{self, Answers, Tried, Verdict};
use crate::classifier::Description;
use crate::images::{ImagesError, test_images, test_labels};
use crate::pipeline::Cause;

/// About how long all images of one kind may take.
const TIME: Duration = Duration::from_secs(6);
/// Test images to a scaling: more tell smaller differences.
const MOST_LABELLED: u32 = 1000;
/// Fewer test images tell nothing.
const FEWEST_LABELLED: u32 = 30;
/// The same of images without labels.
const MOST_SYNTHETIC: u32 = 24;
const FEWEST_SYNTHETIC: u32 = 6;
/// How often one image is timed, at most and at least.
const MOST_RUNS: usize = 15;
const FEWEST_RUNS: usize = 3;
/// How long the timing may take, but for the fewest.
const TIMING: Duration = Duration::from_secs(2);

/// How long one image takes.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Pace {
    /// The median.
    pub milliseconds: f64,
    /// Of so many runs.
    pub runs: usize,
}

/// The time for one image: a raw one, or where that is not answered, one from 0 to 1. None: neither is.
pub async fn pace(
    description: &Description,
    ask: &mut impl AsyncFnMut(&[f32]) -> Result<Vec<f32>, Cause>,
) -> Option<Pace> {
    let pixels = synthetic::image(0, size(description));
    for scaling in [RAW, TO_ONE] {
        if let Ok(pace) = pace_of(&scaling.of(&pixels), ask).await {
            return Some(pace);
        }
    }
    None
}

async fn pace_of(image: &[f32], ask: &mut impl AsyncFnMut(&[f32]) -> Result<Vec<f32>, Cause>) -> Result<Pace, Cause> {
    let began = Instant::now();
    let mut times = Vec::new();
    while times.len() < FEWEST_RUNS || (times.len() < MOST_RUNS && began.elapsed() < TIMING) {
        let one = Instant::now();
        ask(image).await?;
        times.push(one.elapsed());
    }
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    Ok(Pace {
        milliseconds: median.as_secs_f64() * 1000.0,
        runs: times.len(),
    })
}

/// Tries scalings on a model of which an image takes `pace`; none: it has answered no image yet, and so is asked little.
pub async fn try_scalings(
    description: &Description,
    pace: Option<Pace>,
    ask: &mut impl AsyncFnMut(&[f32]) -> Result<Vec<f32>, Cause>,
) -> Result<Verdict, ImagesError> {
    let time = |scalings, most| pace.map_or(0, |pace| within(pace.milliseconds / 1000.0, scalings, most));
    let mut others = None;
    let labelled = time(1 + OTHERS.len(), MOST_LABELLED);
    if size(description) == [28, 28, 1] && description.labels.len() == 10 && labelled >= FEWEST_LABELLED {
        let tried = by_labels(labelled, ask).await?;
        match verdict::by_accuracy(labelled, tried) {
            Ok(verdict) => return Ok(verdict),
            Err(best) => others = Some(best),
        }
    }
    let count = time(2, MOST_SYNTHETIC).max(FEWEST_SYNTHETIC);
    let raw = answers(&RAW, count, description, ask).await;
    let scaled = answers(&TO_ONE, count, description, ask).await;
    let mut verdict = verdict::by_looks(count, &raw, &scaled);
    if let Some(best) = others {
        verdict.says = format!("{best}; {}", verdict.says);
    }
    Ok(verdict)
}

/// How many images of so many seconds there is time for, when each is tried in so many scalings.
fn within(pace: f64, scalings: usize, most: u32) -> u32 {
    // A cast of a float saturates, and a quotient by nothing is infinite.
    ((TIME.as_secs_f64() / (pace * scalings as f64)) as u32).min(most)
}

fn size(description: &Description) -> [usize; 3] {
    [description.height, description.width, description.channels].map(|length| length as usize)
}

/// What share of the first test images is answered rightly in each scaling, the raw one first.
async fn by_labels(
    count: u32,
    ask: &mut impl AsyncFnMut(&[f32]) -> Result<Vec<f32>, Cause>,
) -> Result<Vec<Tried>, ImagesError> {
    let labels = test_labels()?;
    let pixels = test_images()?.read(u64::from(count))?.map(|batch| batch.pixels);
    let pixels = pixels.unwrap_or_default();
    let mut tried = Vec::new();
    for scaling in std::iter::once(&RAW).chain(&OTHERS) {
        let mut right = 0u32;
        let mut refused = None;
        for (image, label) in pixels.chunks_exact(28 * 28).zip(&labels) {
            match ask(&scaling.of(image)).await {
                Ok(row) => right += u32::from(verdict::class(&row) == Some(usize::from(*label))),
                Err(cause) => {
                    refused = Some(cause);
                    break;
                }
            }
        }
        tried.push(match refused {
            None => Tried::accuracy(scaling, f64::from(right) / f64::from(count)),
            Some(cause) => Tried::refused(scaling, &cause),
        });
    }
    Ok(tried)
}

/// The answers to images without labels, up to the first that is refused.
async fn answers(
    scaling: &Scaling,
    count: u32,
    description: &Description,
    ask: &mut impl AsyncFnMut(&[f32]) -> Result<Vec<f32>, Cause>,
) -> Answers {
    let mut rows = Vec::new();
    for index in 0..count as usize {
        match ask(&scaling.of(&synthetic::image(index, size(description)))).await {
            Ok(row) => rows.push(row),
            Err(cause) => return Answers::Refused(cause),
        }
    }
    Answers::Given(rows)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::commands::inspect::verdict::Takes;

    fn description(height: u32, width: u32, channels: u32, labels: usize) -> Description {
        Description {
            name: "made up".to_owned(),
            version: "1".to_owned(),
            model_sha256: "0".repeat(64),
            height,
            width,
            channels,
            labels: vec!["label".to_owned(); labels],
            scores: "as they are".into(),
            max_images: 1,
            accepts: Vec::new(),
            produces: Vec::new(),
        }
    }

    /// Of a fast model.
    const FAST: Option<Pace> = Some(Pace {
        milliseconds: 0.001,
        runs: 3,
    });

    fn softmax(logits: &[f32]) -> Vec<f32> {
        let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f32> = logits.iter().map(|logit| (logit - highest).exp()).collect();
        let sum: f32 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    }

    /// Three bands' means in units of `white`, the strongest with e^5 times the probability of black.
    fn bands(image: &[f32], white: f32) -> Vec<f32> {
        let third = image.len() / 3;
        let means = image
            .chunks_exact(third)
            .map(|band| band.iter().sum::<f32>() / third as f32);
        softmax(&means.map(|mean| 5.0 * mean / white).collect::<Vec<_>>())
    }

    #[tokio::test]
    async fn without_labels_a_model_of_raw_pixels_and_one_of_scaled_ones_are_told_apart() {
        let description = description(6, 8, 1, 3);
        for (white, takes) in [(255.0, Takes::Likely), (1.0, Takes::ProbablyNot), (1e6, Takes::Unknown)] {
            let mut ask = async |image: &[f32]| Ok(bands(image, white));
            let verdict = try_scalings(&description, FAST, &mut ask).await.unwrap();
            assert_eq!(verdict.takes_raw, takes, "{white}: {}", verdict.says);
        }
    }

    #[tokio::test]
    async fn a_model_that_answers_scaled_pixels_alone_probably_expects_them() {
        let description = description(6, 8, 1, 3);
        let mut ask = async |image: &[f32]| {
            if image.iter().any(|value| *value > 2.0) {
                return Err(Cause {
                    code: "bad-output".to_owned(),
                    detail: "logits that are not finite".to_owned(),
                });
            }
            Ok(bands(image, 1.0))
        };
        let pace = pace(&description, &mut ask).await;
        assert!(pace.is_some(), "it is timed as it answers");
        let verdict = try_scalings(&description, pace, &mut ask).await.unwrap();
        assert_eq!(verdict.takes_raw, Takes::ProbablyNot);
        assert!(verdict.says.contains("bad-output"), "{}", verdict.says);
    }

    #[tokio::test]
    async fn a_model_that_answers_nothing_is_asked_little() {
        let mut asked = 0;
        let mut ask = async |_: &[f32]| {
            asked += 1;
            Err(Cause {
                code: "timeout".to_owned(),
                detail: "it took too long".to_owned(),
            })
        };
        let description = description(28, 28, 1, 10);
        let pace = pace(&description, &mut ask).await;
        let verdict = try_scalings(&description, pace, &mut ask).await.unwrap();
        assert_eq!(verdict.takes_raw, Takes::Unknown);
        assert_eq!(verdict.says, "no image is answered: timeout: it took too long");
        assert_eq!(asked, 4);
    }

    #[tokio::test]
    async fn a_model_of_ten_other_classes_is_looked_at_without_the_labels() {
        let description = description(28, 28, 1, 10);
        let mut ask = async |image: &[f32]| {
            let mut row = bands(image, 255.0);
            row.extend([0.0; 7]);
            Ok(row)
        };
        let verdict = try_scalings(&description, FAST, &mut ask).await.unwrap();
        assert_eq!(verdict.takes_raw, Takes::Likely, "{}", verdict.says);
        assert!(verdict.says.contains("knows other classes"), "{}", verdict.says);
    }

    #[tokio::test]
    async fn a_slow_model_is_tried_on_fewer_images_and_the_pace_is_the_median() {
        assert_eq!(within(1.0, 2, MOST_SYNTHETIC), 3);
        assert_eq!(within(0.0, 2, MOST_SYNTHETIC), MOST_SYNTHETIC);
        assert_eq!(within(1e9, 2, MOST_SYNTHETIC), 0);
        let mut times = [1, 1, 200].into_iter().cycle();
        let mut ask = async |_: &[f32]| {
            tokio::time::sleep(Duration::from_millis(times.next().unwrap_or(1))).await;
            Ok(vec![1.0])
        };
        let pace = pace(&description(1, 1, 1, 1), &mut ask).await.unwrap();
        assert!((1.0..100.0).contains(&pace.milliseconds), "{pace:?}");
        assert_eq!(pace.runs, MOST_RUNS);
    }
}
