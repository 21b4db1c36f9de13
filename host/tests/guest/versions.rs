//! Components of other versions of the contract than the host's: which run, which are refused, and that they go on running when the
//! contract grows.

use std::io::Write;

use host::classifier::{Classifier, ComponentError};
use serde::Deserialize;
use tempfile::NamedTempFile;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use crate::components::component;
use crate::counts::{State, state};
use crate::{Puppet, config};

const VERSION: &str = "0.2.0";

fn exported(interface: &str) -> String {
    format!("image-stream:classifier/{interface}@{VERSION}")
}

/// The puppet, in which some of its exports have other names.
fn puppet(names: &[(&str, &str)]) -> NamedTempFile {
    let mut bytes = std::fs::read(component("puppet")).unwrap();
    for (name, other) in names {
        bytes = renamed(&bytes, name, other);
    }
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    file
}

/// A component in which the export `name` is called `other`. Its exports are in sections of the number 11, after a header of 8 bytes.
fn renamed(component: &[u8], name: &str, other: &str) -> Vec<u8> {
    const EXPORTS: u8 = 11;
    let (header, mut rest) = component.split_at(8);
    let mut all = header.to_vec();
    let entry = |name: &str| [&[u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
    let (from, to) = (entry(name), entry(other));
    let mut found = 0;
    while let [section, after @ ..] = rest {
        let (length, after) = number(after);
        let (body, next) = after.split_at(length);
        let place = body.windows(from.len()).position(|window| window == from);
        let body = match place.filter(|_| *section == EXPORTS) {
            Some(at) => {
                found += 1;
                [&body[..at], &to, &body[at + from.len()..]].concat()
            }
            None => body.to_vec(),
        };
        all.push(*section);
        all.extend(digits(body.len()));
        all.extend(body);
        rest = next;
    }
    assert_eq!(found, 1, "{name}");
    all
}

/// A number in LEB128, and what follows.
fn number(mut bytes: &[u8]) -> (usize, &[u8]) {
    let (mut value, mut shift) = (0, 0);
    while let [digit, rest @ ..] = bytes {
        value |= usize::from(digit & 0x7f) << shift;
        shift += 7;
        bytes = rest;
        if digit & 0x80 == 0 {
            break;
        }
    }
    (value, bytes)
}

fn digits(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

#[derive(Deserialize)]
struct Case {
    name: String,
    host: String,
    exports: Vec<String>,
    chosen: Option<String>,
}

/// As the page's tests do with the same file.
#[tokio::test]
async fn a_component_runs_or_is_refused_as_its_versions_say() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../../wit/versions.json")).unwrap();
    let cases: Vec<_> = cases.into_iter().filter(|case| case.host == VERSION).collect();
    assert!(cases.len() >= 10);
    for Case {
        name, exports, chosen, ..
    } in cases
    {
        // The interface that is chosen is the one that answers; the puppet's examples stand in for another.
        let none = "nobody:nothing/messages@1.0.0".to_owned();
        let answering = chosen.as_ref().or(exports.first()).unwrap_or(&none);
        let mut names = vec![(exported("messages"), answering.clone())];
        let others = exports.iter().filter(|export| *export != answering);
        names.extend(others.map(|other| (exported("self-test"), other.clone())));
        let names: Vec<_> = names.iter().map(|(name, other)| (&**name, &**other)).collect();
        let file = puppet(&names);
        match (Classifier::start(&config(file.path())).await, &chosen) {
            (Ok(classifier), Some(_)) => assert_eq!(Puppet(classifier).ask("count").await, "1", "{name}"),
            (Err(error @ (ComponentError::World { .. } | ComponentError::Invalid { .. })), None) => {
                let said = error.to_string();
                let is_told = said.contains(VERSION) || matches!(error, ComponentError::Invalid { .. });
                assert!(is_told, "{name}: {said}");
            }
            (Err(error), _) => panic!("{name}: {error}"),
            (Ok(_), None) => panic!("{name}: it runs"),
        }
    }
}

#[tokio::test]
async fn a_component_for_a_later_version_runs_though_it_has_interfaces_that_this_host_does_not_know() {
    let later = |interface: &str| format!("image-stream:classifier/{interface}@0.2.1");
    let interfaces = ["messages", "model", "tensors"].map(|interface| (exported(interface), later(interface)));
    let mut names = interfaces.to_vec();
    names.push((exported("self-test"), later("explanations")));
    let names: Vec<_> = names.iter().map(|(name, other)| (&**name, &**other)).collect();
    let puppet = Puppet::start_with(config(puppet(&names).path())).await;
    assert_eq!(puppet.ask("count").await, "1");
    assert!(
        puppet.0.description().model_sha256.is_some(),
        "the optional interfaces that it knows are used"
    );
}

#[tokio::test]
async fn an_optional_interface_of_another_version_counts_as_missing() {
    let file = puppet(&[(&exported("model"), "image-stream:classifier/model@0.3.0")]);
    let puppet = Puppet::start_with(config(file.path())).await;
    assert_eq!(
        (puppet.ask("count").await, puppet.0.description().model_sha256.clone()),
        ("1".to_owned(), None)
    );
}

/// The contract as a later host may have it: what 0.2.0 has, which stays as it is, and more.
mod grown {
    #![allow(clippy::all, clippy::pedantic, missing_docs, reason = "generated")]
    wasmtime::component::bindgen!({
        inline: "
            package image-stream:classifier@0.2.1;

            interface types {
                record cause { code: string, detail: string }
                variant error { reject(cause), retry(cause), fatal(cause) }
            }

            interface messages {
                use types.{cause, error};
                record description {
                    name: string,
                    version: string,
                    height: u32,
                    width: u32,
                    channels: u32,
                    labels: list<string>,
                    max-images: u32,
                    accepts: list<string>,
                    produces: list<string>,
                }
                record request {
                    content-type: option<string>,
                    accept: option<string>,
                    prepare: option<string>,
                    body: list<u8>,
                }
                record reply { content-type: string, images: u32, warnings: list<cause>, body: list<u8> }
                describe: func() -> result<description, error>;
                classify: func(requests: list<request>) -> list<result<reply, error>>;
            }

            interface model {
                use types.{error};
                record info { sha256: string, scores: string, accepts: list<string> }
                describe: func() -> result<info, error>;
                load: func(media-type: string, file: list<u8>, labels: list<string>) -> result<_, error>;
            }

            interface tensors {
                use types.{error};
                variant pixels { u8s(list<u8>), f32s(list<f32>) }
                record images { count: u32, pixels: pixels }
                predict: func(images: images) -> result<list<f32>, error>;
            }

            interface self-test {
                use types.{error};
                record example {
                    content-type: option<string>,
                    accept: option<string>,
                    prepare: option<string>,
                    body: list<u8>,
                    answer: list<u8>,
                }
                examples: func() -> result<list<example>, error>;
            }

            interface explanations {
                explain: func(body: list<u8>) -> string;
            }

            world grown {
                export messages;
                export model;
                export tensors;
                export self-test;
                export explanations;
            }
        ",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

#[test]
fn a_component_for_0_2_0_goes_on_running_when_the_contract_has_grown() {
    use grown::exports::image_stream::classifier::{explanations, messages, model, self_test, tensors};

    let engine = Engine::default();
    let component = Component::from_file(&engine, component("puppet")).unwrap();
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker).unwrap();
    let pre = linker.instantiate_pre(&component).unwrap();
    assert!(explanations::GuestIndices::new(&pre).is_err(), "it has none");
    let messages = messages::GuestIndices::new(&pre).unwrap();
    let model = model::GuestIndices::new(&pre).unwrap();
    let tensors = tensors::GuestIndices::new(&pre).unwrap();
    let self_test = self_test::GuestIndices::new(&pre).unwrap();

    let mut store: Store<State> = Store::new(&engine, state());
    let instance = pre.instantiate(&mut store).unwrap();
    let model = model.load(&mut store, &instance).unwrap();
    assert_eq!(
        model.call_describe(&mut store).unwrap().unwrap().accepts,
        ["application/onnx"]
    );
    let self_test = self_test.load(&mut store, &instance).unwrap();
    assert_eq!(self_test.call_examples(&mut store).unwrap().unwrap().len(), 0);
    let tensors = tensors.load(&mut store, &instance).unwrap();
    let images = tensors::Images {
        count: 1,
        pixels: tensors::Pixels::U8s(&[0; 784]),
    };
    assert_eq!(tensors.call_predict(&mut store, images).unwrap().unwrap(), [0.5, 0.5]);
    let guest = messages.load(&mut store, &instance).unwrap();
    assert_eq!(guest.call_describe(&mut store).unwrap().unwrap().name, "puppet");
    let request = messages::Request {
        content_type: None,
        accept: None,
        prepare: None,
        body: b"echo:hello",
    };
    let answers = guest.call_classify(&mut store, &[request]).unwrap();
    assert_eq!(answers[0].as_ref().unwrap().body, b"hello");
}
