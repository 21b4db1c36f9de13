//! The program started anywhere: which component it takes, and what it says where there is none.

use std::fs;

use super::components::component;
use super::sandbox::{Sandbox, model_file};

/// A sandbox with a component, the puppet, at a path in it.
fn with_component_at(path: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(path, fs::read(component("puppet")).unwrap());
    sandbox
}

#[test]
fn a_component_beside_the_program_or_where_it_is_built_is_found_from_an_empty_folder() {
    for (folder, path) in [("bin", "bin/classifier.wasm"), ("debug", "component/classifier.wasm")] {
        let sandbox = with_component_at(path);
        let program = sandbox.copy_of_the_program(folder);
        let ended = sandbox.run_program(&program, &["inspect"]);
        assert_eq!(ended.code, Some(0), "{path}: {}", ended.stderr);
        let text = String::from_utf8(ended.stdout).unwrap();
        assert!(text.contains("classifier.wasm") && text.contains("puppet"), "{text}");
    }
}

#[test]
fn a_model_that_needs_the_build_with_more_operators_gets_it_and_inspect_says_why() {
    let sandbox = Sandbox::new();
    for name in ["classifier", "classifier-full"] {
        sandbox.write(&format!("bin/{name}.wasm"), fs::read(component(name)).unwrap());
    }
    let program = sandbox.copy_of_the_program("bin");
    let inspected = |model: &str| {
        sandbox.write("model.onnx", model_file(model));
        let ended = sandbox.run_program(&program, &["inspect", "model.onnx"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        String::from_utf8(ended.stdout).unwrap()
    };
    let text = inspected("golden/variants/logsoftmax.onnx");
    let why = "the usual one does not run the model: this build of the component lacks `LogSoftmax` (once)";
    assert!(text.contains("classifier-full.wasm") && text.contains(why), "{text}");
    let text = inspected("golden/tiny.onnx");
    assert!(text.contains("classifier.wasm") && !text.contains("usual"), "{text}");

    // One that is named stays.
    sandbox.write("model.onnx", model_file("golden/variants/logsoftmax.onnx"));
    let named = ["inspect", "model.onnx", "--component", "bin/classifier.wasm"];
    let ended = sandbox.run_program(&program, &named);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    ended.assert_says("lacks `LogSoftmax` (once); classifier-full.wasm has the operators of most models");
}

#[test]
fn a_component_that_is_named_goes_before_the_one_beside_the_program() {
    let mut sandbox = with_component_at("bin/classifier.wasm");
    let program = sandbox.copy_of_the_program("bin");
    sandbox.set("HOST_COMPONENT", "missing.wasm");
    let ended = sandbox.run_program(&program, &["inspect"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    ended.assert_says("'missing.wasm'");
}

#[test]
fn a_program_without_a_component_says_where_it_looked_and_what_to_do() {
    let sandbox = Sandbox::new();
    let program = sandbox.copy_of_the_program("bin");
    for command in [
        &["inspect"][..],
        &["classify", "a.png"],
        &["run"],
        &["demo"],
        &["evaluate"],
    ] {
        let ended = sandbox.run_program(&program, command);
        assert_eq!(ended.code, Some(3), "{command:?}: {}", ended.stderr);
        for words in [
            "bin/classifier.wasm'",
            "bin/../component/classifier.wasm'",
            "cargo xtask component",
            "cargo xtask install",
            "--component",
        ] {
            assert!(ended.stderr.contains(words), "{command:?}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_program_without_a_page_says_where_it_looked_and_what_to_do() {
    let sandbox = Sandbox::new();
    let program = sandbox.copy_of_the_program("bin");
    let ended = sandbox.run_program(&program, &["demo", "--browser"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    for words in [
        "bin/browser'",
        "bin/../browser'",
        "cargo xtask browser",
        "--browser=FOLDER",
    ] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}
