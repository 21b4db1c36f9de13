//! A component's answers, hostile until checked here: one class of the model for each image, with or without a finite
//! score.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::classifier::{ComponentError, Description};

/// The format in which a component names classes, one of the contract's two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// `application/json;profile=scores`: labels with scores.
    Scores,
    /// `application/json`, as this component writes it: the list of classes.
    Classes(String),
}

/// A class and how sure the component is of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// Within the model's labels.
    pub class: u32,
    /// Finite; none if the component gives no scores.
    pub score: Option<f32>,
}

/// What a component answered for one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The class.
    pub best: Best,
    /// It and others, the likeliest first, if the component gives scores.
    pub top: Vec<Best>,
}

impl Form {
    /// The better one of those that the component produces.
    pub fn of(model: &Description) -> Result<Self, ComponentError> {
        if model.produces.iter().any(|media| is_json(media, true)) {
            return Ok(Self::Scores);
        }
        let classes = model.produces.iter().find(|media| is_json(media, false));
        classes.cloned().map(Self::Classes).ok_or_else(|| {
            ComponentError::Unfit(format!(
                "it produces {}, and application/json;profile=scores or application/json is needed",
                model.produces.join(", ")
            ))
        })
    }

    /// The media type to request, with this many labels for each image.
    pub fn accept(&self, top_k: u32) -> String {
        match self {
            Self::Scores => format!("application/json;profile=scores;top-k={top_k}"),
            Self::Classes(media) => media.clone(),
        }
    }

    /// The answers to an unknown number of images, for a model with this many labels; or what is wrong with them.
    pub fn read(&self, payload: &[u8], labels: usize) -> Result<Vec<Prediction>, String> {
        let within = |Said { class, score }| {
            let known = u32::try_from(class).ok().filter(|&class| (class as usize) < labels);
            let class =
                known.ok_or_else(|| format!("the component answered with class {class}, and has {labels} labels"))?;
            match score {
                Some(score) if !score.is_finite() => Err(format!("the component answered with a score of {score}")),
                score => Ok(Best { class, score }),
            }
        };
        match self {
            Self::Scores => {
                let scores: Scores = parse(payload, "application/json;profile=scores")?;
                let predictions = scores.predictions.into_iter().map(|prediction| {
                    let best = within(Said {
                        class: prediction.class,
                        score: Some(prediction.score),
                    })?;
                    let top = prediction.top.into_iter().map(within).collect::<Result<_, _>>()?;
                    Ok(Prediction { best, top })
                });
                predictions.collect()
            }
            Self::Classes(_) => {
                let classes: Vec<u64> = parse(payload, "application/json, a list of classes,")?;
                let predictions = classes.into_iter().map(|class| {
                    let best = within(Said { class, score: None })?;
                    Ok(Prediction { best, top: Vec::new() })
                });
                predictions.collect()
            }
        }
    }
}

/// The used part of an answer with scores. The labels in it are ignored: those of the model are known.
#[derive(Debug, Deserialize)]
struct Scores {
    predictions: Vec<Scored>,
}

#[derive(Debug, Deserialize)]
struct Scored {
    class: u64,
    score: f32,
    #[serde(default)]
    top: Vec<Said>,
}

#[derive(Debug, Deserialize)]
struct Said {
    class: u64,
    score: Option<f32>,
}

fn parse<T: DeserializeOwned>(payload: &[u8], what: &str) -> Result<T, String> {
    // The error itself would quote the answer, however long.
    serde_json::from_slice(payload).map_err(|error| {
        format!(
            "the component's answer is not what {what} is, in line {}, column {}",
            error.line(),
            error.column()
        )
    })
}

