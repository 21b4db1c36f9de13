//! The corpus as Rust tests read it: of the codecs natively, and of the component in the host.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// One line of `cases.json`; `README.md` says what its members mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    text: Option<String>,
    repeat: Option<usize>,
    file: Option<String>,
    pub content_type: Option<String>,
    pub accept: Option<String>,
    pub prepare: Option<String>,
    images: Option<usize>,
    #[serde(default)]
    warnings: Vec<String>,
    answer: Option<String>,
    scores: Option<Value>,
    error: Option<String>,
}

/// What an implementation made of a case.
#[allow(dead_code)] // Each test makes one of the first two.
pub enum Given {
    /// Where there is no network.
    Images {
        images: usize,
        /// Their codes.
        warnings: Vec<String>,
    },
    Reply {
        images: usize,
        /// Their codes.
        warnings: Vec<String>,
        body: Vec<u8>,
    },
    /// `reject.` or `retry.` and the code, and the detail.
    Error { code: String, detail: String },
}

/// Every case of the corpus.
pub fn cases() -> Vec<Case> {
    let cases: Vec<Case> = serde_json::from_slice(&fs::read(corpus().join("cases.json")).unwrap()).unwrap();
    assert!(cases.len() > 100, "only {} cases", cases.len());
    cases
}

fn corpus() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = package.ancestors().map(|folder| folder.join("wit/corpus"));
    folders.find(|folder| folder.is_dir()).unwrap()
}

impl Case {
    pub fn body(&self) -> Vec<u8> {
        match (&self.text, &self.file) {
            (Some(text), None) => text.repeat(self.repeat.unwrap_or(1)).into_bytes(),
            (None, Some(file)) => fs::read(corpus().join(file)).unwrap(),
            _ => panic!("{}: one of text and file", self.name),
        }
    }

    /// What is wrong with what was given.
    pub fn complaint(&self, given: &Given) -> Option<String> {
        let as_expected = match given {
            Given::Images { images, warnings } => Some(*images) == self.images && *warnings == self.warnings,
            Given::Reply { images, warnings, body } => {
                let body_is_right = match (&self.answer, &self.scores, &self.error) {
                    (Some(answer), None, None) => body == answer.as_bytes(),
                    (None, Some(scores), None) => alike(scores, &serde_json::from_slice(body).unwrap()),
                    _ => false,
                };
                body_is_right && Some(*images) == self.images && *warnings == self.warnings
            }
            Given::Error { code, detail } => self.error.as_ref() == Some(code) && !detail.is_empty(),
        };
        let given = match given {
            Given::Images { images, warnings } => format!("{images} images {warnings:?}"),
            Given::Reply { body, warnings, .. } => format!("{} {warnings:?}", String::from_utf8_lossy(body)),
            Given::Error { code, detail } => format!("{code}: {detail}"),
        };
        (!as_expected).then(|| format!("{}: {given}", self.name))
    }
}

/// Equal, numbers within 1e-4.
fn alike(expected: &Value, given: &Value) -> bool {
    match (expected, given) {
        (Value::Number(one), Value::Number(other)) => (one.as_f64().unwrap() - other.as_f64().unwrap()).abs() <= 1e-4,
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| alike(one, other)))
        }
        (one, other) => one == other,
    }
}
