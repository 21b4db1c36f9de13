//! `host dead-letters`: what could not be answered: counted, shown, sent back.

mod list;
mod picture;
mod replay;
mod show;

use std::time::Duration;

use anyhow::Context;

use crate::broker::{BrokerError, open_admin};
use crate::cli::{DeadLettersAction, DeadLettersCommand};
use crate::config::BrokerConfig;
use crate::message::Message;

/// What follows a topic's name in that of its letters.
const LETTERS: &str = ".dlq";

/// How long a stop waits for what was only looked at to be handed back.
const DRAIN: Duration = Duration::from_secs(10);

impl DeadLettersCommand {
    /// Counts, shows or replays.
    pub async fn execute(self) -> anyhow::Result<()> {
        match self.action {
            None => self.list.execute().await,
            Some(DeadLettersAction::Show(command)) => command.execute().await,
            Some(DeadLettersAction::Replay(command)) => command.execute().await,
        }
    }
}

/// The topic of the letters, where it may have been named itself.
fn letters_of(topic: &str, own: Option<String>) -> String {
    own.unwrap_or_else(|| match topic.ends_with(LETTERS) {
        true => topic.to_owned(),
        false => format!("{topic}{LETTERS}"),
    })
}

/// Nothing where no letter has ever come: their topic is `missing`, and that of the messages is there. Else why there are none.
async fn have_never_come(
    config: &BrokerConfig,
    topic: &str,
    letters: &str,
    missing: BrokerError,
) -> anyhow::Result<()> {
    let BrokerError::UnknownTopic { .. } = missing else {
        return Err(missing.into());
    };
    // Who names the letters' own topic means the messages that they were.
    let topic = topic.strip_suffix(LETTERS).unwrap_or(topic);
    let described = open_admin(config).await?.describe(topic).await;
    described.with_context(|| none_in(letters)).map(drop)
}

fn none_in(letters: &str) -> String {
    format!("no dead letters in {letters}")
}

/// A header as text; what is not UTF-8 is replaced.
fn text(message: &Message, name: &str) -> Option<String> {
    let value = message.header(name)?;
    Some(String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_found_by_the_topic_that_they_came_from_and_by_their_own() {
        assert_eq!(letters_of("photos", None), "photos.dlq");
        assert_eq!(letters_of("photos.dlq", None), "photos.dlq");
        assert_eq!(letters_of("photos", Some("bad".to_owned())), "bad");
    }
}
