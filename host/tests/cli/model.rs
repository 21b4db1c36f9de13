//! `host inspect MODEL`: what the component makes of a model, before anything is sent through it.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::components::component;
use super::linear::Linear;
use super::sandbox::{Sandbox, model_file, npy};

/// The model that is built into the component.
const BUILT_IN: &str = "fashion-small.onnx";

/// With the operators of all models.
fn classifier() -> String {
    component("classifier-full").to_str().unwrap().to_owned()
}

/// A sandbox with the file, and what `inspect` gives of it as JSON.
fn inspected(bytes: impl AsRef<[u8]>) -> (Sandbox, Value) {
    let sandbox = Sandbox::new();
    sandbox.write("model.onnx", bytes);
    let json = sandbox.succeed(&[
        "inspect",
        "model.onnx",
        "--component",
        &classifier(),
        "--format",
        "json",
    ]);
    let json = serde_json::from_str(&json).unwrap();
    (sandbox, json)
}

/// The nearest mean image of each class of Fashion-MNIST, as a linear model for images whose black is `black` and
/// whose white is `white`: two thirds of the test images are right.
pub fn nearest(black: f32, white: f32) -> Linear {
    let means = model_file("golden/centroids.bin");
    let means = means
        .chunks_exact(784)
        .map(|mean| mean.iter().map(|pixel| f32::from(*pixel) / 255.0));
    let means: Vec<Vec<f32>> = means.map(Iterator::collect).collect();
    let scale = 1.0 / (white - black);
    let bias = |mean: &Vec<f32>| mean.iter().map(|value| -value * (value + 2.0 * black * scale)).sum();
    Linear {
        size: [28, 28],
        bias: means.iter().map(bias).collect(),
        weight: means
            .iter()
            .map(|mean| mean.iter().map(|value| 2.0 * value * scale).collect())
            .collect(),
        behind: Vec::new(),
        batch: 0,
    }
}

#[test]
fn a_model_that_takes_raw_pixels_is_shown_and_said_to() {
    for (name, shape, labels, takes) in [
        ("golden/tiny.onnx", [6, 8, 1], 3, "unknown"),
        ("golden/tiny-nhwc.onnx", [6, 8, 3], 3, "unknown"),
        (BUILT_IN, [28, 28, 1], 10, "yes"),
    ] {
        let bytes = model_file(name);
        let (_, json) = inspected(&bytes);
        assert_eq!(json["accepted"], true, "{name}: {json}");
        assert_eq!(json["size"], bytes.len(), "{name}");
        let digest = hex::encode(Sha256::digest(&bytes));
        assert_eq!(
            (&json["digest"], &json["description"]["model_sha256"]),
            (&json!(digest), &json!(digest))
        );
        let size = ["height", "width", "channels"].map(|part| &json["description"][part]);
        assert_eq!(json!(size), json!(shape), "{name}");
        assert_eq!(json["description"]["labels"].as_array().unwrap().len(), labels);
        assert_eq!(json["pixels"]["takes_raw"], takes, "{name}: {}", json["pixels"]);
        assert!(json.get("remedy").is_none() && json.get("refusal").is_none(), "{json}");
        let component = std::fs::read(component("classifier-full")).unwrap();
        assert_eq!(json["component"], hex::encode(Sha256::digest(component)));
        assert!(json["one_image"]["milliseconds"].as_f64().unwrap() > 0.0, "{json}");
        assert!(json["one_image"]["runs"].as_u64().unwrap() >= 3, "{json}");
    }
}

#[test]
fn text_has_the_same_for_people() {
    let sandbox = Sandbox::new();
    sandbox.write("tiny.onnx", model_file("golden/tiny.onnx"));
    let text = sandbox.succeed(&["inspect", "tiny.onnx", "--component", &classifier()]);
    for words in [
        "tiny.onnx\nsize       891 B (891 bytes)\nsha256  ",
        "images     6 x 8 pixels, grey; as a batch (N, 6, 8, 1)\n",
        "scores     probabilities, taken as they are\n",
        "labels     top, middle, bottom\n",
        "pixels     takes raw pixels: cannot tell\n           only a model of 28 x 28 grey pixels and 10 classes is tried",
        "\none image  ",
        " ms, the median of ",
    ] {
        assert!(text.contains(words), "'{words}' is not in {text}");
    }
}

