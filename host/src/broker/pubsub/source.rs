//! Reading: one task owns the stream of a subscription, and reopens it if it breaks or stands still.
//!
//! It reads whatever arrives, because Google's client extends the leases only of messages that were read; the service
//! limits what it hands out on one stream. The client reopens a broken stream by itself, and everything outstanding
//! is redelivered on the new one: so, over all streams together, nothing more is read while that much is held.
//!
//! Google's client opens a stream within the first read and repeats whatever may succeed later, for as long as it
//! takes. Dropping a read would start over, so no read is dropped before the end.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use google_cloud_pubsub::subscriber::handler::Handler;
use google_cloud_pubsub::subscriber::{MessageStream, ShutdownBehavior};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::client::Clients;
use super::fault::Call;
use super::lanes::Lanes;
use super::message;
use super::project::Project;
use crate::broker::{BrokerError, Delivery, Demand, Event, Room, Source};

/// How long closing a source waits for a service that may be unreachable.
const LEAVE: Duration = Duration::from_secs(5);

/// How often to check that the service answers at all: if it does not, Google's client retries without end and
/// without a word.
const LOOK: Duration = Duration::from_secs(10);

/// Pause before a broken stream is reopened, or an unreachable service is asked again.
const PAUSE: Duration = Duration::from_secs(2);

/// How long to wait at the end for messages on their way: in total, and since the last.
const DRAIN: Duration = Duration::from_millis(500);
const QUIET: Duration = Duration::from_millis(50);

/// A message this much older than its stream had been waiting for it.
const OLD: Duration = Duration::from_secs(5);

/// One subscriber.
#[derive(Debug)]
pub struct PubSubSource {
    project: Project,
    lanes: Arc<Lanes>,
    cluster: String,
    stop: CancellationToken,
    left: Option<oneshot::Receiver<()>>,
}

impl PubSubSource {
    pub(super) fn open(project: Project, subscription: &str) -> Self {
        let path = project.subscription_path(subscription);
        let lanes = Arc::new(Lanes::new(subscription, Arc::clone(&project.clients.config)));
        let stop = CancellationToken::new();
        let (leaving, left) = oneshot::channel();
        let reader = Reader {
            project: project.clone(),
            name: subscription.to_owned(),
            path: path.clone(),
            lanes: Arc::clone(&lanes),
            stop: stop.clone(),
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends with its source, and `close` waits for it; opening a stream must not be dropped"
        )]
        tokio::spawn(async move {
            reader.run().await;
            // The caller may have stopped waiting.
            let _ = leaving.send(());
        });
        Self {
            project,
            lanes,
            cluster: path,
            stop,
            left: Some(left),
        }
    }
}

impl Drop for PubSubSource {
    fn drop(&mut self) {
        self.lanes.close();
        self.stop.cancel();
    }
}

#[async_trait]
impl Source for PubSubSource {
    async fn recv(&mut self, demand: Demand) -> Result<Event, BrokerError> {
        loop {
            if let Some(event) = self.lanes.next_event(demand)? {
                return Ok(event);
            }
            // A notice that came before this await is kept.
            self.lanes.arrival.notified().await;
        }
    }

    fn more(&mut self, room: Room) -> Vec<Delivery> {
        self.lanes.more(room)
    }

    async fn listening_since(&mut self) -> Result<tokio::time::Instant, BrokerError> {
        // Google's client opens its streams without end and without a word, and does not say whether one is open.
        // Whatever blocks it blocks a new connection, too.
        let clients = Clients::new(Arc::clone(&self.project.clients.config)).await?;
        Project::new(clients).probe().await?;
        self.lanes
            .open()
            .ok_or_else(|| BrokerError::Unreachable(format!("the stream of '{}' broke and is reopened", self.cluster)))
    }

    fn cluster(&self) -> &str {
        &self.cluster
    }

    async fn close(mut self: Box<Self>) -> Result<(), BrokerError> {
        // The task hands back what is held, last.
        self.stop.cancel();
        if let Some(left) = self.left.take()
            && tokio::time::timeout(LEAVE, left).await.is_err()
        {
            tracing::warn!(
                "the service does not answer: messages that it has not marked as acknowledged will be redelivered"
            );
        }
        Ok(())
    }
}

struct Reader {
    project: Project,
    name: String,
    path: String,
    lanes: Arc<Lanes>,
    stop: CancellationToken,
}

/// Why a stream ended.
enum Ended {
    /// The source is closed or dropped.
    Left,
    /// Nothing arrived for a long time.
    Silent,
    /// It broke, which may pass.
    Broken(String),
    /// Nobody answers.
    Lost(BrokerError),
    /// The service refuses to continue it.
    Refused(BrokerError),
}

