//! What a model gives: its one output, and the softmax at its end.

use super::{first_two, is_refused, load, models, refusal};
use crate::onnx::{FLOAT, Onnx, floats, integer, node, tensor, value};

#[tokio::test]
async fn outputs_must_be_one_that_an_operator_gives() {
    let mut model = first_two(&[0, 4, 5, 1]);
    model.outputs = vec![value("elsewhere", FLOAT, &[0, 2])];
    let cause = refusal(&model).await;
    assert_eq!(cause.code, "bad-model");
    assert!(
        cause.detail.contains("no operator gives the output `elsewhere`"),
        "{}",
        cause.detail
    );
    model.outputs.clear();
    is_refused(&model, &["no output"]).await;
}

#[tokio::test]
async fn several_outputs_are_refused_with_their_shapes_and_the_way_to_choose_one() {
    let mut model = first_two(&[0, 4, 5, 1]);
    model.outputs.push(value("logits", FLOAT, &[0, 2]));
    let words = [
        "2 outputs, `probabilities` (N, 2), `logits` (N, 2): ",
        "--model-output NAME",
        "onnx.utils.extract_model",
    ];
    is_refused(&model, &words).await;
    model.outputs = vec![value("logits", FLOAT, &[0, 2]); 50];
    is_refused(&model, &["50 outputs, ", ", ...: "]).await;
}

#[tokio::test]
async fn the_output_that_is_chosen_is_the_one_that_answers() {
    let file = models("golden/variants/two-outputs.onnx");
    for (output, words) in [
        (None, "unsupported-model: the engine lacks 1 of its operators: `Unique`"),
        (None, "2 outputs, `others` (M), `answers`"),
        (Some("others"), "the engine lacks 1 of its operators"),
        (
            Some("logits"),
            "it has no output 'logits' for --model-output, only 'others', 'answers'",
        ),
    ] {
        let said = super::classifier(&file, output)
            .await
            .err()
            .expect("a refusal")
            .to_string();
        assert!(said.contains(words), "{said}");
    }
    assert!(super::classifier(&file, Some("answers")).await.is_ok());
}

/// A model of one class, which a softmax gives 1, and these operators behind that.
fn one_class(behind: &[&str]) -> Onnx {
    let mut model = Onnx {
        nodes: vec![
            node("Flatten", &["images"], "values"),
            node("Gemm", &["values", "weight"], "logits"),
            node("Softmax", &["logits"], "after-0"),
        ],
        weights: vec![floats("weight", &[20, 1], [0.01; 20]), floats("same", &[], [1.0])],
        outputs: vec![value(&format!("after-{}", behind.len()), FLOAT, &[0, 1])],
        ..first_two(&[0, 4, 5, 1])
    };
    model.weights.push(tensor(
        "shape",
        crate::onnx::INT64,
        &[2],
        &[1i64.to_le_bytes(), 1i64.to_le_bytes()].concat(),
    ));
    for (index, operator) in behind.iter().enumerate() {
        let [before, after] = [index, index + 1].map(|index| format!("after-{index}"));
        model.nodes.push(match *operator {
            "Mul" => node("Mul", &[&before, "same"], &after),
            "Reshape" => node("Reshape", &[&before, "shape"], &after),
            "Cast" => [node("Cast", &[&before], &after), integer("to", FLOAT)].concat(),
            operator => node(operator, &[&before], &after),
        });
    }
    model
}

/// Where a softmax is seen, 1 for every class is its mistake; where none is, one value of 1 is a probability.
#[tokio::test]
async fn a_softmax_is_seen_through_reshapes_and_not_through_arithmetic() {
    for behind in [
        &[][..],
        &["Identity"],
        &["Squeeze"],
        &["Cast"],
        &["Reshape", "Flatten", "Identity"],
    ] {
        is_refused(
            &one_class(behind),
            &["softmax gives 1 for every class", "over the last axis"],
        )
        .await;
    }
    let classifier = load(&one_class(&["Mul"]).file()).await.unwrap();
    let said = classifier.description().scores.clone().unwrap();
    assert!(said.starts_with("one probability p"), "{said}");
}

#[tokio::test]
async fn an_operator_that_takes_what_it_gives_is_refused() {
    let mut model = first_two(&[0, 4, 5, 1]);
    model.nodes = vec![node("Identity", &["probabilities"], "probabilities")];
    let cause = refusal(&model).await;
    assert!(
        cause.code == "bad-model" || cause.code == "unsupported-model",
        "{cause:?}"
    );
}

#[tokio::test]
async fn a_model_whose_exporter_noted_shapes_of_any_number_of_images_is_taken() {
    let mut model = first_two(&[0, 4, 5, 1]);
    model.values = vec![value("values", FLOAT, &[0, 20]), value("logits", FLOAT, &[0, 2])];
    let classifier = load(&model.file()).await.unwrap();
    assert_eq!(classifier.description().labels.len(), 2);
}

#[tokio::test]
async fn an_output_that_is_no_row_of_floats_is_refused_with_what_it_is() {
    let mut model = first_two(&[0, 4, 5, 1]);
    model.nodes[2] = [node("ArgMax", &["logits"], "probabilities"), integer("axis", 1)].concat();
    is_refused(&model, &["the output is ", "it must be (N, labels) floats"]).await;
    let mut model = first_two(&[0, 4, 5, 1]);
    model.nodes = vec![node("Softmax", &["images"], "probabilities")];
    is_refused(&model, &["it must be (N, labels) floats", "flatten it in the model"]).await;
}
