//! Whether a file is a component, a model for one, or a model of another known format, which has to be converted.
//!
//! Decided by the first bytes alone. Only a component, in its sandbox, knows what is in a model.

use std::io::{self, Read};
use std::path::Path;

use super::ComponentError;
use crate::files;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// WebAssembly of any kind.
    Component,
    /// An ONNX model, as far as its first bytes say.
    Model,
}

/// How many bytes to read.
const START: u64 = 128;

/// How an ONNX file begins: with the first field of its protobuf message, the version of the format.
const IR_VERSION: u8 = 0x08;

/// How to convert a Keras file. `FILE` stands for its name.
const KERAS: &str = "convert it: python models/train/convert_keras.py FILE NAME";
/// How to convert a PyTorch file, which does not contain the shape of the images.
const PYTORCH: &str = "export the model in Python, with the shape of its own images: \
                       torch.onnx.export(model.eval(), torch.zeros(1, 3, 224, 224), \"model.onnx\")";

/// Reads the first bytes of `path` and says which of the two it is.
pub fn kind_of(path: &Path) -> Result<Kind, ComponentError> {
    let neither = |reason| ComponentError::Neither {
        path: path.to_owned(),
        reason,
    };
    if let Some(reason) = saved_model(path) {
        return Err(neither(reason));
    }
    let start = start(path).map_err(|error| ComponentError::FileUnreadable {
        path: path.to_owned(),
        error,
    })?;
    recognise(&start).map_err(|reason| neither(named(&reason, path)))
}

/// An error if `path` has another known format than ONNX. A component reports everything else.
pub(super) fn refuse_others(path: &Path) -> Result<(), ComponentError> {
    let of_bytes = || match start(path).unwrap_or_default() {
        start if recognise(&start) == Ok(Kind::Component) => {
            Some("it is WebAssembly; name it with --component".to_owned())
        }
        start => other(&start).map(|reason| named(&reason, path)),
    };
    match saved_model(path).or_else(of_bytes) {
        Some(reason) => Err(ComponentError::NoModel {
            path: path.to_owned(),
            reason,
        }),
        None => Ok(()),
    }
}

fn start(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    files::open(path)?.take(START).read_to_end(&mut start)?;
    Ok(start)
}

fn named(reason: &str, path: &Path) -> String {
    reason.replace("FILE", &path.display().to_string())
}

/// The kind of file that starts with these bytes; otherwise, what it is instead.
fn recognise(start: &[u8]) -> Result<Kind, String> {
    if let Some(other) = other(start) {
        return Err(other);
    }
    match start {
        [0, b'a', b's', b'm', ..] => Ok(Kind::Component),
        [IR_VERSION, ..] => Ok(Kind::Model),
        [] => Err("it is empty".to_owned()),
        _ => {
            let (shown, _) = start.split_at(start.len().min(8));
            Err(format!(
                "it begins with \"{}\"; name a file of one or the other",
                shown.escape_ascii()
            ))
        }
    }
}

/// Another format that users try, and what to do with it.
fn other(start: &[u8]) -> Option<String> {
    let (what, remedy) = match start {
        [b'P', b'K', 3, 4, ..] => zip(start),
        [0x89, b'H', b'D', b'F', ..] => ("an HDF5 file, as Keras saves its models", KERAS),
        [0x80, 2..=5, ..] => ("a Python pickle, as PyTorch before 1.6 saved its models", PYTORCH),
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => (
            "a TensorFlow Lite model",
            "convert it: python -m tf2onnx.convert --tflite FILE --output model.onnx --opset 13",
        ),
        // The length of the header, and the header, which is JSON.
        [_, _, _, _, _, 0, 0, 0, b'{', b'"', ..] => (
            "a safetensors file, which holds weights and no network",
            "export the model with the code of its network: torch.onnx.export in Python, or optimum-cli export onnx",
        ),
        [0x1f, 0x8b, ..] => ("gzipped", "unpack it with gunzip"),
        _ if start.starts_with(b"version https://git-lfs") => {
            ("a pointer of Git LFS", "get the file itself with git lfs pull")
        }
        _ => return None,
    };
    Some(format!("it is {what}; {remedy}"))
}

