//! The guest against `wit/corpus`, as every other implementation of the contract.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use classifier_wasm::model::Model;
use classifier_wasm::{Request, classify};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    text: Option<String>,
    repeat: Option<usize>,
    file: Option<String>,
    content_type: Option<String>,
    accept: Option<String>,
    images: Option<usize>,
    answer: Option<String>,
    scores: Option<Value>,
    error: Option<String>,
}

impl Case {
    fn body(&self, corpus: &Path) -> Vec<u8> {
        match (&self.text, &self.file) {
            (Some(text), None) => text.repeat(self.repeat.unwrap_or(1)).into_bytes(),
            (None, Some(file)) => fs::read(corpus.join(file)).unwrap(),
            _ => panic!("{}: one of text and file", self.name),
        }
    }

    /// What is wrong with the guest's result.
    fn complaint(&self, model: &mut Model, corpus: &Path) -> Option<String> {
        let body = self.body(corpus);
        let request = Request {
            content_type: self.content_type.as_deref(),
            accept: self.accept.as_deref(),
            body: &body,
        };
        let result = classify(model, request);
        let as_expected = match (&result, &self.answer, &self.scores, &self.error) {
            (Ok(reply), Some(answer), None, None) => {
                Some(reply.images) == self.images && reply.body == answer.as_bytes()
            }
            (Ok(reply), None, Some(scores), None) => {
                let given = serde_json::from_slice(&reply.body).unwrap();
                Some(reply.images) == self.images && alike(scores, &given)
            }
            (Err(reject), None, None, Some(error)) => {
                *error == format!("reject.{}", reject.code) && !reject.detail.is_empty()
            }
            _ => false,
        };
        let given = match result {
            Ok(reply) => String::from_utf8_lossy(&reply.body).into_owned(),
            Err(reject) => reject.to_string(),
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

#[test]
fn every_message_of_the_corpus_gets_its_answer_or_its_refusal() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/corpus");
    let cases: Vec<Case> = serde_json::from_slice(&fs::read(corpus.join("cases.json")).unwrap()).unwrap();
    assert!(cases.len() > 100, "only {} cases", cases.len());
    let mut model = Model::built_in().unwrap();
    let complaints = cases.iter().filter_map(|case| case.complaint(&mut model, &corpus));
    let complaints = complaints.collect::<Vec<_>>();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
