//! One host, two components: the classifier is swapped without rebuilding the host.

use std::path::Path;

use host::classifier::{Classifier, ClassifierConfig, ComponentError};
use host::message::Message;
use host::pipeline::{Answer, Cause, Classify, ClassifyError};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::components::{component, config};

const PIXELS: usize = 784;

async fn centroid() -> Classifier {
    Classifier::start(&config(component("centroid"))).await.unwrap()
}

fn model_file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name);
    std::fs::read(path).unwrap()
}

/// The Python program's message for the first 40 test images.
fn python_message() -> Message {
    Message::new(model_file("golden/images-40.json"))
}

/// The contents of the JSON string that [`python_message`] is.
fn plain() -> String {
    serde_json::from_slice(&model_file("golden/images-40.json")).unwrap()
}

/// The nearest mean images, computed in whole numbers, in Python's notation.
fn nearest() -> String {
    let centroids = model_file("golden/centroids.bin");
    let message: Value = serde_json::from_str(&plain()).unwrap();
    let images = message["array"].as_array().unwrap().iter().map(|image| {
        let rows = image.as_array().unwrap().iter();
        let pixels = rows
            .flat_map(|row| row.as_array().unwrap())
            .map(|pixel| pixel[0].as_i64().unwrap());
        Vec::from_iter(pixels)
    });
    let classes = images.map(|image| {
        let distance = |centroid: &[u8]| -> i64 {
            let square = |(pixel, mean): (&i64, &u8)| (pixel - i64::from(*mean)).pow(2);
            image.iter().zip(centroid).map(square).sum()
        };
        let distances = Vec::from_iter(centroids.chunks_exact(PIXELS).map(distance));
        let nearest = distances.iter().min().unwrap();
        distances
            .iter()
            .position(|distance| distance == nearest)
            .unwrap()
            .to_string()
    });
    format!("[{}]", Vec::from_iter(classes).join(", "))
}

#[tokio::test]
async fn the_original_message_is_answered_byte_for_byte_as_python_does() {
    let classifier = Classifier::start(&config(component("classifier"))).await.unwrap();
    let expected = Answer {
        payload: model_file("golden/answer-40.json").into(),
        content_type: "application/json".to_owned(),
        images: 40,
        warnings: Vec::new(),
    };
    assert_eq!(classifier.classify(&python_message()).await, Ok(expected));
}

#[tokio::test]
async fn another_component_answers_the_same_message_in_its_own_way() {
    let expected = Answer {
        payload: nearest().into(),
        content_type: "application/json".to_owned(),
        images: 40,
        warnings: Vec::new(),
    };
    assert_ne!(expected.payload, model_file("golden/answer-40.json"));
    let classifier = centroid().await;
    assert_eq!(classifier.classify(&python_message()).await, Ok(expected.clone()));
    assert_eq!(classifier.classify(&Message::new(plain())).await, Ok(expected));
}

#[tokio::test]
async fn each_component_describes_its_own_model() {
    let classifier = centroid().await;
    let said = classifier.description();
    let labels = String::from_utf8(model_file("labels.txt")).unwrap();
    assert_eq!(said.name, "fashion-centroids");
    assert_eq!(said.labels, Vec::from_iter(labels.lines()));
    assert_eq!((&said.model_sha256, &said.scores), (&None, &None), "it takes no model");
    assert_eq!((said.height, said.width, said.channels), (28, 28, 1));
    let file = std::fs::read(component("centroid")).unwrap();
    let maker = classifier.maker();
    assert_eq!(maker.component, hex::encode(Sha256::digest(file)));
    assert_eq!(maker.model, None);
}

#[tokio::test]
async fn a_component_without_a_network_refuses_one() {
    let mut config = config(component("centroid"));
    config.model = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/fashion-small.onnx"));
    let error = Classifier::start(&config).await.err().unwrap();
    assert!(matches!(error, ComponentError::Model(_)), "{error:?}");
    for words in [
        "unsupported-model",
        "does not export the interface model",
        "leave --model out",
    ] {
        assert!(error.to_string().contains(words), "'{words}' is not in '{error}'");
    }
}

#[tokio::test]
async fn the_other_component_refuses_what_the_contract_does_not_allow() {
    let image = vec![vec![0; 28]; 28];
    let too_bright = vec![vec![256; 28]; 28];
    let of_text = vec![vec!["a"; 28]; 28];
    let classifier = centroid().await;
    for (body, code) in [
        ("".to_owned(), "not-json"),
        (plain()[..1000].to_owned(), "not-json"),
        ("[".repeat(100_000), "not-json"),
        (json!({"images": []}).to_string(), "bad-array"),
        (json!({"array": []}).to_string(), "empty"),
        (json!({"array": 7}).to_string(), "bad-shape"),
        (json!({"array": [image, image[1..]]}).to_string(), "bad-shape"),
        (json!({"array": image[0]}).to_string(), "bad-shape"),
        (json!({"array": of_text}).to_string(), "bad-array"),
        (json!({"array": too_bright}).to_string(), "out-of-range"),
    ] {
        match classifier.classify(&Message::new(body.clone())).await {
            Err(ClassifyError::Reject(Cause { code: given, .. })) if given == code => {}
            other => panic!("{}: {other:?} is not {code}", &body[..body.len().min(100)]),
        }
    }
}

#[tokio::test]
async fn a_component_that_cannot_read_pixels_as_is_asked_refuses_to_read_them_otherwise() {
    for (name, prepare) in [
        ("centroid", "scale=1"),
        ("classifier", "scale=2"),
        ("classifier", "colour=blue"),
    ] {
        let config = ClassifierConfig {
            prepare: Some(prepare.to_owned()),
            ..config(component(name))
        };
        let classifier = Classifier::start(&config).await.unwrap();
        match classifier.classify(&python_message()).await {
            Err(ClassifyError::Reject(Cause { code, .. })) => assert_eq!(code, "unsupported-preparation", "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}
