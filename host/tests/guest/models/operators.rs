//! Operators that the engine lacks: all of them are named, so that whoever exports the model again does it once.

use super::{first_two, load, refusal};
use crate::onnx::{Onnx, branch, node, node_of, value};

/// A model of operators, each with its domain, one behind the other.
fn chain(operators: &[(&str, &str)]) -> Onnx {
    let mut model = first_two(&[0, 4, 5, 1]);
    let name = |index: usize| {
        if index == 0 {
            "images".to_owned()
        } else {
            format!("after-{index}")
        }
    };
    let of = |(index, (domain, operator)): (usize, &(&str, &str))| {
        node_of(domain, operator, &[&name(index)], &name(index + 1))
    };
    model.nodes = operators.iter().enumerate().map(of).collect();
    model.outputs = vec![value(&name(operators.len()), super::FLOAT, &[0, 2])];
    model
}

/// The refusal of such a model.
async fn said(model: &Onnx) -> String {
    let cause = refusal(model).await;
    assert_eq!(cause.code, "unsupported-model", "{}", cause.detail);
    cause.detail
}

#[tokio::test]
async fn all_that_the_engine_lacks_is_named_with_how_often_the_most_frequent_first() {
    let known = [
        ("", "Conv"),
        ("", "Relu"),
        ("ai.onnx", "Softmax"),
        ("", "If"),
        ("", "Scan"),
    ];
    let lacking = [("", "Unique"), ("", "Loop"), ("", "StringNormalizer"), ("", "Unique")];
    let said = said(&chain(&[&known[..], &lacking].concat())).await;
    let expected =
        "the engine lacks 3 of its operators: `Unique` (2 times), `Loop` (once), `StringNormalizer` (once); ";
    assert!(said.starts_with(expected), "{said}");
    assert!(said.contains("unroll each Loop") && !said.contains("domain"), "{said}");
}

#[tokio::test]
async fn a_domain_of_its_own_is_named_though_the_operator_is_called_as_one_of_onnx() {
    let foreign = chain(&[("", "Conv"), ("com.example", "Conv"), ("com.microsoft", "Gelu")]);
    let foreign = said(&foreign).await;
    assert!(foreign.contains("`com.example::Conv` (once)"), "{foreign}");
    assert!(
        foreign.contains("inline_local_functions") && !foreign.contains("QDQ"),
        "{foreign}"
    );
    let quantised = said(&chain(&[("com.microsoft", "QGemm"), ("com.example", "Conv")])).await;
    assert!(quantised.contains("`com.microsoft::QGemm` (once)"), "{quantised}");
    assert!(quantised.contains("QuantFormat.QDQ"), "{quantised}");
}

#[tokio::test]
async fn operators_within_a_branch_of_if_count() {
    let mut model = chain(&[("", "If"), ("", "Unique")]);
    let inner = chain(&[("", "Unique"), ("", "Bernoulli"), ("", "Relu")]);
    model.nodes[0].extend(branch("then_branch", &inner.graph()));
    let said = said(&model).await;
    assert!(said.contains("`Unique` (2 times), `Bernoulli` (once)"), "{said}");
}

#[tokio::test]
async fn a_list_without_end_is_cut_and_what_is_left_out_is_counted() {
    let names: Vec<_> = (0..1000).map(|number| format!("Op{number:04}\n")).collect();
    let operators: Vec<_> = names.iter().map(|name| ("", name.as_str())).collect();
    let said = said(&chain(&operators)).await;
    assert!(
        said.contains("lacks 1000 of its operators") && said.contains(" more; "),
        "{said}"
    );
    assert!(said.len() < 1000 && !said.contains('\n'), "{} bytes", said.len());
}

#[tokio::test]
async fn operators_that_the_output_does_not_need_do_not_count() {
    let mut model = first_two(&[0, 4, 5, 1]);
    model.nodes.insert(0, node("Unique", &["images"], "unique"));
    model.nodes.push(node("Bernoulli", &["logits"], "drawn"));
    assert!(load(&model.file()).await.is_ok());
    // What a branch takes from around it is needed.
    let inner = Onnx {
        nodes: vec![node("Identity", &["drawn"], "inner")],
        outputs: vec![value("inner", super::FLOAT, &[0, 2])],
        ..Onnx::default()
    };
    let taken = [
        node("If", &["logits"], "branched"),
        branch("then_branch", &inner.graph()),
    ]
    .concat();
    model.nodes.push(taken);
    model.outputs = vec![value("branched", super::FLOAT, &[0, 2])];
    let said = said(&model).await;
    assert!(said.contains("lacks 1 of its operators: `Bernoulli` (once)"), "{said}");
}
