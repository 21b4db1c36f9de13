//! Refuses options of a broker that the command does not use: whoever types one relies on it.
//!
//! Only typed options count. An environment variable such as `KAFKA_URI` is for the commands that need it.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, ValueEnum};

use crate::cli::{BrokerAddress, BrokerName, EMBEDDED, KAFKA, PUBSUB};
use crate::exit::Failure;

/// Options of the broker that is read.
const OF_A_READER: [&str; 3] = ["instance", "session_timeout", "subscription"];

/// Fails if an option was typed that no broker of the command takes. `command` and `matches`: the program's.
pub fn check_foreign(command: &Command, matches: &ArgMatches) -> Result<(), Failure> {
    let (mut command, mut matches) = (command, matches);
    while let Some((name, below)) = matches.subcommand() {
        let Some(found) = command.find_subcommand(name) else {
            break;
        };
        (command, matches) = (found, below);
    }
    let Some(broker) = one::<BrokerName>(matches, "broker") else {
        return Ok(());
    };
    let end = |name| one::<BrokerAddress>(matches, name).map_or(broker, |end| end.broker);
    let (input, output) = (end("input"), end("output"));
    let typed = command
        .get_arguments()
        .filter(|argument| matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine));
    for argument in typed {
        let Some(owner) = owner(argument) else { continue };
        let is_of_a_reader = OF_A_READER.contains(&argument.get_id().as_str());
        if input == owner || (output == owner && !is_of_a_reader) {
            continue;
        }
        let (named, name) = (spelled(argument, matches), name_of(owner));
        if let Some(meant) = meant(argument, command) {
            let why = format!("{named} goes with no option, and only --broker {name} takes such words");
            return Err(Failure::Usage(format!("{why}: {meant}")));
        }
        let where_to = match (output == owner, command.get_name()) {
            (true, _) => format!("which only receives the answers here: leave it out, or choose --input {name}"),
            (false, "run") => {
                format!(
                    "which this command does not use: leave it out, or choose --broker {name}, --input {name} or --output {name}"
                )
            }
            (false, _) => format!(
                "and the broker here is {}: leave it out, or choose --broker {name}",
                name_of(broker)
            ),
        };
        return Err(Failure::Usage(format!("{named} is for {name}, {where_to}")));
    }
    Ok(())
}

/// Where a word without an option may have been meant to go.
fn meant(argument: &Arg, command: &Command) -> Option<&'static str> {
    let has_topic = command.get_arguments().any(|other| other.get_id() == "topic");
    match (argument.get_long(), command.get_name()) {
        (Some(_), _) => None,
        (None, "produce") => Some("images go with --images, a topic with --topic"),
        (None, "dead-letters") => Some("a letter goes with `host dead-letters show`, a topic with --topic"),
        (None, _) => has_topic.then_some("a topic goes with --topic"),
    }
}

fn one<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Option<T> {
    matches.try_get_one(name).ok().flatten().cloned()
}

/// The broker that an option belongs to, by its heading in the help.
fn owner(argument: &Arg) -> Option<BrokerName> {
    match argument.get_help_heading()? {
        EMBEDDED => Some(BrokerName::Local),
        KAFKA => Some(BrokerName::Kafka),
        PUBSUB => Some(BrokerName::PubSub),
        _ => None,
    }
}

/// An option's name, without its value, which may be a secret. An argument without a name: as it was typed.
fn spelled(argument: &Arg, matches: &ArgMatches) -> String {
    match argument.get_long() {
        Some(long) => format!("--{long}"),
        None => format!(
            "'{}'",
            one::<String>(matches, argument.get_id().as_str()).unwrap_or_default()
        ),
    }
}

