//! Bytes in JSON, whose strings are Unicode.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Serialize, Serializer};

/// A string if they are UTF-8, otherwise `{"base64": "..."}`.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum JsonBytes<'a> {
    /// Unchanged.
    Text(&'a str),
    /// All of them.
    Binary {
        /// The standard alphabet, with padding.
        base64: String,
    },
}

impl<'a> JsonBytes<'a> {
    /// From a payload or a header.
    pub fn of(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(_) => Self::Binary {
                base64: BASE64_STANDARD.encode(bytes),
            },
        }
    }

    /// From a file's name, unchanged, so that a program can open the file by it.
    pub fn of_path(path: &'a Path) -> Self {
        Self::of(path.as_os_str().as_encoded_bytes())
    }
}

/// Serialises a file's name, for `#[serde(serialize_with)]`.
pub fn file_name<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    JsonBytes::of_path(path).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_s_name_is_text_as_it_is_and_else_all_its_bytes() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(
            JsonBytes::of_path(Path::new("a\n\u{202e}.png")),
            JsonBytes::Text("a\n\u{202e}.png")
        );
        let name = OsStr::from_bytes(b"caf\xe9.png");
        let base64 = "Y2Fm6S5wbmc=".to_owned();
        assert_eq!(JsonBytes::of_path(Path::new(name)), JsonBytes::Binary { base64 });
    }
}