impl Reader {
    async fn run(self) {
        // A stream that was replaced continues with the leases and acknowledgements of its messages.
        let mut before = FuturesUnordered::new();
        let mut since = None;
        loop {
            let mut stream = match self.subscribe().await {
                Ok(stream) => stream,
                Err(error) => break self.lanes.fail(error),
            };
            self.lanes.set_open(true);
            let token = stream.shutdown_token();
            let ended = {
                let mut read = pin!(self.read(&mut stream, since));
                loop {
                    tokio::select! {
                        ended = &mut read => break ended,
                        Some(()) = before.next() => {}
                    }
                }
            };
            let taken = match ended {
                Ended::Left => drain(&mut stream).await,
                _ => Vec::new(),
            };
            drop(stream);
            // Not before: the service would send them again on the same stream.
            drop(taken);
            before.push(async move { token.shutdown().await });
            self.lanes.set_open(matches!(ended, Ended::Silent));
            match ended {
                Ended::Left => break,
                Ended::Silent => since = Some(SystemTime::now()),
                Ended::Broken(why) => {
                    tracing::warn!(subscription = self.name, "{why}; reopening the stream");
                    self.rest().await;
                }
                Ended::Lost(error) => self.wait_for_answer(&error).await,
                Ended::Refused(error) => break self.lanes.fail(error),
            }
        }
        self.stop.cancelled().await;
        self.lanes.close();
        while before.next().await.is_some() {}
    }

    /// On a connection of its own: the one before may be dead unnoticed.
    async fn subscribe(&self) -> Result<MessageStream, BrokerError> {
        let config = &self.project.clients.config;
        let subscriber = self.project.clients.subscriber().await?;
        let bound = |limit: usize| i64::try_from(limit).unwrap_or(i64::MAX);
        let messages = config.outstanding_messages.saturating_add(config.set_aside);
        // Messages set aside take no memory here, but would count there; 0 means no limit.
        let bytes = match config.set_aside {
            0 => config.outstanding_bytes,
            _ => 0,
        };
        let subscribe = subscriber
            .subscribe(&self.path)
            .set_max_lease_extension(config.lease)
            .set_max_outstanding_messages(bound(messages))
            .set_max_outstanding_bytes(bound(bytes))
            .set_shutdown_behavior(ShutdownBehavior::WaitForProcessing);
        Ok(subscribe.build())
    }

    /// Reads one stream to its end. `silent_until`: why it was opened.
    async fn read(&self, stream: &mut MessageStream, silent_until: Option<SystemTime>) -> Ended {
        let mut silent_until = silent_until;
        let mut lost = pin!(self.lost());
        loop {
            tokio::select! {
                () = self.lanes.room() => {}
                () = self.stop.cancelled() => return Ended::Left,
                error = &mut lost => return Ended::Lost(error),
            }
            let mut next = pin!(stream.next());
            let read = loop {
                tokio::select! {
                    read = &mut next => break read,
                    () = self.stop.cancelled() => return Ended::Left,
                    error = &mut lost => return Ended::Lost(error),
                    // While something is held, that may be all that the service hands out at once.
                    () = tokio::time::sleep(self.project.clients.config.silence) => if self.lanes.is_empty() {
                        tracing::debug!(subscription = self.name, "reopening the stream after a silence");
                        return Ended::Silent;
                    }
                }
            };
            match read {
                Some(Ok((message, handler))) => {
                    let id = message.message_id.clone();
                    let message = message::from_pubsub(message);
                    if let Some(silent_until) = silent_until.take() {
                        self.tell_of_a_standstill(silent_until, message.timestamp_ms);
                    }
                    self.lanes.offer(id, message, handler);
                }
                Some(Err(error)) => match self.project.explain(&error, Call::Pull(&self.name)) {
                    BrokerError::Unreachable(why) => return Ended::Broken(why),
                    refused => return Ended::Refused(refused),
                },
                None => return Ended::Broken("the service has ended the stream".to_owned()),
            }
        }
    }

    /// Resolves when nobody answers any more.
    async fn lost(&self) -> BrokerError {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(error @ BrokerError::Unreachable(_)) = self.project.probe().await {
                return error;
            }
        }
    }

    async fn wait_for_answer(&self, error: &BrokerError) {
        tracing::warn!(subscription = self.name, "{error}; waiting for an answer");
        let answer = async {
            while let Err(BrokerError::Unreachable(_)) = self.project.probe().await {
                self.rest().await;
            }
            tracing::info!(subscription = self.name, "the service answers again");
        };
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = answer => {}
        }
    }

    async fn rest(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }

    /// A message older than its stream had been waiting: the stream before stood still.
    fn tell_of_a_standstill(&self, silent_until: SystemTime, published_ms: Option<i64>) {
        let published = published_ms
            .and_then(|ms| u64::try_from(ms).ok())
            .map(Duration::from_millis);
        let opened = silent_until.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        if published.is_some_and(|published| published + OLD < opened) {
            tracing::warn!(
                subscription = self.name,
                "nothing had arrived for {} although there were messages to read: the stream was reopened",
                humantime::format_duration(self.project.clients.config.silence)
            );
        }
    }
}

/// Reads what the service has already sent, to hand it back at once: otherwise nobody else would get it before its lease
/// ends. Whoever drops the handlers hands it back.
async fn drain(stream: &mut MessageStream) -> Vec<Handler> {
    let began = Instant::now();
    let mut taken = Vec::new();
    while began.elapsed() < DRAIN {
        match tokio::time::timeout(QUIET, stream.next()).await {
            Ok(Some(Ok((_, handler)))) => taken.push(handler),
            _ => break,
        }
    }
    taken
}
