//! Whether a model takes raw pixels, found out by trying: nothing in a file says it, and a model that is fed otherwise
//! than it was trained answers all the same, and badly.
//!
//! Only labels can decide that. So it is tried where the model is of the size of the test images and has as many classes;
//! of any other model nothing is claimed.

use std::iter::once;
use std::time::Instant;

use serde::{Serialize, Serializer};

use super::scaling::{OTHERS, RAW, Scaling};
use crate::classifier::Description;
use crate::images::{ImagesError, test_images, test_labels};
use crate::pipeline::Cause;

/// Test images to a scaling: enough to tell an accuracy from another that is 13 points better.
const IMAGES: u32 = 300;
/// How often one image is timed.
const RUNS: usize = 5;
/// A model of these classes has so many right in its scaling, or is of no use; one of ten other classes has about a tenth,
/// and by luck a fifth.
const KNOWS: f64 = 0.4;

/// How long one image takes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pace {
    /// The median.
    pub milliseconds: f64,
    /// Of so many runs.
    pub runs: usize,
}

/// Whether a model takes raw pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Takes {
    /// It answers raw pixels best.
    Yes,
    /// It answers others better, by so little that it may be chance.
    Likely,
    /// It was not tried, or has few right in any scaling.
    Unknown,
    /// It answers others much better.
    No,
}

/// A verdict and the figures behind it.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// In one word.
    pub takes_raw: Takes,
    /// What the model expects instead.
    #[serde(serialize_with = "name", skip_serializing_if = "Option::is_none")]
    pub expects: Option<&'static Scaling>,
    /// How many images were tried in each scaling.
    pub images: u32,
    /// What came of each scaling, the raw one first.
    pub tried: Vec<Tried>,
    /// Why, for people.
    pub says: String,
}

fn name<S: Serializer>(scaling: &Option<&'static Scaling>, serializer: S) -> Result<S::Ok, S::Error> {
    scaling.map(|scaling| scaling.name).serialize(serializer)
}

impl Verdict {
    fn unknown(images: u32, tried: Vec<Tried>, says: String) -> Self {
        Self {
            takes_raw: Takes::Unknown,
            expects: None,
            images,
            tried,
            says,
        }
    }
}

/// What came of one scaling.
#[derive(Debug, Serialize)]
pub struct Tried {
    /// Its name.
    #[serde(serialize_with = "just_name")]
    pub scaling: &'static Scaling,
    /// The share of right answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Why the component gave no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

fn just_name<S: Serializer>(scaling: &&'static Scaling, serializer: S) -> Result<S::Ok, S::Error> {
    scaling.name.serialize(serializer)
}

impl Tried {
    /// In few words: `-1 to 1: 84.3 %`.
    pub fn text(&self) -> String {
        let figure = match (self.accuracy, &self.refused) {
            (Some(accuracy), _) => percent(accuracy),
            (None, refused) => format!("not answered, {}", refused.as_deref().unwrap_or_default()),
        };
        format!("{}: {figure}", self.scaling.name)
    }

