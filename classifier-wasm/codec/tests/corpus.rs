//! The codecs against `wit/corpus`. What the network says of the images is compared in the host, with the component.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../wit/corpus/cases.rs"]
mod cases;

use cases::{Case, Given, cases};
use classifier_codec::answer::Answer;
use classifier_codec::decode::{Decoded, decode};
use classifier_codec::images::ImageShape;
use classifier_codec::prepare::Prepare;
use classifier_codec::reject::Reject;

/// Of the model that the corpus is for.
const IMAGE: ImageShape = ImageShape {
    height: 28,
    width: 28,
    channels: 1,
};

fn read(case: &Case) -> Result<Decoded, Reject> {
    Answer::requested(case.accept.as_deref())?;
    let prepare = Prepare::requested(case.prepare.as_deref())?;
    decode(case.content_type.as_deref(), &case.body(), &prepare, IMAGE)
}

fn give(case: &Case) -> Given {
    match read(case) {
        Ok(Decoded { images, warnings }) => Given::Images {
            images: images.count(),
            warnings: warnings.iter().map(|warning| warning.code().to_owned()).collect(),
        },
        Err(reject) => Given::Error {
            code: format!("reject.{}", reject.code),
            detail: reject.detail,
        },
    }
}

#[test]
fn every_message_of_the_corpus_gets_its_images_or_its_refusal() {
    let complaints = cases().into_iter().filter_map(|case| case.complaint(&give(&case)));
    let complaints = complaints.collect::<Vec<_>>();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
