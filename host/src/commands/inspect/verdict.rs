//! What the answers to tried images say about the pixels that a model takes. Figures in, a verdict out.

use serde::Serialize;

use super::scaling::{RAW, Scaling, TO_ONE};
use crate::pipeline::Cause;

/// Whether a model takes raw pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Takes {
    /// Measured on labelled images.
    Yes,
    /// A guess.
    Likely,
    /// Neither measured nor guessed.
    Unknown,
    /// A guess.
    ProbablyNot,
    /// Measured on labelled images.
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
    /// Whether they have labels.
    pub labelled: bool,
    /// What came of each scaling.
    pub tried: Vec<Tried>,
    /// Why, for people.
    pub says: String,
}

fn name<S: serde::Serializer>(scaling: &Option<&'static Scaling>, serializer: S) -> Result<S::Ok, S::Error> {
    scaling.map(|scaling| scaling.name).serialize(serializer)
}

/// What came of one scaling.
#[derive(Debug, Serialize)]
pub struct Tried {
    /// Its name.
    pub scaling: &'static str,
    #[serde(skip)]
    which: &'static Scaling,
    /// The share of right answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Without labels: the share of answers that are as good as certain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saturated: Option<f64>,
    /// Without labels: how far the answers lie from their mean; 0: all are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<f64>,
    /// Why the component gave no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl Tried {
    fn new(which: &'static Scaling) -> Self {
        Self {
            scaling: which.name,
            which,
            accuracy: None,
            saturated: None,
            spread: None,
            refused: None,
        }
    }

    /// Images with labels.
    pub fn accuracy(which: &'static Scaling, accuracy: f64) -> Self {
        Self {
            accuracy: Some(accuracy),
            ..Self::new(which)
        }
    }

    /// Images that were not answered.
    pub fn refused(which: &'static Scaling, cause: &Cause) -> Self {
        Self {
            refused: Some(format!("{}: {}", cause.code, cause.detail)),
            ..Self::new(which)
        }
    }

    /// Images without labels.
    fn looks(which: &'static Scaling, looks: &Looks) -> Self {
        Self {
            saturated: Some(looks.saturated),
            spread: Some(looks.spread),
            ..Self::new(which)
        }
    }

    /// In few words: `-1 to 1: 84.3 %`.
    pub fn text(&self) -> String {
        let figure = match (self.accuracy, self.saturated, &self.refused) {
            (Some(accuracy), ..) => percent(accuracy),
            (_, Some(saturated), _) => format!("{} as good as certain", percent(saturated)),
            (_, _, Some(refused)) => format!("not answered, {refused}"),
            _ => "not tried".to_owned(),
        };
        format!("{}: {figure}", self.scaling)
    }

