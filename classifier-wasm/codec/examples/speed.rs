//! How fast messages of 40 images become pixels, and results become answers. With an argument, only rows with it in their name.
//! Runs natively and as a guest:
//!
//! ```sh
//! cargo run --release --package classifier-codec --example speed
//! RUSTFLAGS="-C target-feature=+simd128" cargo build --profile component --target wasm32-wasip2 \
//!     --target-dir target/guest --package classifier-codec --example speed
//! wasmtime run target/guest/wasm32-wasip2/component/examples/speed.wasm
//! ```

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::time::{Duration, Instant};

use classifier_codec::answer::{Answer, Model};
use classifier_codec::decode::decode;
use classifier_codec::images::ImageShape;
use classifier_codec::prediction::Predictions;
use classifier_codec::prepare::Prepare;

const LABELS: &str = include_str!("../../../models/labels.txt");
/// As Python producers send it, encoded twice.
const TWICE: &str = include_str!("../../../models/golden/images-40.json");
const IMAGE: ImageShape = ImageShape {
    height: 28,
    width: 28,
    channels: 1,
};
/// How long each is measured, and how many calls at a time: few, so that the best was not disturbed.
const LONG: Duration = Duration::from_millis(700);
const CALLS: u32 = 2;

fn main() {
    println!("| message | bytes | MB/s, median | MB/s, best | us, best |\n| --- | --- | --- | --- | --- |");
    let once: String = serde_json::from_str(TWICE).unwrap();
    let mapped = |map: &dyn Fn(f32) -> String| {
        let mut text = String::new();
        let mut digits = String::new();
        for letter in once.chars() {
            if letter.is_ascii_digit() {
                digits.push(letter);
                continue;
            }
            if !digits.is_empty() {
                text.push_str(&map(digits.parse().unwrap()));
                digits.clear();
            }
            text.push(letter);
        }
        text
    };
    let twice = |text: &str| serde_json::to_string(text).unwrap();
    let whole = mapped(&|value| format!("{value:?}"));
    // As `(array / 255).astype("float32").tolist()` has it.
    let unit = mapped(&|value| format!("{:?}", f64::from(value / 255.0)));
    let short = mapped(&|value| format!("{:.4}", value / 255.0));
    let flat = once.replace("[[[[", "[[[").replace("]]]]", "]]]");
    let flat = flat.replace("]], [[", "\n").replace("], [", ", ").replace('\n', "], [");
    let indented = once.replace(", ", ",\n        ");
    for (name, content_type, body) in [
        ("integers, encoded twice", None, TWICE.as_bytes()),
        ("integers, encoded once", None, once.as_bytes()),
        ("the same without spaces", None, once.replace(", ", ",").as_bytes()),
        ("(N, H, W), encoded once", None, flat.as_bytes()),
        ("`12.0`, encoded twice", None, twice(&whole).as_bytes()),
        ("`0.0471`, encoded twice", None, twice(&short).as_bytes()),
        ("0 to 1 in 17 digits, encoded twice", None, twice(&unit).as_bytes()),
        ("integers, indented", None, indented.as_bytes()),
        (
            "raw bytes",
            Some("application/octet-stream;dtype=uint8"),
            &[7; 40 * 784][..],
        ),
    ] {
        row(name, body.len(), || {
            let decoded = decode(content_type, body, &Prepare::default(), IMAGE);
            decoded.unwrap().images.count()
        });
    }
    let predictions = Predictions::new(10, (0..400).map(|at| (at % 37) as f32 / 37.0).collect());
    let labels: Vec<_> = LABELS.lines().map(str::to_owned).collect();
    let model = Model {
        name: "fashion-small",
        version: "1",
        sha256: &"9f".repeat(32),
        labels: &labels,
    };
    for (name, answer) in [
        ("answer: classes", Answer::Classes),
        ("answer: scores", Answer::Scores { top: 3 }),
    ] {
        let bytes = answer.encode(&predictions, model).unwrap().len();
        row(name, bytes, || answer.encode(&predictions, model).unwrap().len());
    }
}

/// Measures `act` and prints its row, unless another one is asked for.
fn row(name: &str, bytes: usize, mut act: impl FnMut() -> usize) {
    if !name.contains(&std::env::args().nth(1).unwrap_or_default()) {
        return;
    }
    let mut seconds = Vec::new();
    let start = Instant::now();
    while start.elapsed() < LONG {
        let start = Instant::now();
        for _ in 0..CALLS {
            std::hint::black_box(act());
        }
        seconds.push(start.elapsed().as_secs_f64() / f64::from(CALLS));
    }
    seconds.sort_by(f64::total_cmp);
    let [best, median] = [seconds[0], seconds[seconds.len() / 2]];
    let rate = |seconds: f64| bytes as f64 / seconds / 1e6;
    println!(
        "| {name} | {bytes} | {:.0} | {:.0} | {:.1} |",
        rate(median),
        rate(best),
        best * 1e6
    );
}
