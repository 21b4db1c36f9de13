//! The models of this repository, against what onnxruntime answers (`models/golden`), and what was computed by hand.

use host::classifier::Classifier;
use host::images::test_images;
use sha2::{Digest, Sha256};

use super::{FULL, USUAL, build, classifier, load, models, off, rows, size};
use crate::components::{component, config};

const IMAGES: u64 = 100;

/// The models, the builds that run them, and by how much a probability may differ from onnxruntime's. Of integers one that lies between two steps may
/// be rounded either way by tract, and moves what follows by a step.
const MODELS: [(&str, &str, f32); 6] = [
    ("fashion-small", USUAL, 1e-4),
    ("fashion-small", FULL, 1e-4),
    ("fashion-large", USUAL, 1e-4),
    ("fashion-large", FULL, 1e-4),
    ("fashion-small-int8", USUAL, 1e-5),
    ("fashion-small-int8", FULL, 2e-2),
];

/// The values of a float32 file as `numpy.save` writes it.
fn floats(name: &str) -> Vec<f32> {
    let npy = std::fs::read(models(name)).unwrap();
    let header = usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    let (values, rest) = npy[10 + header..].as_chunks();
    assert!(rest.is_empty());
    values.iter().copied().map(f32::from_le_bytes).collect()
}

#[tokio::test]
async fn the_component_answers_as_onnxruntime_however_the_images_are_split_over_messages() {
    let pixels = test_images().unwrap().read(IMAGES).unwrap().unwrap().pixels;
    for (name, component, tolerance) in MODELS {
        let classifier = build(component, &models(&format!("{name}.onnx")), None).await.unwrap();
        let given = rows(&classifier, "100,28,28,1", pixels.to_vec()).await.concat();
        let off = off(&given, &floats(&format!("golden/{name}-100.npy")));
        assert!(off <= tolerance, "{name} in {component}: {off}");
        let mut split = Vec::new();
        for part in pixels.chunks(7 * 784) {
            split.extend(
                rows(&classifier, &format!("{},28,28,1", part.len() / 784), part)
                    .await
                    .concat(),
            );
        }
        assert_eq!(split, given, "{name}");
    }
}

#[tokio::test]
async fn the_built_in_model_says_what_it_is() {
    let classifier = Classifier::start(&config(component("classifier"))).await.unwrap();
    let said = classifier.description();
    assert_eq!((size(&classifier), said.max_images), ([28, 28, 1], 4096));
    let labels = std::fs::read_to_string(models("labels.txt")).unwrap();
    assert_eq!(said.labels, Vec::from_iter(labels.lines()));
    let file = std::fs::read(models("fashion-small.onnx")).unwrap();
    assert_eq!(said.model_sha256, Some(hex::encode(Sha256::digest(file))));
    assert!(!said.name.is_empty() && !said.version.is_empty());
}

/// An image of the tiny models that is 255 in one of its three sets of values gives this, computed by hand.
const WON: f32 = 0.986_703;

#[tokio::test]
async fn a_model_of_another_size_answers_as_computed_by_hand() {
    let classifier = classifier(&models("golden/tiny.onnx"), None).await.unwrap();
    assert_eq!(size(&classifier), [6, 8, 1]);
    assert_eq!(classifier.description().labels, ["top", "middle", "bottom"]);
    for band in 0..3 {
        let body: Vec<u8> = (0..48).map(|at| if at / 16 == band { 255 } else { 0 }).collect();
        let row = rows(&classifier, "1,6,8,1", body).await.concat();
        assert!((row[band] - WON).abs() < 1e-5, "{row:?}");
    }
}

#[tokio::test]
async fn a_colour_model_with_channels_last_answers_as_computed_by_hand() {
    let classifier = classifier(&models("golden/tiny-nhwc.onnx"), None).await.unwrap();
    assert_eq!(size(&classifier), [6, 8, 3]);
    let body: Vec<u8> = (0..144).map(|at| if at % 3 == 2 { 255 } else { 0 }).collect();
    let row = rows(&classifier, "1,6,8,3", body).await.concat();
    assert!((row[2] - WON).abs() < 1e-5, "{row:?}");
}

#[tokio::test]
async fn bytes_that_are_no_model_are_refused() {
    let whole = std::fs::read(models("fashion-small.onnx")).unwrap();
    for bytes in [&b""[..], b"hello", b"\0\0\0\0", &whole[..whole.len() / 2], &[0xff; 100]] {
        let cause = load(bytes).await.err().expect("a refusal");
        assert_eq!(cause.code, "bad-model", "{}", cause.detail);
    }
}
