//! The guest against `wit/corpus`, as every other implementation of the contract.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../wit/corpus/cases.rs"]
mod cases;

use cases::{Case, Given, cases};
use classifier_wasm::model::Model;
use classifier_wasm::{Request, classify};

fn give(model: &mut Model, case: &Case) -> Given {
    let body = case.body();
    let request = Request {
        content_type: case.content_type.as_deref(),
        accept: case.accept.as_deref(),
        prepare: case.prepare.as_deref(),
        body: &body,
    };
    match classify(model, request) {
        Ok(reply) => Given::Reply {
            images: reply.images,
            warnings: reply.warnings.iter().map(|warning| warning.code().to_owned()).collect(),
            body: reply.body,
        },
        Err(reject) => Given::Error {
            code: format!("reject.{}", reject.code),
            detail: reject.detail,
        },
    }
}

#[test]
fn every_message_of_the_corpus_gets_its_answer_or_its_refusal() {
    let mut model = Model::built_in().unwrap();
    let complaints = cases()
        .into_iter()
        .filter_map(|case| case.complaint(&give(&mut model, &case)));
    let complaints = complaints.collect::<Vec<_>>();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
