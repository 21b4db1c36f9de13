//! Whether a file is a component or a model for one.
//!
//! Decided by the first bytes alone. Only a component, in its sandbox, knows what is in a model.

use std::io::Read;
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
const START: u64 = 24;

/// How an ONNX file begins: with the first field of its protobuf message, the version of the format.
const IR_VERSION: u8 = 0x08;

/// Files that users try instead, and what to do with them.
const OTHERS: [(&[u8], &str); 4] = [
    (
        b"PK\x03\x04",
        "it is a zip archive, as PyTorch and Keras save their models; export the model with torch.onnx.export or tf2onnx",
    ),
    (
        b"\x89HDF",
        "it is an HDF5 file, as Keras saves its models; convert it with models/train/convert_keras.py",
    ),
    (
        b"version https://git-lfs",
        "it is a pointer of Git LFS; get the file itself with git lfs pull",
    ),
    (b"\x1f\x8b", "it is gzipped; unpack it with gunzip"),
];

/// Reads the first bytes of `path` and says which of the two it is.
pub fn kind_of(path: &Path) -> Result<Kind, ComponentError> {
    let mut start = Vec::new();
    files::open(path)
        .and_then(|file| file.take(START).read_to_end(&mut start))
        .map_err(|error| ComponentError::FileUnreadable {
            path: path.to_owned(),
            error,
        })?;
    recognise(&start).map_err(|reason| ComponentError::Neither {
        path: path.to_owned(),
        reason,
    })
}

/// The kind of file that starts with these bytes; otherwise, what it is instead.
fn recognise(start: &[u8]) -> Result<Kind, String> {
    match start {
        [0, b'a', b's', b'm', ..] => Ok(Kind::Component),
        [IR_VERSION, ..] => Ok(Kind::Model),
        [] => Err("it is empty".to_owned()),
        _ => match OTHERS.iter().find(|(begins, _)| start.starts_with(begins)) {
            Some((_, what)) => Err((*what).to_owned()),
            None => {
                let (shown, _) = start.split_at(start.len().min(8));
                Err(format!(
                    "it begins with \"{}\"; name a file of one or the other",
                    shown.escape_ascii()
                ))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (b"PK\x03\x04....", "torch.onnx.export"),
            (b"\x89HDF\r\n\x1a\n", "convert_keras.py"),
            (b"version https://git-lfs.github", "git lfs pull"),
        ] {
            let said = recognise(start);
            assert!(said.as_ref().is_err_and(|said| said.contains(says)), "{said:?}");
        }
    }
}
