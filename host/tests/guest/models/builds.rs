//! The build with the executor alone: what it lacks it says, and a wrong answer it does not give.

use host::classifier::{Classifier, ClassifierConfig, Origin};
use host::pipeline::Cause;

use super::{FULL, USUAL, build, first_two, models};
use crate::components::{component, config};
use crate::onnx::{FLOAT, Onnx, floats, integer, node, node_of, value};

/// The refusal of the build with the executor alone.
async fn refusal(model: &Onnx) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.onnx");
    std::fs::write(&file, model.file()).unwrap();
    build(USUAL, &file, None).await.err().expect("a refusal").to_string()
}

#[tokio::test]
async fn all_that_the_executor_lacks_is_named_and_the_build_that_may_have_it() {
    let mut model = first_two(&[0, 4, 5, 1]);
    model.nodes = vec![
        node("Gelu", &["images"], "a"),
        node("Gelu", &["a"], "b"),
        // What stands behind an operator that it lacks is looked at, too, as far as that is possible.
        [node("Flatten", &["b"], "values"), integer("axis", 1)].concat(),
        node("Gemm", &["values", "weight"], "logits"),
        node_of("com.example", "Softmax", &["logits"], "probabilities"),
    ];
    let said = refusal(&model).await;
    for words in [
        "lacks-operators: ",
        "`Gelu` (2 times), `com.example::Softmax` (once)",
        "classifier-full.wasm",
        "'cargo xtask component'",
        "--component",
    ] {
        assert!(said.contains(words), "'{words}' is not in {said}");
    }
    assert!(!said.contains("Gemm") && !said.contains("Flatten"), "{said}");
}

#[tokio::test]
async fn what_it_does_not_know_of_an_operator_it_refuses() {
    let mut model = first_two(&[0, 4, 5, 1]);
    model.nodes[2] = [node("Softmax", &["logits"], "probabilities"), integer("axis", 0)].concat();
    let said = refusal(&model).await;
    assert!(said.contains("`Softmax` (not over all classes) (once)"), "{said}");
    let mut model = first_two(&[0, 4, 5, 1]);
    model.weights = vec![floats("weight", &[20, 2], [0.5; 39])];
    let said = refusal(&model).await;
    assert!(said.contains("weight has 39 numbers for the axes [20, 2]"), "{said}");
    let mut model = first_two(&[0, 4, 5, 1]);
    model.nodes.insert(0, node("Transpose", &["images"], "unused"));
    model.nodes[1] = node("Flatten", &["nowhere"], "values");
    let said = refusal(&model).await;
    assert!(said.contains("nowhere is not known"), "{said}");
    let mut model = first_two(&[0, 4, 5, 1]);
    model.nodes = vec![node("Softmax", &["images"], "probabilities")];
    model.outputs = vec![value("probabilities", FLOAT, &[0, 2])];
    let said = refusal(&model).await;
    assert!(said.contains("lacks-operators"), "{said}");
}

#[tokio::test]
async fn a_model_that_needs_more_operators_is_run_by_the_build_that_has_them() {
    let file = models("golden/variants/logsoftmax.onnx");
    let config = ClassifierConfig {
        model: Some(file.clone()),
        full: Some(Origin::File(component(FULL))),
        ..config(component(USUAL))
    };
    let classifier = Classifier::start(&config).await.unwrap();
    let digest = |name: &str| {
        let bytes = std::fs::read(component(name)).unwrap();
        hex::encode(<sha2::Sha256 as sha2::Digest>::digest(bytes))
    };
    assert_eq!(host::pipeline::Classify::maker(&classifier).component, digest(FULL));
    let config = ClassifierConfig {
        model: Some(models("fashion-large.onnx")),
        ..config
    };
    let classifier = Classifier::start(&config).await.unwrap();
    assert_eq!(host::pipeline::Classify::maker(&classifier).component, digest(USUAL));
    // One that no build takes is refused in the words of the one that has more.
    let said = build(FULL, &file, None).await.is_ok();
    assert!(said);
}

#[tokio::test]
async fn a_model_that_is_damaged_is_not_tried_a_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.onnx");
    std::fs::write(&file, b"no model").unwrap();
    let config = ClassifierConfig {
        model: Some(file),
        // It would be refused as no component.
        full: Some(Origin::File("no/such/component.wasm".into())),
        ..config(component(USUAL))
    };
    let error = Classifier::start(&config).await.err().unwrap();
    match error {
        host::classifier::ComponentError::Model(Cause { code, .. }) => assert_eq!(code, "bad-model"),
        other => panic!("{other}"),
    }
}
