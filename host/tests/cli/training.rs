//! A user's own data, from start to end: pictures in folders, a model that `models/train` makes of them, and that
//! model in the component, alone and over a broker. Nothing of ours is built in between.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use test_brokers::{find_python, or_skip};

use crate::components::component;
use crate::sandbox::Sandbox;

/// The classes of the pictures, in their order.
const COLOURS: [&str; 3] = ["blue", "green", "red"];

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/train")
}

/// An environment that `cargo xtask python` has made. None: it has not, and this is not CI.
fn python(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python");
    or_skip(find_python(&folder, name)).unwrap()
}

/// Runs a script to a successful end, on one thread: more would only wait for each other beside other tests.
fn run(python: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(python);
    command.arg("-B").args(arguments).current_dir(scripts());
    let ended = command.env("OMP_NUM_THREADS", "1").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{arguments:?}: {said}");
    format!("{}{said}", String::from_utf8_lossy(&ended.stdout))
}

#[test]
fn the_scripts_pass_their_own_tests() {
    let Some(python) = python("training") else { return };
    let discover = ["-m", "unittest", "discover", "--start-directory", "tests"];
    let said = run(&python, &[&discover[..], &["--top-level-directory", "."]].concat());
    assert!(said.contains("\nOK\n"), "{said}");
}

#[test]
fn keras_files_become_models_that_answer_as_keras_does() {
    let Some(python) = python("keras") else { return };
    let said = run(
        &python,
        &["-m", "unittest", "tests.keras_conversion", "tests.keras_pixels"],
    );
    assert!(said.contains("\nOK\n"), "{said}");
}

/// A model that was trained on pictures, and others of the same kind that it never saw.
struct Stranger {
    sandbox: Sandbox,
    model: String,
}

impl Stranger {
    fn new(python: &Path) -> Self {
        let sandbox = Sandbox::new();
        let path = |name: &str| sandbox.path(name).display().to_string();
        for (folder, seed, count) in [("pictures", "1", "24"), ("unseen", "2", "5")] {
            run(python, &["tests/made_up.py", &path(folder), seed, count]);
        }
        let name = path("colours");
        let trained = run(
            python,
            &["train.py", "6", &name, "--threads", "1", "--data", &path("pictures")],
        );
        assert!(trained.contains("3 classes: blue, green, red"), "{trained}");
        let model = format!("{name}.onnx");
        Self { sandbox, model }
    }

    fn component() -> String {
        component("classifier").display().to_string()
    }
}

#[test]
fn a_stranger_s_pictures_become_a_model_that_knows_them_alone_and_over_a_broker() {
    let Some(python) = python("training") else { return };
    let stranger = Stranger::new(&python);
    let (sandbox, model, component) = (&stranger.sandbox, &*stranger.model, &*Stranger::component());
    let with_model = ["--component", component, "--model", model];

    for colour in COLOURS {
        let picture = sandbox.path("unseen").join(colour).join("0.png").display().to_string();
        let said = sandbox.succeed(&[&["classify", &picture], &with_model[..]].concat());
        assert!(said.starts_with(&format!("{picture}: {colour} ")), "{said}");
    }

    // A folder is sent in the order of its file names.
    let mut expected = Vec::new();
    for number in 0..5 {
        for (class, colour) in COLOURS.into_iter().enumerate() {
            let sent = sandbox.path("sent").join(format!("{number}-{colour}.png"));
            fs::create_dir_all(sent.parent().unwrap()).unwrap();
            fs::copy(sandbox.path("unseen").join(colour).join(format!("{number}.png")), sent).unwrap();
            expected.push(format!("[{class}]"));
        }
    }
    let sent = sandbox.path("sent").display().to_string();
    sandbox.succeed(&["produce", "--interval", "0", "--images", &sent]);
    sandbox.succeed(&[&["run", "--idle-timeout", "3s"], &with_model[..]].concat());
    let answers = sandbox.succeed(&["consume", "--limit", &expected.len().to_string()]);
    assert_eq!(answers.lines().collect::<Vec<_>>(), expected);
}
