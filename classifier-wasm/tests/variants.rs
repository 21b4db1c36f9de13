//! Models as exporters and quantisers write them, against what onnxruntime answers (`models/golden/variants.json`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::path::PathBuf;

use classifier_codec::images::Images;
use classifier_wasm::model::Model;
use serde::Deserialize;

#[derive(Deserialize)]
struct Variants {
    images: Vec<Vec<f32>>,
    models: Vec<Variant>,
}

#[derive(Deserialize)]
struct Variant {
    name: String,
    scores: String,
    within: f32,
    probabilities: Vec<Vec<f32>>,
}

fn golden(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../models/golden")
        .join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_variant_is_taken_for_what_it_is_and_answers_as_onnxruntime() {
    let variants: Variants = serde_json::from_slice(&golden("variants.json")).unwrap();
    let files = fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/golden/variants")).unwrap();
    assert_eq!(files.count(), variants.models.len());
    let mut wrong = Vec::new();
    for variant in &variants.models {
        let name = &variant.name;
        let mut model = match Model::load(&golden(&format!("variants/{name}.onnx")), Vec::new()) {
            Ok(model) => model,
            Err(reject) => {
                wrong.push(format!("{name}: {reject}"));
                continue;
            }
        };
        let (image, scores) = (model.info().image, model.info().scores.to_string());
        if scores != variant.scores {
            wrong.push(format!("{name}: taken for {scores}"));
        }
        let images = Images::new(image, variants.images.len(), variants.images.concat()).unwrap();
        let given = model.predict(&images).unwrap().into_probabilities();
        let expected = variant.probabilities.concat();
        assert_eq!(given.len(), expected.len(), "{name}");
        let off = given
            .iter()
            .zip(&expected)
            .map(|(given, expected)| (given - expected).abs());
        let off = off.fold(0.0, f32::max);
        if off > variant.within {
            wrong.push(format!("{name}: off by {off}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
