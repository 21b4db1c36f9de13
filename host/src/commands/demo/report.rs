//! The demo's results: for people as tables and pictures, for programs as JSON.

use std::time::Duration;

use anstyle::Style;
use indicatif::HumanCount;
use serde_json::{Value, json};

use super::picture;
use crate::classifier::Description;
use crate::commands::latency::{milliseconds, percentile};
use crate::commands::table::{Cell, Column, figures, percent, share_style, table};
use crate::images::Batch;
use crate::terminal::BAD;

/// The answers that came back.
pub struct Answered {
    /// The predicted class of each image, in order; none without an answer.
    pub classes: Vec<Option<u32>>,
    /// Messages that became dead letters.
    pub dead_letters: usize,
    /// From the first message handed to the broker to the last answer read.
    pub took: Duration,
    /// For each message, from giving it to the broker to reading its answer, sorted.
    pub latencies: Vec<Duration>,
}

/// The figures, and the images to draw.
pub struct Report {
    images: usize,
    answered: usize,
    dead_letters: usize,
    /// The share of all images sent: one without an answer counts as wrong.
    accuracy: f64,
    by_class: Vec<(String, f64)>,
    images_per_second: f64,
    seconds: f64,
    start_seconds: f64,
    p50: Duration,
    p99: Duration,
    model: String,
    model_sha256: Option<String>,
    shown: Vec<Shown>,
}

/// One image to draw.
struct Shown {
    image: usize,
    predicted: String,
    label: String,
    right: bool,
}

/// How many right and how many wrong images are drawn.
const SHOWN: usize = 2;

impl Report {
    /// Compares the answers with the true classes. `start` is how long the component took to start.
    pub fn new(answered: &Answered, labels: &[u32], model: &Description, start: Duration) -> Self {
        let name = |class: usize| match model.labels.get(class) {
            Some(label) => label.clone(),
            None => format!("class {class}"),
        };
        let pairs = answered.classes.iter().zip(labels).enumerate();
        let mut counts: Vec<(usize, usize)> = Vec::new();
        let mut right = Vec::new();
        let mut wrong = Vec::new();
        let mut correct = 0;
        for (image, (predicted, label)) in pairs {
            let hit = *predicted == Some(*label);
            let label = *label as usize;
            counts.resize(counts.len().max(label + 1), (0, 0));
            if let Some((hits, all)) = counts.get_mut(label) {
                *hits += usize::from(hit);
                *all += 1;
            }
            correct += usize::from(hit);
            let shown = if hit { &mut right } else { &mut wrong };
            if let Some(predicted) = predicted
                && shown.len() < SHOWN
            {
                shown.push(Shown {
                    image,
                    predicted: name(*predicted as usize),
                    label: name(label),
                    right: hit,
                });
            }
        }
        right.append(&mut wrong);
        let images = answered.classes.len();
        let with_answer = answered.classes.iter().flatten().count();
        let by_class = counts.into_iter().enumerate().filter(|(_, (_, all))| *all > 0);
        let seconds = answered.took.as_secs_f64();
        Self {
            images,
            answered: with_answer,
            dead_letters: answered.dead_letters,
            accuracy: ratio(correct, images),
            by_class: by_class
                .map(|(class, (hits, all))| (name(class), ratio(hits, all)))
                .collect(),
            images_per_second: if seconds > 0.0 {
                with_answer as f64 / seconds
            } else {
                0.0
            },
            seconds,
            start_seconds: start.as_secs_f64(),
            p50: percentile(&answered.latencies, 50),
            p99: percentile(&answered.latencies, 99),
            model: format!("{} {}", model.name, model.version),
            model_sha256: model.model_sha256.clone(),
            shown: right,
        }
    }

    /// Images without an answer.
    pub fn unanswered(&self) -> usize {
        self.images - self.answered
    }

