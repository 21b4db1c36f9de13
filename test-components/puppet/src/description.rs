//! The puppet's descriptions of itself.

use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;

use crate::exports::image_stream::classifier::model::Description;

/// One that a host accepts.
pub fn honest() -> Description {
    Description {
        name: "puppet".to_owned(),
        version: "1".to_owned(),
        model_sha256: "0".repeat(64),
        height: 28,
        width: 28,
        channels: 1,
        labels: vec!["left".to_owned(), "right".to_owned()],
        scores: "as it is told".to_owned(),
        max_images: 100,
        accepts: vec!["text/plain".to_owned()],
        produces: vec!["text/plain".to_owned()],
    }
}

/// The name of a model that was loaded.
static LOADED: Mutex<Option<String>> = Mutex::new(None);

/// Of the loaded model, or else of the built-in one.
pub fn in_use() -> Description {
    let mut said = honest();
    if let Some(name) = &*LOADED.lock().expect("one thread") {
        said.name.clone_from(name);
    }
    said
}

/// Replaces the built-in model by one with this name.
pub fn load(name: &str) -> Description {
    *LOADED.lock().expect("one thread") = Some(name.to_owned());
    in_use()
}

/// A model with these labels.
pub fn label(labels: Vec<String>) -> Description {
    Description { labels, ..in_use() }
}

/// Wrong in one way.
pub fn lie(about: &str) -> Description {
    let mut said = honest();
    match about {
        "no-name" => said.name.clear(),
        "long-name" => said.name = "n".repeat(100_000),
        "escape-in-name" => said.name = "\x1b[2Jcleared".to_owned(),
        "no-version" => said.version.clear(),
        "short-digest" => said.model_sha256.truncate(63),
        "upper-case-digest" => said.model_sha256 = "A".repeat(64),
        "zero-height" => said.height = 0,
        "zero-width" => said.width = 0,
        "huge-height" => said.height = u32::MAX,
        "huge-width" => said.width = u32::MAX,
        "two-channels" => said.channels = 2,
        "no-labels" => said.labels.clear(),
        "empty-label" => said.labels.push(String::new()),
        "line-end-in-label" => said.labels.push("one\ntwo".to_owned()),
        "million-labels" => said.labels = vec!["label".to_owned(); 1_000_000],
        "no-scores" => said.scores.clear(),
        "doubled-label" => said.labels.push("left".to_owned()),
        "label-of-no-width" => said.labels.push("\u{200b}".to_owned()),
        "huge-images" => (said.height, said.width, said.channels) = (65_535, 65_535, 3),
        "no-images" => said.max_images = 0,
        "countless-images" => said.max_images = u32::MAX,
        // True of this instance alone.
        "each-time-another" => said.name = RandomState::new().hash_one(0).to_string(),
        "accepts-nothing" => said.accepts.clear(),
        "produces-nothing" => said.produces.clear(),
        "line-end-in-produces" => said.produces.push("text/plain\r\nx: y".to_owned()),
        other => panic!("no lie is called {other}"),
    }
    said
}
