//! Models as exporters and quantisers write them, against what onnxruntime answers (`models/golden/variants.json`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::{FULL, USUAL, build, models, off, rows};

/// What the executor lacks for those that it does not run.
const LEFT_TO_TRACT: [(&str, &str); 11] = [
    ("logsoftmax", "`LogSoftmax` (once)"),
    ("logsoftmax-exp", "`Exp` (once), `LogSoftmax` (once)"),
    ("mean-of-two", "`Mean` (once)"),
    ("one-logit", "`Slice` (once)"),
    ("one-minus-p", "`Slice` (once)"),
    ("one-sigmoid", "`Slice` (once)"),
    ("one-sigmoid-squeezed", "`Slice` (once)"),
    ("pixels-i32", "an input of Int32"),
    ("pixels-i64", "an input of Int64"),
    ("pixels-u8", "an input of Uint8"),
    ("pixels-u8-n-h-w", "an input of Uint8"),
];

fn numbers(rows: &Value) -> Vec<Vec<f32>> {
    serde_json::from_value(rows.clone()).unwrap()
}

#[tokio::test]
async fn every_variant_is_taken_for_what_it_is_and_answered_as_onnxruntime_does() {
    assert_eq!(answers_of(FULL).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_executor_alone_answers_as_onnxruntime_does_or_says_what_it_lacks() {
    let wrong = answers_of(USUAL).await;
    let expected = LEFT_TO_TRACT.map(|(name, what)| {
        let refused = "the component refuses the model: lacks-operators: this build of the component lacks";
        format!("{name}: {refused} {what}; classifier-full.wasm")
    });
    for said in &wrong {
        assert!(expected.iter().any(|expected| said.starts_with(expected)), "{said}");
    }
    assert_eq!(wrong.len(), expected.len());
}

/// What is wrong with the answers of one of the builds.
async fn answers_of(component: &str) -> Vec<String> {
    let json = std::fs::read(models("golden/variants.json")).unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    let mut wrong = Vec::new();
    for variant in json["models"].as_array().unwrap() {
        let name = variant["name"].as_str().unwrap();
        let file = models(&format!("golden/variants/{name}.onnx"));
        let classifier = match build(component, &file, variant["output"].as_str()).await {
            Ok(classifier) => classifier,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let said = classifier.description();
        let scores = said.scores.as_deref().unwrap();
        if variant["scores"] != scores {
            wrong.push(format!("{name}: taken for {scores}"));
        }
        let length = |side: &str, usual: u64| variant[side].as_u64().unwrap_or(usual);
        let (height, width) = (length("height", 4), length("width", 5));
        assert_eq!(
            (u64::from(said.height), u64::from(said.width), said.channels),
            (height, width, 1),
            "{name}"
        );
        // Where the model's images are smaller, they are the first pixels of the same.
        let images = numbers(&json["images"]).into_iter();
        let pixels = images.flat_map(|image| {
            image
                .into_iter()
                .take((height * width) as usize)
                .map(|pixel| pixel as u8)
        });
        let given = rows(&classifier, &format!("6,{height},{width},1"), Vec::from_iter(pixels))
            .await
            .concat();
        let off = off(&given, &numbers(&variant["probabilities"]).concat());
        if f64::from(off) > variant["within"].as_f64().unwrap() {
            wrong.push(format!("{name}: off by {off}"));
        }
    }
    wrong
}

#[test]
fn every_file_of_a_variant_has_its_answers() {
    let json = std::fs::read(models("golden/variants.json")).unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    let models_of = json["models"].as_array().unwrap().iter();
    let named: BTreeSet<_> = models_of
        .map(|variant| format!("{}.onnx", variant["name"].as_str().unwrap()))
        .collect();
    let files = std::fs::read_dir(models("golden/variants")).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<_> = files.filter(|name| name.ends_with(".onnx")).collect();
    assert_eq!(files, named);
}
