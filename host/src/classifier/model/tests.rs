//! Models and files beside them, in a folder of their own.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

#[path = "../../../tests/onnx/mod.rs"]
mod onnx;

use onnx::{FLOAT, Onnx, beside, branch, constant, floats, node, tensor, value};

const LIMIT: u64 = 1 << 20;

/// A model of two weights and a constant, which lie in itself or as `weight` gives them by name and values.
fn made(weight: impl Fn(&str, &[f32]) -> Vec<u8>) -> Onnx {
    let inner = Onnx {
        nodes: vec![[node("Constant", &[], "c"), constant("value", &weight("c", &[5.0]))].concat()],
        weights: vec![weight("inner", &[6.0, 7.0])],
        ..Onnx::default()
    };
    Onnx {
        name: "graph".to_owned(),
        nodes: vec![
            [node("If", &["images"], "b"), branch("then_branch", &inner.graph())].concat(),
            node("Gemm", &["images", "w"], "logits"),
            node("Softmax", &["logits"], "probabilities"),
        ],
        weights: vec![weight("w", &[1.0, 2.0, 3.0]), floats("small", &[1], [4.0])],
        inputs: vec![value("images", FLOAT, &[0, 28, 28, 1])],
        outputs: vec![
            value("probabilities", FLOAT, &[0, 10]),
            value("logits", FLOAT, &[0, 10]),
        ],
        metadata: vec![("name".to_owned(), "shoes".to_owned())],
        ..Onnx::default()
    }
}

/// The model with all in itself.
fn together() -> Vec<u8> {
    made(|name, values| floats(name, &[values.len()], values.iter().copied())).file()
}

/// The file of the weights, and the model that takes them from there.
fn apart() -> (Vec<u8>, Vec<u8>) {
    let all = [5.0, 6.0, 7.0, 1.0, 2.0, 3.0_f32];
    let data = all.into_iter().flat_map(f32::to_le_bytes).collect();
    let model = made(|name, values| {
        let offset = all.iter().position(|value| *value == values[0]).unwrap() * 4;
        let (offset, length) = (offset.to_string(), (values.len() * 4).to_string());
        let entries = [
            ("location", "model.onnx.data"),
            ("offset", &offset),
            ("length", &length),
            ("checksum", "?"),
        ];
        beside(name, &[values.len()], &entries)
    });
    (data, model.file())
}

/// A folder with `model.onnx.data` in it.
fn folder(data: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.onnx.data"), data).unwrap();
    folder
}

fn joined(folder: &Path, file: Vec<u8>, output: Option<&str>) -> Result<Model, String> {
    whole(&folder.join("model.onnx"), file, output, LIMIT).map_err(|error| error.to_string())
}

/// Why a model of one tensor with these entries is refused.
fn refusal(folder: &Path, entries: &[(&str, &str)]) -> String {
    let model = Onnx {
        weights: vec![beside("w", &[3], entries)],
        ..Onnx::default()
    };
    let said = joined(folder, model.file(), None).unwrap_err();
    assert!(said.contains("model.onnx' cannot be used: "), "{said}");
    said
}

#[test]
fn weights_beside_a_model_are_put_into_it_wherever_its_tensors_stand() {
    let (data, file) = apart();
    let folder = folder(&data);
    let model = joined(folder.path(), file, None).unwrap();
    assert_eq!(model.weights, ["model.onnx.data"]);
    assert!(*model.bytes == *together(), "{}", model.bytes.escape_ascii());
}

#[test]
fn a_model_that_is_whole_is_left_as_it_is_and_so_is_what_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let nested = |depth| {
        (0..depth).fold(vec![0x08], |inner, _| {
            onnx::message(7, &onnx::message(1, &onnx::branch("g", &inner)))
        })
    };
    let group = [onnx::message(7, b""), vec![0x0b]].concat();
    let cut = |length: usize| together()[..length].to_vec();
    for file in [
        together(),
        cut(20),
        cut(100),
        b"puppet-model:named:another".to_vec(),
        Vec::new(),
        nested(200),
        group,
        vec![0xff; 100],
    ] {
        let model = joined(folder.path(), file.clone(), None).unwrap();
        assert_eq!((&*model.bytes, model.weights.len()), (&*file, 0));
    }
}

#[test]
fn without_offset_and_length_a_tensor_is_all_of_its_file() {
    let folder = folder(&[1, 2, 3, 4]);
    for (entries, raw) in [
        (&[("location", "model.onnx.data")][..], &[1, 2, 3, 4][..]),
        (&[("location", "./model.onnx.data"), ("offset", "1")], &[2, 3, 4]),
        (&[("offset", "4"), ("location", "model.onnx.data")], &[]),
        (
            &[("location", "model.onnx.data"), ("offset", "1"), ("length", "2")],
            &[2, 3],
        ),
    ] {
        let of = |tensor| {
            Onnx {
                weights: vec![tensor],
                ..Onnx::default()
            }
            .file()
        };
        let model = joined(folder.path(), of(beside("w", &[1], entries)), None).unwrap();
        assert_eq!(&*model.bytes, of(tensor("w", FLOAT, &[1], raw)), "{entries:?}");
    }
}

