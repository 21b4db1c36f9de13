//! What a model is called, and all that is wrong with one at once.

use super::{first_two, is_refused, load, refusal};
use crate::onnx::{FLOAT, Onnx, node, value};

fn with(entries: &[(&str, &str)]) -> Onnx {
    let entry = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Onnx {
        metadata: entries.iter().map(entry).collect(),
        ..first_two(&[0, 4, 5, 1])
    }
}

#[tokio::test]
async fn the_metadata_names_the_model_or_else_the_file_does() {
    let nameless = Onnx {
        name: String::new(),
        ..with(&[])
    };
    for (model, name, version) in [
        (with(&[]), "graph", "7"),
        (with(&[("name", "shoes"), ("version", "2.1")]), "shoes", "2.1"),
        (nameless, "model", "7"),
    ] {
        let classifier = load(&model.file()).await.unwrap();
        let said = classifier.description();
        assert_eq!((said.name.as_str(), said.version.as_str()), (name, version));
    }
}

#[tokio::test]
async fn names_that_no_host_shows_are_refused() {
    for (key, value) in [("name", "\u{1b}[2J"), ("version", &"9".repeat(257))] {
        is_refused(&with(&[(key, value)]), &["the model's metadata"]).await;
    }
}

#[tokio::test]
async fn classes_are_called_as_the_metadata_says() {
    for (entries, labels) in [
        (&[][..], ["0", "1"]),
        (&[("names", "{0: 'cat', 1: 'dog'}")], ["cat", "dog"]),
        (
            &[("names", "{0: 'cat', 1: 'dog'}"), ("labels", "up\ndown")],
            ["up", "down"],
        ),
    ] {
        assert_eq!(load(&with(entries).file()).await.unwrap().description().labels, labels);
    }
    is_refused(&with(&[("labels", "up")]), &["in metadata `labels`", "--labels FILE"]).await;
}

#[tokio::test]
async fn what_has_no_operators_is_no_model() {
    for model in [
        Onnx::default(),
        Onnx {
            nodes: Vec::new(),
            ..with(&[])
        },
    ] {
        assert_eq!(refusal(&model).await.code, "bad-model");
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let mut model = first_two(&[40, 28, 28, 1]);
    model.nodes.push(node("Unique", &["logits"], "unique"));
    model.outputs.push(value("unique", FLOAT, &[0, 10]));
    is_refused(&model, &["fixed to 40 images", "2 outputs", "`Unique` (once)"]).await;
}