    fn right(&self) -> f64 {
        self.accuracy.unwrap_or(0.0)
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// The time for one grey image, or why it is not answered.
pub async fn pace(
    description: &Description,
    ask: &mut impl AsyncFnMut(&[f32]) -> Result<Vec<f32>, Cause>,
) -> Result<Pace, Cause> {
    let [height, width, channels] = size(description);
    let image = vec![128.0; height * width * channels];
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let began = Instant::now();
        ask(&image).await?;
        times.push(began.elapsed());
    }
    times.sort();
    let median = times.get(RUNS / 2).copied().unwrap_or_default();
    Ok(Pace {
        milliseconds: median.as_secs_f64() * 1000.0,
        runs: RUNS,
    })
}

/// Tries each scaling on the first test images, where the model may know them.
pub async fn try_scalings(
    description: &Description,
    ask: &mut impl AsyncFnMut(&[f32]) -> Result<Vec<f32>, Cause>,
) -> Result<Verdict, ImagesError> {
    if size(description) != [28, 28, 1] || description.labels.len() != 10 {
        let says = "only a model of 28 x 28 grey pixels and 10 classes is tried, on images of Fashion-MNIST; measure this one with \
                    host evaluate --data, on images whose classes you know";
        return Ok(Verdict::unknown(0, Vec::new(), says.to_owned()));
    }
    let labels = test_labels()?;
    let batch = test_images()?.read(u64::from(IMAGES))?;
    let pixels = batch.map(|batch| batch.pixels).unwrap_or_default();
    let mut tried = Vec::new();
    for scaling in once(&RAW).chain(&OTHERS) {
        let accuracy = accuracy(scaling, &pixels, &labels, ask).await;
        let refused = accuracy.as_ref().err();
        tried.push(Tried {
            scaling,
            refused: refused.map(|cause| format!("{}: {}", cause.code, cause.detail)),
            accuracy: accuracy.ok(),
        });
    }
    Ok(judge(IMAGES, tried))
}

fn size(description: &Description) -> [usize; 3] {
    [description.height, description.width, description.channels].map(|length| length as usize)
}

/// The share of images that are answered rightly; the first refusal ends it.
async fn accuracy(
    scaling: &Scaling,
    pixels: &[u8],
    labels: &[u8],
    ask: &mut impl AsyncFnMut(&[f32]) -> Result<Vec<f32>, Cause>,
) -> Result<f64, Cause> {
    let (mut right, mut asked) = (0, 0);
    for (image, label) in pixels.chunks_exact(28 * 28).zip(labels) {
        let row = ask(&scaling.of(image)).await?;
        let best = row
            .iter()
            .enumerate()
            .max_by(|(_, one), (_, other)| one.total_cmp(other));
        right += u32::from(best.is_some_and(|(class, _)| class == usize::from(*label)));
        asked += 1;
    }
    Ok(f64::from(right) / f64::from(asked.max(1)))
}

/// What shares of right answers say, the raw one being the first.
///
/// A difference counts from three of its standard errors on, which are at most the root of 1/2 to the number of images.
fn judge(images: u32, tried: Vec<Tried>) -> Verdict {
    let margin = 3.0 * (0.5 / f64::from(images)).sqrt();
    let raw = tried.first().map_or(0.0, Tried::right);
    let best = tried.iter().max_by(|one, other| one.right().total_cmp(&other.right()));
    let Some(best) = best.filter(|best| best.right() >= KNOWS) else {
        let most = percent(best.map_or(0.0, Tried::right));
        let says = format!(
            "at most {most} of {images} test images of Fashion-MNIST are right in any scaling: the model knows other classes, or \
             expects another scaling"
        );
        return Verdict::unknown(images, tried, says);
    };
    let others = format!(
        "of {images} test images of Fashion-MNIST {} are right raw",
        percent(raw)
    );
    let (takes_raw, expects, says) = if best.right() - raw > margin {
        let like = |other: &&Tried| other.scaling != best.scaling && best.right() - other.right() <= margin;
        let like: Vec<_> = tried.iter().filter(like).map(Tried::text).collect();
        let like = match like.as_slice() {
            [] => String::new(),
            like => format!("; too near to it to be told apart: {}", like.join(", ")),
        };
        let says = format!("{others}, and {} as {}{like}", percent(best.right()), best.scaling.name);
        (Takes::No, Some(best.scaling), says)
    } else if best.right() > raw {
        let better = format!("and {} as {}", percent(best.right()), best.scaling.name);
        (Takes::Likely, None, format!("{others}, {better}, which may be chance"))
    } else {
        (Takes::Yes, None, format!("{others}, and no more in any other scaling"))
    };
    Verdict {
        takes_raw,
        expects,
        images,
        tried,
        says,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn description(height: u32, width: u32, channels: u32, labels: usize) -> Description {
        Description {
            name: "made up".to_owned(),
            version: "1".to_owned(),
            model_sha256: Some("0".repeat(64)),
            height,
            width,
            channels,
            labels: vec!["label".to_owned(); labels],
            scores: Some("as they are".into()),
            max_images: 1,
            accepts: Vec::new(),
            produces: Vec::new(),
        }
    }

    fn of(accuracies: [f64; 4]) -> Vec<Tried> {
        let scalings = once(&RAW).chain(&OTHERS);
        let tried = scalings.zip(accuracies).map(|(scaling, accuracy)| Tried {
            scaling,
            accuracy: Some(accuracy),
            refused: None,
        });
        tried.collect()
    }

    #[test]
    fn a_scaling_is_expected_when_it_is_better_than_raw_by_more_than_chance() {
        for (accuracies, takes, expects) in [
            ([0.92, 0.10, 0.12, 0.10], Takes::Yes, None),
            ([0.92, 0.92, 0.12, 0.10], Takes::Yes, None),
            ([0.85, 0.92, 0.12, 0.10], Takes::Likely, None),
            ([0.30, 0.92, 0.12, 0.10], Takes::No, Some("0 to 1")),
            ([0.30, 0.70, 0.92, 0.10], Takes::No, Some("-1 to 1")),
        ] {
            let verdict = judge(300, of(accuracies));
            assert_eq!(verdict.takes_raw, takes, "{}", verdict.says);
            assert_eq!(verdict.expects.map(|scaling| scaling.name), expects, "{}", verdict.says);
        }
        let near = judge(300, of([0.3, 0.7, 0.92, 0.9])).says;
        assert!(near.contains("too near to it to be told apart: 0 to 1, less"), "{near}");
        let few = judge(30, of([0.60, 0.92, 0.1, 0.1]));
        assert_eq!(few.takes_raw, Takes::Likely, "30 images tell no such difference");
    }

    #[test]
    fn answers_of_a_model_of_other_classes_give_no_verdict() {
        let verdict = judge(300, of([0.10, 0.15, 0.08, 0.22]));
        assert_eq!(verdict.takes_raw, Takes::Unknown);
        assert!(
            verdict.says.contains("at most 22.0 % of 300 test images"),
            "{}",
            verdict.says
        );
        assert_eq!(judge(300, Vec::new()).takes_raw, Takes::Unknown);
    }

    fn cause() -> Cause {
        Cause {
            code: "out-of-range".to_owned(),
            detail: "value -1".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_scaling_that_the_component_refuses_counts_for_nothing_and_is_told() {
        let mut ask = async |image: &[f32]| match image.iter().any(|value| *value > 1.0) {
            true => Err(cause()),
            false => Ok(vec![0.1; 10]),
        };
        let verdict = try_scalings(&description(28, 28, 1, 10), &mut ask).await.unwrap();
        assert_eq!((verdict.takes_raw, verdict.images), (Takes::Unknown, IMAGES));
        let first = verdict.tried.first().unwrap().text();
        assert_eq!(first, "0 to 255: not answered, out-of-range: value -1");
    }

    #[tokio::test]
    async fn of_a_model_that_cannot_know_the_test_images_nothing_is_claimed_and_nothing_asked() {
        for description in [description(28, 28, 3, 10), description(28, 28, 1, 3)] {
            let mut asked = 0;
            let mut ask = async |_: &[f32]| {
                asked += 1;
                Ok(vec![1.0])
            };
            let verdict = try_scalings(&description, &mut ask).await.unwrap();
            assert_eq!((verdict.takes_raw, verdict.images, asked), (Takes::Unknown, 0, 0));
            assert!(verdict.says.contains("host evaluate --data"), "{}", verdict.says);
        }
    }

    #[tokio::test]
    async fn the_pace_is_the_median_of_a_fixed_number_of_images_and_none_without_an_answer() {
        let mut asked = 0;
        let mut ask = async |image: &[f32]| {
            assert_eq!(image.len(), 48);
            asked += 1;
            Ok(vec![1.0])
        };
        let of = description(6, 8, 1, 3);
        assert_eq!(pace(&of, &mut ask).await.unwrap().runs, RUNS);
        assert_eq!(asked, RUNS);
        assert_eq!(
            pace(&of, &mut async |_: &[f32]| Err(cause())).await.unwrap_err(),
            cause()
        );
    }
}