    /// One object, for programs.
    pub fn json(&self) -> Value {
        let by_class = self
            .by_class
            .iter()
            .cloned()
            .map(|(class, accuracy)| (class, json!(accuracy)));
        json!({
            "images": self.images,
            "answered": self.answered,
            "dead_letters": self.dead_letters,
            "accuracy": self.accuracy,
            "accuracy_by_class": by_class.collect::<serde_json::Map<_, _>>(),
            "images_per_second": self.images_per_second,
            "seconds": self.seconds,
            "start_seconds": self.start_seconds,
            "latency_ms": {"p50": milliseconds(self.p50), "p99": milliseconds(self.p99)},
            "model": self.model,
            "model_sha256": self.model_sha256,
        })
    }

    /// A few images, a table by class and, last, the totals, so that they are visible on a small screen. With styles; with `colours` the
    /// images are in shades of grey.
    pub fn text(&self, test_set: &Batch, colours: bool) -> String {
        let pictures = self.shown.iter().filter_map(|shown| {
            let caption = match shown.right {
                true => format!("{}: right", shown.predicted),
                false => format!("{}: is {}", shown.predicted, shown.label),
            };
            Some((picture::draw(test_set, shown.image, colours)?, caption))
        });
        let mut text = String::new();
        for pair in pictures.collect::<Vec<_>>().chunks(2) {
            text += &picture::side_by_side(pair);
            text.push('\n');
        }
        let classes = self.by_class.iter().map(|(class, accuracy)| {
            let accuracy = Cell::new(&percent(*accuracy), share_style(*accuracy));
            vec![class.as_str().into(), accuracy]
        });
        text += &table(&[Column::Text("CLASS"), Column::Number("ACCURACY")], classes);
        text.push('\n');
        text += &self.totals();
        text
    }

    fn totals(&self) -> String {
        let bad_if = |is_bad: bool| if is_bad { BAD } else { Style::new() };
        let images = format!(
            "{} of {} answered",
            HumanCount(self.answered as u64),
            HumanCount(self.images as u64)
        );
        let latency = format!(
            "p50 {:.0} ms, p99 {:.0} ms, waiting in the queue included",
            milliseconds(self.p50),
            milliseconds(self.p99)
        );
        figures([
            ("model", self.model.as_str().into()),
            ("images", Cell::new(&images, bad_if(self.unanswered() > 0))),
            (
                "dead letters",
                Cell::new(&self.dead_letters.to_string(), bad_if(self.dead_letters > 0)),
            ),
            ("accuracy", percent(self.accuracy).into()),
            ("images/s", HumanCount(self.images_per_second as u64).to_string().into()),
            ("latency", latency.into()),
        ])
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    match whole {
        0 => 0.0,
        _ => part as f64 / whole as f64,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn model() -> Description {
        Description {
            name: "net".into(),
            version: "1".into(),
            model_sha256: Some("00".into()),
            height: 2,
            width: 2,
            channels: 1,
            labels: vec!["Shirt".into(), "Bag".into()],
            scores: Some("as they are".into()),
            max_images: 1,
            accepts: vec![],
            produces: vec![],
        }
    }

    #[test]
    fn accuracy_counts_an_image_without_an_answer_as_wrong() {
        let answered = Answered {
            classes: vec![Some(0), Some(1), Some(0), None],
            dead_letters: 1,
            took: Duration::from_secs(3),
            latencies: vec![Duration::from_millis(5), Duration::from_millis(7)],
        };
        let report = Report::new(&answered, &[0, 0, 0, 2], &model(), Duration::ZERO);
        let json = report.json();
        assert_eq!(json["accuracy"], 0.5);
        assert_eq!(json["images_per_second"], 1.0);
        assert_eq!(json["latency_ms"]["p50"], 5.0);
        assert_eq!(json["latency_ms"]["p99"], 7.0);
        assert_eq!(json["accuracy_by_class"]["Shirt"], 2.0 / 3.0);
        assert_eq!(json["accuracy_by_class"]["class 2"], 0.0);
        assert_eq!(report.unanswered(), 1);
    }
}
