//! The guest against what Python's json and onnxruntime gave for the same model (`models/golden`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use classifier_codec::decode::decode;
use classifier_codec::images::{ImageShape, Images};
use classifier_codec::prepare::Prepare;
use classifier_codec::reject::Code;
use classifier_wasm::model::Model;
use classifier_wasm::{Request, classify};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

/// Raw pixels.
const BYTES: &str = "application/octet-stream;dtype=uint8";

fn models(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The values of a float32 file as `numpy.save` writes it.
fn floats(npy: &[u8]) -> Vec<f32> {
    let header = usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    let (values, rest) = npy[10 + header..].as_chunks();
    assert!(rest.is_empty());
    values.iter().copied().map(f32::from_le_bytes).collect()
}

#[test]
fn the_originals_message_gets_pythons_answer_byte_for_byte() {
    let body = models("golden/images-40.json");
    let request = Request {
        body: &body,
        ..Request::default()
    };
    let reply = classify(&mut Model::built_in().unwrap(), request).unwrap();
    assert_eq!(
        String::from_utf8(reply.body).unwrap().into_bytes(),
        models("golden/answer-40.json")
    );
    assert_eq!((reply.images, reply.content_type), (40, "application/json"));
}

/// The models of this repository, and by how much a probability may differ from onnxruntime's. Of integers one that lies
/// between two steps may be rounded either way, and moves what follows by a step.
const MODELS: [(&str, f32); 3] = [
    ("fashion-small", 1e-4),
    ("fashion-large", 1e-4),
    ("fashion-small-int8", 2e-2),
];

/// The first 100 test images.
fn images(shape: ImageShape) -> Images {
    let file = models("data/t10k-images-idx3-ubyte.gz");
    let mut bytes = vec![0; 16 + 100 * shape.values()];
    GzDecoder::new(&file[..]).read_exact(&mut bytes).unwrap();
    Images::new(shape, 100, bytes[16..].iter().copied().map(f32::from).collect()).unwrap()
}

#[test]
fn probabilities_are_those_of_onnxruntime_however_the_images_are_split() {
    for (name, tolerance) in MODELS {
        let mut model = Model::load(&models(&format!("{name}.onnx")), Vec::new()).unwrap();
        let images = images(model.info().image);
        let given = model.predict(&images).unwrap().into_probabilities();
        let expected = floats(&models(&format!("golden/{name}-100.npy")));
        assert_eq!(given.len(), expected.len());
        let off = given
            .iter()
            .zip(&expected)
            .map(|(given, expected)| (given - expected).abs());
        let off = off.fold(0.0, f32::max);
        assert!(off <= tolerance, "{name}: {off}");
        let split = images.values().chunks(7 * 784).flat_map(|values| {
            let part = Images::new(model.info().image, values.len() / 784, values.to_vec()).unwrap();
            model.predict(&part).unwrap().into_probabilities()
        });
        assert_eq!(split.collect::<Vec<_>>(), given, "{name}");
    }
}

#[test]
fn the_built_in_model_says_what_it_is() {
    let model = Model::built_in().unwrap();
    let info = model.info();
    assert_eq!(
        info.image,
        ImageShape {
            height: 28,
            width: 28,
            channels: 1
        }
    );
    assert_eq!(info.image.max_images(), 4096);
    let labels = String::from_utf8(models("labels.txt")).unwrap();
    assert_eq!(info.labels, labels.lines().collect::<Vec<_>>());
    assert_eq!(info.sha256, hex::encode(Sha256::digest(models("fashion-small.onnx"))));
    assert!(!info.name.is_empty() && !info.version.is_empty());
}

/// An image of the loaded tiny models that is 255 in one of its three sets of values gives this, computed by hand.
const WON: f32 = 0.986_703;

#[test]
fn a_loaded_model_of_another_size_answers_as_computed_by_hand() {
    let mut model = Model::load(&models("golden/tiny.onnx"), Vec::new()).unwrap();
    assert_eq!(
        model.info().image,
        ImageShape {
            height: 6,
            width: 8,
            channels: 1
        }
    );
    assert_eq!(model.info().labels, ["top", "middle", "bottom"]);
    for band in 0..3 {
        let body: Vec<u8> = (0..48).map(|at| if at / 16 == band { 255 } else { 0 }).collect();
        let decoded = decode(Some(BYTES), &body, &Prepare::default(), model.info().image).unwrap();
        let row = model.predict(&decoded.images).unwrap().into_probabilities();
        assert!((row[band] - WON).abs() < 1e-5, "{row:?}");
    }
}

#[test]
fn a_colour_model_with_channels_last_answers_as_computed_by_hand() {
    let mut model = Model::load(&models("golden/tiny-nhwc.onnx"), Vec::new()).unwrap();
    assert_eq!(
        model.info().image,
        ImageShape {
            height: 6,
            width: 8,
            channels: 3
        }
    );
    let body: Vec<u8> = (0..144).map(|at| if at % 3 == 2 { 255 } else { 0 }).collect();
    let request = Request {
        content_type: Some(BYTES),
        body: &body,
        ..Request::default()
    };
    assert_eq!(classify(&mut model, request).unwrap().body, b"[2]");
}

#[test]
fn bytes_that_are_no_model_are_refused() {
    let whole = models("fashion-small.onnx");
    for bytes in [&b""[..], b"hello", b"\0\0\0\0", &whole[..whole.len() / 2], &[0xff; 100]] {
        let reject = Model::load(bytes, Vec::new()).err().expect("refused");
        assert_eq!(reject.code, Code::BadModel, "{reject}");
    }
}