/// Whether a media type is JSON with the profile of scores, or without any.
fn is_json(media: &str, with_scores: bool) -> bool {
    let mut parts = media
        .split(';')
        .map(|part| part.trim().to_ascii_lowercase().replace('"', ""));
    let is_json = parts.next().as_deref() == Some("application/json");
    let profile = parts.find(|part| part.starts_with("profile="));
    is_json && profile.as_deref() == with_scores.then_some("profile=scores")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(predictions: &str) -> Vec<u8> {
        format!(r#"{{"model": {{"name": "x"}}, "predictions": [{predictions}]}}"#).into_bytes()
    }

    fn refusal(predictions: &str) -> String {
        Form::Scores.read(&answer(predictions), 3).unwrap_err()
    }

    fn classes() -> Form {
        Form::Classes("application/json".to_owned())
    }

    #[test]
    fn the_class_and_score_of_each_image_are_read() {
        let two = r#"{"class": 2, "label": "c", "score": 0.5, "top": [{"class": 2, "label": "x", "score": 0.5}]},
                     {"class": 0, "score": 1}"#;
        let [first, second] = Form::Scores.read(&answer(two), 3).unwrap().try_into().unwrap();
        let best = |class, score| Best {
            class,
            score: Some(score),
        };
        assert_eq!((first.best, first.top), (best(2, 0.5), vec![best(2, 0.5)]));
        assert_eq!((second.best, second.top), (best(0, 1.0), vec![]));
    }

    #[test]
    fn a_list_of_classes_is_read_without_scores() {
        let predictions = classes().read(b"[9, 2]", 10).unwrap();
        let best = predictions.iter().map(|one| (one.best.class, one.best.score));
        assert_eq!(Vec::from_iter(best), [(9, None), (2, None)]);
        for payload in ["[10]", "[-1]", "[1.5]", "9", "{}", "", "[[9]]"] {
            assert!(classes().read(payload.as_bytes(), 10).is_err(), "{payload}");
        }
    }

    #[test]
    fn what_is_no_answer_is_told_in_few_words_however_long_it_is() {
        let long = format!(r#"{{"predictions": "{}"}}"#, "x".repeat(100_000));
        let said = Form::Scores.read(long.as_bytes(), 3).unwrap_err();
        assert!(said.contains("profile=scores is, in line 1"), "{said}");
        assert!(said.len() < 200);
    }

    #[test]
    fn a_class_that_the_model_lacks_is_refused() {
        assert!(refusal(r#"{"class": 3, "score": 1}"#).contains("class 3, and has 3 labels"));
        assert!(refusal(r#"{"class": 4294967296, "score": 1}"#).contains("class 4294967296"));
        assert!(refusal(r#"{"class": -1, "score": 1}"#).contains("not what"));
    }

    #[test]
    fn a_score_that_is_no_finite_number_is_refused() {
        for score in ["1e39", "1e999", "null", "NaN", "\"1\""] {
            let one = format!(r#"{{"class": 0, "score": {score}}}"#);
            assert!(Form::Scores.read(&answer(&one), 3).is_err(), "{score}");
        }
        let one = r#"{"class": 0, "score": 1, "top": [{"class": 0, "score": 1e39}]}"#;
        assert!(Form::Scores.read(&answer(one), 3).is_err());
    }

    #[test]
    fn what_is_no_answer_with_scores_is_refused() {
        for payload in ["[9, 2, 1]", "", "{}", r#"{"predictions": 1}"#, "\u{fffd}"] {
            assert!(Form::Scores.read(payload.as_bytes(), 3).is_err(), "{payload}");
        }
    }

    #[test]
    fn a_component_is_asked_for_scores_where_it_gives_them_however_that_is_written() {
        let form = |produces: &[&str]| {
            let mut model = crate::evaluation::data::tests::model(1, 1, &["a"]);
            model.produces = produces.iter().map(|media| (*media).to_owned()).collect();
            Form::of(&model)
        };
        for scores in [
            "application/json;profile=scores",
            "Application/JSON; charset=utf-8; Profile=\"scores\"",
        ] {
            assert_eq!(form(&["application/json", scores]).unwrap(), Form::Scores);
        }
        assert_eq!(form(&["text/plain", "application/json"]).unwrap(), classes());
        assert_eq!(classes().accept(3), "application/json");
        for produces in [
            &["application/json;profile=logits"][..],
            &["text/plain;profile=scores"],
            &[],
        ] {
            let error = form(produces).unwrap_err().to_string();
            assert!(error.contains("application/json is needed"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_list_makes_it_panic(classes: Vec<u64>, labels in 0usize..3) {
            let payload = serde_json::to_vec(&classes).unwrap();
            let read = super::tests::classes().read(&payload, labels);
            prop_assert_eq!(read.is_ok(), classes.iter().all(|class| *class < labels as u64));
        }

        #[test]
        fn what_passes_is_within_the_labels_and_finite(
            class in "-?[0-9]{1,2}|[0-9]{1,25}(\\.[0-9])?(e[0-9]{1,3})?",
            score in "-?[0-9]{1,3}(\\.[0-9]{1,20})?(e-?[0-9]{1,4})?|null|NaN|\"1\"",
            images in 0usize..3,
            labels in 0usize..20,
        ) {
            let payload = answer(&vec![format!(r#"{{"class": {class}, "score": {score}}}"#); images].join(", "));
            if let Ok(predictions) = Form::Scores.read(&payload, labels) {
                prop_assert_eq!(predictions.len(), images);
                let good = |best: Best| (best.class as usize) < labels && best.score.is_some_and(f32::is_finite);
                prop_assert!(predictions.iter().all(|prediction| good(prediction.best)));
            }
        }
    }
}
