//! The commands of the README's section *Kafka from nothing*, run as they stand there, on the Kafka that its first one
//! starts.
//!
//! What a person would do beside typing is added here and nowhere else: `KAFKA_URI`, as the port may be taken; an end for
//! `consume` (`--limit`); fewer images for `produce`, and at once (`--limit`, `--interval`); and Ctrl-C for the others. The
//! lines that unpack Apache's archive and start what is in it are not run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod components;
mod live;

use std::fs;
use std::process::Command;

use test_brokers::Distribution;

use self::components::component;
use self::live::{KAFKA, Running, Stage, answers, root};

const SECTION: &str = "## Kafka from nothing\n";

/// Messages that go through.
const MESSAGES: usize = 5;

/// The indented lines of the section without their comments, in order.
fn commands() -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, section) = readme.split_once(SECTION).expect("the README has the section");
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
    let commands = lines.map(|line| line.split(" #").next().unwrap().trim().to_owned());
    commands.collect()
}

/// Runs the Kafka that people try the host on, and tells the stage where it is.
fn start_kafka(command: &str, stage: &mut Stage) -> Running {
    let mut words = command.split(' ');
    let mut cargo = Command::new(words.next().unwrap());
    cargo.args(words);
    // What cargo tells this test of its own package is not for another cargo, whose build would differ by it.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    let mut kafka = stage.start(cargo);
    kafka.wait_for_word("Ctrl-C ends it");
    let lines = kafka.lines();
    let address = lines.iter().find_map(|line| line.strip_prefix("Kafka serves at "));
    stage.address = address.unwrap().to_owned();
    kafka
}

#[test]
fn the_readme_s_way_from_no_kafka_to_answers_works_as_it_stands_there() {
    component("classifier");
    if Distribution::for_tests().unwrap().is_none() {
        return;
    }
    let commands = commands();
    let kafka = commands.iter().find(|command| command.starts_with("cargo xtask kafka"));
    let mut stage = Stage::new(KAFKA, String::new());
    // It ends, as any cluster does, with the program that started it: when this is dropped.
    let _kafka = start_kafka(kafka.unwrap(), &mut stage);

    let mut created = Vec::new();
    let (mut run, mut consume) = (None, None);
    let (messages, images) = (MESSAGES.to_string(), (40 * MESSAGES).to_string());
    for command in &commands {
        let words: Vec<_> = command.split(' ').collect();
        match words[..] {
            ["host", "topics", "create", ..] => created.extend(stage.host(&words[1..]).end()),
            ["host", "run", ..] => run = Some(stage.host(&words[1..])),
            ["host", "consume", ..] => {
                let limit = ["--limit", &messages];
                consume = Some(stage.host(&[&words[1..], &limit].concat()));
            }
            ["host", "produce", ..] => {
                let limit = ["--interval", "0", "--limit", &images];
                stage.host(&[&words[1..], &limit].concat()).end();
            }
            ["host", ..] => panic!("`{command}` is in the README and not in this test"),
            _ => {}
        }
    }
    assert_eq!(created, ["created input-stream", "created output-stream"]);
    assert_eq!(consume.unwrap().end(), answers(MESSAGES));
    run.unwrap().stop();
}
