//! The README and the pages in `docs/` are true. These tests run the commands of *Kafka from nothing* and *Pub/Sub from nothing* as they
//! are written, against the broker that one of them starts, and compare every command and every table of options with clap.
//!
//! The tests add what a person would do beside typing: the variable with the address, because the port may be in use; an end for
//! `consume` (`--limit`); fewer images for `produce`, without pauses (`--limit`, `--interval`); and Ctrl-C for the others. They do not run what
//! needs Apache's archive or a Google Cloud project.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod components;
mod live;
mod sample;
mod waiting;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use clap::{CommandFactory, Parser};
use host::cli::Cli;
use image::codecs::jpeg::JpegEncoder;
use test_brokers::{Distribution, PubSubProgram};

use self::components::component;
use self::live::{KAFKA, PUBSUB, Running, Stage, answers, root};

/// Messages that go through.
const MESSAGES: usize = 5;

/// A section of a page, and the broker that it starts.
struct Section {
    page: &'static str,
    title: &'static str,
    start: &'static str,
    /// Comes before the address in the output of `start`.
    serves: &'static str,
    /// The host reads the address from it.
    variable: &'static str,
}

impl Section {
    /// Its indented lines in order, without their comments, from the one that starts the broker.
    fn commands(&self) -> Vec<String> {
        let page = fs::read_to_string(root().join(self.page)).unwrap();
        let title = format!("## {}\n", self.title);
        let (_, section) = page.split_once(&title).expect("the page has the section");
        let section = section.split("\n## ").next().unwrap();
        let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
        let commands = lines.map(|line| line.split(" #").next().unwrap().trim().to_owned());
        let commands: Vec<_> = commands.skip_while(|command| command != self.start).collect();
        assert!(!commands.is_empty(), "`{}` is not in {}", self.start, self.page);
        commands
    }

    /// Runs the broker that people try the host on, and tells the stage where it is.
    fn start(&self, stage: &mut Stage) -> Running {
        let mut words = self.start.split(' ');
        let mut cargo = Command::new(words.next().unwrap());
        cargo.args(words);
        // The variables of this test's own package are not for another cargo: its build would depend on them.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(&name);
            }
        }
        let mut broker = stage.start(cargo);
        broker.wait_for_word("Ctrl-C ends it");
        let lines = broker.lines();
        let address = lines.iter().find_map(|line| line.strip_prefix(self.serves));
        stage.address = address.unwrap().to_owned();
        broker
    }

    /// Runs its commands. Returns what they created, and what was consumed.
    fn run(&self) -> (Vec<String>, Vec<String>) {
        let mut stage = Stage::new(self.variable, String::new());
        // Like any server of `test-brokers`, it ends with the program that started it: when this is dropped.
        let _broker = self.start(&mut stage);
        let mut created = Vec::new();
        let (mut run, mut consume) = (None, None);
        let (messages, images) = (MESSAGES.to_string(), (40 * MESSAGES).to_string());
        for command in self.commands() {
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
                ["host", ..] => panic!("`{command}` is in {} and not in this test", self.page),
                ["export", set] => assert!(set.starts_with(&format!("{}=", self.variable)), "{command}"),
                _ => {}
            }
        }
        let consumed = consume.unwrap().end();
        run.unwrap().stop();
        (created, consumed)
    }
}

#[test]
fn the_documented_way_from_no_kafka_to_answers_works() {
    component("classifier");
    if Distribution::for_tests().unwrap().is_none() {
        return;
    }
    let section = Section {
        page: "docs/kafka.md",
        title: "Kafka from nothing",
        start: "cargo xtask kafka",
        serves: "Kafka serves at ",
        variable: KAFKA,
    };
    let (created, consumed) = section.run();
    assert_eq!(created, ["created input-stream", "created output-stream"]);
    assert_eq!(consumed, answers(MESSAGES));
}

#[test]
fn the_documented_way_from_no_pub_sub_to_answers_works() {
    component("classifier");
    if PubSubProgram::for_tests().unwrap().is_none() {
        return;
    }
    let section = Section {
        page: "docs/pubsub.md",
        title: "Pub/Sub from nothing",
        start: "cargo xtask pubsub",
        serves: "Pub/Sub serves at ",
        variable: PUBSUB,
    };
    let (created, mut consumed) = section.run();
    assert!(created.is_empty());
    // Without an ordering key there is no order.
    consumed.sort();
    let mut expected = answers(MESSAGES);
    expected.sort();
    assert_eq!(consumed, expected);
}