fn name_of(broker: BrokerName) -> String {
    let value = broker.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn checked(arguments: &[&str]) -> Result<(), Failure> {
        let command = Cli::command();
        let matches = command
            .clone()
            .try_get_matches_from([&["host"], arguments].concat())
            .unwrap();
        check_foreign(&command, &matches)
    }

    /// Something that an option takes.
    fn value(argument: &Arg) -> Vec<String> {
        let long = format!("--{}", argument.get_long().unwrap());
        if !argument.get_action().takes_values() {
            return vec![long];
        }
        let possible = argument.get_possible_values();
        let value = match argument.get_id().as_str() {
            "lease" | "session_timeout" => "10s",
            "replication" => "1",
            "local_retention" => "1GiB",
            _ => possible.first().map_or("x", |value| value.get_name()),
        };
        vec![long, value.to_owned()]
    }

    #[test]
    fn every_option_of_one_broker_is_refused_at_every_other() {
        let mut tried = 0;
        for name in ["run", "produce", "consume", "dead-letters", "replay"] {
            let command = Cli::command();
            let command = command.find_subcommand(name).unwrap();
            for argument in command.get_arguments().filter(|argument| argument.get_long().is_some()) {
                let Some(owner) = owner(argument) else { continue };
                let value = value(argument);
                let value: Vec<&str> = value.iter().map(String::as_str).collect();
                // What goes together is refused together.
                let with: &[&str] = match argument.get_id().as_str() {
                    "tls_key" => &["--tls-certificate", "x"],
                    "tls_certificate" => &["--tls-key", "x"],
                    "sasl_password_file" => &["--sasl", "plain"],
                    _ => &[],
                };
                for broker in ["local", "kafka", "pubsub"] {
                    let checked = checked(&[&[name, "--broker", broker], &value[..], with].concat());
                    if broker == name_of(owner) {
                        assert_eq!(checked, Ok(()), "{broker} {value:?}");
                    } else {
                        let said = checked.unwrap_err().to_string();
                        assert!(said.contains("--") && said.contains(&name_of(owner)), "{said}");
                        tried += 1;
                    }
                }
            }
        }
        assert!(tried > 100, "{tried}");
    }

    #[test]
    fn an_option_is_of_use_where_one_end_is_its_broker_s_and_one_of_a_reader_where_that_is_the_input() {
        assert_eq!(
            checked(&["run", "--output", "kafka:a:1", "--tls", "--local-file", "a.db"]),
            Ok(())
        );
        assert_eq!(checked(&["run", "--input", "kafka:a:1", "--instance", "a"]), Ok(()));
        let said = checked(&["run", "--output", "kafka:a:1", "--instance", "a"])
            .unwrap_err()
            .to_string();
        assert!(said.contains("--instance") && said.contains("--input kafka"), "{said}");
        let said = checked(&["run", "--input", "kafka", "--output", "pubsub", "--local-file", "a.db"]);
        assert!(said.unwrap_err().to_string().contains("--local-file is for local"));
    }

    #[test]
    fn what_was_not_typed_is_not_refused() {
        for command in ["run", "produce", "consume", "replay"] {
            for broker in ["local", "kafka", "pubsub"] {
                assert_eq!(checked(&[command, "--broker", broker]), Ok(()));
            }
        }
        assert_eq!(
            checked(&["topics", "list", "--tls-ca", "x", "--broker", "kafka"]),
            Ok(())
        );
        assert!(checked(&["topics", "create", "t", "--replication", "1"]).is_err());
        assert_eq!(checked(&["inspect"]), Ok(()));
    }

    #[test]
    fn credentials_are_of_use_where_one_end_is_pub_sub() {
        assert_eq!(checked(&["run", "--output", "pubsub", "-", "my-project"]), Ok(()));
        let said = checked(&["run", "--output", "kafka", "creds.json", "my-project"])
            .unwrap_err()
            .to_string();
        assert!(said.contains("'creds.json' is for pubsub"), "{said}");
        for (typed, option) in [
            (["produce", "photos"], "--images"),
            (["dead-letters", "17"], "host dead-letters show"),
            (["consume", "answers"], "--topic"),
        ] {
            let said = checked(&typed).unwrap_err().to_string();
            assert!(said.contains(option), "{said}");
        }
    }
}
