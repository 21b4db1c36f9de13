//! `host dead-letters`: what could not be answered: counted, shown, sent back.

mod list;
mod picture;
mod replay;
mod show;

use std::time::Duration;

use crate::broker::{Admin, BrokerError, TopicDescription};
use crate::cli::{DeadLettersAction, DeadLettersCommand};
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

/// The topic of the letters; none where it is not there, but that of the messages is: no letter has ever come.
async fn describe(admin: &dyn Admin, topic: &str, letters: &str) -> Result<Option<TopicDescription>, BrokerError> {
    match admin.describe(letters).await {
        Err(unknown @ BrokerError::UnknownTopic { .. }) => match admin.describe(topic).await {
            Ok(described) if described.name != letters => Ok(None),
            _ => Err(unknown),
        },
        described => described.map(Some),
    }
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
