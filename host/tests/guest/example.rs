//! The component of `docs/components.md`: it runs as it stands there, with the one interface that has to be exported and one of the
//! others.

use std::path::Path;

use host::classifier::{Classifier, ComponentError, inspect};
use host::message::Message;
use host::pipeline::{Cause, Classify, ClassifyError};

use crate::components::{component, config};

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

#[test]
fn the_component_in_the_documentation_is_one_that_is_built_and_tested() {
    let page = read("docs/components.md");
    let shown = page.split("```rust\n").nth(1).unwrap().split("```\n").next().unwrap();
    let source = read("test-components/brightness/src/lib.rs").replace("../../wit", "wit");
    let (_, code) = source.split_once("\n\n").unwrap();
    assert_eq!(shown, code, "docs/components.md shows another one");
}

#[tokio::test]
async fn a_component_without_optional_interfaces_answers_and_rejects_and_claims_no_model() {
    let classifier = Classifier::start(&config(component("brightness"))).await.unwrap();
    let said = classifier.description();
    assert_eq!(
        (&*said.name, &said.model_sha256, &said.scores),
        ("brightness", &None, &None)
    );
    let images = [vec![200; 64], vec![3; 64], vec![255; 64]].concat();
    let answer = classifier.classify(&Message::new(images)).await.unwrap();
    assert_eq!((&answer.payload[..], answer.images), (&b"[1, 0, 1]"[..], 3));
    for (body, code) in [(vec![0; 65], "bad-shape"), (Vec::new(), "empty")] {
        let Err(ClassifyError::Reject(Cause { code: given, .. })) = classifier.classify(&Message::new(body)).await
        else {
            panic!("{code} was expected");
        };
        assert_eq!(given, code);
    }
}

#[tokio::test]
async fn what_a_component_exports_beside_messages_is_seen_in_its_inspection_alone() {
    let inspection = inspect(&config(component("brightness"))).await.unwrap();
    let exports = ["messages", "self-test"].map(|name| format!("image-stream:classifier/{name}@0.2.0"));
    assert_eq!(inspection.exports, exports);
    let json = serde_json::to_value(&inspection.description).unwrap();
    assert!(
        json.get("model_sha256").is_none() && json.get("scores").is_none(),
        "{json}"
    );
}

#[tokio::test]
async fn a_component_that_takes_no_model_is_given_none() {
    let mut config = config(component("brightness"));
    config.model = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/fashion-small.onnx"));
    let error = Classifier::start(&config).await.err().unwrap();
    assert!(matches!(error, ComponentError::Model(_)), "{error:?}");
    assert!(error.to_string().contains("leave --model out"), "{error}");
}