/// The same for a zip archive, by the name of its first entry.
fn zip(start: &[u8]) -> (&'static str, &'static str) {
    let name = match start.split_at_checked(30) {
        Some((header, rest)) => rest.get(..header.get(26).map_or(0, |length| usize::from(*length))),
        None => None,
    };
    let name = name.unwrap_or_default();
    let is_keras = [&b"metadata.json"[..], b"config.json", b"model.weights.h5"].contains(&name);
    let of_pytorch = [&b"/data.pkl"[..], b"/.format_version", b"/archive_format"];
    if is_keras {
        ("a .keras file", KERAS)
    } else if of_pytorch.iter().any(|end| name.ends_with(end)) {
        (
            "a file of PyTorch, which says what the weights are and not how to run them",
            PYTORCH,
        )
    } else {
        ("a zip archive", "unpack it, and name the .onnx file that is in it")
    }
}

/// The same for a folder that TensorFlow saved a model to, or for the file `saved_model.pb` in it.
fn saved_model(path: &Path) -> Option<String> {
    const NAME: &str = "saved_model.pb";
    let folder = match path.file_name().is_some_and(|name| name == NAME) {
        true => path.parent()?,
        false => path,
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    folder.join(NAME).is_file().then(|| {
        format!(
            "it is a SavedModel of TensorFlow; convert it: python -m tf2onnx.convert --saved-model {} --output model.onnx \
             --opset 13",
            folder.display()
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The start of a zip archive whose first file has this name.
    fn zip_of(name: &str) -> Vec<u8> {
        let mut zip = b"PK\x03\x04".to_vec();
        zip.resize(26, 0);
        zip.extend([name.len() as u8, 0, 0, 0]);
        zip.extend(name.as_bytes());
        zip.extend([0; 20]);
        zip
    }

    #[test]
    fn a_file_is_told_by_its_first_bytes_and_what_is_neither_by_what_it_is() {
        assert_eq!(recognise(b"\0asm\x0d\0\x01\0"), Ok(Kind::Component));
        assert_eq!(recognise(b"\0asm"), Ok(Kind::Component));
        // As PyTorch writes it, and a script without a producer's name.
        assert_eq!(recognise(b"\x08\x08\x12\x07pytorch"), Ok(Kind::Model));
        assert_eq!(recognise(b"\x08\x0a\x3a\x05"), Ok(Kind::Model));
        for (start, says) in [
            (&b""[..], "it is empty"),
            (b"hello world, how are you", "begins with \"hello wo\"; name"),
            (b"\x89HDF\r\n\x1a\n", "convert_keras.py FILE NAME"),
            (
                &zip_of("metadata.json"),
                "a .keras file; convert it: python models/train/convert_keras.py FILE NAME",
            ),
            (
                &zip_of("shoes/data.pkl"),
                "a file of PyTorch, which says what the weights are and not how to run them; export",
            ),
            (&zip_of("shoes/data.pkl"), "torch.onnx.export"),
            (&zip_of("shoes.onnx"), "a zip archive; unpack it"),
            (b"PK\x03\x04....", "a zip archive; unpack it"),
            (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "torch.onnx.export"),
            (b"\x1c\0\0\0TFL3\x14\0", "--tflite FILE"),
            (b"\x98\x01\0\0\0\0\0\0{\"a.weight\"", "a safetensors file"),
            (b"\x1f\x8b\x08", "gunzip"),
            (b"version https://git-lfs.github", "git lfs pull"),
        ] {
            let said = recognise(start);
            assert!(said.as_ref().is_err_and(|said| said.contains(says)), "{said:?}");
        }
    }

    #[test]
    fn a_model_in_a_folder_of_tensorflow_is_told_by_the_file_that_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(saved_model(folder.path()), None);
        let file = folder.path().join("saved_model.pb");
        assert_eq!(saved_model(&file), None);
        std::fs::write(&file, b"\x08\x01\x12\x02\x0a\0").unwrap();
        for path in [folder.path(), &file] {
            let said = saved_model(path).unwrap();
            assert!(
                said.contains(&format!("--saved-model {} ", folder.path().display())),
                "{said}"
            );
            assert!(kind_of(path).unwrap_err().to_string().contains(&said));
        }
    }
}
