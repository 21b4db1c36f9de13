//! The words of the Python program, whose first was the broker: `consumer_output.py Kafka`.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Command, Error, ValueEnum};

use super::BrokerName;

/// Where a broker's name stands behind the command, by itself: how to write it. None: it does not.
pub(super) fn broker_as_word(program: &Command, arguments: &[OsString]) -> Option<Error> {
    let mut words = arguments.iter().map(|word| word.to_string_lossy()).skip(1).peekable();
    let (mut command, mut path) = (program, vec![program.get_name().to_owned()]);
    while let Some(below) = words.peek().and_then(|word| command.find_subcommand(word.as_ref())) {
        command = below;
        path.extend(words.next().map(Into::into));
    }
    // Elsewhere the first word is a file or a topic.
    let takes_no_word = command.get_positionals().next()?.get_id() == "credentials";
    let broker = BrokerName::from_str(&words.next()?, true).ok()?.to_possible_value()?;
    let rest: Vec<_> = words.map(Into::into).collect();
    if !takes_no_word || rest.iter().any(|word: &String| word.starts_with("--broker")) {
        return None;
    }
    let path = path.join(" ");
    let written = [&[path, "--broker".to_owned(), broker.get_name().to_owned()], &rest[..]].concat();
    let said = format!("the broker is an option: write `{}`\n", written.join(" "));
    Some(Error::raw(ErrorKind::UnknownArgument, said))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::parse;

    #[test]
    fn a_broker_s_name_as_the_first_word_is_told_how_to_write_it() {
        for (typed, written) in [
            ("host consume Kafka", "`host consume --broker kafka`"),
            (
                "host run Google_Pub_Sub creds.json my-project",
                "`host run --broker pubsub creds.json my-project`",
            ),
            ("host topics list kafka", "`host topics list --broker kafka`"),
        ] {
            let said = parse(typed.split(' ').map(Into::into)).unwrap_err().to_string();
            assert!(said.contains(written), "{said}");
        }
        for typed in [
            "host topics create kafka",
            "host classify kafka",
            "host run kafka --broker pubsub",
            "host run --broker pubsub kafka",
        ] {
            assert!(parse(typed.split(' ').map(Into::into)).is_ok(), "{typed}");
        }
    }
}
