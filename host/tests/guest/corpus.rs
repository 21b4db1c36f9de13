//! The component in the host against `wit/corpus`: the WebAssembly build answers as the same sources do natively.

#[path = "../../../wit/corpus/cases.rs"]
mod cases;

use std::collections::BTreeMap;
use std::io::Write;

use cases::{Case, Given, cases};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use host::classifier::{Classifier, ClassifierConfig};
use host::message::{CONTENT_ENCODING, CONTENT_TYPE, Message};
use host::pipeline::{Classify, ClassifyError};

use crate::components;

async fn give(classifier: &Classifier, case: &Case) -> Given {
    let mut message = Message::new(case.body());
    if let Some(content_type) = &case.content_type {
        message.set_header(CONTENT_TYPE, content_type.clone());
    }
    let (kind, cause) = match classifier.classify(&message).await {
        Ok(answer) => {
            return Given::Reply {
                images: answer.images as usize,
                warnings: answer.warnings.into_iter().map(|warning| warning.code).collect(),
                body: answer.payload.to_vec(),
            };
        }
        Err(ClassifyError::Reject(cause)) => ("reject", cause),
        Err(ClassifyError::Retry(cause) | ClassifyError::Broken(cause)) => ("retry", cause),
    };
    Given::Error {
        code: format!("{kind}.{}", cause.code),
        detail: cause.detail,
    }
}

#[tokio::test]
async fn the_component_gives_every_message_of_the_corpus_its_answer_or_its_refusal() {
    // What is asked for is the classifier's, not the message's.
    let mut asked: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for case in cases() {
        let key = (case.accept.clone(), case.prepare.clone());
        asked.entry(key).or_default().push(case);
    }
    let mut complaints = Vec::new();
    for ((accept, prepare), cases) in asked {
        let config = ClassifierConfig {
            accept,
            prepare,
            ..components::config(components::component("classifier"))
        };
        let classifier = Classifier::start(&config).await.unwrap();
        for case in cases {
            complaints.extend(case.complaint(&give(&classifier, &case).await));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[tokio::test]
async fn a_content_encoding_is_undone_or_refused_by_its_name() {
    let classifier = Classifier::start(&components::config(components::component("classifier")))
        .await
        .unwrap();
    let image = vec![vec![0; 28]; 28];
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
    deflated.write_all(format!("{image:?}").as_bytes()).unwrap();
    let mut message = Message::new(deflated.finish().unwrap());
    message.set_header(CONTENT_ENCODING, "deflate");
    assert_eq!(classifier.classify(&message).await.unwrap().images, 1);
    message.set_header(CONTENT_ENCODING, "br");
    let Err(ClassifyError::Reject(cause)) = classifier.classify(&message).await else {
        panic!("brotli was taken");
    };
    assert_eq!(cause.code, "unsupported-preparation");
    assert!(cause.detail.contains("content encoding `br`"), "{}", cause.detail);
}
