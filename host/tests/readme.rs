//! The README is true: the commands of its sections *Kafka from nothing* and *Pub/Sub from nothing*, run as they stand there, on
//! the broker that one of them starts; and the options in its tables.
//!
//! What a person would do beside typing is added here and nowhere else: the variable with the address, as the port may be
//! taken; an end for `consume` (`--limit`); fewer images for `produce`, and at once (`--limit`, `--interval`); and Ctrl-C for
//! the others. What takes an archive from Apache or a project of Google's is not run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod components;
mod live;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use clap::CommandFactory;
use host::cli::Cli;
use test_brokers::{Distribution, PubSubProgram};

use self::components::component;
use self::live::{KAFKA, PUBSUB, Running, Stage, answers, root};

/// Messages that go through.
const MESSAGES: usize = 5;

/// A section, and the broker that it starts.
struct Section {
    title: &'static str,
    start: &'static str,
    /// Stands before the address in what `start` prints.
    serves: &'static str,
    /// What the host takes the address from.
    variable: &'static str,
}

impl Section {
    /// Its indented lines without their comments, in order, from the one on that starts the broker.
    fn commands(&self) -> Vec<String> {
        let readme = fs::read_to_string(root().join("README.md")).unwrap();
        let title = format!("## {}\n", self.title);
        let (_, section) = readme.split_once(&title).expect("the README has the section");
        let section = section.split("\n## ").next().unwrap();
        let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
        let commands = lines.map(|line| line.split(" #").next().unwrap().trim().to_owned());
        let commands: Vec<_> = commands.skip_while(|command| command != self.start).collect();
        assert!(!commands.is_empty(), "`{}` is not in the README", self.start);
        commands
    }

    /// Runs the broker that people try the host on, and tells the stage where it is.
    fn start(&self, stage: &mut Stage) -> Running {
        let mut words = self.start.split(' ');
        let mut cargo = Command::new(words.next().unwrap());
        cargo.args(words);
        // What cargo tells this test of its own package is not for another cargo, whose build would differ by it.
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

    /// Runs its commands. What they made, and what was consumed.
    fn run(&self) -> (Vec<String>, Vec<String>) {
        let mut stage = Stage::new(self.variable, String::new());
        // It ends, as any server of `test-brokers` does, with the program that started it: when this is dropped.
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
                ["host", ..] => panic!("`{command}` is in the README and not in this test"),
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
fn the_readme_s_way_from_no_kafka_to_answers_works_as_it_stands_there() {
    component("classifier");
    if Distribution::for_tests().unwrap().is_none() {
        return;
    }
    let section = Section {
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
fn the_readme_s_way_from_no_pub_sub_to_answers_works_as_it_stands_there() {
    component("classifier");
    if PubSubProgram::for_tests().unwrap().is_none() {
        return;
    }
    let section = Section {
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

/// The words between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_readme_s_tables_name_options_and_values_that_are_there() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let command = Cli::command();
    let arguments: Vec<_> = command.get_subcommands().flat_map(|sub| sub.get_arguments()).collect();
    let (mut options, mut with_values) = (0, 0);
    for row in readme.lines().filter(|line| line.starts_with("| `--")) {
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
