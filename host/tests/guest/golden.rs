//! The models of this repository in the component, in the sandbox, compared with onnxruntime (`models/golden`).

use std::path::{Path, PathBuf};

use crate::components::{component, config};
use host::classifier::{Classifier, ClassifierConfig};
use host::images::test_images;
use host::message::{CONTENT_TYPE, Message};
use host::pipeline::Classify;
use serde_json::Value;

const IMAGES: u64 = 100;
const LABELS: usize = 10;

fn models(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name)
}

/// The values of a float32 file as `numpy.save` writes it.
fn floats(name: &str) -> Vec<f32> {
    let npy = std::fs::read(models(name)).unwrap();
    let header = usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    let (values, rest) = npy[10 + header..].as_chunks();
    assert!(rest.is_empty());
    values.iter().copied().map(f32::from_le_bytes).collect()
}

async fn classifier(model: &str) -> Classifier {
    let config = ClassifierConfig {
        model: Some(models(&format!("{model}.onnx"))),
        accept: Some(format!("application/json;profile=scores;top-k={LABELS}")),
        ..config(component("classifier"))
    };
    Classifier::start(&config).await.unwrap()
}

/// The largest difference between the answer to a message and the rows of probabilities, with this many labels each.
async fn off(classifier: &Classifier, message: &Message, expected: &[f32], labels: usize) -> f32 {
    let answer = classifier.classify(message).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    let predictions = answer["predictions"].as_array().unwrap();
    assert_eq!(predictions.len() * labels, expected.len());
    let mut off = 0.0_f32;
    for (prediction, row) in predictions.iter().zip(expected.chunks(labels)) {
        let top = prediction["top"].as_array().unwrap();
        assert_eq!(top.len(), labels);
        for score in top {
            let class = usize::try_from(score["class"].as_u64().unwrap()).unwrap();
            off = off.max((score["score"].as_f64().unwrap() as f32 - row[class]).abs());
        }
    }
    off
}

/// The largest difference for the first 100 test images.
async fn difference(model: &str) -> f32 {
    let pixels = test_images().unwrap().read(IMAGES).unwrap().unwrap().pixels;
    let mut message = Message::new(pixels);
    message.set_header(CONTENT_TYPE, "application/octet-stream;shape=100,28,28,1");
    let expected = floats(&format!("golden/{model}-100.npy"));
    off(&classifier(model).await, &message, &expected, LABELS).await
}

#[tokio::test]
async fn in_floats_the_component_answers_as_onnxruntime_within_a_ten_thousandth() {
    for model in ["fashion-small", "fashion-large"] {
        let off = difference(model).await;
        assert!(off <= 1e-4, "{model}: {off}");
    }
}

/// A value between two steps may be rounded either way, and moves the following values by a step.
#[tokio::test]
async fn in_integers_it_answers_nearly_so() {
    let off = difference("fashion-small-int8").await;
    assert!(off <= 2e-2, "{off}");
}

/// Models as exporters and quantisers write them.
#[tokio::test]
async fn every_variant_is_taken_for_what_it_is_and_answered_as_onnxruntime_does() {
    let variants: Value = serde_json::from_slice(&std::fs::read(models("golden/variants.json")).unwrap()).unwrap();
    let numbers = |rows: &Value| serde_json::from_value::<Vec<Vec<f32>>>(rows.clone()).unwrap().concat();
    let pixels: Vec<u8> = numbers(&variants["images"])
        .into_iter()
        .map(|pixel| pixel as u8)
        .collect();
    let mut message = Message::new(pixels);
    message.set_header(CONTENT_TYPE, "application/octet-stream;shape=6,4,5,1");
    for variant in variants["models"].as_array().unwrap() {
        let name = variant["name"].as_str().unwrap();
        let classifier = classifier(&format!("golden/variants/{name}")).await;
        let said = classifier.description();
        assert_eq!(variant["scores"], said.scores, "{name}");
        let expected = numbers(&variant["probabilities"]);
        let off = off(&classifier, &message, &expected, said.labels.len()).await;
        assert!(f64::from(off) <= variant["within"].as_f64().unwrap(), "{name}: {off}");
    }
}
