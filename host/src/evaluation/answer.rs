//! What a component answers, which is hostile until it has been through here: one class of the model an image, with a score
//! that is a number.

use serde::Deserialize;

/// What to ask a component for: the best label of each image suffices.
pub const ACCEPT: &str = "application/json;profile=scores;top-k=1";

/// What a component answered for one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// Within the model's labels.
    pub class: u32,
    /// Finite.
    pub score: f32,
}

/// The part of an answer with scores that counts here. The label beside each class is not looked at: the model's own are
/// known.
#[derive(Debug, Deserialize)]
struct Scores {
    predictions: Vec<Prediction>,
}

#[derive(Debug, Deserialize)]
struct Prediction {
    class: u64,
    score: f32,
}

/// Whether a component says of one of the media types that it produces that it is an answer with scores.
pub fn has_scores(produces: &[String]) -> bool {
    produces.iter().any(|media| {
        let mut parts = media.split(';').map(|part| part.trim().to_ascii_lowercase());
        parts.next().as_deref() == Some("application/json")
            && parts.any(|part| part.replace('"', "") == "profile=scores")
    })
}

/// The answers to `images` images of a model of so many labels, or what is wrong with them.
pub fn read(payload: &[u8], images: usize, labels: usize) -> Result<Vec<Best>, String> {
    let scores: Scores = serde_json::from_slice(payload)
        // The error itself would quote the answer, however long that is.
        .map_err(|error| {
            format!(
                "the component's answer is not what application/json;profile=scores is, in line {}, column {}",
                error.line(),
                error.column()
            )
        })?;
    if scores.predictions.len() != images {
        return Err(format!(
            "the component answered for {} images, where {images} were sent",
            scores.predictions.len()
        ));
    }
    let best = scores.predictions.into_iter().map(|prediction| {
        let class = u32::try_from(prediction.class).ok();
        let class = class.filter(|&class| (class as usize) < labels);
        let class = class.ok_or_else(|| {
            format!(
                "the component answered with class {}, and has {labels} labels",
                prediction.class
            )
        })?;
        match prediction.score {
            score if score.is_finite() => Ok(Best { class, score }),
            score => Err(format!("the component answered with a score of {score}")),
        }
    });
    best.collect()
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
        read(&answer(predictions), 1, 3).unwrap_err()
    }

    #[test]
    fn the_class_and_score_of_each_image_are_read() {
        let two = r#"{"class": 2, "label": "c", "score": 0.5, "top": []}, {"class": 0, "score": 1}"#;
        let [first, second] = read(&answer(two), 2, 3).unwrap().try_into().unwrap();
        assert_eq!(first, Best { class: 2, score: 0.5 });
        assert_eq!(second, Best { class: 0, score: 1.0 });
    }

    #[test]
    fn more_or_fewer_answers_than_images_are_refused() {
        assert!(refusal("").contains("answered for 0 images, where 1 were sent"));
        let one = r#"{"class": 0, "score": 1}"#;
        assert!(refusal(&format!("{one}, {one}")).contains("answered for 2 images"));
    }

    #[test]
    fn what_is_no_answer_is_told_in_few_words_however_long_it_is() {
        let long = format!(r#"{{"predictions": "{}"}}"#, "x".repeat(100_000));
        let said = read(long.as_bytes(), 1, 3).unwrap_err();
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
            assert!(
                read(&answer(&format!(r#"{{"class": 0, "score": {score}}}"#)), 1, 3).is_err(),
                "{score}"
            );
        }
    }

    #[test]
    fn what_is_no_answer_with_scores_is_refused() {
        for payload in ["[9, 2, 1]", "", "{}", r#"{"predictions": 1}"#, "\u{fffd}"] {
            assert!(read(payload.as_bytes(), 1, 3).is_err(), "{payload}");
        }
    }

    #[test]
    fn a_media_type_with_scores_is_known_however_it_is_written() {
        let has = |media: &str| has_scores(&["application/json".to_owned(), media.to_owned()]);
        assert!(has("application/json;profile=scores"));
        assert!(has("Application/JSON; charset=utf-8; Profile=\"scores\""));
        assert!(!has("application/json;profile=logits"));
        assert!(!has("text/plain;profile=scores"));
        assert!(!has_scores(&[]));
    }

    proptest! {
        #[test]
        fn what_passes_is_within_the_labels_and_finite(
            class in "-?[0-9]{1,2}|[0-9]{1,25}(\\.[0-9])?(e[0-9]{1,3})?",
            score in "-?[0-9]{1,3}(\\.[0-9]{1,20})?(e-?[0-9]{1,4})?|null|NaN|\"1\"",
            images in 0usize..3,
            labels in 0usize..20,
        ) {
            let payload = answer(&vec![format!(r#"{{"class": {class}, "score": {score}}}"#); images].join(", "));
            if let Ok(best) = read(&payload, 1, labels) {
                prop_assert_eq!(images, 1);
                prop_assert!(best.iter().all(|best| (best.class as usize) < labels && best.score.is_finite()));
            }
        }
    }
}
