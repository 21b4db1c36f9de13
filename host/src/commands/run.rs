//! `host run`: the pipeline over a broker, until it is stopped.

mod backlog;
mod layout;
mod show;
mod swaps;
mod window;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use self::layout::Course;
use self::show::show;
use self::swaps::Swaps;
use super::progress::Lines;
use super::{keep_trying, progress, start, stdout};
use crate::broker::{Subscription, Topics, open_pipeline, reach};
use crate::classifier::{Classifier, ClassifierConfig, ComponentError};
use crate::cli::{Format, OnErrorName, RunCommand};
use crate::config::{Delivery, Ends, in_flight_bytes};
use crate::control::{Control, Reply};
use crate::exit::Failure;
use crate::message::Message;
use crate::pipeline::{self, Classify, ClassifyError, Meter, OnError, Policy, Progress};
use crate::shutdown::Shutdown;
use crate::swap::{Bounds, Swappable};
use crate::terminal::counted;
use crate::values::{DEFAULT_INPUT, RETRY_DELAY};

/// The contract's codes for what is asked of a component and not granted.
const NOT_GRANTED: [&str; 2] = ["not-acceptable", "unsupported-preparation"];

impl RunCommand {
    /// Classifies until a stop, the idle timeout or an error.
    pub async fn execute(self) -> anyhow::Result<()> {
        let delivery = self.delivery.map(Delivery::from);
        let mut ends = Ends::new(
            &self.broker,
            self.input,
            self.output,
            &self.storage,
            self.member,
            delivery,
        )?;
        let messages = self.max_in_flight.get();
        let bytes = in_flight_bytes(self.max_in_flight_bytes, ends.max_message_bytes(), messages)?;
        let in_flight = (messages, bytes);
        ends.input = ends.input.with_in_flight(in_flight.0, in_flight.1);
        let topics = Topics {
            output: self.output_topic,
            dead_letters: self
                .dead_letter_topic
                .unwrap_or_else(|| format!("{}.dlq", self.input_topic)),
            input: Subscription {
                create: self.input_topic == DEFAULT_INPUT,
                topic: self.input_topic,
                group: self.group,
            },
        };
        let answers = Some(&topics.output).filter(|_| ends.are_one());
        if let Some(target) = answers
            .into_iter()
            .chain([&topics.dead_letters])
            .find(|target| **target == topics.input.topic)
        {
            return Err(Failure::Usage(format!(
                "'{target}' cannot be read from and published to: what comes out would come in again without end; name \
                 another topic with --output-topic or --dead-letter-topic"
            ))
            .into());
        }
        let asked = ClassifierConfig {
            prepare: self.prepare.parameters(),
            ..ClassifierConfig::new(self.component, self.accept, ends.max_message_bytes())?
        };
        if self.watch && asked.files().is_empty() {
            let usage = "--watch needs a file to look at, and this program carries its component; name one with --component or --model";
            return Err(Failure::Usage(usage.to_owned()).into());
        }
        let policy = Policy {
            on_error: match self.on_error {
                OnErrorName::DeadLetter => OnError::DeadLetter,
                OnErrorName::Stop => OnError::Stop,
            },
            attempts: self.attempts.get(),
            max_failures: NonZeroUsize::new(self.max_failures),
            retry_delay: RETRY_DELAY,
            max_in_flight: in_flight.0,
            max_in_flight_bytes: in_flight.1,
            max_message_bytes: ends.max_message_bytes(),
            provenance: !self.plain,
            idle_timeout: self.idle_timeout,
        };
        // The brokers are looked at first, since compiling may take long, and joined last, since a member that does not read
        // yet would hold up its partitions.
        let shutdown = Shutdown::on_signals_of_a_service(self.drain);
        for end in [Some(&ends.input), Some(&ends.output).filter(|_| !ends.are_one())]
            .into_iter()
            .flatten()
        {
            let opened = keep_trying(&shutdown, policy.idle_timeout, async || reach(end).await);
            if opened.await?.is_none() {
                return Ok(());
            }
        }
        let classifier = tokio::select! {
            biased;
            () = shutdown.stopping() => return Ok(()),
            started = async { as_asked(start(&asked).await?, &asked).await } => started?,
        };
        let swappable = Swappable::new(classifier);
        let open = async || open_pipeline(&ends, &topics).await;
        let Some((source, settle)) = keep_trying(&shutdown, policy.idle_timeout, open).await? else {
            return Ok(());
        };
        let first = swappable.serving_now();
        let model = first.description();
        tracing::info!(
            "{} {} classifies {} of {} into {} of {}",
            model.name,
            model.version,
            topics.input.topic,
            ends.input.place(),
            topics.output,
            ends.output.place()
        );

        let started = Instant::now();
        let course = || Course {
            input: topics.input.topic.clone(),
            model: swappable.serving_now().description().name.clone(),
            output: topics.output.clone(),
            group: topics.input.group.clone(),
            max_in_flight: policy.max_in_flight,
        };
        let swaps = Swaps {
            asked: &asked,
            swappable: &swappable,
            bounds: Bounds {
                messages: self.trial,
                failures: self.trial_failures,
            },
            watch: self.watch,
            control: open_control(),
            about: Reply::About {
                topic: topics.input.topic.clone(),
                group: topics.input.group.clone(),
            },
        };
        let (meter, watch, screen) = (Meter::default(), source.watch(), Lines::new());
        let mut settled = Settled::default();
        let observe = |_: &Progress| settled.note(SystemTime::now());
        let ended = tokio::select! {
            biased;
            ended = pipeline::run(source, settle, &swappable, &policy, &shutdown, &meter, observe) => ended,
            never = swaps.serve() => match never {},
            never = show(&course, &meter, &*watch, screen.map(Arc::new)) => match never {},
        };
        let done = ended?;
        summarise(&done, started.elapsed(), &settled, self.format)?;
        if done.in_flight > 0 {
            return Err(Failure::Interrupted(format!(
                "{} still in flight; those that no commit had taken yet come again",
                counted(done.in_flight as u64, "message was", "messages were")
            ))
            .into());
        }
        Ok(())
    }
}

