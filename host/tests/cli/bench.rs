//! `host bench`: the figures belong together, and what cannot be measured is said.

use serde_json::Value;

use super::components::component;
use super::sandbox::Sandbox;

/// The shortest that measures anything.
const SHORT: [&str; 4] = ["--rounds", "2", "--workers", "1"];

fn bench(sandbox: &Sandbox, more: &[&str]) -> Value {
    let classifier = component("classifier");
    let words = [
        "bench",
        "--component",
        classifier.to_str().unwrap(),
        "--format",
        "json",
        "--time",
        "50ms",
    ];
    serde_json::from_str(&sandbox.succeed(&[&words[..], &SHORT, more].concat())).unwrap()
}

#[test]
fn every_round_has_its_figures_and_the_shares_of_a_call_are_all_of_it() {
    let sandbox = Sandbox::new();
    let json = bench(&sandbox, &["--batch", "4"]);
    let [side] = json["components"].as_array().unwrap().as_slice() else {
        panic!("{json}");
    };
    let rounds = side["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 2, "{json}");
    // A message of 4 images as the Python program writes them.
    assert!(
        (12_000..25_000).contains(&side["message_bytes"].as_u64().unwrap()),
        "{json}"
    );
    for round in rounds {
        let figure = |name: &str| round[name].as_f64().unwrap();
        assert!(
            figure("images_per_second") > 0.0 && figure("megabytes_per_second") > 0.0,
            "{json}"
        );
        // The network is a part of what a message takes.
        let share = figure("thread_images_per_second") / figure("network_images_per_second");
        assert!((figure("predict") - share).abs() < 1e-6, "{json}");
        assert!(figure("p50_ms") <= figure("p99_ms"), "{json}");
        // Each is measured by itself, so how they compare depends on the machine; what is left of the network is the codec's.
        let rest = (1.0 - figure("predict")).max(0.0);
        assert!((figure("codec") - rest).abs() < 1e-6, "{json}");
        assert!((0.0..=1.0).contains(&figure("decode")), "{json}");
    }
    let images = &side["images_per_second"];
    assert!(images["minimum"].as_f64() <= images["median"].as_f64(), "{json}");
    assert!(side["memory_bytes"].as_u64().unwrap() > 1 << 20, "{json}");
    assert!(json["processor"].as_str().unwrap().contains(", "), "{json}");
    assert!(json["ratio"].is_null(), "{json}");
}

#[test]
fn two_are_measured_in_turn_and_compared() {
    let sandbox = Sandbox::new();
    let centroid = component("centroid");
    let json = bench(&sandbox, &["--against", centroid.to_str().unwrap(), "--codec", "json"]);
    let sides = json["components"].as_array().unwrap();
    assert_eq!(sides.len(), 2, "{json}");
    assert!(sides[1]["name"].as_str().unwrap().contains("centroid"), "{json}");
    assert_eq!(sides[1]["message_bytes"], sides[0]["message_bytes"], "{json}");
    let rate = |side: usize, round: usize| sides[side]["rounds"][round]["images_per_second"].as_f64().unwrap();
    let ratios = [0, 1].map(|round| rate(1, round) / rate(0, round));
    let near = |name: &str, value: f64| (json["ratio"][name].as_f64().unwrap() / value - 1.0).abs() < 1e-6;
    assert!(near("minimum", ratios[0].min(ratios[1])), "{json}");
    assert!(near("maximum", ratios[0].max(ratios[1])), "{json}");
    assert!(near("median", (ratios[0] + ratios[1]) / 2.0), "{json}");
}

#[test]
fn what_cannot_be_measured_is_refused_with_the_reason() {
    let sandbox = Sandbox::new();
    sandbox.write("notes.txt", "hello");
    let classifier = component("classifier");
    let classifier = classifier.to_str().unwrap();
    let centroid = component("centroid").to_str().unwrap().to_owned();
    for (more, code, says) in [
        (&["--batch", "1000000000"][..], 2, "images"),
        (&["--time", "0"][..], 2, "--time 0 measures nothing"),
        (&["--batch", "0"], 2, "--batch"),
        (
            &["--against", "notes.txt"],
            5,
            "neither a WebAssembly component nor an ONNX model",
        ),
        (&["--against", "nothing.wasm"], 3, "nothing.wasm"),
        // It only takes JSON.
        (&["--against", &centroid, "--codec", "raw"], 6, "unsupported"),
    ] {
        let ended = sandbox.host(&[&["bench", "--component", classifier][..], &SHORT, more].concat());
        assert_eq!(ended.code, Some(code), "{more:?} {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{more:?} {}", ended.stderr);
    }
}

#[test]
fn a_component_whose_network_cannot_be_called_alone_is_refused() {
    let sandbox = Sandbox::new();
    let brightness = component("brightness");
    let bench = ["bench", "--component", brightness.to_str().unwrap()];
    let said = sandbox.fail(3, &[&bench[..], &SHORT].concat());
    assert!(said.contains("does not export the interface tensors"), "{said}");
}
