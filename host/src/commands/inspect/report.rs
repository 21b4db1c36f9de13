//! What `inspect` shows about a model, as text and as JSON.

use std::fmt::Write;

use indicatif::HumanBytes;
use serde::Serialize;

use super::pixels::{Pace, Takes, Tried, Verdict};
use crate::classifier::{ComponentError, Description};
use crate::commands::table::{Cell, figures};
use crate::pipeline::Cause;
use crate::terminal::printable;

/// Above this many labels, text only counts them; JSON has all.
const LABELS: usize = 20;

/// A model file, and what the component says about it.
#[derive(Debug, Serialize)]
pub struct ModelReport {
    /// As typed.
    pub file: String,
    /// Of the file as the component gets it: with its weights, and the output that was chosen alone. Bytes.
    pub size: usize,
    /// Lower-case hex SHA-256 of the same.
    pub digest: String,
    /// The files beside it that its weights were read from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<String>,
    /// The output that was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Lower-case hex SHA-256 of the component file.
    pub component: String,
    /// The component that was tried: of two builds the one that has the model's operators.
    pub component_file: String,
    /// Why it is not the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacking: Option<String>,
    /// Whether the component accepts it.
    pub accepted: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// The component's description of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// Whether it takes raw pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixels: Option<Verdict>,
    /// How to make it take raw pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// How long one image takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_image: Option<Pace>,
}

/// Why a model is refused.
#[derive(Debug, Serialize)]
pub struct Refusal {
    /// The component's code, or what happened to the component.
    pub code: String,
    /// Names the value and the remedy.
    pub detail: String,
}

impl Refusal {
    /// From an error in loading the model.
    pub fn new(error: &ComponentError) -> Self {
        let (code, detail) = match error {
            ComponentError::Model(Cause { code, detail }) => (code.as_str(), detail.clone()),
            ComponentError::Description(_) => ("bad-description", error.to_string()),
            _ => ("no-start", error.to_string()),
        };
        Self {
            code: code.to_owned(),
            detail,
        }
    }
}

impl ModelReport {
    /// For people, without a refusal: that is the error with which the command ends.
    pub fn text(&self) -> String {
        let mut rows = vec![("size", size(self.size)), ("sha256", self.digest.clone())];
        if !self.weights.is_empty() {
            let weights = self.weights.join(", ");
            rows.push((
                "weights",
                format!("from {weights}; size and sha256 are of the whole, as the component gets it"),
            ));
        }
        if let Some(output) = &self.output {
            rows.push((
                "output",
                format!("{output}; size and sha256 are of the model with this output alone"),
            ));
        }
        if let Some(model) = &self.description {
            let image = format!("(N, {}, {}, {})", model.height, model.width, model.channels);
            let colours = colours(model.channels);
            rows.extend([
                ("model", format!("{} {}", model.name, model.version)),
                (
                    "images",
                    format!(
                        "{} x {} pixels, {colours}; as a batch {image}",
                        model.height, model.width
                    ),
                ),
            ]);
            rows.extend(model.scores.clone().map(|scores| ("scores", scores)));
            rows.push(("labels", labels(&model.labels)));
        }
        if let Some(pixels) = &self.pixels {
            rows.push(("pixels", pixels_text(pixels, self.remedy.as_deref())));
        }
        if let Some(pace) = self.one_image {
            let text = format!("{:.3} ms, the median of {} runs", pace.milliseconds, pace.runs);
            rows.push(("one image", text));
        }
        let mut component = vec![self.component_file.clone(), format!("sha256 {}", self.component)];
        if let Some(lacking) = &self.lacking {
            component.insert(1, format!("the usual one does not run the model: {lacking}"));
        }
        rows.push(("component", component.join("\n")));
        named(&self.file, rows)
    }
}

fn pixels_text(pixels: &Verdict, remedy: Option<&str>) -> String {
    let verdict = match (pixels.takes_raw, pixels.expects) {
        (Takes::Yes, _) => "takes raw pixels: yes".to_owned(),
        (Takes::Likely, _) => "takes raw pixels: likely".to_owned(),
        (Takes::No, Some(scaling)) => format!("does not take raw pixels: it expects {}", scaling.name),
        _ => "takes raw pixels: cannot tell".to_owned(),
    };
    let mut lines = vec![verdict, pixels.says.clone()];
    if !pixels.tried.is_empty() {
        let tried: Vec<_> = pixels.tried.iter().map(Tried::text).collect();
        lines.push(tried.join("; "));
    }
    lines.extend(remedy.map(str::to_owned));
    lines.join("\n")
}

/// Bytes, for people and exactly.
pub fn size(bytes: usize) -> String {
    format!("{} ({bytes} bytes)", HumanBytes(bytes as u64))
}

/// The channels, for people.
pub fn colours(channels: u32) -> &'static str {
    match channels {
        1 => "grey",
        _ => "red, green, blue",
    }
}

fn labels(labels: &[String]) -> String {
    let mut text = labels
        .iter()
        .take(LABELS)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if labels.len() > LABELS {
        // Writing to a string cannot fail.
        let _ = write!(text, " and {} more", labels.len() - LABELS);
    }
    text
}

/// A name, and what there is to say of it.
pub fn named(name: &str, rows: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let rows = rows.into_iter().map(|(head, value)| (head, Cell::from(value)));
    format!("{}\n{}", printable(name), figures(rows))
}
