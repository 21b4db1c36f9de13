//! Models in the component, in the sandbox: which ONNX files it takes, what it refuses and in which words, and what the models
//! answer.
//!
//! The component's own sources are compiled for WebAssembly alone, so this is where its network is tested.

mod builds;
mod floats;
mod golden;
mod inputs;
mod integers;
mod metadata;
mod operators;
mod outputs;
mod variants;

use std::io::Write;
use std::path::{Path, PathBuf};

use host::classifier::{Classifier, ClassifierConfig, ComponentError};
use host::message::{CONTENT_TYPE, Message};
use host::pipeline::{Cause, Classify};
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::components::{component, config};
use crate::onnx::{FLOAT, Onnx, floats, node, value};

fn models(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name)
}

/// The build with the executor alone, and the one with the operators of all models.
const USUAL: &str = "classifier";
const FULL: &str = "classifier-full";

/// The component with all operators and the model in a file, asked for all probabilities.
async fn classifier(model: &Path, output: Option<&str>) -> Result<Classifier, ComponentError> {
    build(FULL, model, output).await
}

/// The same in one of the builds.
async fn build(build: &str, model: &Path, output: Option<&str>) -> Result<Classifier, ComponentError> {
    let config = ClassifierConfig {
        model: Some(model.to_owned()),
        model_output: output.map(str::to_owned),
        accept: Some("application/json;profile=scores;top-k=100".to_owned()),
        ..config(component(build))
    };
    Classifier::start(&config).await
}

/// The component with the model.
async fn load(model: &[u8]) -> Result<Classifier, Cause> {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(model).unwrap();
    classifier(file.path(), None).await.map_err(|error| match error {
        ComponentError::Model(cause) => cause,
        other => panic!("{other}"),
    })
}

async fn refusal(model: &Onnx) -> Cause {
    load(&model.file()).await.err().expect("a refusal")
}

/// The model is refused as one that the component cannot run, with these words.
async fn is_refused(model: &Onnx, words: &[&str]) {
    let cause = refusal(model).await;
    assert_eq!(cause.code, "unsupported-model", "{}", cause.detail);
    for words in words {
        assert!(cause.detail.contains(words), "'{words}' is not in: {}", cause.detail);
    }
}

/// Height, width and channels.
fn size(classifier: &Classifier) -> [u32; 3] {
    let said = classifier.description();
    [said.height, said.width, said.channels]
}

/// A row of probabilities for each image of bytes that a message of this shape holds.
async fn rows(classifier: &Classifier, shape: &str, pixels: impl Into<Vec<u8>>) -> Vec<Vec<f32>> {
    let mut message = Message::new(pixels.into());
    message.set_header(CONTENT_TYPE, format!("application/octet-stream;shape={shape}"));
    let answer = classifier.classify(&message).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    let labels = classifier.description().labels.len();
    let row = |prediction: &Value| {
        let mut row = vec![f32::NAN; labels];
        for score in prediction["top"].as_array().unwrap() {
            row[usize::try_from(score["class"].as_u64().unwrap()).unwrap()] = score["score"].as_f64().unwrap() as f32;
        }
        row
    };
    answer["predictions"].as_array().unwrap().iter().map(row).collect()
}

/// By how much two rows, or all values of several, differ at most.
fn off(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    let differences = one.iter().zip(other).map(|(one, other)| (one - other).abs());
    // A NaN is no small difference.
    differences.fold(0.0, |most, off| if off > most || off.is_nan() { off } else { most })
}

fn softmax(logits: impl Iterator<Item = f32> + Clone) -> Vec<f32> {
    let highest = logits.clone().fold(f32::MIN, f32::max);
    let weights: Vec<f32> = logits.map(|logit| (logit - highest).exp()).collect();
    let sum: f32 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// A model that takes `images` of these lengths, the first that of the images, and gives the softmax of their first two
/// values by 100 as `probabilities`. An axis of length 0 has any.
fn first_two(lengths: &[i64]) -> Onnx {
    let values = lengths.iter().skip(1).product::<i64>().max(2) as usize;
    let weight = (0..values).flat_map(|at| [0, 1].map(|class| if at == class { 0.01 } else { 0.0 }));
    Onnx {
        name: "graph".to_owned(),
        version: 7,
        nodes: vec![
            node("Flatten", &["images"], "values"),
            node("Gemm", &["values", "weight"], "logits"),
            node("Softmax", &["logits"], "probabilities"),
        ],
        weights: vec![floats("weight", &[values, 2], weight)],
        inputs: vec![value("images", FLOAT, lengths)],
        outputs: vec![value("probabilities", FLOAT, &[0, 2])],
        ..Onnx::default()
    }
}

/// What [`first_two`] answers where these are the values.
fn of_first_two(first: f32, second: f32) -> Vec<f32> {
    softmax([first / 100.0, second / 100.0].into_iter())
}