    fn right(&self) -> f64 {
        self.accuracy.unwrap_or(0.0)
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// The most probable class.
pub fn class(row: &[f32]) -> Option<usize> {
    let best = row
        .iter()
        .enumerate()
        .max_by(|(_, one), (_, other)| one.total_cmp(other));
    best.map(|(class, _)| class)
}

/// A model of these classes has so many right in its scaling, or is of no use; one of ten other classes has about a tenth,
/// and by luck a fifth.
const KNOWS: f64 = 0.4;

/// What shares of right answers say, the raw one being the first. Else, where none of them is of any use: that.
///
/// A difference counts from three of its standard errors on, which are at most the root of 1/2 to the number of images.
pub fn by_accuracy(images: u32, tried: Vec<Tried>) -> Result<Verdict, String> {
    let margin = 3.0 * (0.5 / f64::from(images)).sqrt();
    let raw = tried.first().map_or(0.0, Tried::right);
    let best = tried.iter().max_by(|one, other| one.right().total_cmp(&other.right()));
    let Some(best) = best.filter(|best| best.right() >= KNOWS) else {
        let most = percent(best.map_or(0.0, Tried::right));
        return Err(format!(
            "at most {most} of {images} test images with labels are right in any scaling: the model knows other classes, or \
             expects yet another"
        ));
    };
    let (takes_raw, expects, says) = if best.right() - raw > margin {
        let like = |other: &&Tried| other.scaling != best.scaling && best.right() - other.right() <= margin;
        let like: Vec<_> = tried.iter().filter(like).map(Tried::text).collect();
        let like = match like.as_slice() {
            [] => String::new(),
            like => format!("; too near to it to be told apart are {}", like.join(" and ")),
        };
        let says = format!(
            "of {images} test images with labels {} are right as {}, and {} raw{like}",
            percent(best.right()),
            best.scaling,
            percent(raw)
        );
        (Takes::No, Some(best.which), says)
    } else if best.right() > raw {
        let says = format!(
            "of {images} test images with labels {} are right raw, and {} as {}, which may be chance",
            percent(raw),
            percent(best.right()),
            best.scaling
        );
        (Takes::Likely, None, says)
    } else {
        let says = format!(
            "of {images} test images with labels {} are right raw, and no more as anything else",
            percent(raw)
        );
        (Takes::Yes, None, says)
    };
    Ok(Verdict {
        takes_raw,
        expects,
        images,
        labelled: true,
        tried,
        says,
    })
}

/// The answers to images without labels in one scaling.
pub enum Answers {
    /// Probabilities, a row an image.
    Given(Vec<Vec<f32>>),
    /// The first refusal.
    Refused(Cause),
}

/// How a row of answers looks.
struct Looks {
    saturated: f64,
    spread: f64,
    classes: usize,
}

impl Looks {
    fn of(rows: &[Vec<f32>]) -> Self {
        let count = rows.len().max(1) as f64;
        let certain = |row: &&Vec<f32>| row.iter().any(|probability| *probability > CERTAIN);
        let mut mean = vec![0.0; rows.first().map_or(0, Vec::len)];
        for row in rows {
            for (sum, probability) in mean.iter_mut().zip(row) {
                *sum += f64::from(*probability) / count;
            }
        }
        let distance = |row: &Vec<f32>| -> f64 {
            let apart = row.iter().zip(&mean).map(|(one, mean)| (f64::from(*one) - mean).abs());
            apart.sum::<f64>() / 2.0
        };
        let mut classes: Vec<_> = rows.iter().map(|row| class(row)).collect();
        classes.sort();
        classes.dedup();
        Self {
            saturated: rows.iter().filter(certain).count() as f64 / count,
            spread: rows.iter().map(distance).sum::<f64>() / count,
            classes: classes.len(),
        }
    }
}

/// From here on a probability is as good as 1.
const CERTAIN: f32 = 0.999;
/// Of raw answers: with so many certain ones, a model of smaller values is driven into its bounds. A network for images that
/// was given ones 255 times too bright had 83 to 88 %.
const DRIVEN: f64 = 0.6;
/// Of scaled answers: with more certain ones, it is so anyway.
const AT_EASE: f64 = 0.2;
/// Of raw answers: with so many certain ones, nothing speaks for a model of raw pixels either.
const TOO_SURE: f64 = 0.9;
/// With a spread beneath this, a model sees next to no difference between images.
const BLIND: f64 = 0.02;
/// To a model of raw pixels all scaled ones are next to black: their answers lie nearer together by this factor at least.
/// Where they would follow the pixels straight, it would be 255.
const NEARER: f64 = 20.0;
/// With a spread above this, it tells images apart.
const SEEING: f64 = 0.05;

/// What answers to images without labels suggest, raw ones and ones from 0 to 1.
pub fn by_looks(images: u32, raw: &Answers, scaled: &Answers) -> Verdict {
    let tried = |which, answers: &Answers| match answers {
        Answers::Given(rows) => Tried::looks(which, &Looks::of(rows)),
        Answers::Refused(cause) => Tried::refused(which, cause),
    };
    let guess = "a guess from images without labels";
    let (takes_raw, says) = match (raw, scaled) {
        (Answers::Given(raw), Answers::Given(scaled)) => {
            let (raw, scaled) = (Looks::of(raw), Looks::of(scaled));
            let takes_raw = look(&raw, &scaled);
            let reason = match takes_raw {
                Takes::Likely => "told apart raw, and all the same to the model from 0 to 1, as if they were black",
                Takes::ProbablyNot => "told apart with some doubt from 0 to 1, and answered as if certain raw",
                _ => {
                    "answered in a way that suggests neither; try some whose classes you know with host classify --model"
                }
            };
            let counts = format!(
                "{} of them raw and {} from 0 to 1 are answered with over {CERTAIN}, with {} and {} different classes",
                percent(raw.saturated),
                percent(scaled.saturated),
                raw.classes,
                scaled.classes
            );
            (takes_raw, format!("{guess}: {images} are {reason} ({counts})"))
        }
        (Answers::Refused(cause), Answers::Given(_)) => {
            let said = format!("{}: {}", cause.code, cause.detail);
            let says = format!("{guess}: {images} are answered from 0 to 1, and not raw: {said}");
            (Takes::ProbablyNot, says)
        }
        (Answers::Given(_), Answers::Refused(cause)) => {
            let says = format!("images from 0 to 1 are not answered: {}: {}", cause.code, cause.detail);
            (Takes::Unknown, says)
        }
        (Answers::Refused(cause), Answers::Refused(_)) => {
            let says = format!("no image is answered: {}: {}", cause.code, cause.detail);
            (Takes::Unknown, says)
        }
    };
    Verdict {
        takes_raw,
        expects: (takes_raw == Takes::ProbablyNot).then_some(&TO_ONE),
        images,
        labelled: false,
        tried: vec![tried(&RAW, raw), tried(&TO_ONE, scaled)],
        says,
    }
}

fn look(raw: &Looks, scaled: &Looks) -> Takes {
    let blind = scaled.spread <= BLIND;
    if blind && raw.saturated < TOO_SURE && raw.spread >= SEEING && scaled.spread <= raw.spread / NEARER {
        Takes::Likely
    } else if !blind && raw.saturated >= DRIVEN && scaled.saturated <= AT_EASE {
        Takes::ProbablyNot
    } else {
        Takes::Unknown
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::scaling::OTHERS;
    use super::*;

    fn of(accuracies: [f64; 4]) -> Vec<Tried> {
        let scalings = std::iter::once(&RAW).chain(&OTHERS);
        scalings
            .zip(accuracies)
            .map(|(scaling, accuracy)| Tried::accuracy(scaling, accuracy))
            .collect()
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
            let verdict = by_accuracy(300, of(accuracies)).unwrap();
            assert_eq!(verdict.takes_raw, takes, "{}", verdict.says);
            assert_eq!(verdict.expects.map(|scaling| scaling.name), expects, "{}", verdict.says);
        }
        let near = by_accuracy(300, of([0.3, 0.7, 0.92, 0.9])).unwrap().says;
        assert!(
            near.contains("too near to it to be told apart are 0 to 1, less"),
            "{near}"
        );
        let few = by_accuracy(30, of([0.60, 0.92, 0.1, 0.1])).unwrap();
        assert_eq!(few.takes_raw, Takes::Likely, "30 images tell no such difference");
    }

    #[test]
    fn answers_of_a_model_of_other_classes_give_no_verdict() {
        let said = by_accuracy(300, of([0.10, 0.15, 0.08, 0.22])).unwrap_err();
        assert!(said.contains("at most 22.0 % of 300 test images"), "{said}");
        assert!(by_accuracy(300, Vec::new()).is_err());
    }

    #[test]
    fn a_scaling_that_the_component_refuses_counts_for_nothing_and_is_told() {
        let cause = Cause {
            code: "out-of-range".to_owned(),
            detail: "value -1".to_owned(),
        };
        let mut tried = of([0.9, 0.1, 0.1, 0.1]);
        tried.push(Tried::refused(&TO_ONE, &cause));
        let verdict = by_accuracy(300, tried).unwrap();
        assert_eq!(verdict.takes_raw, Takes::Yes);
        let last = verdict.tried.last().unwrap().text();
        assert_eq!(last, "0 to 1: not answered, out-of-range: value -1");
    }

    #[test]
    fn a_model_that_is_certain_of_everything_in_any_scaling_cannot_be_told() {
        let certain = Answers::Given(vec![vec![1.0, 0.0], vec![0.0, 1.0]]);
        assert_eq!(by_looks(2, &certain, &certain).takes_raw, Takes::Unknown);
        let even = Answers::Given(vec![vec![0.5, 0.5]; 2]);
        assert_eq!(by_looks(2, &even, &even).takes_raw, Takes::Unknown);
        assert_eq!(
            by_looks(2, &certain, &even).takes_raw,
            Takes::Unknown,
            "neither tells images apart"
        );
    }
}
