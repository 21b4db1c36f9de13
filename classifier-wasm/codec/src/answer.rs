//! Answers, and how a caller asks for one.
//!
//! `application/json`, the default, is what the Python worker's `json.dumps` wrote, byte for byte: `[9, 2, 1]`.
//!
//! `application/json;profile=scores;top-k=3` is an object: which model answered, and for each image its class, label and
//! score, and the `top-k` best in falling order. `top-k` is 3 when it is not given; more than there are labels gives all.
//!
//! ```json
//! {"model": {"name": "fashion-small", "version": "1", "sha256": "9f86..."},
//!  "predictions": [{"class": 9, "label": "Ankle boot", "score": 0.98,
//!                   "top": [{"class": 9, "label": "Ankle boot", "score": 0.98}, ...]}, ...]}
//! ```

use std::fmt::Write;

use serde::Serialize;

use crate::media_type::MediaType;
use crate::prediction::Predictions;
use crate::reject::{Code, Reject, quote};

/// The media types that are produced, the default first.
pub const PRODUCES: [&str; 2] = ["application/json", "application/json;profile=scores"];

const DEFAULT_TOP: usize = 3;

/// A format of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The list of classes.
    Classes,
    /// Labels and scores, the best `top` of each image.
    Scores {
        /// At least 1.
        top: usize,
    },
}

/// The model that answers.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Model<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Lower-case hex SHA-256 of its file.
    pub sha256: &'a str,
    /// The index is the class.
    #[serde(skip)]
    pub labels: &'a [String],
}

impl Answer {
    /// The format requested by `accept`.
    pub fn requested(accept: Option<&str>) -> Result<Answer, Reject> {
        let Some(text) = accept else {
            return Ok(Answer::Classes);
        };
        let media_type = MediaType::parse(text, Code::NotAcceptable)?;
        if !matches!(media_type.essence.as_str(), "application/json" | "*/*") {
            return Err(not_acceptable(text));
        }
        // `q` and `charset` do not change the content; any other unknown parameter requests something else.
        if media_type
            .names()
            .any(|name| !matches!(name, "profile" | "top-k" | "q" | "charset"))
        {
            return Err(not_acceptable(text));
        }
        match (media_type.parameter("profile"), media_type.parameter("top-k")) {
            (None, None) => Ok(Answer::Classes),
            (Some("scores"), None) => Ok(Answer::Scores { top: DEFAULT_TOP }),
            (Some("scores"), Some(top)) => match top.parse() {
                Ok(top) if top > 0 => Ok(Answer::Scores { top }),
                _ => Err(not_acceptable(text)),
            },
            _ => Err(not_acceptable(text)),
        }
    }

    /// The media type of what [`Answer::encode`] writes.
    pub fn content_type(self) -> &'static str {
        let [classes, scores] = PRODUCES;
        match self {
            Answer::Classes => classes,
            Answer::Scores { .. } => scores,
        }
    }

    /// Writes the answer for `predictions` of `model`.
    pub fn encode(self, predictions: &Predictions, model: Model) -> Result<Vec<u8>, Reject> {
        match self {
            Answer::Classes => Ok(classes(predictions).into_bytes()),
            Answer::Scores { top } => serde_json::to_vec(&scores(predictions, model, top))
                .map_err(|error| Reject::new(Code::BadOutput, format!("scores as JSON: {error}"))),
        }
    }
}

fn not_acceptable(text: &str) -> Reject {
    let detail = format!(
        "cannot answer {}: ask for {}, with `;top-k=N` of at least 1",
        quote(text),
        PRODUCES.join(" or ")
    );
    Reject::new(Code::NotAcceptable, detail)
}

/// A list with the separators of Python's `json.dumps`.
fn classes(predictions: &Predictions) -> String {
    let mut json = String::from("[");
    for (index, class) in predictions.classes().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        // Writing to a String does not fail.
        let _ = write!(json, "{separator}{class}");
    }
    json.push(']');
    json
}

#[derive(Serialize)]
struct Scores<'a> {
    model: Model<'a>,
    predictions: Vec<Scored<'a>>,
}

#[derive(Serialize)]
struct Scored<'a> {
    #[serde(flatten)]
    best: Option<Score<'a>>,
    top: Vec<Score<'a>>,
}

#[derive(Serialize, Clone, Copy)]
struct Score<'a> {
    class: usize,
    label: &'a str,
    score: f32,
}

fn scores<'a>(predictions: &Predictions, model: Model<'a>, top: usize) -> Scores<'a> {
    let scored = predictions.rows().map(|row| {
        let top = row.top(top).map(|(class, score)| Score {
            class,
            label: model.labels.get(class).map_or("", String::as_str),
            score,
        });
        let top = top.collect::<Vec<_>>();
        Scored {
            best: top.first().copied(),
            top,
        }
    });
    Scores {
        model,
        predictions: scored.collect(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    const LABELS: [&str; 3] = ["Hose \"kurz\"", "Tasche", "Stiefel"];

    fn encode(accept: Option<&str>, predictions: &Predictions) -> String {
        let model = Model {
            name: "test",
            version: "1",
            sha256: "00",
            labels: &LABELS.map(str::to_owned),
        };
        let answer = Answer::requested(accept).unwrap();
        String::from_utf8(answer.encode(predictions, model).unwrap()).unwrap()
    }

    fn encoded(accept: Option<&str>) -> String {
        encode(accept, &Predictions::new(3, vec![0.25, 0.125, 0.625, 0.5, 0.5, 0.0]))
    }

    #[test]
    fn the_default_is_the_list_that_python_writes() {
        for accept in [
            None,
            Some("application/json"),
            Some("*/*"),
            Some("application/json; charset=utf-8; q=0.5"),
        ] {
            assert_eq!(encoded(accept), "[2, 0]");
        }
        assert_eq!(encode(None, &Predictions::new(2, vec![0.0, 1.0])), "[1]");
    }

    #[test]
    fn scores_name_the_model_and_the_best_labels_in_order() {
        assert_eq!(
            encoded(Some("application/json;profile=scores;top-k=2")),
            r#"{"model":{"name":"test","version":"1","sha256":"00"},"predictions":[{"class":2,"label":"Stiefel","score":0.625,"top":[{"class":2,"label":"Stiefel","score":0.625},{"class":0,"label":"Hose \"kurz\"","score":0.25}]},{"class":0,"label":"Hose \"kurz\"","score":0.5,"top":[{"class":0,"label":"Hose \"kurz\"","score":0.5},{"class":1,"label":"Tasche","score":0.5}]}]}"#
        );
        let all = encoded(Some("application/json;profile=scores"));
        assert_eq!(
            all,
            encoded(Some("application/json; PROFILE=\"scores\"; top-k=4000000000"))
        );
    }

    #[test]
    fn what_is_not_produced_is_refused_and_what_is_gets_named() {
        for accept in [
            "text/html",
            "application/json;profile=logits",
            "application/json;top-k=3",
            "application/json;profile=scores;top-k=0",
            "application/json;profile=scores;top-k=-1",
            "application/json;profile=scores;top-k=99999999999999999999999",
            "application/json;indent=2",
            "json",
        ] {
            let reject = Answer::requested(Some(accept)).unwrap_err();
            assert_eq!(reject.code, Code::NotAcceptable, "{accept}");
        }
        let reject = Answer::requested(Some("text/html")).unwrap_err();
        assert!(reject.detail.contains("application/json;profile=scores"), "{reject}");
    }
}
