//! Which files `--model` and `inspect` take as a model: weights in a second file, one output of several, and other formats.

use std::fs;

use serde_json::{Value, json};

use super::components::component;
use super::sandbox::{Sandbox, model_file, npy};

/// A folder with a variant of `models/golden` as `model.onnx`, and an image of its size.
fn with_variant(name: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("model.onnx", model_file(&format!("golden/variants/{name}.onnx")));
    sandbox.write("image.npy", npy("|u1", "(4, 5)", &[100; 20]));
    sandbox
}

/// With the operators of all models.
fn classifier() -> String {
    component("classifier-full").to_str().unwrap().to_owned()
}

/// Every command that takes a model, with `model` and more arguments.
fn commands<'a>(component: &'a str, model: &'a str, more: &[&'a str]) -> Vec<Vec<&'a str>> {
    let with_model = [
        &["run"][..],
        &["classify", "image.npy"],
        &["evaluate"],
        &["demo", "--limit", "1"],
    ];
    let mut commands: Vec<_> = with_model.map(|command| [command, &["--model", model]].concat()).into();
    commands.push(vec!["inspect", model]);
    let rest = [&["--component", component][..], more].concat();
    commands.iter().map(|command| [&command[..], &rest].concat()).collect()
}

#[test]
fn weights_in_a_second_file_are_read_and_the_whole_is_what_the_component_gets() {
    let sandbox = with_variant("weights-beside");
    let data = model_file("golden/variants/weights-beside.onnx.data");
    sandbox.write("weights-beside.onnx.data", &data);
    let classifier = classifier();
    let classify = [
        "classify",
        "image.npy",
        "--model",
        "model.onnx",
        "--component",
        &classifier,
    ];
    assert!(sandbox.succeed(&classify).starts_with("image.npy: "));

    let inspect = ["inspect", "model.onnx", "--component", &classifier];
    let text = sandbox.succeed(&inspect);
    assert!(
        text.contains(" from weights-beside.onnx.data; size and sha256 are of the whole, as the component gets it\n"),
        "{text}"
    );
    let json: Value = serde_json::from_str(&sandbox.succeed(&[&inspect[..], &["--format", "json"]].concat())).unwrap();
    assert_eq!(json["weights"], json!(["weights-beside.onnx.data"]));
    assert_eq!(json["digest"], json["description"]["model_sha256"]);
    let both = fs::metadata(sandbox.path("model.onnx")).unwrap().len() + data.len() as u64;
    let size = json["size"].as_u64().unwrap();
    assert!(size < both && size > data.len() as u64, "{size} of {both}");
}

#[test]
fn a_second_file_that_is_missing_or_cut_short_is_named_by_every_command() {
    let sandbox = with_variant("weights-beside");
    let classifier = classifier();
    for command in commands(&classifier, "model.onnx", &[]) {
        let words = [
            "'model.onnx' cannot be used: ",
            "weights-beside.onnx.data' cannot be read: No such file",
            "onnx.save(",
        ];
        sandbox.refuse(3, &command, &words);
    }
    sandbox.write("weights-beside.onnx.data", [0; 100]);
    let inspect = ["inspect", "model.onnx", "--component", &classifier];
    sandbox.refuse(
        3,
        &inspect,
        &["'weights-beside.onnx.data' is cut short", "it has 100 bytes"],
    );
}

#[test]
fn a_model_of_several_outputs_answers_with_the_one_that_is_named() {
    let sandbox = with_variant("two-outputs");
    let classifier = classifier();
    let classify = [
        "classify",
        "image.npy",
        "--model",
        "model.onnx",
        "--component",
        &classifier,
    ];
    sandbox.refuse(
        5,
        &classify,
        &["2 outputs, `others` (M), `answers`", "--model-output NAME"],
    );
    for command in commands(&classifier, "model.onnx", &["--model-output", "logits"]) {
        sandbox.refuse(
            3,
            &command,
            &["it has no output 'logits' for --model-output, only 'others', 'answers'"],
        );
    }
    let chosen = ["--model-output", "answers"];
    assert!(
        sandbox
            .succeed(&[&classify[..], &chosen].concat())
            .starts_with("image.npy: ")
    );
    let inspect = [
        "inspect",
        "model.onnx",
        "--component",
        &classifier,
        "--model-output",
        "answers",
    ];
    let text = sandbox.succeed(&inspect);
    assert!(
        text.contains(" answers; size and sha256 are of the model with this output alone\n"),
        "{text}"
    );
    let said = sandbox.fail(2, &["classify", "image.npy", "--model-output", "answers"]);
    assert!(said.contains("--model <FILE>"), "{said}");
    let component = ["inspect", &classifier, "--model-output", "answers"];
    sandbox.refuse(
        2,
        &component,
        &["is a component, and --labels and --model-output are of an ONNX model"],
    );
}

#[test]
fn a_model_of_another_format_is_named_with_the_command_that_converts_it_by_every_command() {
    let sandbox = Sandbox::new();
    let keras = [&b"PK\x03\x04"[..], &[0; 22], b"\x0d\0\0\0metadata.json{}"].concat();
    let pytorch = [&b"PK\x03\x04"[..], &[0; 22], b"\x0e\0\0\0model/data.pkl.."].concat();
    let classifier = classifier();
    for (name, start, words) in [
        (
            "model.h5",
            &b"\x89HDF\r\n\x1a\n"[..],
            "python models/train/convert_keras.py model.h5 NAME",
        ),
        (
            "model.keras",
            &keras,
            "python models/train/convert_keras.py model.keras NAME",
        ),
        ("model.pt", &pytorch, "torch.onnx.export("),
        ("model.pth", b"\x80\x02\x8a\x0al\xfc\x9cF", "torch.onnx.export("),
        (
            "model.tflite",
            b"\x1c\0\0\0TFL3",
            "python -m tf2onnx.convert --tflite model.tflite",
        ),
        (
            "model.safetensors",
            b"\x98\x01\0\0\0\0\0\0{\"a\":",
            "a safetensors file, which holds weights and no network",
        ),
        (
            "saved/saved_model.pb",
            b"\x08\x01\x12\x02",
            "tf2onnx.convert --saved-model saved ",
        ),
        ("saved", b"", "tf2onnx.convert --saved-model saved "),
    ] {
        if name != "saved" {
            sandbox.write(name, start);
        }
        for command in commands(&classifier, name, &[]) {
            sandbox.refuse(5, &command, &[name, "ONNX model: it is ", words]);
        }
    }
    let swapped = [
        "classify",
        "image.npy",
        "--model",
        &classifier,
        "--component",
        &classifier,
    ];
    sandbox.refuse(
        5,
        &swapped,
        &["is no ONNX model: it is WebAssembly; name it with --component"],
    );
}