#[test]
fn what_a_models_numbers_are_taken_for_is_said() {
    for (name, scores) in [
        ("softmax-clip", "probabilities, taken as they are"),
        ("logsoftmax", "logits, through a softmax"),
        (
            "ten-sigmoids",
            "values from 0 to 1 that do not sum to 1, such as sigmoids: each divided by their sum",
        ),
        (
            "one-sigmoid",
            "one probability p, as of a sigmoid: 1 - p and p, for two classes",
        ),
        ("one-logit", "one logit, p by a sigmoid: 1 - p and p, for two classes"),
    ] {
        let (sandbox, json) = inspected(model_file(&format!("golden/variants/{name}.onnx")));
        assert_eq!(json["description"]["scores"], scores, "{name}");
        let classes = if name.starts_with("one-") { 2 } else { 10 };
        assert_eq!(
            json["description"]["labels"].as_array().unwrap().len(),
            classes,
            "{name}"
        );
        let text = sandbox.succeed(&["inspect", "model.onnx", "--component", &classifier()]);
        assert!(text.contains(&format!("\nscores     {scores}\n")), "{text}");
    }
}

#[test]
fn classes_are_called_by_a_file_else_by_the_model_and_else_by_their_numbers() {
    // Ten classes of 28 x 28 grey pixels need not be clothes.
    let (sandbox, json) = inspected(nearest(0.0, 255.0).file());
    let numbers: Vec<_> = (0..10).map(|class| class.to_string()).collect();
    assert_eq!(json["description"]["labels"], json!(numbers));
    sandbox.write("labels.txt", model_file("labels.txt"));
    sandbox.write("tiny.onnx", model_file("golden/tiny.onnx"));
    sandbox.write("three.txt", "up\nlevel\ndown\n");
    let classifier = classifier();
    let labels = |model: &str, labels: &[&str]| -> Value {
        let inspect = ["inspect", model, "--component", &classifier, "--format", "json"];
        let json: Value = serde_json::from_str(&sandbox.succeed(&[&inspect[..], labels].concat())).unwrap();
        json["description"]["labels"].clone()
    };
    assert_eq!(labels("tiny.onnx", &[]), json!(["top", "middle", "bottom"]));
    assert_eq!(
        labels("tiny.onnx", &["--labels", "three.txt"]),
        json!(["up", "level", "down"])
    );
    assert_eq!(labels("model.onnx", &["--labels", "labels.txt"])[9], "Ankle boot");

    sandbox.write("black.npy", npy("|u1", "(28, 28)", &[0; 784]));
    let classify = [
        "classify",
        "black.npy",
        "--component",
        &classifier,
        "--model",
        "model.onnx",
    ];
    let answer = sandbox.succeed(&classify);
    assert!(answer.starts_with("black.npy: 5 "), "{answer}");
    let answer = sandbox.succeed(&[&classify[..], &["--labels", "labels.txt"]].concat());
    assert!(answer.starts_with("black.npy: Sandal "), "{answer}");
}

