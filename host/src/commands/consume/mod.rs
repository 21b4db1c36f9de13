//! `host consume`: prints the messages of a topic. As a member of a group it consumes each once its line is written; with `--tail` or
//! `--from` it only looks, and consumes nothing.

mod answer;
pub mod line;
mod screen;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use self::line::Line;
use self::screen::Screen;
use super::reader::Taken;
use super::waiting::Waiting;
use super::{keep_trying, progress, reader, stdout};
use crate::broker::{Begin, Subscription, View, open_consumer, open_look};
use crate::classifier::read_labels;
use crate::cli::{ConsumeCommand, Format};
use crate::config::BrokerConfig;
use crate::exit::Failure;
use crate::message::Message;
use crate::shutdown::Shutdown;
use crate::terminal::printable;
use crate::values::{DEFAULT_GROUP, DEFAULT_OUTPUT};

/// How long a stop waits for the acknowledgements of printed messages.
const DRAIN: Duration = Duration::from_secs(10);

impl ConsumeCommand {
    /// Prints until a stop, the limit, the idle time-out, or the last message if it only looks.
    pub async fn execute(self) -> anyhow::Result<()> {
        let form = Form::new(self.format, self.labels.as_deref())?;
        let begin = self.begin()?;
        let config = BrokerConfig::new(self.broker, &self.storage)?;
        let Some(begin) = begin else {
            let subscription = Subscription {
                create: self.topic == DEFAULT_OUTPUT,
                topic: self.topic,
                group: self.group.unwrap_or_else(|| DEFAULT_GROUP.to_owned()),
            };
            let config = config.for_member(self.member)?;
            return consume(
                &config,
                &subscription,
                &form,
                self.limit.map(u64::from),
                self.idle_timeout,
            )
            .await;
        };
        config.has_places(if self.tail.is_some() { "--tail" } else { "--from" })?;
        let view = View {
            topic: self.topic,
            begin,
            follow: self.follow,
        };
        look(&config, view, &form, self.limit.map(u64::from), self.idle_timeout).await
    }

    /// Where to begin to look. None: consume.
    fn begin(&self) -> Result<Option<Begin>, Failure> {
        let begin = match (self.tail, self.member.from, &self.group) {
            (Some(count), _, _) => Begin::Last(count as usize),
            (None, Some(start), None) => Begin::At(start),
            _ if self.follow => {
                return Err(Failure::Usage(
                    "--follow needs --tail, or --from without --group; without these, consume waits for more anyway"
                        .to_owned(),
                ));
            }
            _ => return Ok(None),
        };
        let of_a_member = [
            ("--instance", self.member.instance.is_some()),
            ("--session-timeout", self.member.session_timeout.is_some()),
        ];
        match of_a_member.iter().find(|(_, is_typed)| *is_typed) {
            Some((option, _)) => Err(Failure::Usage(format!(
                "{option} is for a member of a group, and --tail and --from look at the topic without one: leave it out, or name a \
                 --group with --from"
            ))),
            None => Ok(Some(begin)),
        }
    }
}

async fn consume(
    config: &BrokerConfig,
    subscription: &Subscription,
    form: &Form,
    limit: Option<u64>,
    idle_timeout: Option<Duration>,
) -> anyhow::Result<()> {
    let shutdown = Shutdown::on_signals(DRAIN);
    let open = async || open_consumer(config, subscription).await;
    let Some((source, ack)) = keep_trying(&shutdown, idle_timeout, open).await? else {
        return Ok(());
    };
    let mut left = limit.unwrap_or(u64::MAX);
    let mut waiting = Waiting::new(form.is_screen().then_some(&*subscription.topic));
    reader::read(source, ack, &shutdown, idle_timeout, &mut waiting, async |delivery| {
        stdout::write_line(form.line(&delivery.message, &delivery.position)?).await?;
        left -= 1;
        Ok(match left {
            0 => ControlFlow::Break(Taken::Consumed),
            _ => ControlFlow::Continue(Taken::Consumed),
        })
    })
    .await
    .map(drop)
}

async fn look(
    config: &BrokerConfig,
    view: View,
    form: &Form,
    limit: Option<u64>,
    idle_timeout: Option<Duration>,
) -> anyhow::Result<()> {
    let topic = view.topic.clone();
    let mut waiting = Waiting::new(Some(&*topic).filter(|_| form.is_screen() && view.follow));
    let mut look = open_look(config, view).await?;
    // Until here a signal ends the process.
    let shutdown = Shutdown::on_signals(DRAIN);
    let mut shown = 0;
    let mut last = Instant::now();
    while limit.is_none_or(|limit| shown < limit) {
        let idle = async {
            match idle_timeout.and_then(|timeout| last.checked_add(timeout)) {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        let seen = tokio::select! {
            biased;
            () = shutdown.stopping() => break,
            seen = look.next() => seen?,
            () = waiting.due() => {
                waiting.show();
                continue;
            }
            () = idle => break,
        };
        let Some(seen) = seen else { break };
        waiting.came();
        let written = tokio::select! {
            biased;
            () = shutdown.aborting() => break,
            written = stdout::write_line(form.line(&seen.message, &seen.position)?) => written,
        };
        written?;
        shown += 1;
        last = Instant::now();
    }
    drop(waiting);
    if shown == 0 && form.is_screen() {
        progress::say(&format!("nothing to show in {topic}"));
    }
    Ok(look.close().await?)
}

/// How a message is printed.
enum Form {
    /// For people on a terminal.
    Screen(Screen),
    /// The payload alone.
    Text,
    Json,
}

impl Form {
    fn new(format: Format, labels: Option<&Path>) -> anyhow::Result<Self> {
        let labels = labels.map(read_labels).transpose()?.unwrap_or_default();
        Ok(match format {
            Format::Json => Self::Json,
            Format::Text if stdout::width().is_some() => Self::Screen(Screen::new(labels)),
            Format::Text => Self::Text,
        })
    }

    fn is_screen(&self) -> bool {
        matches!(self, Self::Screen(_))
    }

    fn line(&self, message: &Message, position: &str) -> serde_json::Result<String> {
        match self {
            Self::Screen(screen) => Ok(screen.line(message, position)),
            Self::Text => Ok(one_line(message)),
            Self::Json => serde_json::to_string(&Line::of(message, position)),
        }
    }
}

/// The payload as one line: invalid UTF-8 replaced, control characters escaped.
fn one_line(message: &Message) -> String {
    printable(&String::from_utf8_lossy(message.body()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_one_line_whatever_the_payload_holds() {
        assert_eq!(one_line(&Message::new("[9, 2]")), "[9, 2]");
        let hostile = Message::new(b"a\nb\x1b[2J\xff".to_vec());
        assert_eq!(one_line(&hostile), "a\\nb\\u{1b}[2J\u{fffd}");
    }
}