/// What is asked of the component with every message it is asked once before, with an empty one: what it does not grant is no
/// message's fault, and would make a dead letter of each.
async fn as_asked(classifier: Classifier, asked: &ClassifierConfig) -> Result<Classifier, ComponentError> {
    if asked.accept.is_none() && asked.prepare.is_none() {
        return Ok(classifier);
    }
    match classifier.classify(&Message::new("")).await {
        Err(ClassifyError::Reject(cause)) if NOT_GRANTED.contains(&&*cause.code) => {
            Err(ComponentError::NotGranted(cause))
        }
        // All else depends on the body.
        _ => Ok(classifier),
    }
}

/// Where it cannot be opened, all but `host swap` works.
fn open_control() -> Option<Control> {
    let opened = Control::open();
    opened
        .map_err(|error| tracing::warn!("`host swap` cannot reach this host: {error}"))
        .ok()
}

/// When the first and the last message so far were through: between them lies what the pipeline took, without the start and
/// the waiting at the end.
#[derive(Default)]
struct Settled(Option<[SystemTime; 2]>);

impl Settled {
    fn note(&mut self, now: SystemTime) {
        let [first, _] = self.0.unwrap_or([now, now]);
        self.0 = Some([first, now]);
    }

    /// In milliseconds since 1970.
    fn milliseconds(&self) -> Option<[u64; 2]> {
        let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.0
            .map(|times| times.map(|time| u64::try_from(since(time)).unwrap_or(u64::MAX)))
    }
}

fn summarise(done: &Progress, took: Duration, settled: &Settled, format: Format) -> anyhow::Result<()> {
    let seconds = took.as_secs_f64();
    let times = settled.milliseconds();
    match format {
        Format::Json => stdout::write_json(&json!({
            "messages": done.answered,
            "images": done.images,
            "dead_letters": done.dead_letters,
            "warnings": done.warnings,
            "in_flight": done.in_flight,
            "seconds": seconds,
            "first_at_ms": times.map(|[first, _]| first),
            "last_at_ms": times.map(|[_, last]| last),
        })),
        Format::Text => {
            progress::say(&format!(
                "{} classified in {}, {}, in {seconds:.1} s",
                counted(done.images, "image", "images"),
                counted(done.answered, "message", "messages"),
                counted(done.dead_letters, "dead letter", "dead letters")
            ));
            if !done.warnings.is_empty() {
                progress::say(&format!("answers that may be wrong: {}", done.warnings));
            }
            Ok(())
        }
    }
}