#[test]
fn labels_that_do_not_fit_are_refused_with_the_value_and_the_remedy() {
    let sandbox = Sandbox::new();
    let classifier = classifier();
    sandbox.write("tiny.onnx", model_file("golden/tiny.onnx"));
    sandbox.write("two.txt", "up\ndown\n");
    sandbox.write("twice.txt", "up\ndown\nup\n");
    sandbox.write("hole.txt", "up\n\ndown\n");
    sandbox.write("long.txt", format!("up\n{}\ndown\n", "x".repeat(257)));
    sandbox.write("empty.txt", "\n");
    for (file, code, words) in [
        (
            "two.txt",
            5,
            &["are 2, from `up` on, and the model has 3 classes", "--labels FILE"][..],
        ),
        ("twice.txt", 5, &["`up` for both class 0 and class 2"]),
        ("hole.txt", 5, &["`` for class 1, which is empty"]),
        ("long.txt", 5, &["longer than 256 bytes"]),
        ("empty.txt", 3, &["'empty.txt'", "it has no labels", "one label a line"]),
        ("missing.txt", 3, &["'missing.txt'", "os error 2"]),
        (".", 3, &["not a regular file"]),
    ] {
        let classify = [
            "classify",
            "a.png",
            "--component",
            &classifier,
            "--model",
            "tiny.onnx",
            "--labels",
            file,
        ];
        sandbox.refuse(code, &classify, words);
    }
    let component = ["inspect", &classifier, "--labels", "two.txt"];
    sandbox.refuse(
        2,
        &component,
        &["is a component, and --labels and --model-output are of an ONNX model"],
    );
    for command in [&["run"][..], &["classify", "a.png"], &["evaluate"], &["demo"]] {
        let said = sandbox.fail(2, &[command, &["--labels", "two.txt"]].concat());
        assert!(said.contains("--model <FILE>"), "{said}");
    }
}

#[test]
fn labelled_images_tell_what_scaling_a_model_expects_and_the_remedy_is_named() {
    for (black, white, expects, options) in [
        (0.0, 1.0, "0 to 1", "scaled.onnx"),
        (-1.0, 1.0, "-1 to 1", "--mean 0.5 --std 0.5"),
        (1.0, 0.0, "1 to 0, dark on light", "--invert"),
    ] {
        let (sandbox, json) = inspected(nearest(black, white).file());
        assert_eq!(json["accepted"], true);
        let pixels = &json["pixels"];
        assert_eq!(
            (&pixels["takes_raw"], &pixels["expects"]),
            (&json!("no"), &json!(expects)),
            "{pixels}"
        );
        assert_eq!(pixels["images"], 300);
        let tried = pixels["tried"].as_array().unwrap();
        let right = tried.iter().find(|tried| tried["scaling"] == expects).unwrap();
        assert!((0.6..0.75).contains(&right["accuracy"].as_f64().unwrap()), "{right}");
        let remedy = json["remedy"].as_str().unwrap();
        assert!(
            remedy.contains("models/train/scaling.py model.onnx") && remedy.ends_with(options),
            "{remedy}"
        );
        let text = sandbox.succeed(&["inspect", "model.onnx", "--component", &classifier()]);
        let said = format!("does not take raw pixels: it expects {expects}");
        assert!(text.contains(&said) && text.contains(remedy), "{text}");
    }
    let (_, json) = inspected(nearest(0.0, 255.0).file());
    assert_eq!(json["pixels"]["takes_raw"], "yes", "{}", json["pixels"]);
}

#[test]
fn of_a_model_that_the_test_images_are_not_for_nothing_is_claimed() {
    for white in [1.0, 255.0] {
        let (_, json) = inspected(Linear::bands(white).file());
        let pixels = &json["pixels"];
        assert_eq!(
            (&pixels["takes_raw"], &pixels["tried"]),
            (&json!("unknown"), &json!([]))
        );
        assert!(
            pixels["says"].as_str().unwrap().contains("host evaluate --data"),
            "{pixels}"
        );
        assert!(json.get("remedy").is_none(), "{json}");
    }
}