#[test]
fn a_file_that_is_missing_or_too_short_is_named_with_the_remedy() {
    let folder = folder(&[0; 8]);
    let said = refusal(folder.path(), &[("location", "other.data")]);
    for words in [
        "'w' lies in 'other.data'",
        "other.data' cannot be read: No such file",
        "onnx.save(onnx.load(",
    ] {
        assert!(said.contains(words), "{said}");
    }
    let most = u64::MAX.to_string();
    for (offset, length, says) in [
        ("0", "12", "it has 8 bytes, and 12 of the tensor 'w' begin at 0"),
        ("9", "0", "it has 8 bytes, and 0 of the tensor 'w' begin at 9"),
        ("9", "", "begin at 9"),
        (&most, &most, "begin at 18446744073709551615"),
        ("-1", "4", "has the offset '-1', which is no number of bytes"),
        ("0", "4 bytes", "has the length '4 bytes', which is no number"),
    ] {
        let said = refusal(
            folder.path(),
            &[("location", "model.onnx.data"), ("offset", offset), ("length", length)],
        );
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn nothing_is_read_but_regular_files_of_the_model_s_own_folder() {
    let outside = folder(&[0; 12]);
    let inside = tempfile::tempdir_in(outside.path()).unwrap();
    fs::create_dir(inside.path().join("folder")).unwrap();
    let absolute = outside.path().join("model.onnx.data").display().to_string();
    for (location, says) in [
        ("../model.onnx.data", "which is no file of the model's own folder"),
        ("folder/../../model.onnx.data", "which is no file of"),
        (&absolute, "which is no file of"),
        ("..\\model.onnx.data", "which is no file of"),
        ("a\u{1b}[2J", "which is no file of"),
        ("", "which is no file of"),
        ("folder", "it is a folder"),
    ] {
        let said = refusal(inside.path(), &[("location", location)]);
        assert!(said.contains(says) && !said.contains(char::is_control), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_not_followed_and_one_within_it_is() {
    use std::os::unix::fs::symlink;

    let outside = folder(&[0; 12]);
    let inside = tempfile::tempdir_in(outside.path()).unwrap();
    symlink("../model.onnx.data", inside.path().join("link")).unwrap();
    symlink("..", inside.path().join("up")).unwrap();
    for location in ["link", "up/model.onnx.data"] {
        let said = refusal(inside.path(), &[("location", location)]);
        assert!(said.contains("a link that leads out of the model's folder"), "{said}");
    }
    fs::write(inside.path().join("real"), [0; 12]).unwrap();
    symlink("real", inside.path().join("near")).unwrap();
    let model = Onnx {
        weights: vec![beside("w", &[3], &[("location", "near")])],
        ..Onnx::default()
    };
    assert_eq!(joined(inside.path(), model.file(), None).unwrap().weights, ["near"]);
}

#[test]
fn what_the_guest_s_memory_cannot_hold_is_refused_before_it_is_read() {
    let folder = folder(&[0; 4096]);
    let all = [("location", "model.onnx.data")];
    let model = Onnx {
        weights: vec![beside("a", &[1024], &all); 300],
        ..Onnx::default()
    };
    let said = joined(folder.path(), model.file(), None).unwrap_err();
    assert!(said.contains("more than --guest-memory allows (1048576)"), "{said}");
}

#[test]
fn of_several_outputs_the_one_that_is_named_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let model = joined(folder.path(), together(), Some("logits")).unwrap();
    let mut expected = made(|name, values| floats(name, &[values.len()], values.iter().copied()));
    expected.outputs.remove(0);
    assert_eq!(&*model.bytes, expected.file());
    for (file, output, says) in [
        (
            together(),
            "logit",
            "it has no output 'logit' for --model-output, only 'probabilities', 'logits'",
        ),
        (together(), "", "it has no output ''"),
        // The branch of an If has outputs, too, which are none of the model's.
        (b"puppet-model:named:another".to_vec(), "logits", "it is no ONNX file"),
    ] {
        let said = joined(folder.path(), file, Some(output)).unwrap_err();
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn an_output_is_chosen_and_weights_are_put_in_at_once() {
    let (data, file) = apart();
    let folder = folder(&data);
    let model = joined(folder.path(), file, Some("probabilities")).unwrap();
    let mut expected = made(|name, values| floats(name, &[values.len()], values.iter().copied()));
    expected.outputs.truncate(1);
    assert_eq!((&*model.bytes, model.weights.len()), (&*expected.file(), 1));
}