/// The labels of a line such as `shoe.jpg: Ankle boot 92.6%, Sneaker 1.3%`, and their shares in per cent.
fn shares(line: &str) -> Vec<(&str, f64)> {
    let (_, answers) = line.split_once(": ").unwrap();
    answers
        .split(", ")
        .map(|answer| {
            let (label, share) = answer.rsplit_once(' ').unwrap();
            (label, share.trim_end_matches('%').parse().unwrap())
        })
        .collect()
}

#[test]
fn the_readme_s_first_lines_are_what_classify_answers() {
    let component = component("classifier");
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut lines = readme.lines().filter_map(|line| line.strip_prefix("    "));
    let command = lines.find_map(|line| line.strip_prefix("$ host classify ")).unwrap();
    let expected = lines.next().unwrap();
    let mut host = Command::new(env!("CARGO_BIN_EXE_host"));
    host.arg("classify")
        .args(command.split(' '))
        .current_dir(root().join("samples"))
        .env("HOST_COMPONENT", component);
    let output = host.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let answered = String::from_utf8(output.stdout).unwrap();
    let (answered, expected) = (shares(answered.trim_end()), shares(expected));
    assert_eq!(answered.len(), expected.len());
    for ((label, share), (expected_label, expected_share)) in answered.into_iter().zip(expected) {
        assert_eq!(label, expected_label);
        assert!(
            (share - expected_share).abs() < 0.2,
            "{label}: {share} and not {expected_share}"
        );
    }
}

/// Where it is not, what it should be is written to `target/tmp/shoe.jpg`.
#[test]
fn the_sample_is_made_of_the_first_test_image() {
    let made = sample::shoe();
    let sample = fs::read(root().join("samples/shoe.jpg")).unwrap_or_default();
    let read = image::load_from_memory(&sample)
        .map(|picture| picture.to_rgb8())
        .unwrap_or_default();
    let difference: u64 = made
        .iter()
        .zip(read.iter())
        .map(|(made, read)| u64::from(made.abs_diff(*read)))
        .sum();
    if read.dimensions() != made.dimensions() || difference > 2 * made.len() as u64 {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shoe.jpg");
        let file = fs::File::create(&path).unwrap();
        JpegEncoder::new_with_quality(file, 85).encode_image(&made).unwrap();
        panic!(
            "samples/shoe.jpg is another picture: {} is the right one",
            path.display()
        );
    }
}

/// The words between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The README and the pages in `docs/`: name and text.
fn pages() -> Vec<(String, String)> {
    let folder = fs::read_dir(root().join("docs")).unwrap();
    let in_docs = folder.map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
    let names = in_docs.chain(["README.md".to_owned()]);
    names
        .map(|name| {
            let text = fs::read_to_string(root().join(&name)).unwrap();
            (name, text)
        })
        .collect()
}

#[test]
fn every_command_in_the_docs_is_one_that_the_program_understands() {
    let mut commands = 0;
    for (page, text) in pages() {
        for line in text.lines().filter_map(|line| line.strip_prefix("    ")) {
            let line = line.trim().trim_start_matches("$ ");
            let typed = line.split(['#', '>', '|']).next().unwrap().trim();
            if !typed.starts_with("host ") {
                continue;
            }
            let parsed = Cli::try_parse_from(typed.split_whitespace().map(|word| word.trim_matches('\'')));
            if let Err(error) = parsed {
                panic!("{page}: `{typed}`: {error}");
            }
            commands += 1;
        }
    }
    assert!(commands > 30, "the commands were not found");
}

#[test]
fn the_tables_in_the_docs_name_options_and_values_that_exist() {
    let pages = pages();
    let rows = pages.iter().flat_map(|(_, text)| text.lines());
    let command = Cli::command();
    let arguments: Vec<_> = command.get_subcommands().flat_map(|sub| sub.get_arguments()).collect();
    let (mut options, mut with_values) = (0, 0);
    for row in rows.filter(|line| line.starts_with("| `--")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        for option in quoted(cells[1]).filter(|word| word.starts_with("--")) {
            let name = option.trim_start_matches('-').split([' ', '=']).next().unwrap();
            let found: Vec<_> = arguments
                .iter()
                .filter(|argument| argument.get_long() == Some(name))
                .collect();
            assert!(!found.is_empty(), "{row}: no command has --{name}");
            options += 1;
            for argument in found.iter().filter(|argument| argument.get_action().takes_values()) {
                let values: BTreeSet<_> = argument
                    .get_possible_values()
                    .iter()
                    .map(|value| value.get_name().to_owned())
                    .collect();
                let words = quoted(cells[2]).filter(|word| !word.starts_with("--"));
                let named: BTreeSet<_> = words.map(str::to_owned).collect();
                if !named.is_disjoint(&values) {
                    assert_eq!(named, values, "{row}");
                    with_values += 1;
                }
            }
        }
    }
    assert!(options > 15 && with_values > 1, "the tables were not found");
}