#[test]
fn a_model_with_operators_that_the_engine_lacks_is_refused_with_all_of_them() {
    let model = Linear {
        behind: vec![
            ("", "Bernoulli"),
            ("com.example", "Relu"),
            ("", "Bernoulli"),
            ("", "Relu"),
        ],
        batch: 32,
        ..Linear::bands(255.0)
    };
    let sandbox = Sandbox::new();
    sandbox.write("model.onnx", model.file());
    let inspect = ["inspect", "model.onnx", "--component", &classifier()];
    let words = [
        "unsupported-model",
        "lacks 2 of its operators: `Bernoulli` (2 times), `com.example::Relu` (once)",
        "is fixed to 32 images",
    ];
    let ended = sandbox.host(&inspect);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    for words in words {
        assert!(ended.stderr.contains(words), "'{words}' is not in {}", ended.stderr);
    }
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(text.contains("sha256  ") && !text.contains("labels"), "{text}");

    let ended = sandbox.host(&[&inspect[..], &["--format", "json"]].concat());
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    let json: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(
        (&json["accepted"], &json["refusal"]["code"]),
        (&json!(false), &json!("unsupported-model"))
    );
    assert_eq!(json["size"], model.file().len());
    for words in &words[1..] {
        assert!(json["refusal"]["detail"].as_str().unwrap().contains(words), "{json}");
    }
    assert!(
        json.get("pixels").is_none() && json.get("description").is_none(),
        "{json}"
    );
}

#[test]
fn a_model_is_refused_where_it_is_damaged_or_too_large_for_the_sandbox_or_the_component_takes_none() {
    let sandbox = Sandbox::new();
    let whole = model_file(BUILT_IN);
    sandbox.write("cut.onnx", &whole[..whole.len() / 2]);
    sandbox.write("whole.onnx", &whole);
    let (classifier, centroid) = (classifier(), component("centroid"));
    for (arguments, code) in [
        (&["cut.onnx", "--component", &classifier][..], "bad-model"),
        (
            &["whole.onnx", "--component", centroid.to_str().unwrap()],
            "unsupported-model",
        ),
        (
            &["whole.onnx", "--component", &classifier, "--guest-memory", "1MiB"],
            "no-start",
        ),
    ] {
        let ended = sandbox.host(&[&["inspect", "--format", "json"], arguments].concat());
        assert_eq!(ended.code, Some(5), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
        let json: Value = serde_json::from_slice(&ended.stdout).unwrap();
        assert_eq!(
            (&json["accepted"], &json["refusal"]["code"]),
            (&json!(false), &json!(code))
        );
    }
}

#[test]
fn a_file_is_a_component_or_a_model_by_its_bytes_and_else_refused_by_both_names() {
    let sandbox = Sandbox::new();
    sandbox.write("text.onnx", "Dear diary, I have trained a model.");
    sandbox.write("empty.onnx", "");
    sandbox.write("keras.h5", b"\x89HDF\r\n\x1a\n and more");
    // The name says nothing.
    sandbox.write("model.wasm", model_file("golden/tiny.onnx"));
    sandbox.write("component.onnx", std::fs::read(component("centroid")).unwrap());
    let both = "neither a WebAssembly component nor an ONNX model";
    sandbox.refuse(5, &["inspect", "text.onnx"], &["'text.onnx'", both, "\"Dear dia\""]);
    sandbox.refuse(5, &["inspect", "empty.onnx"], &["'empty.onnx'", both, "it is empty"]);
    sandbox.refuse(5, &["inspect", "keras.h5"], &[both, "convert_keras.py"]);
    sandbox.refuse(
        3,
        &["inspect", "missing.onnx"],
        &["cannot read 'missing.onnx'", "an ONNX model"],
    );
    sandbox.refuse(
        3,
        &["inspect", "model.wasm", "--component", "missing.wasm"],
        &["cannot read 'missing.wasm'", "cargo xtask component", "--component"],
    );
    let model = ["inspect", "model.wasm", "--component", &classifier()];
    assert!(sandbox.succeed(&model).contains("takes raw pixels"));
    for component in [&["component.onnx"][..], &["--component", "component.onnx"]] {
        let text = sandbox.succeed(&[&["inspect"], component].concat());
        assert!(
            text.contains("fashion-centroids") && text.contains("exports  "),
            "{text}"
        );
    }
}
