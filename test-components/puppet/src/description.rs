//! What the puppet says of itself: as the loaded model tells it.

use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;

use crate::command;
use crate::exports::image_stream::classifier::messages::Description;
use crate::exports::image_stream::classifier::model::Info;
use crate::exports::image_stream::classifier::self_test::Example;
use crate::image_stream::classifier::types::Error;

pub const LABELS: [&str; 2] = ["left", "right"];

/// What was loaded: `named:NAME`, `labels:LINES`, `lie:ABOUT`, `describe:COMMAND`,
/// `always:COMMAND` or `examples:COMMAND=ANSWER,...`.
static LOADED: Mutex<Option<(String, String)>> = Mutex::new(None);

/// Replaces the built-in model.
pub fn load(what: &str, argument: &str) {
    *LOADED.lock().expect("one thread") = Some((what.to_owned(), argument.to_owned()));
}

/// The argument of what was loaded, if it was this.
fn loaded(what: &str) -> Option<String> {
    let loaded = LOADED.lock().expect("one thread");
    loaded
        .as_ref()
        .filter(|(is, _)| is == what)
        .map(|(_, argument)| argument.clone())
}

/// What to do whatever a message says.
pub fn always() -> Option<String> {
    loaded("always")
}

/// The name of the model in use.
pub fn name() -> String {
    loaded("named").unwrap_or_else(|| "puppet".to_owned())
}

/// Of the model in use.
pub fn in_use() -> Result<Description, Error> {
    if let Some(told) = loaded("describe") {
        let (command, argument) = command::split(told.as_bytes());
        for result in command::obey(command, argument, None) {
            result?;
        }
    }
    Ok(said().0)
}

/// Of the model in use.
pub fn info() -> Info {
    said().1
}

fn said() -> (Description, Info) {
    let mut description = Description {
        name: name(),
        version: "1".to_owned(),
        height: 28,
        width: 28,
        channels: 1,
        labels: LABELS.map(str::to_owned).to_vec(),
        max_images: 100,
        accepts: vec!["text/plain".to_owned()],
        produces: vec!["text/plain".to_owned()],
    };
    let mut info = Info {
        sha256: "0".repeat(64),
        scores: "as it is told".to_owned(),
        accepts: vec!["application/onnx".to_owned()],
    };
    if let Some(labels) = loaded("labels") {
        description.labels = labels.lines().map(str::to_owned).collect();
    }
    if let Some(about) = loaded("lie") {
        lie(&mut description, &mut info, &about);
    }
    (description, info)
}

/// Commands, and what is said to be the right answer to each.
pub fn examples() -> Vec<Example> {
    let told = loaded("examples").unwrap_or_default();
    let examples = told.split(',').filter(|example| !example.is_empty());
    let example = |(command, answer): (&str, &str)| Example {
        content_type: None,
        accept: None,
        prepare: None,
        body: command.into(),
        answer: answer.into(),
    };
    examples.filter_map(|told| told.split_once('=')).map(example).collect()
}

/// Wrong in one way.
fn lie(said: &mut Description, info: &mut Info, about: &str) {
    match about {
        "no-name" => said.name.clear(),
        "long-name" => said.name = "n".repeat(100_000),
        "escape-in-name" => said.name = "\x1b[2Jcleared".to_owned(),
        "no-version" => said.version.clear(),
        "short-digest" => info.sha256.truncate(63),
        "upper-case-digest" => info.sha256 = "A".repeat(64),
        "zero-height" => said.height = 0,
        "zero-width" => said.width = 0,
        "huge-height" => said.height = u32::MAX,
        "huge-width" => said.width = u32::MAX,
        "two-channels" => said.channels = 2,
        "no-labels" => said.labels.clear(),
        "empty-label" => said.labels.push(String::new()),
        "line-end-in-label" => said.labels.push("one\ntwo".to_owned()),
        "million-labels" => said.labels = vec!["label".to_owned(); 1_000_000],
        "no-scores" => info.scores.clear(),
        "doubled-label" => said.labels.push("left".to_owned()),
        "label-of-no-width" => said.labels.push("\u{200b}".to_owned()),
        "huge-images" => (said.height, said.width, said.channels) = (65_535, 65_535, 3),
        "no-images" => said.max_images = 0,
        "countless-images" => said.max_images = u32::MAX,
        // True of this instance alone.
        "each-time-another" => said.name = RandomState::new().hash_one(0).to_string(),
        "takes-no-models" => info.accepts.clear(),
        "accepts-nothing" => said.accepts.clear(),
        "produces-nothing" => said.produces.clear(),
        "line-end-in-produces" => said.produces.push("text/plain\r\nx: y".to_owned()),
        other => panic!("no lie is called {other}"),
    }
}
