//! A file of labels: the names of a model's classes, if the model itself does not have them.

use std::path::Path;

use super::{ClassifierConfig, ComponentError};
use crate::files;

/// The largest file: as many labels as a component may have, each as long as it may be.
const MOST: u64 = 16 << 20;

/// The labels for a model. Empty: the model has them.
pub(super) fn given(config: &ClassifierConfig) -> Result<Vec<String>, ComponentError> {
    config.labels.as_deref().map_or(Ok(Vec::new()), read)
}

/// The lines of a text file. The component checks whether they fit the model.
pub fn read(path: &Path) -> Result<Vec<String>, ComponentError> {
    let unreadable = |reason: String| ComponentError::LabelsUnreadable {
        path: path.to_owned(),
        reason,
    };
    let bytes = files::read(path, MOST).map_err(|error| unreadable(error.to_string()))?;
    lines(&bytes).map_err(unreadable)
}

/// One label a line. Editors put a byte order mark at the start and blank lines at the end.
fn lines(bytes: &[u8]) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to()))?;
    let text = text.trim_start_matches('\u{feff}').trim_end();
    match text.is_empty() {
        true => Err("it has no labels".to_owned()),
        false => Ok(text.lines().map(|line| line.trim_end().to_owned()).collect()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_label_stands_on_each_line_whatever_editor_wrote_it() {
        for text in [
            "cat\nsea dog",
            "cat\nsea dog\n",
            "\u{feff}cat\r\nsea dog\r\n\r\n",
            "cat \nsea dog\t\n",
        ] {
            assert_eq!(lines(text.as_bytes()).unwrap(), ["cat", "sea dog"], "{text:?}");
        }
        assert_eq!(
            lines(b"cat\n\ndog").unwrap(),
            ["cat", "", "dog"],
            "a hole is for the component to refuse"
        );
    }

    #[test]
    fn a_file_without_labels_is_refused() {
        for (bytes, says) in [
            (&b""[..], "no labels"),
            (b"\n \n", "no labels"),
            (b"cat\n\xff", "byte 4 is not UTF-8"),
        ] {
            assert!(lines(bytes).unwrap_err().contains(says), "{bytes:?}");
        }
        for (path, says) in [
            ("/dev/zero", "not a regular file"),
            ("/", "not a regular file"),
            ("/none", "os error 2"),
        ] {
            let said = read(Path::new(path)).unwrap_err().to_string();
            assert!(said.contains(path) && said.contains(says), "{said}");
        }
    }
}
